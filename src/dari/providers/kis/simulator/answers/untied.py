"""Market endpoints whose figures the world does not tell, each with the reason: they answer in shape, not in truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_ACCOUNTS: Final = "no company of this world publishes accounts"
_EVENTS: Final = "no corporate action happens in this world"
_PERSONAL: Final = "a customer's own lists and conditions, of which there are none"
_TERMS: Final = "terms of a contract or a bond that this world does not fix"
_ABROAD: Final = "what is listed abroad has prices here, and nothing else"
_HOUSE: Final = "a statistic or a register that this world does not keep"

UNTIED: Final[Mapping[str, str]] = {
    "domestic_stock.ksdinfo_list_info": _EVENTS,
    "domestic_stock.ksdinfo_pub_offer": _EVENTS,
    "domestic_stock.ksdinfo_cap_dcrs": _EVENTS,
    "domestic_stock.ksdinfo_bonus_issue": _EVENTS,
    "domestic_stock.ksdinfo_purreq": _EVENTS,
    "domestic_stock.ksdinfo_rev_split": _EVENTS,
    "domestic_stock.ksdinfo_dividend": _EVENTS,
    "domestic_stock.ksdinfo_forfeit": _EVENTS,
    "domestic_stock.ksdinfo_mand_deposit": _EVENTS,
    "domestic_stock.ksdinfo_paidin_capin": _EVENTS,
    "domestic_stock.ksdinfo_sharehld_meet": _EVENTS,
    "domestic_stock.ksdinfo_merger_split": _EVENTS,
    "domestic_stock.dividend_rate": _EVENTS,
    "domestic_stock.finance_stability_ratio": _ACCOUNTS,
    "domestic_stock.finance_profit_ratio": _ACCOUNTS,
    "domestic_stock.finance_income_statement": _ACCOUNTS,
    "domestic_stock.finance_growth_ratio": _ACCOUNTS,
    "domestic_stock.finance_balance_sheet": _ACCOUNTS,
    "domestic_stock.estimate_perform": _ACCOUNTS,
    "domestic_stock.finance_other_major_ratios": _ACCOUNTS,
    "domestic_stock.psearch_title": _PERSONAL,
    "domestic_stock.intstock_stocklist_by_group": _PERSONAL,
    "domestic_stock.intstock_grouplist": _PERSONAL,
    "domestic_stock.search_info": _HOUSE,
    "domestic_stock.inquire_daily_trade_volume": _HOUSE,
    "domestic_stock.investor_program_trade_today": _HOUSE,
    "domestic_futureoption.margin_rate": _TERMS,
    "domestic_futureoption.display_board_option_list": _TERMS,
    "elw.compare_stocks": _TERMS,
    "overseas_futureoption.investor_unpd_trend": _TERMS,
    "overseas_futureoption.market_time": _TERMS,
    "domestic_bond.avg_unit": _TERMS,
    "domestic_bond.issue_info": _TERMS,
    "domestic_bond.search_bond_info": _TERMS,
    "overseas_stock.countries_holiday": _ABROAD,
    "overseas_stock.search_info": _ABROAD,
    "overseas_stock.industry_price": _ABROAD,
    "overseas_stock.period_rights": _ABROAD,
    "overseas_stock.news_title": _ABROAD,
    "overseas_stock.colable_by_company": _ABROAD,
    "overseas_stock.brknews_title": _ABROAD,
    "overseas_stock.rights_by_ice": _ABROAD,
}
"""Endpoint id → reason."""

CALENDAR: Final = frozenset({"domestic_stock.chk_holiday", "domestic_stock.market_time"})
"""Endpoints about the exchange's calendar, which is the same in every world."""

UNTIED_STATEMENTS: Final[Mapping[str, str]] = {
    "overseas_futureoption.inquire_period_trans": "no money moves in or out of the accounts of this world",
}
"""Account endpoints that answer in shape only → reason."""
