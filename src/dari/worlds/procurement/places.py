"""Institutions and companies of the world: names, numbers, addresses, and sanctions, all invented."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from dari.worlds.procurement.draw import business_number, draws, pick

REGIONS: Final = {
    "11": "서울특별시",
    "26": "부산광역시",
    "27": "대구광역시",
    "28": "인천광역시",
    "29": "광주광역시",
    "30": "대전광역시",
    "31": "울산광역시",
    "36": "세종특별자치시",
    "41": "경기도",
    "43": "충청북도",
    "44": "충청남도",
    "46": "전라남도",
    "47": "경상북도",
    "48": "경상남도",
    "50": "제주도",
    "51": "강원특별자치도",
    "52": "전북특별자치도",
}
TOWNS: Final = ("가온", "나래", "다솜", "라온", "마루", "바름", "새솔", "아람", "자운", "한빛", "푸른", "해담")
BODIES: Final = (
    ("01", "국가기관", "지방청"),
    ("02", "지방자치단체", "시청"),
    ("02", "지방자치단체", "군청"),
    ("03", "교육기관", "교육지원청"),
    ("51", "공기업", "도시개발공사"),
    ("52", "준정부기관", "진흥원"),
    ("53", "기타공공기관", "연구원"),
    ("71", "지방공기업", "시설관리공단"),
)
FAMILY: Final = "김이박최정강조윤장임한오서신권황안송류홍"
GIVEN: Final = ("가람", "나윤", "도현", "라희", "민결", "보담", "서율", "아진", "예솔", "우찬", "지후", "하은", "태온")
TRADE: Final = ("정보", "건설", "산업", "기술", "에너지", "환경", "디자인", "시스템", "전자", "엔지니어링", "&파트너스")
INDUSTRIES: Final = {
    "0001": "토목건축공사업",
    "0036": "전기공사업",
    "0040": "정보통신공사업",
    "0049": "조경식재공사업",
    "1168": "학술연구용역",
    "1169": "시설물관리업",
    "1261": "기타자유업(행사대행업)",
    "1426": "산업디자인전문회사",
    "1468": "소프트웨어사업자",
    "3604": "직접생산확인(물품)",
    "4119": "폐기물처리업",
    "6146": "건축사사무소",
}

INSTITUTIONS: Final = 1_200
COMPANIES: Final = 30_000
COMPANY_STRIDE: Final = 24_001
"""Company numbers are spread over the nine digits by this step, from `COMPANY_FIRST`."""
COMPANY_FIRST: Final = 101_000_000
INSTITUTION_FIRST: Final = 830_000_000


@dataclass(frozen=True, slots=True)
class Institution:
    """수요기관 or 공고기관. Number 0 is the central procurer of this world."""

    number: int
    code: str
    name: str
    kind_code: str
    kind: str
    region_code: str
    region: str
    business_number: str
    phone: str
    officer: str
    email: str


@dataclass(frozen=True, slots=True)
class Company:
    """조달업체."""

    number: int
    business_number: str
    name: str
    ceo: str
    region_code: str
    region: str
    address: str
    phone: str
    employees: int
    size: str
    industries: tuple[str, ...]
    industry_code: str


def person(draw: int) -> str:
    """An invented name."""
    return pick(draw, FAMILY) + pick(draw // 20, GIVEN)


@lru_cache(maxsize=4096)
def institution(seed: int, number: int) -> Institution:
    """An institution (0 … 1,199)."""
    d = draws(seed, "institution", number)
    region_code = pick(d[0], tuple(REGIONS))
    kind_code, kind, body = pick(d[1], BODIES)
    name = f"{REGIONS[region_code]} {pick(d[2], TOWNS)}{pick(d[3], TOWNS)}{body}"
    code = f"B{550000 + number:06d}"
    if number == 0:
        region_code, kind_code, kind, name, code = "30", "01", "국가기관", "가상조달청", "1230000"
    return Institution(
        number=number,
        code=code,
        name=name,
        kind_code=kind_code,
        kind=kind,
        region_code=region_code,
        region=REGIONS[region_code],
        business_number=business_number(INSTITUTION_FIRST + number * 7),
        phone=f"0{31 + d[4] % 34}-000-{d[5] % 10000:04d}",
        officer=person(d[6]),
        email=f"officer{number}@example.go.kr",
    )


@lru_cache(maxsize=40_000)
def company(seed: int, number: int) -> Company:
    """A company (0 … 29,999)."""
    d = draws(seed, "company", number)
    region_code = pick(d[0], tuple(REGIONS))
    codes = tuple(sorted({pick(d[1], tuple(INDUSTRIES)), pick(d[2], tuple(INDUSTRIES))}))
    return Company(
        number=number,
        business_number=business_number(COMPANY_FIRST + number * COMPANY_STRIDE),
        name=f"{'주식회사 ' if d[3] % 2 else '(주)'}{pick(d[4], TOWNS)}{pick(d[5], TOWNS)}{pick(d[6], TRADE)}",
        ceo=person(d[7]),
        region_code=region_code,
        region=REGIONS[region_code],
        address=f"{REGIONS[region_code]} {pick(d[8], TOWNS)}로 {1 + d[9] % 400}",
        phone=f"0{31 + d[10] % 34}-000-{d[11] % 10000:04d}",
        employees=1 + d[9] % 300,
        size=pick(d[10], ("중소기업", "중소기업", "중소기업", "중견기업", "대기업")),
        industries=tuple(INDUSTRIES[code] for code in codes),
        industry_code=codes[0],
    )


def company_by_business_number(number: str) -> int | None:
    """Which company has this 사업자등록번호, if one has."""
    if len(number) != 10 or not number.isdigit():
        return None
    index, rest = divmod(int(number[:9]) - COMPANY_FIRST, COMPANY_STRIDE)
    if rest or not 0 <= index < COMPANIES or business_number(int(number[:9])) != number:
        return None
    return index


def institution_by_code(code: str) -> int | None:
    """Which institution has this code, if one has."""
    if code == "1230000":
        return 0
    if len(code) == 7 and code[0] == "B" and code[1:].isdigit() and 0 < int(code[1:]) - 550000 < INSTITUTIONS:
        return int(code[1:]) - 550000
    return None


def institution_by_business_number(number: str) -> int | None:
    """Which institution has this 사업자등록번호, if one has."""
    if len(number) != 10 or not number.isdigit():
        return None
    index, rest = divmod(int(number[:9]) - INSTITUTION_FIRST, 7)
    fits = not rest and 0 <= index < INSTITUTIONS and business_number(int(number[:9])) == number
    return index if fits else None
