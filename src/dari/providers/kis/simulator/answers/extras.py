"""Investors, program trading and member firms of an issue's or an index's day, under KIS's names."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from dari.core import krx
from dari.providers.kis.simulator.answers.investors import cut, flow_figures
from dari.providers.kis.simulator.sights import Contract, Index, Share, Sight, Subject
from dari.providers.kis.simulator.vocabulary import sign
from dari.providers.kis.simulator.writing import MILLION, THOUSAND
from dari.worlds.market import percent
from dari.worlds.market.abroad import won_rate
from dari.worlds.market.flows import FOREIGN_MEMBERS, MEMBERS, Side, investors, members, program

_PROGRAM: Final = "whol_smtn"
_TOP: Final = 5


def _program_figures(side: Side) -> dict[str, Any]:
    return {
        f"{_PROGRAM}_seln_vol": side.sold,
        f"{_PROGRAM}_shnu_vol": side.bought,
        f"{_PROGRAM}_ntby_qty": side.net,
        f"{_PROGRAM}_seln_tr_pbmn": side.sold_value,
        f"{_PROGRAM}_shnu_tr_pbmn": side.bought_value,
        f"{_PROGRAM}_ntby_tr_pbmn": side.net_value,
        "pgtr_ntby_qty": side.net,
    }


def _member_figures(firms: Mapping[str, Side], volume: int) -> dict[str, Any]:
    """The five largest sellers and buyers, and the foreign firms together."""
    told: dict[str, Any] = {}
    sellers = sorted(firms, key=lambda code: (-firms[code].sold, code))[:_TOP]
    buyers = sorted(firms, key=lambda code: (-firms[code].bought, code))[:_TOP]
    for side, order in (("seln", sellers), ("shnu", buyers)):
        for place, code in enumerate(order, start=1):
            amount = firms[code].sold if side == "seln" else firms[code].bought
            told |= {
                f"{side}_mbcr_no{place}": code,
                f"{side}_mbcr_name{place}": MEMBERS[code],
                f"total_{side}_qty{place}": amount,
                f"{side}_mbcr_rlim{place}": percent(amount, volume),
                f"{side}_mbcr_glob_yn_{place}": "Y" if code in FOREIGN_MEMBERS else "N",
            }
    abroad = [firms[code] for code in firms if code in FOREIGN_MEMBERS]
    sold, bought = sum(one.sold for one in abroad), sum(one.bought for one in abroad)
    return told | {
        "glob_total_seln_qty": sold,
        "glob_total_shnu_qty": bought,
        "glob_ntby_qty": bought - sold,
        "glob_seln_rlim": percent(sold, volume),
        "glob_shnu_rlim": percent(bought, volume),
    }


def share_extras(share: Share, sight: Sight) -> dict[str, Any]:
    """Who traded an issue on the day of a look. The running day's investors are told only after the close."""
    seed, code = share.market.seed, sight.code
    told = _program_figures(program(seed, code, sight.day, sight.volume, sight.value).whole)
    told |= _member_figures(members(seed, code, sight.day, sight.volume, sight.value), sight.volume)
    issue = share.issue
    told |= {
        "frgn_hldn_qty": issue.foreign_held,
        "hts_frgn_ehrt": percent(issue.foreign_held, issue.shares),
        "marg_rate": f"{issue.margin}.00",
        "mang_issu_cls_name": "관리종목" if issue.administered else "",
        "std_pdno": issue.isin,
        "prdt_type_cd": "300",
        "papr": issue.face_value,
    }
    board = krx.board(share.at)
    if sight.day != f"{board.day:%Y%m%d}" or board.status in {"closed", "after_market"}:
        told |= flow_figures(investors(seed, code, sight.day, sight.volume, sight.value), shares=1)
    return told


def index_extras(index: Index, sight: Sight, names: frozenset[str]) -> dict[str, Any]:
    """Who traded an index's issues until a look, in thousand shares and million won."""
    told: dict[str, Any] = {}
    if names & _INVESTORS:
        told |= flow_figures(index.market.index_flows(index.code, sight.moment), shares=THOUSAND)
    if names & _PROGRAMS:
        parts = index.market.index_program(index.code, sight.moment)
        for name, side in (("arbt", parts.arbitrage), ("nabt", parts.other), ("whol", parts.whole)):
            told |= {
                f"{name}_smtn_seln_vol": cut(side.sold, THOUSAND),
                f"{name}_smtn_shnu_vol": cut(side.bought, THOUSAND),
                f"{name}_smtn_ntby_qty": cut(side.net, THOUSAND),
                f"{name}_smtn_ntby_vol": cut(side.net, THOUSAND),
                f"{name}_smtn_seln_tr_pbmn": cut(side.sold_value, MILLION),
                f"{name}_smtn_shnu_tr_pbmn": cut(side.bought_value, MILLION),
                f"{name}_smtn_ntby_tr_pbmn": cut(side.net_value, MILLION),
            }
    return told


def contract_extras(contract: Contract, sight: Sight) -> dict[str, Any]:
    """A price abroad in won (원환산), at the day's exchange rate; cut to whole won, the difference without its sign."""
    rate = won_rate(contract.walk, contract.one.currency, contract.at)
    change = sight.price - sight.base
    return {
        "t_rate": rate,
        "t_xprc": int(sight.price * rate),
        "t_xdif": int(abs(change) * rate),
        "t_xrat": str((change * 100 / sight.base).quantize(Decimal("0.01"))) if sight.base else "0.00",
        "t_xsgn": sign(sight),
    }


def extras_of(subject: Subject, sight: Sight, names: frozenset[str]) -> dict[str, Any]:
    """The extras a block has fields for; nothing is computed for a block that has none."""
    if isinstance(subject, Share) and names & _SHARE_NAMES:
        return share_extras(subject, sight)
    if isinstance(subject, Contract) and "t_xprc" in names:
        return contract_extras(subject, sight)
    if isinstance(subject, Index):
        return index_extras(subject, sight, names)
    return {}


_SHARE_NAMES: Final = frozenset(
    {
        "frgn_ntby_qty", "prsn_ntby_qty", "whol_smtn_ntby_qty", "seln_mbcr_no1", "glob_ntby_qty", "frgn_hldn_qty",
        "hts_frgn_ehrt", "marg_rate", "mang_issu_cls_name", "std_pdno", "prdt_type_cd", "papr", "pgtr_ntby_qty",
    }
)  # fmt: skip
_INVESTORS: Final = frozenset({"frgn_ntby_qty", "prsn_ntby_qty"})
_PROGRAMS: Final = frozenset(
    {"whol_smtn_ntby_qty", "whol_smtn_ntby_tr_pbmn", "arbt_smtn_seln_tr_pbmn", "whol_smtn_seln_vol"}
)
