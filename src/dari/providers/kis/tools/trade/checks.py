"""What an order must satisfy before it is planned, and again before it is sent: price, tick, limits, session, money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from dari.core import krx
from dari.core.acts import Acting
from dari.core.errors import Hint, InvalidInput, PlanRefused
from dari.core.exchange import Reply
from dari.core.tool import Upstream
from dari.core.values import decimal
from dari.providers.kis.models.tables import parts
from dari.providers.kis.spec import SPEC
from dari.providers.kis.tools.trade.asking import completed

DRIFT: Final = Decimal("0.03")
"""How far the price may move between a plan at the market and its application."""
ETP: Final = ("ETF", "ETN")
QUOTES: Final[Mapping[str, str]] = {
    "stock": "domestic_stock.inquire_price",
    "credit": "domestic_stock.inquire_price",
    "reservation": "domestic_stock.inquire_price",
    "future": "domestic_futureoption.inquire_price",
    "future_night": "domestic_futureoption.inquire_price",
    "overseas": "overseas_stock.price",
    "overseas_daytime": "overseas_stock.price",
    "overseas_reservation": "overseas_stock.price",
    "bond": "domestic_bond.inquire_price",
    "overseas_future": "overseas_futureoption.inquire_price",
}
QUOTE_PLACES: Final[Mapping[str, str]] = {
    "NASD": "NAS", "NYSE": "NYS", "AMEX": "AMS", "SEHK": "HKS", "SHAA": "SHS", "SZAA": "SZS", "TKSE": "TSE",
    "HASE": "HNX", "VNSE": "HSX",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How an issue stands: figures in its own currency, None where KIS tells none."""

    price: Decimal | None
    low: Decimal | None
    high: Decimal | None
    lot: int
    etp: bool
    halted: bool
    name: str


def wrong(parameter: str, why: str, ko: str, **allowed: Any) -> InvalidInput:
    """A value of an order that the market would not take."""
    return InvalidInput(f"{parameter}: {why}", hint=Hint(ko, why), details={"parameter": parameter, **allowed})


async def standing(upstream: Upstream, product: str, symbol: str, exchange: str) -> Standing:
    """The issue as quoted now, never from a cache. Raises what the upstream raises."""
    endpoint = QUOTES[product]
    row = SPEC.endpoint(endpoint)
    asked = quote_question(product, symbol, exchange)
    reply = await upstream.ask(endpoint, completed(row, asked, "real", upstream.now().date()), fresh=True)
    told = _merged(endpoint, reply)

    def figure(*names: str) -> Decimal | None:
        values = (decimal(told, name) for name in names if name in told)
        return next((value for value in values if value), None)

    market = str(told.get("rprs_mrkt_kor_name", ""))
    return Standing(
        price=figure("stck_prpr", "futs_prpr", "last", "bond_prpr", "last_price"),
        low=figure("stck_llam", "futs_llam", "bond_llam"),
        high=figure("stck_mxpr", "futs_mxpr", "bond_mxpr"),
        lot=int(figure("hts_deal_qty_unit_val") or 1),
        etp=any(word in market.upper() for word in ETP),
        halted=str(told.get("temp_stop_yn", "N")).strip().upper() == "Y" or told.get("iscd_stat_cls_code") == "58",
        name=str(told.get("hts_kor_isnm", "")).strip(),
    )


def quote_question(product: str, symbol: str, exchange: str) -> dict[str, str]:
    """The parameters of a quote."""
    if product.startswith("overseas_future"):
        return {"SRS_CD": symbol}
    if product.startswith("overseas"):
        return {"EXCD": QUOTE_PLACES.get(exchange, "NAS"), "SYMB": symbol}
    if product == "bond":
        return {"FID_INPUT_ISCD": symbol}
    if product.startswith("future"):
        night = product == "future_night"
        option = symbol[:1] in {"2", "3", "B", "C"}
        return {"FID_COND_MRKT_DIV_CODE": ("EU" if option else "CM") if night else ("O" if option else "F"),
                "FID_INPUT_ISCD": symbol}  # fmt: skip
    return {"FID_COND_MRKT_DIV_CODE": "NX" if exchange == "NXT" else "J", "FID_INPUT_ISCD": symbol}


