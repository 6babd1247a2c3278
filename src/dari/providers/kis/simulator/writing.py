"""Figures as KIS writes them: everything is a string, in the sheet's field order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Final

from dari.core.endpoint import Block, Endpoint
from dari.worlds.market import Quote

MILLION: Final = 1_000_000
THOUSAND: Final = 1_000
EOK: Final = 100_000_000
"""억."""

_WHOLE: Final = re.compile(r"-?\d+")
_FIGURE: Final = re.compile(
    r"(qty|vol|amt|rate|ctrt|vrss|csnu|smtn|prc|prpr|pbmn|rsqn|icdc|val|cnt|stcn|rlim|_rt|pric|unpr|cttr|rltv|askp|bidp|nmix)\d*$"
)
"""Names of figures, for sheets that show no sample."""
_BROKEN: Final = re.compile(r"-?\d+\.(\d+)")

Value = str | int | Decimal


def text_of(value: Value) -> str:
    """A value as a string."""
    return value if isinstance(value, str) else str(value)


@lru_cache(maxsize=4096)
def _blank(block: Block) -> tuple[tuple[str, str], ...]:
    """Each field with what it carries when the world says nothing: 0 where it is a figure."""
    rows = []
    for one in block.fields:
        sample = (one.sample or "").strip()
        broken = _BROKEN.fullmatch(sample)
        if broken:
            rows.append((one.name, "0." + "0" * len(broken[1])))
        else:
            figure = _WHOLE.fullmatch(sample) or (not sample and _FIGURE.search(one.name.lower()))
            rows.append((one.name, "0" if figure else ""))
    return tuple(rows)


def block_of(endpoint: Endpoint, name: str | None) -> Block:
    """A block of the sheet by its name, whatever its case."""
    for block in endpoint.blocks:
        if (block.name or "").lower() == (name or "").lower():
            return block
    raise KeyError(f"{endpoint.id} has no block {name}")


def row(block: Block, values: Mapping[str, Value]) -> dict[str, str]:
    """One row with exactly the sheet's fields. Raises KeyError for a value the sheet has no field for."""
    filled = dict(_blank(block))
    strangers = values.keys() - filled.keys()
    if strangers:
        raise KeyError(f"{block.name}: no field {', '.join(sorted(strangers))}")
    for name, value in values.items():
        filled[name] = text_of(value)
    return filled


def known(block: Block, values: Mapping[str, Value]) -> dict[str, str]:
    """Like `row`, dropping the values this sheet has no field for: for values shared by many endpoints."""
    names = {one.name for one in block.fields}
    return row(block, {name: value for name, value in values.items() if name in names})


def sign_of(quote: Quote) -> str:
    """전일 대비 부호: 1 상한, 2 상승, 3 보합, 4 하한, 5 하락."""
    if quote.change == 0:
        return "3"
    if quote.change > 0:
        return "1" if quote.price == quote.high_limit else "2"
    return "4" if quote.price == quote.low_limit else "5"


def direction(value: int | Decimal) -> str:
    """The same sign for a difference that knows no limits (an index)."""
    return "2" if value > 0 else "5" if value < 0 else "3"
