"""Gives a required parameter without a sample of its own the one its siblings have, and wide tables their columns."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from scripts.kis_sheets.decisions import CORRECTIONS

PRODUCTS = {"domestic_futureoption": "03", "overseas_futureoption": "08"}
"""ACNT_PRDT_CD by category (platform facts); every other account is 01."""
NOT_SHARED = re.compile(r"_CLS_CODE|DVSN|_YN$|GUBN|_CNT|OPTION|ODNO|_SEQ|ORGNO|TOKEN|_KEY_|_ID$|_PRICE|PRIC|UNPR|QTY")
RANGES = ("부터", "까지", "이상", "이하", "빈 값")
COLUMNS = 14
LEADING = (
    "rank", "stock_code", "short_code", "symbol", "product_code", "elw_code", "futures_code", "option_code",
    "sector_code", "name", "product_name", "korean_name", "sector_name", "date", "local_date", "time", "order_date",
    "order_time", "order_number", "side", "index", "price", "open", "high", "low", "close", "change", "change_rate",
    "volume", "trading_value", "holding_quantity", "average_purchase_price", "purchase_amount", "valuation_amount",
    "valuation_profit_loss", "valuation_profit_loss_rate", "order_quantity", "order_price", "executed_quantity",
)  # fmt: skip
HINDMOST = ("change_sign", "code_name", "sign")


class Samples:
    """What the facts give as a sample for each parameter name, by category (options apart)."""

    def __init__(self, entries: list[dict[str, Any]], read: Any) -> None:
        self._seen: dict[tuple[str, str], Counter[str]] = {}
        for entry in entries:
            for fact in entry["request"]["params"]:
                if entry["access"] == "account" and fact["name"] == "tr_key":
                    continue  # a notice is asked by the customer's own id
                sample = read(entry["id"], fact).get("ex")
                if sample and not NOT_SHARED.search(fact["name"].upper()):
                    self._seen.setdefault(self._place(entry, fact["name"]), Counter())[sample] += 1

    def of(self, entry: dict[str, Any], fact: dict[str, Any]) -> str | None:
        """A sample for a required parameter that has none: empty where it may be, else a sibling's."""
        name, note = fact["name"].upper(), fact.get("note", "")
        if name in {"CANO", "ACNT_PRDT_CD"}:
            return "12345678" if name == "CANO" else PRODUCTS.get(entry["category"], "01")
        if re.match(r"CTX_AREA|KEYB$|INDEX_KEY|CTS", name) or "빈 값" in note:
            return ""
        if note.startswith(RANGES) and not re.search(r"_DT$|DATE|_YMD$|BYMD", name):
            return ""
        if name == "TR_KEY" and entry["access"] == "account":
            return "hts_id"
        if found := self._seen.get(self._place(entry, fact["name"])):
            sample = found.most_common(1)[0][0]
            if len(sample) <= (fact.get("len") or len(sample)):
                return sample
        return next((told for wanted, told in CORRECTIONS["samples"].items() if re.search(wanted, name)), None)

    @staticmethod
    def _place(entry: dict[str, Any], name: str) -> tuple[str, str]:
        place = (entry["category"], entry["transport"], _kind(entry))
        return str(place), name.upper()


def _kind(entry: dict[str, Any]) -> str:
    """What an issue code stands for, as far as the id tells: only equals lend each other a sample."""
    _, _, name = entry["id"].partition(".")
    if not entry["category"].endswith("futureoption"):
        return "index" if re.search(r"(^|_)index|indexchart", name) else ""
    words = ("commodity", "stock", "ngt", "index")
    return f"{next((word for word in words if word in name), '')}{'opt' in name}"


def columns(fields: list[list[str]]) -> list[str]:
    """The fields of a wide table to show when nobody names any: the ones that lead, then the first of the rest."""
    rest = [field for field in fields if field[2] not in LEADING and not field[2].endswith(HINDMOST)]
    lead = sorted((field for field in fields if field[2] in LEADING), key=lambda field: LEADING.index(field[2]))
    return [field[0] for field in (*lead, *rest)][:COLUMNS]
