"""The shopping mall, the catalogue, companies and institutions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from dari.providers.naramarket.simulator.rows.spelling import Values
from dari.worlds.procurement import Ref, World, goods, places
from dari.worlds.procurement.days import day_date, moment
from dari.worlds.procurement.traits import residue_of, trait

MALL_KINDS: Final = {"mas": "다수공급자계약", "third": "제3자단가계약", "unit": "일반단가계약"}
MALL_PLACE: Final = {"mas": 1, "third": 2, "unit": 3}
SOURCE_OF_PLACE: Final = {place: source for source, place in MALL_PLACE.items()}
CONTRACT_LINES: Final = 7
DELIVERY_LAG: Final = 20


def happened(ref: Ref) -> datetime:
    """When a happening of no purchase was registered."""
    return moment(ref.day, trait(residue_of(ref.day, ref.nth)).notices[0].minute, ref.nth % 60)


def mall_number(ref: Ref) -> str:
    """쇼핑계약번호: `CONTRACT_LINES` products of a day share one."""
    return f"R{ref.day // 261:02d}TB{MALL_PLACE[ref.source]}{ref.day % 261:03d}{ref.nth // CONTRACT_LINES:04d}"


def mall_refs(number: str) -> tuple[str, int, range] | None:
    """The source, day and products of a 쇼핑계약번호, or None where it is none."""
    digits = number[5:]
    if len(number) != 13 or number[0] != "R" or number[3:5] != "TB" or not (number[1:3] + digits).isdigit():
        return None
    source = SOURCE_OF_PLACE.get(int(digits[0]))
    first = int(digits[4:]) * CONTRACT_LINES
    return (source, int(number[1:3]) * 261 + int(digits[1:4]), range(first, first + CONTRACT_LINES)) if source else None


def _item(item: goods.ItemClass) -> dict[str, Any]:
    return {
        "prdctLrgclsfcCd": item.number[:2],
        "prdctLrgclsfcNm": f"{item.name}류",
        "prdctMidclsfcCd": item.number[:4],
        "prdctMidclsfcNm": f"{item.name}류",
        "prdctClsfcNo": item.number[:8],
        "prdctClsfcNoNm": item.name,
        "prdctClsfcNoEngNm": item.english,
        "dtilPrdctClsfcNo": item.number,
        "dtilPrdctClsfcNoNm": item.name,
        "dtilPrdctClsfcNoEngNm": item.english,
        "prdctUnit": item.unit,
    }


def mall_product(world: World, ref: Ref) -> Values:
    """A product of the mall as its contract registered it."""
    product = world.mall_product(ref)
    who = places.company(world.seed, product.maker)
    registered = happened(ref)
    changed = moment(ref.day + 3, registered.hour * 60 + registered.minute, registered.second)
    return {
        **_item(product.item),
        "base": registered,
        "cntrctCorpNm": who.name,
        "cntrctCorpBizno": who.business_number,
        "cntrctCorpNo": who.business_number,
        "entrprsDivNm": who.size,
        "cntrctMthdNm": MALL_KINDS[ref.source],
        "masYn": "Y" if ref.source == "mas" else "N",
        "exclncPrcrmntPrdctYn": "Y" if ref.nth % 11 == 0 else "N",
        "smetprCmptProdctYn": "Y" if ref.nth % 3 == 0 else "N",
        "cntrctPrceAmt": product.price,
        "prdctMakrNm": who.name,
        "prdctSplyRgnNm": "전국",
        "prdctDlvryCndtnNm": "현장설치도",
        "dlvrTmlmtDaynum": 14 + ref.nth % 40,
        "prdctIdntNo": product.number,
        "prdctSpecNm": product.name,
        "shopngCntrctNo": mall_number(ref),
        "shopngCntrctSno": ref.nth % CONTRACT_LINES + 1,
        "cntrctDate": registered,
        "cntrctBgnDate": registered,
        "cntrctEndDate": registered + timedelta(days=1095),
        "cntrctDeptNm": "쇼핑몰계약과",
        "rgstDt": registered,
        "chgDt": changed if ref.part else None,
    }


def delivery_number(ref: Ref) -> str:
    """납품요구번호."""
    return f"R{ref.day // 261:02d}TB8{ref.day % 261:03d}{ref.nth:04d}"


def delivery_ref(number: str) -> Ref | None:
    """The delivery request with this number, or None."""
    if len(number) != 13 or number[3:6] != "TB8" or not (number[1:3] + number[6:]).isdigit():
        return None
    return Ref("delivery", int(number[1:3]) * 261 + int(number[6:9]), int(number[9:]), 0)


def _sold(world: World, ref: Ref) -> Ref:
    """Which mall product a delivery request's item is."""
    day = ref.day - DELIVERY_LAG
    return Ref("mas", day, (ref.nth * 5 + ref.part) % world.count("mas", day), 0)


