"""Which instruments there are beside shares: lists of some, and a rule that makes one out of any symbol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final

from dari.worlds.market.instruments import Instrument, Kind, Walk
from dari.worlds.market.noise import draw

EXCHANGES: Final = {
    # exchange: (hours, currency, decimals)
    "NAS": ("US", "USD", 2),
    "NYS": ("US", "USD", 2),
    "AMS": ("US", "USD", 2),
    "HKS": ("HKS", "HKD", 2),
    "SHS": ("CN", "CNY", 2),
    "SZS": ("CN", "CNY", 2),
    "TSE": ("TSE", "JPY", 1),
    "HSX": ("VN", "VND", 0),
    "HNX": ("VN", "VND", 0),
}

ALIASES: Final = {
    "NASD": "NAS",
    "NYSE": "NYS",
    "AMEX": "AMS",
    "SEHK": "HKS",
    "SHAA": "SHS",
    "SZAA": "SZS",
    "TKSE": "TSE",
    "HASE": "HNX",
    "VNSE": "HSX",
    "BAQ": "NAS",
    "BAY": "NYS",
    "BAA": "AMS",
}
"""Order and day-market codes of the same exchanges."""

_LISTED: Final = (
    # exchange, symbol, Korean name, English name, price in smallest units: an order of magnitude, not a quotation
    ("NAS", "AAPL", "애플", "APPLE INC", 22_800),
    ("NAS", "MSFT", "마이크로소프트", "MICROSOFT CORP", 41_500),
    ("NAS", "NVDA", "엔비디아", "NVIDIA CORP", 13_900),
    ("NAS", "AMZN", "아마존닷컴", "AMAZON COM INC", 19_800),
    ("NAS", "GOOGL", "알파벳 A", "ALPHABET INC", 17_500),
    ("NAS", "META", "메타 플랫폼스", "META PLATFORMS", 55_600),
    ("NAS", "TSLA", "테슬라", "TESLA INC", 32_000),
    ("NAS", "AVGO", "브로드컴", "BROADCOM INC", 16_500),
    ("NAS", "QQQ", "인베스코 QQQ", "INVESCO QQQ", 50_100),
    ("NAS", "AMD", "AMD", "ADVANCED MICRO DEVICES", 13_800),
    ("NAS", "INTC", "인텔", "INTEL CORP", 2_450),
    ("NAS", "PLTR", "팔란티어", "PALANTIR", 6_400),
    ("NYS", "BRK.B", "버크셔 해서웨이 B", "BERKSHIRE HATHAWAY", 47_000),
    ("NYS", "JPM", "JP모간", "JPMORGAN CHASE", 24_500),
    ("NYS", "V", "비자", "VISA INC", 31_000),
    ("NYS", "XOM", "엑슨모빌", "EXXON MOBIL", 12_000),
    ("NYS", "KO", "코카콜라", "COCA COLA", 6_300),
    ("NYS", "DIS", "월트디즈니", "WALT DISNEY", 11_200),
    ("NYS", "BA", "보잉", "BOEING", 14_800),
    ("NYS", "PFE", "화이자", "PFIZER", 2_500),
    ("AMS", "SPY", "SPDR S&P500", "SPDR S&P 500", 59_000),
    ("AMS", "SCHD", "슈왑 배당", "SCHWAB US DIVIDEND", 2_850),
    ("AMS", "TLT", "아이셰어즈 장기채", "ISHARES 20Y TREASURY", 9_100),
    ("HKS", "00700", "텐센트", "TENCENT", 40_500),
    ("HKS", "09988", "알리바바", "ALIBABA", 8_700),
    ("HKS", "03690", "메이투안", "MEITUAN", 16_900),
    ("SHS", "600519", "귀주모태주", "KWEICHOW MOUTAI", 153_000),
    ("SHS", "601318", "중국평안보험", "PING AN", 5_400),
    ("SZS", "300750", "닝더스다이", "CATL", 25_500),
    ("SZS", "000858", "오량액", "WULIANGYE", 14_500),
    ("TSE", "7203", "도요타자동차", "TOYOTA MOTOR", 27_400),
    ("TSE", "6758", "소니", "SONY GROUP", 28_900),
    ("TSE", "9984", "소프트뱅크", "SOFTBANK", 89_500),
    ("HSX", "VNM", "비나밀크", "VINAMILK", 64_500),
    ("HSX", "VIC", "빈그룹", "VINGROUP", 41_000),
    ("HNX", "SHS", "사이공하노이증권", "SHS", 13_500),
)


def _listed() -> tuple[Instrument, ...]:
    rows = []
    for exchange, symbol, name, english, price in _LISTED:
        hours, currency, decimals = EXCHANGES[exchange]
        rows.append(
            Instrument(
                symbol=symbol,
                name=name,
                english=english,
                kind="overseas",
                exchange=exchange,
                hours=hours,
                currency=currency,
                decimals=decimals,
                start=price,
                step=1 if decimals else 50,
                swing=0.02,
                volume=400_000 + draw(0, "abroad", symbol) % 60_000_000,
                shares=200_000_000 + draw(0, "abroad shares", symbol) % 12_000_000_000,
            )
        )
    return tuple(rows)


LISTED: Final = _listed()

FUTURES: Final = ("101W12", "101X03", "101X06", "101X09", "105W12", "106W12")
"""KOSPI200 futures, mini and KOSDAQ150 futures of the next months."""
CALLS: Final = tuple(f"201W12{strike}" for strike in range(330, 380, 5))
PUTS: Final = tuple(f"301W12{strike}" for strike in range(330, 380, 5))
ELWS: Final = tuple(
    f"5{number:02d}{letter}{number % 10}{(number * 7) % 10}" for number in range(10, 40) for letter in "AB"
)
BONDS: Final = ("KR2033022D33", "KR6095572D81", "KR103502GE97", "KR2088012A16", "KR103501GCC0", "KR310101GD67")
OVERSEAS_FUTURES: Final = ("ESZ26", "NQZ26", "CLF27", "GCZ26", "6EZ26", "CNHZ26", "HSIX26", "NKZ26")
OVERSEAS_OPTIONS: Final = ("OESZ26 C6000", "OESZ26 P5800", "DXFZ24")
OVERSEAS_INDICES: Final = (".DJI", "COMP", "SPX", "NII", "HSCE", "FX@KRW")

_RATES: Final = {
    # symbol: (currency, Korean name, won for one piece in smallest units: an order of magnitude, decimals, step)
    "FX@KRW": ("USD", "원/달러", 140_000, 2, 10),
    "FX@KRWHKD": ("HKD", "원/홍콩달러", 18_000, 2, 1),
    "FX@KRWCNY": ("CNY", "원/위안", 19_500, 2, 1),
    "FX@KRWJPY": ("JPY", "원/엔", 92_000, 4, 1),
    "FX@KRWVND": ("VND", "원/동", 560, 4, 1),
}
"""Exchange rates. FX@KRW is the upstream's symbol; the others' are of this world."""


_INDEX_POINT: Final = {"05": 50_000, "06": 10_000}
"""Won per index point of the small contracts, by the second and third place of their code; of the others, 250,000."""


def _expiry(seed: int, symbol: str) -> date:
    return (
        date(2026, 12, 10) if "W12" in symbol or "Z26" in symbol else date(2027, 3 + 3 * (draw(seed, symbol) % 3), 11)
    )


def _future(symbol: str, lot: int, expires: date) -> Instrument:
    stock = symbol[:2] not in {"10", "16", "17", "A0"}
    return Instrument(
        symbol=symbol,
        name=f"F {symbol}",
        kind="future",
        exchange="KRX",
        hours="KRX",
        decimals=0 if stock else 2,
        start=20_000 + lot % 80_000 if stock else 35_000,
        step=50 if stock else 5,
        swing=0.012,
        volume=180_000,
        underlying="2001",
        multiplier=10 if stock else _INDEX_POINT.get(symbol[1:3], 250_000),
        expires=expires,
    )


def _option(symbol: str, lot: int, expires: date) -> Instrument:
    return Instrument(
        symbol=symbol,
        name=f"{'C' if symbol[:1] == '2' else 'P'} {symbol}",
        kind="option",
        exchange="KRX",
        hours="KRX",
        start=50 + lot % 900,
        swing=0.12,
        volume=40_000,
        underlying="2001",
        multiplier=_INDEX_POINT.get(symbol[1:3], 250_000),
        strike=int(symbol[-3:]) * 100 if symbol[-3:].isdigit() else 35_000,
        expires=expires,
    )


def _elw(symbol: str, lot: int, expires: date) -> Instrument:
    return Instrument(
        symbol=symbol,
        name=f"시뮬{symbol[:4]}콜",
        kind="elw",
        exchange="KRX",
        hours="KRX bond",
        decimals=0,
        start=50 + lot % 900 * 5,
        step=5,
        swing=0.08,
        volume=2_000_000,
        shares=5_000_000 + lot % 20_000_000,
        underlying="005930",
        strike=70_000 + lot % 200 * 100,
        expires=expires,
    )


def _bond(symbol: str, lot: int, expires: date) -> Instrument:
    return Instrument(
        symbol=symbol,
        name=f"채권 {symbol[-5:]}",
        kind="bond",
        exchange="KRX",
        hours="KRX bond",
        start=950_000 + lot % 100_000,
        step=10,
        swing=0.001,
        volume=300_000,
        expires=expires.replace(year=expires.year + 3),
    )


def _index(symbol: str, lot: int, _: date) -> Instrument:
    if symbol in _RATES:
        _currency, name, start, decimals, step = _RATES[symbol]
        return Instrument(
            symbol=symbol,
            name=name,
            kind="overseas_index",
            exchange="KRX",
            hours="KRX bond",
            decimals=decimals,
            start=start,
            step=step,
            swing=0.004,
            volume=1,
        )
    return Instrument(
        symbol=symbol,
        name=symbol,
        kind="overseas_index",
        exchange="US",
        hours="US",
        currency="USD",
        start=100_000 + lot % 3_000_000,
        swing=0.01,
        volume=500_000_000,
    )


def _rate(symbol: str, lot: int, _: date) -> Instrument:
    return Instrument(
        symbol=symbol,
        name=symbol,
        kind="rate",
        exchange="KRX",
        hours="KRX bond",
        decimals=3,
        start=2_400 + lot % 1_500,
        swing=0.008,
        volume=1,
    )


def _foreign(kind: Kind, step: int) -> Callable[[str, int, date], Instrument]:
    def make(symbol: str, lot: int, expires: date) -> Instrument:
        return Instrument(
            symbol=symbol,
            name=symbol,
            english=symbol,
            kind=kind,
            exchange="CME",
            hours="CME",
            currency="USD",
            start=5_000 + lot % 500_000,
            step=step,
            swing=0.014,
            volume=90_000,
            multiplier=50,
            expires=expires,
        )

    return make


_MAKERS: Final[Mapping[Kind, Callable[[str, int, date], Instrument]]] = {
    "future": _future,
    "option": _option,
    "elw": _elw,
    "bond": _bond,
    "overseas_index": _index,
    "rate": _rate,
    "overseas_future": _foreign("overseas_future", 25),
    "overseas_option": _foreign("overseas_option", 5),
}


@lru_cache(maxsize=4096)
def instrument(seed: int, kind: Kind, symbol: str, exchange: str = "") -> Instrument | None:
    """The instrument of a symbol; None for a blank one, and for a foreign share nobody listed.

    Derivatives, bonds and rates of any symbol exist: their contracts come and go too fast to list.
    """
    symbol = symbol.strip()
    if not symbol:
        return None
    if kind == "overseas":
        home = ALIASES.get(exchange, exchange)
        return next((one for one in LISTED if one.symbol == symbol and home in {"", one.exchange}), None)
    return _MAKERS[kind](symbol, draw(seed, "made", kind, symbol), _expiry(seed, symbol))


def won_rate(walk: Walk, currency: str, at: datetime) -> Decimal:
    """The won one piece of a currency costs, by the first rate told that day (최초고시환율): the same all day.

    Raises KeyError for a currency this world does not trade.
    """
    if currency == "KRW":
        return Decimal(1)
    symbol = {one[0]: symbol for symbol, one in _RATES.items()}[currency]
    one = _index(symbol, 0, at.date())
    return Decimal(walk.now(one, at).open).scaleb(-one.decimals)
