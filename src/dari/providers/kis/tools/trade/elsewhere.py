"""What an order outside domestic stocks must satisfy, as far as KIS's own fields tell; the rest is said unchecked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from dari.core.acts import Acting
from dari.core.clock import KST
from dari.core.exchange import Gap
from dari.core.values import decimal
from dari.providers.kis.models.tables import parts
from dari.providers.kis.spec import SPEC
from dari.providers.kis.tools.trade.asking import completed
from dari.providers.kis.tools.trade.checks import Standing, quote_question, wrong

DAILY: Final = 3600.0
DETAIL: Final = "overseas_stock.price_detail"
TURNOVER: Final = "domestic_futureoption.inquire_price"
TRADABLE: Final = "가능"
FORBIDDEN: Final = "불가"
MULTIPLIERS: Final[Mapping[str, int]] = {
    "101": 250_000, "201": 250_000, "301": 250_000, "105": 50_000, "205": 50_000, "305": 50_000, "106": 10_000,
}  # fmt: skip
"""Won per index point of KRX contracts by the first three places of their code (KRX product rules, which no endpoint
tells by the code of a contract): taken as true only where the day's turnover says the same."""
NEAR: Final = Decimal("0.2")
"""The day's mean price lies this near to the price now, by the price limits of index contracts."""
SCALES: Final = (1, 1_000, 1_000_000)
"""KIS writes turnover in won, thousands or millions of it; no two multipliers differ by such a factor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """`unit` is what one piece at price 1 comes to in `currency`; `gaps` say what could not be checked, and why."""

    tick: Decimal | None = None
    lot: int = 1
    unit: Decimal | None = Decimal(1)
    currency: str = "KRW"
    gaps: tuple[Gap, ...] = ()


async def rules_of(upstream: Acting, product: str, symbol: str, exchange: str, now: Standing) -> Rules:
    """The rules of an issue that is no domestic stock. Raises InvalidInput where KIS says it is not traded."""
    if product == "overseas_future":
        return await _contract_abroad(upstream, symbol)
    if product.startswith("overseas"):
        return await _stock_abroad(upstream, symbol, exchange)
    if product.startswith("future"):
        return await _contract_at_home(upstream, product, symbol, exchange, now)
    if product == "bond":
        # A price is for a face value of 10,000 won, a quantity counts thousands.
        return Rules(unit=Decimal("0.1"), gaps=(_unchecked("tick and hours", "KIS tells neither for a bond"),))
    return Rules()


def check(rules: Rules, price: Decimal | None, quantity: int) -> None:
    """Raise InvalidInput, naming the prices or the lot that are allowed."""
    if quantity % rules.lot:
        raise wrong("quantity", f"the lot is {rules.lot}", f"매매단위는 {rules.lot}입니다.", allowed=[rules.lot])
    if price is not None and rules.tick and price % rules.tick:
        near = [str(price // rules.tick * rules.tick), str((price // rules.tick + 1) * rules.tick)]
        tick = f"{rules.tick.normalize():f}"
        raise wrong("price", f"the tick is {tick}: {near[0]} or {near[1]}", f"호가단위는 {tick}입니다.", allowed=near)


def _unchecked(what: str, why: str) -> Gap:
    return Gap("order", f"unchecked: {what} ({why}); KIS checks it itself")


async def _stock_abroad(upstream: Acting, symbol: str, exchange: str) -> Rules:
    mode = (await upstream.standing(scope="market")).mode
    hours = _unchecked("hours", "KIS tells no session of a foreign exchange")
    if not SPEC.endpoint(DETAIL).codes.get(mode):
        return Rules(gaps=(_unchecked("tick and lot", f"{DETAIL} is not served in {mode} mode"), hours))
    told = await _row(upstream, DETAIL, {"AUTH": "", **quote_question("overseas", symbol, exchange)})
    said = str(told.get("e_ordyn", "")).strip()
    if said and (FORBIDDEN in said or TRADABLE not in said):
        raise wrong("symbol", f"KIS says it is not traded: {said[:40]}", f"거래할 수 없습니다: {said[:40]}")
    tick, lot = decimal(told, "e_hogau") if "e_hogau" in told else None, int(_figure(told, "vnit") or 1)
    gaps = (hours,) if tick else (_unchecked("tick", f"{DETAIL} tells none"), hours)
    return Rules(tick=tick or None, lot=max(lot, 1), gaps=gaps)


async def _contract_abroad(upstream: Acting, symbol: str) -> Rules:
    """The multiplier is tick value ÷ tick size; where no tick is told (some options), the contract's size."""
    told = await _row(upstream, f"overseas_futureoption.{'opt_detail' if ' ' in symbol else 'stock_detail'}",
                      {"SRS_CD": symbol})  # fmt: skip
    tick, worth, size = (_figure(told, name) for name in ("tick_sz", "tick_val", "ctrt_size"))
    gaps = [] if tick else [_unchecked("tick", "KIS tells no tick size of it")]
    if told and (session := _session(told)) is not None:
        opens, closes = session
        if not opens <= upstream.now() <= closes:
            gaps.append(Gap("order", f"outside the hours KIS tells: {opens:%m-%d %H:%M} to {closes:%m-%d %H:%M}"))
    else:
        gaps.append(_unchecked("hours", "KIS tells no session of it"))
    unit = worth / tick if tick and worth else size
    if unit is None:
        gaps.append(_unchecked("multiplier", "KIS tells neither tick value nor contract size"))
    return Rules(tick=tick, unit=unit, currency=str(told.get("crc_cd", "")).strip(), gaps=tuple(gaps))


