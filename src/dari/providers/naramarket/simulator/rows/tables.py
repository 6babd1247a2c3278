"""Rows that stand in tables rather than happen: classes, prices, industries, statistics, defence code lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from dari.core.clock import KST
from dari.providers.naramarket.simulator.rows.market import attribute, catalogue_item
from dari.providers.naramarket.simulator.rows.spelling import Values, packed
from dari.worlds.procurement import World, goods, places
from dari.worlds.procurement.draw import draws

CATALOGUE_ROWS = 600
PRICE_ROWS = 360
SPECIFICATIONS = 300
FOREIGN_BIDS = 240
SYSTEMS = {"1000": "나라장터(중앙조달)", "1100": "나라장터(자체조달)"}
STATISTICS = ("건수", "금액", "비율")


def classes(digits: int) -> Iterator[Values]:
    """물품분류 of so many digits."""
    for number, name, english in goods.class_level(digits):
        yield {
            "base": datetime(2020, 1, 2, 9, tzinfo=KST),
            "prdctClsfcNo": number[:8],
            "prdctClsfcNoNm": name,
            "prdctClsfcNoEngNm": english,
            "dtilPrdctClsfcNo": number,
            "dtilPrdctClsfcNoNm": name,
            "dtilPrdctClsfcNoEngNm": english,
            "dtilPrdctClsfcNoNum": 1,
            "sno": int(number),
            "useYn": "Y",
            "chgDate": datetime(2024, 3, 4, tzinfo=KST),
            "prdctClsfcRltnDscrpt": name,
            "prdctClsfcNoAplYn": "Y",
            "prdctClsfcNoUseYn": "Y",
            "prdctClsfcNoDltYn": "N",
            "prdctClsfcDivCd": "1",
            "upPrdctClsfcNo": number[: max(2, digits - 2)],
            "uslfsvc": 5 + int(number) % 7,
            "rgstDate": datetime(2020, 1, 2, tzinfo=KST),
            "endDate": datetime(2099, 12, 31, tzinfo=KST),
            "chgRsn": "",
        }


def catalogue(world: World) -> Iterator[Values]:
    """The first products of the catalogue."""
    for index in range(CATALOGUE_ROWS):
        yield catalogue_item(world, index)


def attributes(world: World, index: int) -> Iterator[Values]:
    """Every attribute of a product."""
    for place in range(len(goods.product(world.seed, index).values)):
        yield attribute(world, index, place)


def prices(world: World) -> Iterator[Values]:
    """가격정보: materials, works and resources."""
    for row in range(PRICE_ROWS):
        d = draws(world.seed, "price", row)
        item = goods.CLASSES[row % len(goods.CLASSES)]
        posted = datetime(2026, 1 + row % 10, 5, 9, tzinfo=KST)
        price = item.price * (80 + d[0] % 40) // 100
        levels: dict[str, Any] = {}
        for level in range(1, 6):
            levels |= {
                f"LvlqtyCalcCtyclCd{level}": f"{level}{row % 9}",
                f"LvlqtyCalcCtyclNm{level}": f"공종 {level}",
                f"lvlRsceClsfcNo{level}": f"{level}{row % 9}",
                f"lvlRsceClsfcNm{level}": f"자원 {level}",
            }
        yield {
            **levels,
            "base": posted,
            "prceNticeNo": f"2026-{row // 30:03d}",
            "nticeDt": posted,
            "pblctDate": posted,
            "bsnsDivCd": "1",
            "bsnsDivNm": "시설공통자재",
            "prdctClsfcNo": item.number[:8],
            "prdctIdntNo": f"{20_000_000 + row:08d}",
            "prdctClsfcNoNm": item.name,
            "krnPrdctNm": f"{item.name} {row}",
            "unit": item.unit,
            "prce": price,
            "splyJrsdctRgnNm": "전국",
            "mtrlcst": price * 6 // 10,
            "lbrcst": price * 3 // 10,
            "gnrlexpns": price // 10,
            "mtrlcstUprc": price * 6 // 10,
            "lbrcstUprc": price * 3 // 10,
            "gnrexpnsUprc": price // 10,
            "prceDiv": "조사가격",
            "cnstwkDivCd": str(1 + row % 4),
            "cnstwkDivNm": "토목",
            "cnstwkDivCdNm": "토목",
            "qtyCalcCtyclcd": f"Q{row:05d}",
            "qtyCalcCtyclNm": f"세부공종 {row}",
            "uprcDivNm": "표준시장단가",
            "prdnm": f"{item.name} {row}",
            "spec": f"규격 {row}",
            "netRsceCd": f"N{row:06d}",
            "rsceNm": item.name,
            "rsceSpecNm": f"규격 {row}",
            "rsceTyExtrnlCd": "M",
            "grpUnitCnstwkExtrnlCdNm": "토목",
            "gnrlexpnsItemGrpExtrnCd": "1",
            "prdctMngDivNm": "자재",
        }


def industries() -> Iterator[Values]:
    """업종 and the laws behind them."""
    for code, name in places.INDUSTRIES.items():
        yield {
            "base": datetime(2015, 5, 6, 9, tzinfo=KST),
            "indstrytyClsfcCd": code[:2],
            "indstrytyClsfcNm": "업종",
            "indstrytyCd": code,
            "indstrytyNm": name,
            "baseLawordNm": f"{name} 관련 법령",
            "baseLawordArtclClauseNm": "제1조",
            "indstrytyUseYn": "Y",
            "indstrytyRgstDt": datetime(2015, 5, 6, 9, tzinfo=KST),
            "inclsnLcns": packed((1, code, name, code, name)),
        }


def months(first: str, last: str) -> list[str]:
    """YYYYMM from first to last."""
    found: list[str] = []
    year, month = int(first[:4]), int(first[4:6])
    while f"{year:04d}{month:02d}" <= last and len(found) < 240:
        found.append(f"{year:04d}{month:02d}")
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return found


def _figures(world: World, names: Mapping[str, str], *about: object) -> dict[str, Any]:
    """Counts (…Num) and amounts (…Amt) that add up to their sum."""
    counts = [name for name in names if name.endswith("ArsltNum")]
    row: dict[str, Any] = {}
    total = money = 0
    for at, name in enumerate(counts):
        d = draws(world.seed, "statistics", at, *about)
        row[name], row[name.replace("Num", "Amt")] = d[0] % 900, d[1] % 9_000_000_000
        total, money = total + row[name], money + row[name.replace("Num", "Amt")]
    row["arsltSumNum"], row["arsltSumAmt"] = total, money
    for at, name in enumerate(name for name in names if name.endswith(("Totamt", "YearAmt")) or "bssYear" in name):
        if name != "bssYear":
            row[name] = draws(world.seed, "amount", at, *about)[0] * 100
    return row


def statistics(world: World, names: Mapping[str, str], asked: Mapping[str, str]) -> Iterator[Values]:
    """공공조달통계: by month, by institution, by company or by class, whichever the operation's fields tell."""
    first = asked.get("srchBssYmBgn") or f"{asked.get('srchBssYear') or '2026'}01"
    last = asked.get("srchBssYmEnd") or f"{first[:4]}12"
    if "dminsttCd" in names or "corpUntyNo" in names or "prdctClsfcNo" in names:
        for system, title in SYSTEMS.items():
            for number in range(1, 41):
                who, buyer = places.company(world.seed, number), places.institution(world.seed, number)
                item = goods.CLASSES[number % len(goods.CLASSES)]
                if "prdctClsfcNo" in names and number > len(goods.CLASSES):
                    break
                yield {
                    **_figures(world, names, system, number, first, last),
                    "linkSystmNm": title,
                    "linkSystmCd": system,
                    "dminsttCd": buyer.code,
                    "dminsttNm": buyer.name,
                    "corpUntyNo": who.business_number,
                    "corpNm": who.name,
                    "prdctClsfcNo": item.number[:8],
                    "prdctClsfcNm": item.name,
                }
        return
    for month in months(first, last):
        for division in STATISTICS:
            yield {
                **_figures(world, names, month, division),
                "bssYear": month[:4],
                "bssMnth": month[4:],
                "statDivNm": division,
            }