def deliveries_under(world: World, number: str, parts: Callable[[Ref], int]) -> list[Ref]:
    """The delivery request items of a 쇼핑계약번호; `parts` tells how many items a request has."""
    told = mall_refs(number)
    if told is None or told[0] != "mas":
        return []
    day = told[1] + DELIVERY_LAG
    every = (Ref("delivery", day, nth, 0) for nth in range(world.count("delivery", day)))
    items = (ref._replace(part=part) for ref in every for part in range(parts(ref)))
    return [ref for ref in items if _sold(world, ref).nth in told[2]]


def delivery(world: World, ref: Ref) -> Values:
    """납품요구, and its items: `part` counts them from 0."""
    sold = _sold(world, ref)
    product = world.mall_product(sold)
    who = places.company(world.seed, product.maker)
    buyer = places.institution(world.seed, 1 + (ref.day * 31 + ref.nth) % (places.INSTITUTIONS - 1))
    received, quantity = happened(ref), 1 + ref.nth % 20
    amount = quantity * product.price
    number = delivery_number(ref)
    due = received + timedelta(days=30)
    return {
        **_item(product.item),
        "base": received,
        "dlvrReqNo": number,
        "dlvrReqChgOrd": "00",
        "dlvrReqRcptDate": received,
        "dlvrReqNm": f"{buyer.name} {product.item.name} 납품요구",
        "prdctSno": ref.part + 1,
        "rprsntPrdctClsfcNo": product.item.number[:8],
        "rprsntPrdctClsfcNoNm": product.item.name,
        "rprsntDtilPrdctClsfcNo": product.item.number,
        "rprsntDtilPrdctClsfcNoNm": product.item.name,
        "prdctIdntNo": product.number,
        "prdctIdntNoNm": product.name,
        "prdctUprc": product.price,
        "prdctQty": quantity,
        "prdctAmt": amount,
        "dlvrReqQty": quantity,
        "dlvrReqAmt": amount,
        "incdecQty": 0,
        "incdecAmt": 0,
        "dlvrReqIncdecQty": 0,
        "dlvrReqIncdecAmt": 0,
        "dlvrTmlmtDate": due,
        "maxDlvrTmlmtDate": due,
        "cntrctCnclsStleNm": MALL_KINDS["mas"],
        "dminsttCd": buyer.code,
        "dminsttNm": buyer.name,
        "dmndInsttDivNm": buyer.kind,
        "dmndInsttDivCd": buyer.kind_code,
        "dminsttRgnNm": buyer.region,
        "dminsttBizno": buyer.business_number,
        "corpNm": who.name,
        "corpBizno": who.business_number,
        "bizno": who.business_number,
        "cntrctCorpBizno": who.business_number,
        "corpEntrprsDivNmNm": who.size,
        "corpEntrprsDivNm": who.size,
        "fnlDlvrReqYn": "Y",
        "cntrctNo": mall_number(sold),
        "cntrctChgOrd": "00",
        "masYn": "Y",
        "IntlCntrctDlvrReqDate": received,
        "optnDivCdNm": "본품",
        "prcrmntDivNm": "중앙조달",
        "cntrctDivNm": "납품요구",
        "cntrctDlvrDivNm": "납품요구",
        "cntrctDlvrReqDate": received,
        "cntrctDlvrReqNo": number,
        "cntrctDlvrReqChgOrd": "00",
        "cntrctDlvrReqNm": f"{buyer.name} {product.item.name} 납품요구",
        "fnlCntrctDlvrReqChgOrdYn": "Y",
        "cntrctMthdNm": MALL_KINDS["mas"],
        "totYm": received.strftime("%Y%m"),
        "sumAmt": amount,
        "sumQty": quantity,
        "orderDt": received,
        "orderSumAmt": amount,
        "vntrPrdctNm": product.name,
        "corpLocplcNm": who.region,
    }