async def _contract_at_home(upstream: Acting, product: str, symbol: str, exchange: str, now: Standing) -> Rules:
    """The multiplier of KRX's rules, held against the day's turnover: value ÷ volume ÷ price."""
    gaps = [_unchecked("tick and hours", "KIS tells neither for a contract of the KRX")]
    multiplier = MULTIPLIERS.get(symbol[:3])
    if multiplier is None:
        gaps.append(_unchecked("multiplier", f"that of {symbol[:3]} contracts is not known here"))
        return Rules(unit=None, gaps=tuple(gaps))
    told = await _row(upstream, TURNOVER, quote_question(product, symbol, exchange))
    volume, value = _figure(told, "acml_vol"), _figure(told, "acml_tr_pbmn")
    if not (volume and value and now.price):
        gaps.append(_unchecked("multiplier", f"{multiplier:,} by KRX rules, and nothing was traded today to see it by"))
    elif not any(abs(value * scale / volume / now.price / multiplier - 1) <= NEAR for scale in SCALES):
        gaps.append(_unchecked("multiplier", f"{multiplier:,} by KRX rules, but the day's turnover says otherwise"))
        return Rules(unit=None, gaps=tuple(gaps))
    return Rules(unit=Decimal(multiplier), gaps=tuple(gaps))


async def _row(upstream: Acting, endpoint: str, asked: Mapping[str, str]) -> dict[str, Any]:
    """The single rows of a reply in one, the first block winning."""
    row = SPEC.endpoint(endpoint)
    reply = await upstream.ask(endpoint, completed(row, dict(asked), "real", upstream.now().date()), max_age=DAILY)
    told: dict[str, Any] = {}
    for part in parts(row, reply.body):
        if part.rows:
            told = {**part.rows[0], **told}
    return told


def _figure(told: Mapping[str, Any], name: str) -> Decimal | None:
    """A figure that is told and not zero."""
    return (decimal(told, name) or None) if name in told else None


def _session(told: Mapping[str, Any]) -> tuple[datetime, datetime] | None:
    """Opening and closing time, in Korean time (a CME contract's 07:00 to 06:00 of the sample is KST)."""
    try:
        opens, closes = (
            datetime.strptime(f"{told[f'mrkt_{end}_date']}{told[f'mrkt_{end}_time']}", "%Y%m%d%H%M%S").replace(
                tzinfo=KST
            )
            for end in ("open", "close")
        )
    except (KeyError, ValueError):
        return None
    return opens, closes
