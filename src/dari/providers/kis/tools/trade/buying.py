"""Whether the account has the money, the margin or the pieces an order takes, as KIS itself counts them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from dari.core.acts import Acting
from dari.core.exchange import Gap
from dari.core.values import decimal
from dari.providers.kis.models.tables import parts
from dari.providers.kis.spec import SPEC
from dari.providers.kis.tools.trade.asking import completed
from dari.providers.kis.tools.trade.checks import wrong
from dari.providers.kis.tools.trade.lines import CURRENCIES
from dari.providers.kis.tools.trade.spelling import Wish

BUYABLE: Final = (
    "nrcvb_buy_qty", "max_buy_qty", "ord_psbl_qty", "max_ord_psbl_qty", "ovrs_max_ord_psbl_qty", "buy_psbl_qty",
    "tot_psbl_qty", "fm_tot_ord_psbl_qty", "fm_new_ord_psbl_qty",
)  # fmt: skip
"""What KIS calls the pieces that may be ordered, the most careful count first."""
STOCK_BALANCE: Final[dict[str, str]] = {
    "AFHR_FLPR_YN": "N",
    "INQR_DVSN": "02",
    "FUND_STTL_ICLD_YN": "N",
    "FNCG_AMT_AUTO_RDPT_YN": "N",
    "PRCS_DVSN": "01",
}
NEITHER: Final = {"CMA_EVLU_AMT_ICLD_YN": "N", "OVRS_ICLD_YN": "N"}
HELD: Final = ("ord_psbl_qty", "lqd_psbl_qty", "ord_psbl_qty1")
RATES: Final = "overseas_stock.inquire_psamount"
CODES: Final = ("pdno", "ovrs_pdno", "shtn_pdno")


async def afford(wish: Wish, sent: Mapping[str, str], upstream: Acting) -> list[Gap]:
    """Raise InvalidInput where the account cannot; a gap where KIS offers no question for it."""
    asked = _question(wish, sent)
    if asked is None:
        return [Gap("order", "KIS tells no buying power for this kind of order; it checks it itself")]
    endpoint, parameters = asked
    row = SPEC.endpoint(endpoint)
    mode = upstream.holder(endpoint).mode
    told = completed(row, parameters, mode, upstream.now().date())
    selling = endpoint.endswith("inquire_balance")
    most: Decimal | None = None
    cursor: str | None = None
    while True:
        reply = await upstream.ask(endpoint, told, cursor=cursor)
        rows = [one for part in parts(row, reply.body) for one in part.rows]
        found = _held(rows, wish.symbol) if selling else _most(rows)
        most = found if most is None else most
        cursor = reply.cursor
        if cursor is None or most is not None:
            break
    if most is None and selling:
        most = Decimal(0)
    if most is None:
        return [Gap("order", f"{endpoint} tells no quantity")]
    if wish.quantity > most:
        word = "held and free" if selling else "that the account can pay for"
        raise wrong("quantity", f"{most:,} are {word}", f"주문가능수량은 {most:,}입니다.", allowed=[int(most)])
    return []


def _question(wish: Wish, sent: Mapping[str, str]) -> tuple[str, dict[str, str]] | None:
    """The endpoint that tells what may be sold or bought, and its parameters; None where there is none."""
    price = "0" if wish.price is None else str(wish.price)
    place = {"OVRS_EXCG_CD": wish.exchange}
    side = {"SLL_BUY_DVSN_CD": sent.get("SLL_BUY_DVSN_CD", "")}
    selling = {
        "stock": ("domestic_stock.inquire_balance", STOCK_BALANCE),
        "overseas": ("overseas_stock.inquire_balance", place | {"TR_CRCY_CD": CURRENCIES.get(wish.exchange, "")}),
        "bond": ("domestic_bond.inquire_balance", {"INQR_CNDT": "00"}),
    }
    buying = {
        "stock": (
            "domestic_stock.inquire_psbl_order",
            {"PDNO": wish.symbol, "ORD_UNPR": price, "ORD_DVSN": sent.get("ORD_DVSN", ""), **NEITHER},
        ),
        "overseas": (
            "overseas_stock.inquire_psamount",
            place | {"OVRS_ORD_UNPR": price, "ITEM_CD": wish.symbol},
        ),
        "bond": (
            "domestic_bond.inquire_psbl_order",
            {"PDNO": wish.symbol, "BOND_ORD_UNPR": price, "SAMT_MKET_PTCI_YN": sent.get("SAMT_MKET_PTCI_YN", "")},
        ),
    }
    either = {
        "future": (
            "domestic_futureoption.inquire_psbl_order",
            side | {"PDNO": wish.symbol, "UNIT_PRICE": price, "ORD_DVSN_CD": sent.get("ORD_DVSN_CD", "")},
        ),
        "overseas_future": (
            "overseas_futureoption.inquire_psamount",
            side | {"OVRS_FUTR_FX_PDNO": wish.symbol, "FM_ORD_PRIC": price},
        ),
    }
    product = "overseas" if wish.product == "overseas_daytime" else wish.product
    return (either | (selling if wish.side == "sell" else buying)).get(product)


async def exchange_rate(upstream: Acting, exchange: str, symbol: str, price: Decimal) -> Decimal | None:
    """Won per unit of an exchange's currency, as KIS would settle it now; None where it does not tell."""
    row = SPEC.endpoint(RATES)
    asked = {"OVRS_EXCG_CD": exchange, "OVRS_ORD_UNPR": str(price), "ITEM_CD": symbol}
    reply = await upstream.ask(RATES, completed(row, asked, upstream.holder(RATES).mode, upstream.now().date()))
    told = (one for part in parts(row, reply.body) for one in part.rows)
    return next((rate for one in told if (rate := decimal(one, "exrt"))), None)


def _most(rows: list[Mapping[str, Any]]) -> Decimal | None:
    for name in BUYABLE:
        for row in rows:
            if name in row and (value := decimal(row, name)) is not None:
                return value
    return None


def _held(rows: list[Mapping[str, Any]], symbol: str) -> Decimal | None:
    found: Decimal | None = None
    for row in rows:
        if any(str(row.get(name, "")).strip() == symbol for name in CODES):
            value = next((decimal(row, name) for name in HELD if name in row), None)
            found = (found or Decimal(0)) + (value or Decimal(0))
    return found
