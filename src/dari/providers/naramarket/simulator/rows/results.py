"""Openings, bidders, reserve prices, awards and contracts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from dari.providers.naramarket.simulator.rows.notices import party
from dari.providers.naramarket.simulator.rows.spelling import Values, packed
from dari.worlds.procurement import Bid, Purchase, Ref, World


def _last(purchase: Purchase) -> str:
    return f"{len(purchase.trait.notices) - 1:03d}"


def _shared(purchase: Purchase, rebid: int) -> dict[str, Any]:
    opened = purchase.at(purchase.trait.openings[rebid])
    return {
        **party(purchase),
        "base": opened,
        "bidNtceNo": purchase.notice_number,
        "bidNtceOrd": _last(purchase),
        "bidClsfcNo": "1",
        "rbidNo": f"{rebid:03d}",
        "bidNtceNm": purchase.title,
        "opengDt": opened,
        "opengDate": opened,
        "opengTm": opened.strftime("%H:%M"),
        "rlOpengDt": opened,
        "inptDt": opened + timedelta(hours=1),
        "prtcptCnum": purchase.trait.bidders,
        "bssamt": purchase.budget,
        "bssAmt": purchase.budget,
        "plnprc": purchase.planned_price,
        "rsrvtnPrce": purchase.planned_price,
        "presmptPrce": purchase.estimated_price,
        "cntrctCnclsMthdNm": purchase.method,
        "sucsfLwstlmtRt": purchase.floor,
        "bidwinrDcsnMthdNm": "적격심사제",
    }


def _failed(purchase: Purchase, rebid: int) -> bool:
    fate = purchase.trait.fate
    return fate == "failed" or (fate == "rebid" and rebid == 0)


def opening(world: World, ref: Ref) -> Values:
    """개찰결과. `part` is the 재입찰번호; opengCorpInfo tells the first rank alone."""
    purchase = world.purchase(ref.source, ref.day, ref.nth)
    first = purchase.bids[0]
    failed = _failed(purchase, ref.part)
    told = packed((first.company.name, first.company.business_number, first.company.ceo, first.amount, first.rate))
    return {
        **_shared(purchase, ref.part),
        "progrsDivCdNm": ("재입찰" if purchase.trait.fate == "rebid" else "유찰") if failed else "개찰완료",
        "opengCorpInfo": "" if failed else told[1:-1],
        "rsrvtnPrceFileExistnceYn": "Y" if purchase.trait.reserve_prices else "N",
    }


def failing(world: World, ref: Ref) -> Values:
    """유찰."""
    purchase = world.purchase(ref.source, ref.day, ref.nth)
    return {**_shared(purchase, ref.part), "opengRsltDivNm": "유찰", "nobidRsn": "응찰자수 미달"}


def rebid(world: World, ref: Ref) -> Values:
    """재입찰: an opening that led to another."""
    purchase = world.purchase(ref.source, ref.day, ref.nth)
    again = purchase.at(purchase.trait.openings[-1])
    return {
        **_shared(purchase, ref.part),
        "opengRsltDivNm": "재입찰",
        "rbidRsn": "예정가격 초과",
        "bidClseDt": again - timedelta(hours=1),
        "opengDt": again,
    }


def reserve_price(world: World, ref: Ref) -> Values:
    """복수예비가격: one of fifteen."""
    purchase = world.purchase(ref.source, ref.day, ref.nth)
    again, number = divmod(ref.part, 100)
    return {
        **_shared(purchase, again),
        "totRsrvtnPrceNum": purchase.trait.reserve_prices,
        "compnoRsrvtnPrceSno": number,
        "bsisPlnprc": purchase.reserve_price(number),
        "drwtYn": "Y" if number in purchase.drawn else "N",
        "drwtNum": (number * 3) % 7,
    }


def _offer(bid: Bid) -> dict[str, Any]:
    who = bid.company
    return {
        "opengRank": bid.rank or "",
        "prcbdrBizno": who.business_number,
        "prcbdrNm": who.name,
        "prcbdrCeoNm": who.ceo,
        "bidprcAmt": bid.amount,
        "bidprcrt": bid.rate,
        "bidprcRt": bid.rate,
        "bidprcCorpBizrno": who.business_number,
        "bidprcCorpNm": who.name,
        "bidprcCorpCeoNm": who.ceo,
    }


def bidder(world: World, ref: Ref) -> Values:
    """개찰완료 and 개방표준 낙찰: one offer of the last opening; `part` counts from 1, the best first."""
    purchase = world.purchase(ref.source, ref.day, ref.nth)
    bid, winner = purchase.bids[ref.part - 1], purchase.winner
    awarded: dict[str, Any] = {}
    if winner and purchase.trait.award:
        awarded = {
            "fnlSucsfAmt": winner.amount,
            "fnlSucsfRt": winner.rate,
            "fnlSucsfDate": purchase.at(purchase.trait.award),
            "fnlSucsfCorpNm": winner.company.name,
            "fnlSucsfCorpCeoNm": winner.company.ceo,
            "fnlSucsfCorpBizrno": winner.company.business_number,
            "fnlSucsfCorpAdrs": winner.company.address,
            "fnlSucsfCorpContactTel": winner.company.phone,
        }
    sent = purchase.at(purchase.trait.openings[-1]) - timedelta(hours=2, minutes=ref.part)
    return {
        **_shared(purchase, len(purchase.trait.openings) - 1),
        **_offer(bid),
        **awarded,
        "opengRsltDivNm": "개찰완료",
        "bidprcDt": sent,
        "bidprcDate": sent,
        "bidprcTm": sent.strftime("%H:%M"),
        "drwtNo1": 1 + ref.part % 15,
        "drwtNo2": 1 + ref.part * 4 % 15,
        "sucsfYn": "Y" if winner and bid is winner else "N",
        "dqlfctnRsn": "" if bid.rank else "낙찰하한선 미달",
        "rmrk": "" if bid.rank else "낙찰하한선 미달",
    }


def award(world: World, ref: Ref) -> Values:
    """낙찰된 목록."""
    purchase = world.purchase(ref.source, ref.day, ref.nth)
    winner = purchase.bids[0]
    decided = purchase.maybe(purchase.trait.award)
    return {
        **_shared(purchase, len(purchase.trait.openings) - 1),
        "base": decided,
        "ntceDivCd": "1",
        "bidwinnrNm": winner.company.name,
        "bidwinnrBizno": winner.company.business_number,
        "bidwinnrCeoNm": winner.company.ceo,
        "bidwinnrAdrs": winner.company.address,
        "bidwinnrTelNo": winner.company.phone,
        "bizno": winner.company.business_number,
        "sucsfbidAmt": winner.amount,
        "sucsfbidRate": winner.rate,
        "rgstDt": decided,
        "fnlSucsfDate": decided,
        "fnlSucsfCorpOfcl": winner.company.ceo,
        "linkInsttNm": "",
        "opengCorpInfo": packed((winner.company.name, winner.company.business_number, winner.amount))[1:-1],
    }


def contract(world: World, ref: Ref) -> Values:
    """계약, its changes and its deletion."""
    purchase = world.purchase(ref.source, ref.day, ref.nth)
    who, buyer, procurer = purchase.bids[0].company, purchase.buyer, purchase.procurer
    signed = purchase.maybe(purchase.trait.contract)
    changed = purchase.maybe(purchase.trait.contract_changed)
    opened = purchase.at(purchase.trait.openings[-1])
    number, amount = purchase.contract_number, purchase.contract_amount
    ends = signed + timedelta(days=30 + purchase.draws[9] % 300) if signed else None
    return {
        **party(purchase),
        "base": signed,
        "untyCntrctNo": number,
        "dcsnCntrctNo": f"{number}00",
        "cntrctNo": f"{number}00",
        "cntrctOrd": "00",
        "cntrctRefNo": f"{number}-1",
        "cntrctNm": purchase.title,
        "cnstwkNm": purchase.title,
        "cmmnCntrctYn": "N",
        "lngtrmCtnuDivNm": "신규(단기)",
        "cntrctCnclsDate": signed,
        "cntrctDate": signed,
        "cntrctPrd": f"{signed:%Y-%m-%d} ~ {ends:%Y-%m-%d}" if signed and ends else "",
        "baseLawNm": "국가를 당사자로 하는 계약에 관한 법률",
        "totCntrctAmt": amount,
        "ttalCntrctAmt": amount,
        "thtmCntrctAmt": amount,
        "cntrctAmt": amount,
        "totCntrctAmtCrncy": "KRW",
        "thtmCntrctAmtCrncy": "KRW",
        "grntymnyRate": 10,
        "dfcmpnstRt": 0.075,
        "reqNo": purchase.request_number,
        "ntceNo": purchase.notice_number,
        "bidNtceNo": purchase.notice_number,
        "bidNtceOrd": _last(purchase),
        "bidNtceNm": purchase.title,
        "opengDate": opened,
        "opengTm": opened.strftime("%H:%M"),
        "rsrvtnPrce": purchase.planned_price,
        "cntrctInsttCd": procurer.code,
        "cntrctInsttNm": procurer.name,
        "cntrctInsttJrsdctnDivNm": procurer.kind,
        "cntrctInsttDivNm": procurer.kind,
        "cntrctInsttChrgDeptNm": "계약과",
        "cntrctInsttOfclNm": procurer.officer,
        "cntrctInsttOfclTelNo": procurer.phone,
        "cntrctInsttOfclTel": procurer.phone,
        "cntrctInsttOfcl": procurer.email,
        "dminsttList": packed((1, buyer.code, buyer.name, buyer.kind, "계약과", buyer.officer, buyer.phone)),
        "corpList": packed(
            (1, "업체", "단독", who.name, who.ceo, "대한민국", 100, buyer.name, who.ceo, who.business_number)
        ),
        "rprsntCorpNm": who.name,
        "rprsntCorpCeoNm": who.ceo,
        "rprsntCorpBizrno": who.business_number,
        "rprsntCorpAdrs": who.address,
        "rprsntCorpContactTel": who.phone,
        "dmstcCorpYn": "Y",
        "cntrctCnclsMthdNm": purchase.method,
        "rgstDt": signed,
        "chgDt": changed if ref.part == 1 else None,
        "dltDt": purchase.maybe(purchase.trait.contract_deleted),
        "chgDivNm": "삭제",
        "cbgnDate": signed,
        "thtmCcmpltDate": ends,
        "ttalCcmpltDate": ends,
        "pubPrcrmntClsfcNm": purchase.lines[0].item.name,
        "pubPrcrmntClsfcNo": purchase.lines[0].item.number[:8],
        "infoBizYn": "Y" if "정보" in purchase.title else "N",
        "insttCd": procurer.code,
        "insttNm": procurer.name,
        "dataBssDate": signed,
    }


def contract_item(world: World, ref: Ref) -> Values:
    """계약 세부 and 서비스 정보: one line of a contract."""
    purchase = world.purchase(ref.source, ref.day, ref.nth)
    line = purchase.lines[ref.part - 1]
    return {
        **contract(world, ref._replace(part=0)),
        "prdctClsfcNo": line.item.number[:8],
        "prdctIdntNo": f"{20_000_000 + purchase.draws[10] % 2_000_000:08d}",
        "prdctClsfcNoNm": line.item.name,
        "krnPrdctNm": f"{line.item.name} {ref.part}",
        "qtyUprcAmt": line.unit_price,
        "prdctQty": line.quantity,
        "prdctAmt": line.quantity * line.unit_price,
        "prdctAmtCrncy": "KRW",
        "dlvrDaynum": 30 + ref.part,
        "srvceSno": ref.part,
        "rprsntYn": "Y" if ref.part == 1 else "N",
        "indstrytyNm": purchase.bids[0].company.industries[0],
        "prdctClsfcNoNmNdSpec": line.item.name,
        "cnstrtsiteRgnNm": purchase.buyer.region,
        "srvceAmt": purchase.contract_amount // len(purchase.lines),
        "cnstwkAmt": purchase.contract_amount // len(purchase.lines),
        "rltnCorpNm": purchase.bids[0].company.name,
    }
