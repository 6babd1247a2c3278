"""Notices and what hangs on them: changes, basis amounts, licences, regions, items, files."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from dari.providers.naramarket.simulator.rows.spelling import Values, packed
from dari.worlds.procurement import Purchase, Ref, World
from dari.worlds.procurement.draw import pick
from dari.worlds.procurement.places import INDUSTRIES

REGION_ALL: Final = "전국"
INDUSTRY_CODES: Final = tuple(INDUSTRIES)


def party(purchase: Purchase) -> dict[str, Any]:
    """Who buys and who asks for bids, by the many names the fields have."""
    buyer, procurer = purchase.buyer, purchase.procurer
    return {
        "ntceInsttCd": procurer.code,
        "ntceInsttNm": procurer.name,
        "dminsttCd": buyer.code,
        "dminsttNm": buyer.name,
        "dmndInsttCd": buyer.code,
        "dmndInsttNm": buyer.name,
        "dmndInsttDivNm": buyer.kind,
        "dminsttRgnNm": buyer.region,
        "orderInsttCd": buyer.code,
        "orderInsttNm": buyer.name,
        "rlDminsttNm": buyer.name,
        "dminsttBizno": buyer.business_number,
        "ntceInsttOfclNm": procurer.officer,
        "ntceInsttOfclTelNo": procurer.phone,
        "ntceInsttOfclTel": procurer.phone,
        "ntceInsttOfclEmailAdrs": procurer.email,
        "dminsttOfclEmailAdrs": buyer.email,
        "dmndInsttOfclNm": buyer.officer,
        "dmndInsttOfclTel": buyer.phone,
        "dmndInsttOfclEmailAdrs": buyer.email,
        "exctvNm": procurer.officer,
        "ofclNm": buyer.officer,
        "ofclTelNo": buyer.phone,
        "ofclEmail": buyer.email,
        "telNo": buyer.phone,
        "bsnsDivNm": purchase.business,
        "refNo": f"{purchase.notice_number}-참조",
    }


def kind_of(purchase: Purchase, part: int) -> str:
    """공고종류 of one of its notices."""
    if purchase.trait.cancelled and part == len(purchase.trait.notices) - 1:
        return "취소공고"
    return "변경공고" if part else "등록공고"


def notice(world: World, ref: Ref) -> Values:
    """A notice or its revision. `part` is the 차수."""
    purchase = world.purchase(ref.source, ref.day, ref.nth)
    posted, opens = purchase.at(purchase.trait.notices[ref.part]), purchase.at(purchase.trait.opening)
    closes, line, number = opens - timedelta(hours=1), purchase.lines[0], purchase.notice_number
    files = {}
    for at in range(1, purchase.trait.files + 1):
        files[f"ntceSpecDocUrl{at}"] = files[f"ntceSpecDocNm{at}"] = f"/files/{number}/{at}"
        files[f"ntceSpecFileNm{at}"] = files[f"ntceSpecDocNm{at}"] = f"제안요청서{at}.{('hwpx', 'docx', 'zip')[at % 3]}"
    changed = posted if ref.part else None
    return {
        **party(purchase),
        **files,
        "base": posted,
        "bidNtceNo": number,
        "bidNtceOrd": f"{ref.part:03d}",
        "bidNtceNm": purchase.title,
        "ntceNm": purchase.title,
        "bidNtceDt": posted,
        "ntceNticeDt": posted,
        "nticeDt": posted,
        "rgstDt": posted,
        "chgDt": changed,
        "bidNtceDate": posted,
        "bidNtceBgn": posted.strftime("%H:%M"),
        "ntceKindNm": kind_of(purchase, ref.part),
        "ntceDivNm": kind_of(purchase, ref.part),
        "bidNtceSttusNm": kind_of(purchase, ref.part),
        "chgNtceRsn": "일정 변경" if ref.part else "",
        "rgstTyNm": "조달청 또는 나라장터 자체 공고건",
        "reNtceYn": "N",
        "intrbidYn": "Y" if ref.source == "foreign" else "N",
        "bidMethdNm": "전자입찰",
        "cntrctCnclsMthdNm": purchase.method,
        "cntrctMthdNm": purchase.method,
        "sucsfbidMthdNm": "적격심사제",
        "bidwinrDcsnMthdNm": "적격심사제",
        "sucsfbidLwltRate": purchase.floor,
        "bidQlfctRgstDt": closes - timedelta(days=1),
        "bidBeginDt": posted + timedelta(days=1),
        "bidBeginDate": posted + timedelta(days=1),
        "bidClseDt": closes,
        "bidClseDate": closes,
        "bidClseTm": closes.strftime("%H:%M"),
        "opengDt": opens,
        "opengDate": opens,
        "opengTm": opens.strftime("%H:%M"),
        "opengPlce": f"{purchase.buyer.name} 입찰집행관 PC",
        "asignBdgtAmt": purchase.budget,
        "bdgtAmt": purchase.budget,
        "refAmt": purchase.budget,
        "presmptPrce": purchase.estimated_price,
        "presmptAmt": purchase.estimated_price,
        "VAT": purchase.budget - purchase.estimated_price,
        "totPrdprcNum": purchase.trait.reserve_prices or None,
        "drwtPrdprcNum": 4 if purchase.trait.reserve_prices else None,
        "dtilPrdctClsfcNo": line.item.number,
        "dtilPrdctClsfcNoNm": line.item.name,
        "prdctQty": line.quantity,
        "prdctUprc": line.unit_price,
        "prdctUnit": line.item.unit,
        "purchsObjPrdctList": packed(
            *((at, one.item.number, one.item.name) for at, one in enumerate(purchase.lines, 1))
        ),
        "prdctDtlList": packed(
            *(
                (at, one.item.name, one.quantity, opens.strftime("%Y-%m-%d"), purchase.buyer.name, "현장설치도")
                for at, one in enumerate(purchase.lines, 1)
            )
        ),
        "orderPlanUntyNo": purchase.plan_number,
        "bfSpecRgstNo": purchase.prespec_number,
        "prcrmntReqNo": purchase.request_number,
        "infoBizYn": "Y" if "정보" in purchase.title else "N",
        "bidNtceDtlUrl": f"https://www.g2b.go.kr/link/{number}",
        "bidNtceUrl": f"https://www.g2b.go.kr/link/{number}",
        "indstrytyLmtYn": "Y",
        "prtcptPsblRgnNm": purchase.buyer.region if purchase.trait.regions else REGION_ALL,
        "prtcptLmtRgnCd": purchase.buyer.region_code,
        "prtcptLmtRgnNm": purchase.buyer.region,
        "indstrytyCd": pick(purchase.draws[9], INDUSTRY_CODES),
        "intrntnlDivCd": "2" if ref.source == "foreign" else "1",
        "masYn": "N",
        "dataBssDate": posted,
    }


def _child(world: World, ref: Ref) -> tuple[Purchase, int, int, dict[str, Any]]:
    purchase = world.purchase(ref.source, ref.day, ref.nth)
    part, child = divmod(ref.part, 100)
    posted = purchase.at(purchase.trait.notices[part])
    shared = {
        **party(purchase),
        "base": posted,
        "bidNtceNo": purchase.notice_number,
        "bidNtceOrd": f"{part:03d}",
        "bidNtceNm": purchase.title,
        "bidClsfcNo": "1",
        "rgstDt": posted,
        "ntceNticeDt": posted,
        "bidNtceDt": posted,
        "issDt": posted,
    }
    return purchase, part, child, shared


def basis(world: World, ref: Ref) -> Values:
    """기초금액: the basis amount of a notice; `part` is the 차수."""
    purchase = world.purchase(ref.source, ref.day, ref.nth)
    entered = purchase.at(purchase.trait.notices[ref.part].later(30))
    return {
        "base": entered,
        "bidNtceNo": purchase.notice_number,
        "bidNtceOrd": f"{ref.part:03d}",
        "bidClsfcNo": "1",
        "bidNtceNm": purchase.title,
        "bssamt": purchase.budget,
        "bssamtOpenDt": entered,
        "rsrvtnPrceRngBgnRate": -2,
        "rsrvtnPrceRngEndRate": 2,
        "evlBssAmt": purchase.estimated_price,
        "usefulAmt": purchase.budget,
        "inptDt": entered,
        "ntceNticeDt": purchase.at(purchase.trait.notices[ref.part]),
        "prearngPrceDcsnMthdNm": "복수예가" if purchase.trait.reserve_prices else "비예가",
    }


def licence(world: World, ref: Ref) -> Values:
    """면허제한 and 평가대상 주력분야."""
    purchase, _, child, shared = _child(world, ref)
    who = purchase.bids[child % len(purchase.bids)].company
    return {
        **shared,
        "lmtGrpNo": "1",
        "lmtSno": child,
        "lcnsLmtNm": f"{who.industries[0]}/{who.industry_code}",
        "permsnIndstrytyList": f"[{who.industries[0]}/{who.industry_code}]",
        "cnsttyTyNm": f"업종 {child}",
        "tmpNm": who.industries[0],
        "indstrytyMfrcFldNm": who.industries[-1],
        "evlRt": round(100 / purchase.trait.licences, 2),
        "presmptPrce": purchase.estimated_price,
    }


def region(world: World, ref: Ref) -> Values:
    """참가가능지역."""
    purchase, _, child, shared = _child(world, ref)
    where = purchase.bids[child % len(purchase.bids)].company.region if child > 1 else purchase.buyer.region
    return {**shared, "lmtSno": child, "prtcptPsblRgnNm": where}


def item(world: World, ref: Ref) -> Values:
    """구매대상물품."""
    purchase, _, child, shared = _child(world, ref)
    line = purchase.lines[child - 1]
    return {
        **shared,
        "prdctSno": child,
        "prdctClsfcNo": line.item.number[:8],
        "prdctClsfcNoNm": line.item.name,
        "dtilPrdctClsfcNo": line.item.number,
        "dtilPrdctClsfcNoNm": line.item.name,
        "qty": line.quantity,
        "unit": line.item.unit,
        "uprc": line.unit_price,
        "asignAmt": line.quantity * line.unit_price,
        "asignAmtCrncy": "KRW",
        "dlvrDaynum": 30 + child,
    }


def file(world: World, ref: Ref) -> Values:
    """첨부파일 of e발주 and of 혁신장터."""
    purchase, _, child, shared = _child(world, ref)
    name, url = f"과업지시서{child}.hwpx", f"/files/{purchase.notice_number}/{child}"
    return {
        **shared,
        "atchSno": child,
        "eorderDocDivNm": "과업지시서",
        "eorderAtchFileNm": name,
        "eorderAtchFileUrl": url,
        "atchDocDivNm": "제안요청서",
        "atchFileNm": name,
        "atchFileUrl": url,
    }


def change(world: World, ref: Ref) -> Values:
    """변경이력: two changed items for each revision."""
    purchase, part, child, shared = _child(world, ref)
    before, after = (purchase.at(purchase.trait.notices[at]) for at in (part - 1, part))
    return {
        **shared,
        "rbidNo": "000",
        "chgDataDivNm": "입찰공고",
        "chgDt": after,
        "chgItemNm": ("입찰마감일시", "개찰일시")[child - 1],
        "bfchgVal": before.strftime("%Y-%m-%d %H:%M"),
        "afchgVal": after.strftime("%Y-%m-%d %H:%M"),
    }
