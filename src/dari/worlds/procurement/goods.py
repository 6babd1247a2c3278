"""What is bought: classes with their numbers and attributes, and the catalogue of products."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from dari.worlds.procurement.draw import draws, pick

CATALOGUE: Final = 2_000_000
PRODUCT_FIRST: Final = 20_000_000


@dataclass(frozen=True, slots=True)
class ItemClass:
    """세부품명: a ten-digit class, whose first eight are the 물품분류번호."""

    number: str
    name: str
    english: str
    unit: str
    price: int
    attributes: tuple[tuple[str, tuple[str, ...], str], ...]


def _class(number: str, name: str, english: str, unit: str, price: int, *attributes: str) -> ItemClass:
    told = []
    for attribute in attributes:
        label, values, *measure = attribute.split("=")
        told.append((label, tuple(values.split("|")), measure[0] if measure else ""))
    return ItemClass(number, name, english, unit, price, tuple(told))


CLASSES: Final = (
    _class(
        "4321150701",
        "데스크톱컴퓨터",
        "Desktop computers",
        "대",
        1_100_000,
        "CPU=6코어|8코어|12코어",
        "메모리=16|32|64=GB",
        "저장장치=512|1024=GB",
        "운영체제=미포함|포함",
        "폼팩터=슬림|타워",
    ),
    _class(
        "4323300401", "운영체제", "Operating system software", "개", 190_000, "언어=한글|영문", "사용자수=1|5|50=명"
    ),
    _class("4320140201", "DVD드라이브", "DVD drives", "개", 45_000, "방식=내장|외장", "속도=8|16|24=배속"),
    _class("4321171101", "마그네틱카드판독기", "Magnetic card readers", "대", 130_000, "연결=USB|RS-232", "트랙=1|2|3"),
    _class(
        "4321150301", "노트북컴퓨터", "Notebook computers", "대", 1_500_000, "화면=14|15.6|16=인치", "메모리=16|32=GB"
    ),
    _class("4321190201", "액정모니터", "LCD monitors", "대", 260_000, "크기=24|27|32=인치", "해상도=FHD|QHD|4K"),
    _class("4321210501", "레이저프린터", "Laser printers", "대", 420_000, "방식=흑백|컬러", "속도=30|40|60=ppm"),
    _class("5610150201", "사무용책상", "Office desks", "개", 240_000, "폭=1200|1400|1600=mm", "재질=목재|철재"),
    _class("5611210201", "작업용의자", "Task chairs", "개", 150_000, "팔걸이=유|무", "재질=메쉬|인조가죽"),
    _class("3016170101", "합성목재", "Composite lumber", "m2", 78_000, "두께=20|25=mm", "색상=갈색|회색"),
    _class("3010150401", "철근", "Reinforcing bars", "톤", 980_000, "호칭=D10|D13|D16|D22", "강종=SD400|SD500"),
    _class("3011150501", "레미콘", "Ready-mixed concrete", "m3", 92_000, "강도=24|27|30=MPa", "슬럼프=120|150=mm"),
    _class("3911160501", "LED실내조명등", "LED interior luminaires", "개", 68_000, "소비전력=20|40|50=W"),
    _class("4010170901", "에어컨", "Air conditioners", "대", 2_300_000, "냉방능력=7.2|11|14.5=kW", "형태=스탠드|천장"),
    _class("4223150101", "의료용침대", "Hospital beds", "대", 1_700_000, "구동=전동|수동"),
    _class("4616170101", "감시카메라", "Surveillance cameras", "대", 610_000, "화소=200만|500만|800만", "형태=돔|불릿"),
    _class("4712170101", "쓰레기봉투", "Refuse bags", "매", 130, "용량=10|20|50=L"),
    _class("5020230101", "생수", "Bottled water", "병", 450, "용량=500|2000=mL"),
    _class("6012110101", "복사용지", "Copy paper", "상자", 24_000, "규격=A4|A3", "평량=75|80=g"),
    _class(
        "2510150301", "승용차", "Passenger cars", "대", 33_000_000, "연료=전기|하이브리드|휘발유", "승차정원=5|7=명"
    ),
)

SERVICES: Final = (
    "정보시스템 유지관리 용역",
    "청사 시설물 관리 용역",
    "기본 및 실시설계 용역",
    "학술연구 용역",
    "폐기물 처리 용역",
    "행사 대행 용역",
    "통합 관제 <고도화> 용역",
    "보안관제 & 점검 용역",
    "통학버스 임차 용역",
    "홈페이지 개편 용역",
)
WORKS: Final = (
    "도로 보수공사",
    "청사 리모델링공사",
    "하수관로 정비공사",
    "전기설비 교체공사",
    "정보통신설비 설치공사",
    "조경식재공사",
    '어린이공원 "새뜰" 조성공사',
    "옥상방수공사",
)


@dataclass(frozen=True, slots=True)
class Product:
    """One product of the catalogue: its 물품식별번호, its class and its values."""

    number: str
    item: ItemClass
    maker: int
    model: str
    price: int
    values: tuple[tuple[str, str, str], ...]

    @property
    def name(self) -> str:
        """규격명: class, maker's model and values."""
        return ", ".join([self.item.name, self.model, *(f"{value}{unit}" for _, value, unit in self.values)])


@lru_cache(maxsize=20_000)
def product(seed: int, index: int) -> Product:
    """A product of the catalogue (0 … 1,999,999); its class is its index modulo the number of classes."""
    d = draws(seed, "product", index)
    item = CLASSES[index % len(CLASSES)]
    values = tuple((label, pick(d[4 + at], choices), unit) for at, (label, choices, unit) in enumerate(item.attributes))
    return Product(
        number=f"{PRODUCT_FIRST + index:08d}",
        item=item,
        maker=d[1] % 30_000,
        model=f"{'ABCDEFGH'[d[2] % 8]}{'KLMNPRST'[d[2] // 8 % 8]}-{d[3] % 9000 + 1000}",
        price=item.price * (700 + d[3] % 700) // 10_000 * 10,
        values=values,
    )


def product_by_number(number: str) -> int | None:
    """Which product has this 물품식별번호, if one has."""
    if len(number) == 8 and number.isdigit() and 0 <= int(number) - PRODUCT_FIRST < CATALOGUE:
        return int(number) - PRODUCT_FIRST
    return None


def class_level(digits: int) -> tuple[tuple[str, str, str], ...]:
    """The classes cut to 2, 4, 6, 8 or 10 digits: (number, Korean name, English name), each once."""
    found: dict[str, tuple[str, str, str]] = {}
    for item in CLASSES:
        number = item.number[:digits]
        suffix = "" if digits >= 8 else "류"
        found.setdefault(number, (number, item.name + suffix, item.english))
    return tuple(found[number] for number in sorted(found))
