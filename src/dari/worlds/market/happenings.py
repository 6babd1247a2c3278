"""What happens around the trading: news titles and volatility interruptions (VI)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal

from dari.core import krx
from dari.core.clock import KST
from dari.worlds.market.issues import Issue
from dari.worlds.market.noise import columns, draw
from dari.worlds.market.paths import DayPath

_TITLES: Final = (
    "{name}, 3분기 영업이익 전년比 {rate}% 증가",
    "{name}, 신규 공급계약 체결",
    "[특징주] {name}, 거래량 급증 속 {way}",
    "{name} 목표주가 조정… 증권가 전망은",
    "{name}, 자기주식 취득 결정",
    "{name}, 임시주주총회 소집 결의",
    "{name}, 신사업 진출 위해 {rate}억 투자",
    "외국인, {name} {rate}거래일 연속 매매",
)
_STATIC: Final = (10, 20)
_PAUSE: Final = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class News:
    """One headline about one issue."""

    at: datetime
    code: str
    title: str
    serial: int


@dataclass(frozen=True, slots=True)
class Interruption:
    """One static VI (정적 변동성완화장치): the price left ±10 % (±20 %) of the base; trading pauses two minutes."""

    issue: Issue
    at: datetime
    until: datetime
    price: int
    base: int
    count: int
    kind: Literal["static"] = "static"


def news_of(seed: int, rows: int, issue: Issue, day: date, *, eventful: bool) -> list[News]:
    """The headlines about an issue on a day, oldest first."""
    chance = columns(seed, "news", day.toordinal(), rows, 1)[0][issue.place]
    large = issue.price * issue.shares > 5_000_000_000_000
    usual = 3 if large else 0
    count = usual + (chance % 7 if eventful else 0) + (1 if chance > 60_000 else 0) + (2 if chance > 65_000 else 0)
    told = []
    for number in range(count):
        lot = draw(seed, "headline", issue.code, day.toordinal(), number)
        seconds = 7 * 3_600 + 1_800 + lot % (11 * 3_600)
        moment = datetime(day.year, day.month, day.day, tzinfo=KST) + timedelta(seconds=seconds)
        title = _TITLES[(lot >> 20) % len(_TITLES)]
        words = {"name": issue.name, "rate": 3 + (lot >> 30) % 90, "way": "강세" if (lot >> 40) % 2 else "약세"}
        told.append(News(moment, issue.code, title.format(**words), lot % 10**14))
    return sorted(told, key=lambda one: (one.at, one.serial))


def interruptions_of(issue: Issue, path: DayPath, times: krx.Session) -> list[Interruption]:
    """The day's interruptions of an issue, as its path crosses ±10 % and ±20 % of the base for the first time."""
    whole = (times.auction - times.opens).total_seconds()
    found: list[tuple[float, int]] = []
    for percent in _STATIC:
        for sign in (1, -1):
            mark = path.base * (100 + sign * percent) / 100
            for place, price in enumerate(path.prices):
                if sign * (price - mark) >= 0:
                    before = path.prices[place - 1] if place else price
                    start = path.times[place - 1] if place else 0.0
                    rise = price - before
                    share = (mark - before) / rise if rise else 0.0
                    moment = start + (path.times[place] - start) * min(max(share, 0.0), 1.0)
                    found.append((moment, krx.floor_to_tick(int(mark) if place else price, etp=issue.etp)))
                    break
    told = []
    for count, (part, price) in enumerate(sorted(found), start=1):
        at = (times.opens + timedelta(seconds=whole * part)).replace(microsecond=0)
        told.append(Interruption(issue, at, at + _PAUSE, price, path.base, count))
    return told