def _merged(endpoint: str, reply: Reply) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for part in parts(SPEC.endpoint(endpoint), reply.body):
        if part.rows:
            told = {**part.rows[0], **told}
    return told


def check_price(product: str, price: Decimal | None, now: Standing, decimals: int) -> None:
    """Tick, places and limits of a limit price. Raises InvalidInput, naming what is allowed."""
    if price is None:
        return
    if price <= 0:
        raise wrong("price", "it must be above 0", "가격은 0보다 커야 합니다.")
    if -int(price.normalize().as_tuple().exponent) > decimals:
        raise wrong("price", f"it may have {decimals} decimals", f"소수점은 {decimals}자리까지입니다.")
    if product in {"stock", "credit", "reservation"} and not krx.on_tick(int(price), etp=now.etp):
        tick = krx.tick_size(int(price), etp=now.etp)
        near = [krx.floor_to_tick(int(price), etp=now.etp), krx.ceil_to_tick(int(price), etp=now.etp)]
        raise wrong(
            "price", f"the tick is {tick}: {near[0]:,} or {near[1]:,}", f"호가단위는 {tick}원입니다.", allowed=near
        )
    if now.low is not None and now.high is not None and not now.low <= price <= now.high:
        told = f"between {now.low:,} and {now.high:,} today"
        raise wrong("price", told, f"상하한가는 {now.low:,}–{now.high:,}입니다.", allowed=[str(now.low), str(now.high)])


def check_session(product: str, venue: str, upstream: Upstream) -> None:
    """A stock is ordered while its venue takes orders. Other markets' hours are left to KIS. Raises InvalidInput."""
    if product not in {"stock", "credit"}:
        return
    status = krx.board(upstream.now(), "UN" if venue == "SOR" else "NXT" if venue == "NXT" else "KRX").status
    if status in {"closed", "between"}:
        raise wrong(
            "symbol",
            f"{venue} takes no orders now ({status}); product=reservation waits for the next session",
            "장운영시간이 아닙니다. 예약주문(product=reservation)을 쓰세요.",
        )


async def stands(facts: Mapping[str, Any], upstream: Acting) -> None:
    """The market is still as the plan took it. Raises PlanRefused("changed") or InvalidInput."""
    if facts["does"] == "cancel":
        return
    product, venue = facts["product"], facts["venue"]
    check_session(product, venue, upstream)
    if facts["session"] != _session(product, upstream):
        raise PlanRefused("another trading day began", reason="changed")
    now = await standing(upstream, product, facts["symbol"], venue)
    if now.halted:
        raise PlanRefused("trading of the issue is halted", reason="changed")
    limits = [None if one is None else str(one) for one in (now.low, now.high)]
    if limits != list(facts["limits"]):
        raise PlanRefused(f"the price limits are {limits} now", reason="changed")
    if facts["price"] is None and facts["reference"] is not None and now.price is not None:
        reference = Decimal(facts["reference"])
        if abs(now.price - reference) > reference * DRIFT:
            raise PlanRefused(f"the price moved from {reference:,} to {now.price:,}", reason="changed")


def _session(product: str, upstream: Upstream) -> str:
    """The trading day a plan stands on (domestic), else none."""
    return "" if product.startswith("overseas") else krx.board(upstream.now(), "KRX").day.isoformat()


def facts_of(product: str, now: Standing, upstream: Upstream) -> dict[str, Any]:
    """What a plan stands on, to be compared later."""
    return {
        "limits": [None if one is None else str(one) for one in (now.low, now.high)],
        "reference": None if now.price is None else str(now.price),
        "session": _session(product, upstream),
    }
