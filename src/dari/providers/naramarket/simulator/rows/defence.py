"""국방전자조달 (D2B): the same purchases as the defence procurer tells them, joined by the 나라장터 notice number."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from dari.providers.naramarket.simulator.rows.spelling import Values
from dari.worlds.procurement import Purchase, Ref, World

NUMBERED: Final = re.compile(r"[A-Z](\d\dBK\d{8})")
"""Every number of a defence purchase is its notice number under another first letter."""


def notice_number(text: str) -> str | None:
    """The 나라장터 notice number inside a defence number."""
    found = NUMBERED.search(text)
    return f"R{found[1]}" if found else None


def _told(purchase: Purchase, letter: str) -> str:
    return letter + purchase.notice_number[1:]


def defence(world: World, ref: Ref) -> Values:
    """A defence purchase; `part` is a 차수, a rank, a reserve price or an item, as the stream counts."""
    purchase = world.purchase(ref.source, ref.day, ref.nth)
    trait = purchase.trait
    order = min(ref.part if ref.part < 100 else ref.part // 100, len(trait.notices) - 1)
    posted, opens = purchase.at(trait.notices[order]), purchase.at(trait.opening)
    closes = opens - timedelta(hours=2)
    who = purchase.bids[min(max(ref.part, 1), len(purchase.bids)) - 1]
    child = max(1, ref.part % 100)
    line = purchase.lines[(child - 1) % len(purchase.lines)]
    winner, signed = purchase.bids[0], purchase.maybe(trait.contract)
    reserve = purchase.reserve_price(child)
    code = f"D{1 + purchase.draws[0] % 30:02d}"
    return {
        "base": posted,
        "demandYear": posted.strftime("%Y"),
        "pblancYear": posted.strftime("%Y"),
        "ordrYear": posted.strftime("%Y"),
        "dcsnYear": posted.strftime("%Y"),
        "pblancSe": "정정공고" if order else "정상공고",
        "pblancSeCode": "2" if order else "1",
        "pblancDate": posted,
        "pblancNo": _told(purchase, "P"),
        "pblancOdr": str(order),
        "g2bPblancNo": purchase.notice_number,
        "g2bPblancOdr": f"{order:03d}",
        "dcsNo": _told(purchase, "D"),
        "dcsnNumb": _told(purchase, "D"),
        "dgNumb": _told(purchase, "G"),
        "groupNo": "1",
        "gropNumb": "1",
        "iemNo": "1",
        "cntrwkNo": _told(purchase, "F"),
        "csrtNumb": _told(purchase, "F"),
        "purchsRequstNo": _told(purchase, "Q"),
        "prcureDemandNo": _told(purchase, "Q"),
        "bidNm": purchase.title,
        "bsnsNm": purchase.title,
        "cntrwkNm": purchase.title,
        "othbcNtatNm": purchase.title,
        "cntrctNm": purchase.title,
        "reprsntPrdlstNm": line.item.name,
        "prdlstNm": line.item.name,
        "itemName": line.item.name,
        "bidxKrnm": line.item.name,
        "orntCode": code,
        "dprtCode": code,
        "ric": code,
        "ornt": purchase.buyer.name,
        "bidPartcptRegistClosDt": closes,
        "biddocPresentnClosDt": closes,
        "bidRegistClosDt": closes,
        "prqudoPresentnClosDt": closes,
        "opengDt": opens,
        "opengDate": opens,
        "bidxDate": opens,
        "benfPldt": opens,
        "ntatPlanDate": opens,
        "othbcNtatDt": opens,
        "ntatBeginDt": opens,
        "ntatEndDt": opens + timedelta(days=1),
        "cntrctMth": purchase.method,
        "bidMth": "총액제",
        "bidStle": "전자입찰",
        "sucbidrDecsnMth": "적격심사제",
        "excutTy": "중앙조달",
        "budgetAmount": purchase.budget,
        "budgetSmAmount": purchase.budget,
        "totAmount": purchase.budget,
        "totBudgetAmount": purchase.budget,
        "bsicExpt": purchase.budget,
        "baseAmnt": purchase.budget,
        "bsisPreparPc": purchase.budget,
        "estmPrce": purchase.estimated_price,
        "scsbidLwltRt": purchase.floor,
        "progrsSttus": "공고",
        "chargerNm": purchase.buyer.officer,
        "chargerCttpc": purchase.buyer.phone,
        "busiDivs": "물품",
        "bidResult": "낙찰" if purchase.winner else "유찰",
        "ntatResult": "낙찰" if purchase.winner else "유찰",
        "scsbidEntrpsNm": winner.company.name,
        "scsbidEntrpsCode": f"M{winner.company.number:05d}",
        "scsbidEntrpsBsnmRegistNo": winner.company.business_number,
        "mnufCode": f"M{who.company.number:05d}",
        "mfkrName": who.company.name,
        "rptrKore": who.company.ceo,
        "bznsRgnb": who.company.business_number,
        "tbidAmnt": who.amount,
        "tnegnAmnt": who.amount,
        "vnegnAmnt": who.amount,
        "bidnRate": who.rate,
        "negnRate": who.rate,
        "bidnRank": who.rank,
        "bidxDegr": "1",
        "negnDegr": "1",
        "gpsTime": closes - timedelta(minutes=ref.part % 100),
        "bsicSeqn": child,
        "epprRank": child,
        "prdfPrce": reserve,
        "planPrce": reserve,
        "choiYsno": "Y" if child in purchase.drawn else "N",
        "cntrctNo": _told(purchase, "C"),
        "cntrctDate": signed,
        "cntrctEntrpsNm": winner.company.name,
        "cntrctAmnt": purchase.contract_amount,
        "cntrctPlanaAmnt": purchase.planned_price,
        "cntrctBidnRate": winner.rate,
        "cntrctSttus": "계약",
        "cntrctLtmDegr": "1",
        "orderPrearngeMt": posted.strftime("%Y%m"),
        "dmstItnb": child,
        "itemNumb": child,
        "unit": line.item.unit,
        "ordrUtpr": line.unit_price,
        "bidxUtpr": line.unit_price,
        "dlvrQnty": line.quantity,
        "qy": line.quantity,
        "sumAll": line.quantity,
        "totlAmnt": line.quantity * line.unit_price,
        "invntryNo": line.item.number,
        "cmpntNo": line.item.number[:8],
        "prdlstCo": len(purchase.lines),
    }