def company(world: World, ref: Ref) -> Values:
    """조달업체, its industry and what it supplies; for sanctions, the sanction."""
    who = world.company_of(ref)
    registered = happened(ref)
    item = goods.CLASSES[who.number % len(goods.CLASSES)]
    until = registered + timedelta(days=30 * (1 + who.number % 24))
    judge = places.institution(world.seed, 1 + who.number % (places.INSTITUTIONS - 1))
    changed = moment(ref.day + 3, registered.hour * 60 + registered.minute) if ref.part else None
    return {
        **_item(item),
        "base": registered,
        "bizno": who.business_number,
        "corpNm": who.name,
        "engCorpNm": f"Company {who.number}",
        "opbizDt": registered - timedelta(days=400),
        "rgnCd": who.region_code,
        "rgnNm": who.region,
        "adrs": who.address,
        "telNo": who.phone,
        "cntryNm": "대한민국",
        "mnfctDivCd": "1",
        "mnfctDivNm": "제조",
        "emplyeNum": who.employees,
        "corpBsnsDivCd": "1",
        "corpBsnsDivNm": "물품",
        "hdoffceDivNm": "본사",
        "ceoNm": who.ceo,
        "rgstDt": registered,
        "chgDt": changed,
        "systmRgstDt": registered,
        "systmChgDt": changed,
        "indstrytyCd": who.industry_code,
        "indstrytyNm": places.INDUSTRIES[who.industry_code],
        "indstrytyStatsNm": "정상",
        "rprsntIndstrytyYn": "Y",
        "vldPrdExprtDt": registered + timedelta(days=3650),
        "rprsntPrdctClsfcNoNmYn": "Y",
        "mnfctYn": "Y",
        "unptRsttDocNm": f"부정당제재 {ref.day}-{ref.nth}",
        "rsttBgnDate": registered,
        "rsttEndDate": until,
        "insttCd": judge.code,
        "insttNm": judge.name,
        "lawordNm": "국가를 당사자로 하는 계약에 관한 법률",
        "ntfcnDt": registered,
        "rsttPrdMonthNum": 1 + who.number % 24,
        "rsttPrdDayNum": 0,
        "rsttProgrsNm": "제재중",
    }


def institution(world: World, ref: Ref) -> Values:
    """수요기관."""
    who = world.institution_of(ref)
    registered = happened(ref)
    changed = moment(ref.day + 3, registered.hour * 60 + registered.minute) if ref.part else None
    return {
        "base": registered,
        "dminsttCd": who.code,
        "dminsttNm": who.name,
        "dminsttAbrvtNm": who.name.rpartition(" ")[2],
        "bizno": who.business_number,
        "jrsdctnDivNm": who.kind,
        "insttTyCdLrgclsfcNm": who.kind,
        "rgnCd": who.region_code,
        "rgnNm": who.region,
        "telNo": who.phone,
        "vldPrdBgnDt": registered,
        "dltYn": "N",
        "toplvlInsttCd": who.code,
        "toplvlInsttNm": who.name,
        "rgstDt": registered,
        "chgDt": changed,
    }


def catalogue_item(world: World, index: int) -> Values:
    """품목 of the catalogue."""
    product = goods.product(world.seed, index)
    who = places.company(world.seed, product.maker)
    registered = datetime.combine(day_date(5_000 + index % 2_000), datetime.min.time()) + timedelta(hours=9)
    return {
        **_item(product.item),
        "base": registered,
        "sno": index,
        "prdctIdntNo": product.number,
        "prdctIdntNoNm": product.name,
        "krnPrdctNm": product.name,
        "mnfctCorpNm": who.name,
        "rgnCd": who.region_code,
        "rgnNm": who.region,
        "dltYn": "N",
        "useYn": "Y",
        "rgstDt": registered,
        "chgDt": registered,
        "prdlstDiv": "품목",
        "cmpntYn": "N",
    }


def attribute(world: World, index: int, place: int) -> Values:
    """품목개별속성: one attribute of a product."""
    product = goods.product(world.seed, index)
    label, value, unit = product.values[place]
    return {**catalogue_item(world, index), "attrNm": label, "attrVal": value, "attrUnit": unit}


def item_change(world: World, ref: Ref) -> Values:
    """품목 변경이력."""
    product = world.changed_product(ref)
    label, value, unit = product.values[ref.nth % len(product.values)]
    return {
        "base": happened(ref),
        "sno": ref.nth + 1,
        "prdctIdntNo": product.number,
        "bfchgPrdctClsfcNo": product.item.number[:8],
        "afchgPrdctClsfcNo": product.item.number[:8],
        "bfchgPrdctAttrbtVal": f"{label}: 미입력",
        "afchgPrdctAttrbtVal": f"{label}: {value}{unit}",
        "prdctInfoChgDate": happened(ref),
    }


def class_change(world: World, ref: Ref) -> Values:
    """분류 변경이력."""
    del world
    item = goods.CLASSES[(ref.day + ref.nth) % len(goods.CLASSES)]
    return {
        **_item(item),
        "base": happened(ref),
        "sno": ref.nth + 1,
        "prdctClsfcDiv": "물품",
        "chgTyCd": "2",
        "chgDivCd": "2",
        "chgDivNm": "변경",
        "bfchgPrdctClsfcNo": item.number[:8],
        "bfchgPrdctClsfcNoNm": item.name,
        "afchgPrdctClsfcNo": item.number[:8],
        "afchgPrdctClsfcNoNm": item.name,
        "afchgPrdctClsfcNm": item.name,
        "prdctChgreqNo": f"{ref.day:05d}{ref.nth:04d}",
        "rgstDt": happened(ref),
        "chgDt": happened(ref),
        "chgRsnCntnts": "품명 정비",
    }
