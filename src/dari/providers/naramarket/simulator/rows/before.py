"""What comes before a notice, plans, pre-specifications and requests, and the table that joins all stages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from dari.providers.naramarket.simulator.rows.notices import party
from dari.providers.naramarket.simulator.rows.spelling import Values, packed
from dari.worlds.procurement import Ref, World

PLAN_BUSINESS = {"goods": "01", "foreign": "04", "works": "07", "services": "03"}


def prespec(world: World, ref: Ref) -> Values:
    """사전규격."""
    purchase = world.purchase(ref.source, ref.day, ref.nth)
    moment = purchase.trait.prespec
    received = purchase.maybe(moment)
    changed = None
    if moment and ref.part:
        changed = purchase.at(moment._replace(lag=moment.lag + 1, minute=600))
    number = purchase.prespec_number
    return {
        **party(purchase),
        "base": received,
        "bfSpecRgstNo": number,
        "prdctClsfcNoNm": purchase.title,
        "asignBdgtAmt": purchase.budget,
        "rcptDt": received,
        "rgstDt": received,
        "chgDt": changed,
        "opninRgstClseDt": received + timedelta(days=5) if received else None,
        "swBizObjYn": "Y" if "정보" in purchase.title else "N",
        "dlvrDaynum": 30 + purchase.draws[9] % 100,
        "prdctDtlList": packed(*((at, one.item.number, one.item.name) for at, one in enumerate(purchase.lines, 1))),
        "dtilPrdctClsfcNo": purchase.lines[0].item.number,
        "dtilPrdctClsfcNoNm": purchase.lines[0].item.name,
        "bidNtceNoList": purchase.notice_number,
        **{f"specDocFileUrl{at}": f"/files/{number}/{at}" for at in range(1, purchase.trait.files + 1)},
    }


def opinion(world: World, ref: Ref) -> Values:
    """사전규격 의견."""
    purchase = world.purchase(ref.source, ref.day, ref.nth)
    who = purchase.bids[ref.part % len(purchase.bids)].company
    moment = purchase.trait.prespec
    said = purchase.at(moment._replace(lag=moment.lag + 1, minute=610 + ref.part)) if moment else None
    return {
        **party(purchase),
        "base": said,
        "bfSpecRgstNo": purchase.prespec_number,
        "opninNo": ref.part,
        "rplyNo": 0,
        "opninTitl": f"규격 의견 {ref.part}",
        "mkngCorpNm": who.name,
        "mkrNm": who.ceo,
        "mkrTel": who.phone,
        "mkrEmail": f"company{who.number}@example.com",
        "inptDt": said,
        "opninCntnts": "특정 규격의 완화를 요청합니다.",
    }


def request(world: World, ref: Ref) -> Values:
    """조달요청; `part` > 0 is one of its lines."""
    purchase = world.purchase(ref.source, ref.day, ref.nth)
    received = purchase.maybe(purchase.trait.request)
    line = purchase.lines[max(0, ref.part - 1)]
    amount = line.quantity * line.unit_price
    return {
        **party(purchase),
        "base": received,
        "prcrmntReqNo": purchase.request_number,
        "prcrmntReqNm": purchase.title,
        "rcptDt": received,
        "inptDt": received,
        "cntrctCnclsMthdNm": purchase.method,
        "cntrctCnclsStleNm": "총액계약",
        "contrctAmt": purchase.budget,
        "thtmBdgtAmt": purchase.budget,
        "bdgtAmt": purchase.budget,
        "totSrvceBdgtAmt": purchase.budget,
        "presmptPrce": purchase.estimated_price,
        "rcptBrnofceNm": "가상지방조달청",
        "prcrmntReqOfclNm": purchase.buyer.officer,
        "cnstrtsiteRgnNm": purchase.buyer.region,
        "engRprsntPrdctNm": line.item.english,
        "asignDolAmt": round(purchase.budget / 1350),
        "totlPrdctIdntNoNum": len(purchase.lines),
        "rprsntPrdctClsfcNoNm": line.item.name,
        "rprsntUprc": line.unit_price,
        "rprsntQty": line.quantity,
        "rprsntAmt": amount,
        "rprsntUnit": line.item.unit,
        "prcrmntReqDeNo": max(1, ref.part),
        "itemNo": max(1, ref.part),
        "prdctClsfcNo": line.item.number[:8],
        "prdctClsfcNoNm": line.item.name,
        "krnPrdctNm": line.item.name,
        "reqNm": line.item.english,
        "reqQty": line.quantity,
        "reqUnitNm": line.item.unit,
        "prdctAccotAsignAmt": amount,
        "prdctQty": line.quantity,
        "qtyUprcAmt": line.unit_price,
        "prdctAmt": amount,
        "prdctUnit": line.item.unit,
    }


def plan(world: World, ref: Ref) -> Values:
    """발주계획; `part` > 0 is one of its files."""
    purchase = world.purchase(ref.source, ref.day, ref.nth)
    posted = purchase.maybe(purchase.trait.plan)
    ordered = purchase.at(purchase.trait.notices[0])
    line, number = purchase.lines[0], purchase.plan_number
    return {
        **party(purchase),
        "base": posted,
        "bsnsDivCd": PLAN_BUSINESS.get(ref.source, "03"),
        "bsnsTyCd": "신120001",
        "bsnsTyNm": "신규(단기)",
        "orderYear": ordered.strftime("%Y"),
        "orderMnth": ordered.strftime("%m"),
        "orderYearMm": ordered.strftime("%Y%m"),
        "orderPlanSno": 1,
        "orderOrd": "000",
        "prcrmntMethd": "중앙조달" if purchase.trait.request else "자체조달",
        "bizNm": purchase.title,
        "cntrctMthdNm": purchase.method,
        "orderContrctAmt": purchase.budget,
        "sumOrderAmt": purchase.budget,
        "orderThtmContrctAmt": purchase.budget,
        "deptNm": "계약과",
        "dtilPrdctClsfcNo": line.item.number,
        "dtilPrdctClsfcNoNm": line.item.name,
        "prdctClsfcNo": line.item.number[:8],
        "prdctClsfcNoNm": line.item.name,
        "qtyCntnts": str(line.quantity),
        "unit": line.item.unit,
        "ntceNticeYn": "Y",
        "nticeDt": posted,
        "orderPlanUntyNo": number,
        "bidNtceNoList": purchase.notice_number,
        "insttLctNm": purchase.buyer.region,
        "cnsttyDivNm": "종합",
        "atchFileExistnceYn": "Y",
        "atchFileSno": max(1, ref.part),
        "atchFileNm": f"발주계획서{max(1, ref.part)}.hwpx",
        "atchFileUrl": f"/files/{number}/{max(1, ref.part)}",
    }


def process(world: World, ref: Ref) -> Values:
    """계약과정통합공개: every stage of one purchase in one row. Bits of `part`: 1 awarded, 2 contracted."""
    purchase = world.purchase(ref.source, ref.day, ref.nth)
    trait = purchase.trait
    prespecced = purchase.maybe(trait.prespec)
    joined: dict[str, Any] = {"bidwinrInfoList": "", "cntrctInfoList": ""}
    winner = purchase.winner if ref.part & 1 else None
    if winner:
        who = winner.company
        opened = purchase.at(trait.openings[-1])
        joined["bidwinrInfoList"] = packed(
            (
                1,
                who.name,
                who.business_number,
                who.ceo,
                winner.amount,
                winner.rate,
                trait.bidders,
                opened.strftime("%Y-%m-%d %H:%M"),
            )
        )
    signed = purchase.maybe(trait.contract) if ref.part & 2 else None
    if signed:
        joined["cntrctInfoList"] = packed(
            (
                1,
                purchase.contract_number,
                purchase.title,
                purchase.procurer.name,
                purchase.buyer.name,
                purchase.method,
                purchase.contract_amount,
                signed.strftime("%Y-%m-%d"),
            )
        )
    stages: dict[str, Any] = {}
    if trait.plan:
        stages |= {
            "orderPlanNo": f"1-{purchase.plan_number}",
            "orderPlanUntyNo": purchase.plan_number,
            "orderBizNm": purchase.title,
            "orderInsttNm": purchase.buyer.name,
            "orderYm": purchase.at(trait.notices[0]),
            "prcrmntMethdNm": "중앙조달" if trait.request else "자체조달",
        }
    if prespecced:
        stages |= {
            "bfSpecRgstNo": purchase.prespec_number,
            "bfSpecBizNm": purchase.title,
            "bfSpecDminsttNm": purchase.buyer.name,
            "bfSpecNtceInsttNm": purchase.procurer.name,
            "opninRgstClseDt": prespecced + timedelta(days=5),
        }
    return {
        "base": purchase.at(trait.notices[-1]),
        "cntrctCnclsMthdNm": purchase.method,
        "bidNtceNo": purchase.notice_number,
        "bidNtceOrd": f"{len(trait.notices) - 1:03d}",
        "prcrmntReqNo": purchase.request_number,
        "bidNtceNm": purchase.title,
        "bidDminsttNm": purchase.buyer.name,
        "bidMthdNm": "전자입찰",
        "bidNtceDt": purchase.at(trait.notices[-1]),
        **stages,
        **joined,
    }