def defence_codes(world: World) -> Iterator[Values]:
    """발주기관코드."""
    for number in range(1, 31):
        yield {"code": f"D{number:02d}", "codeNm": f"{places.institution(world.seed, number).name} 군수"}


def foreign_bids(world: World) -> Iterator[Values]:
    """해외입찰정보."""
    for row in range(FOREIGN_BIDS):
        begins = datetime(2026, 1 + row % 12, 1 + row % 28, tzinfo=KST)
        item = goods.CLASSES[draws(world.seed, "abroad", row)[0] % len(goods.CLASSES)]
        yield {
            "base": begins,
            "seqn": row + 1,
            "anucType": "1",
            "anucTypeNm": "입찰공고",
            "anucNumb": f"A{row:05d}",
            "bidFrom": begins,
            "bidTo": begins + timedelta(days=30),
            "infoAcquireFrom": begins,
            "bidNameEng": item.english,
            "bidNameKor": item.name,
            "orgPlace": "US",
            "orgPlaceNm": "미국",
            "region": "AM",
            "regionNm": "미주",
            "prctName": item.name,
            "qnty": 10 + row,
            "totQnty": 10 + row,
            "amnt": 1000 * (row + 1),
            "currUnit": "USD",
        }


def specifications(world: World) -> Iterator[Values]:
    """국방규격."""
    for row in range(SPECIFICATIONS):
        item = goods.CLASSES[draws(world.seed, "standard", row)[0] % len(goods.CLASSES)]
        yield {
            "base": datetime(2020 + row % 7, 1 + row % 12, 1, tzinfo=KST),
            "nsn": f"{1000 + row % 900:04d}370{row:06d}",
            "oid": f"O{row:06d}",
            "fsgFsc": f"{1000 + row % 900:04d}",
            "niinStatCd_2670": "0",
            "itemDvsCd": "1",
            "shrtNmK122": item.name,
            "shrtNm2301": item.english,
            "EntprzHanglItmnm": item.name,
            "EntprzEnglshItmnm": item.english,
            "assndDt_2180": datetime(2020 + row % 7, 1 + row % 12, 1, tzinfo=KST),
        }
