"""An account's orders, read whole: every page of every list they stand in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dari.core.acts import Acting
from dari.core.errors import UpstreamError
from dari.providers.kis.models.orders import Order, order, same
from dari.providers.kis.models.tables import parts
from dari.providers.kis.spec import SPEC
from dari.providers.kis.tools.trade.asking import completed
from dari.providers.kis.tools.trade.lines import list_questions

PAGES: Final = 40
"""A list longer than this is not read whole, and nothing is concluded from it."""


async def orders(
    upstream: Acting, product: str, first: str, last: str, venues: Sequence[str] = ("KRX",)
) -> list[Order]:
    """Every order of a product between two days (YYYYMMDD), once each. Raises UpstreamError for endless lists."""
    found: dict[str, Order] = {}
    for endpoint, asked in list_questions(product, first, last, venues):
        row = SPEC.endpoint(endpoint)
        parameters = completed(row, asked, upstream.holder(endpoint).mode, upstream.now().date())
        cursor: str | None = None
        for _ in range(PAGES):
            reply = await upstream.ask(endpoint, parameters, cursor=cursor)
            for part in parts(row, reply.body):
                for one in map(order, part.rows):
                    if same(one.number):
                        found.setdefault(same(one.number), one)
            cursor = reply.cursor
            if cursor is None:
                break
        else:
            raise UpstreamError(f"the list of orders goes on beyond {PAGES} pages")
    return list(found.values())
