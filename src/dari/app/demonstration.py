"""What the demo shows: simulators with keys of their own, settings that point at them, questions to the servers."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from dari.app import payment_demo
from dari.app.places import Places
from dari.app.runtime import Runtime
from dari.app.simulators import SIMULATORS
from dari.core.clock import RunningClock
from dari.providers.dart.simulator import SIMULATED_KEY as DART_KEY
from dari.providers.kis.simulator.keys import PAPER, REAL
from dari.providers.kiwoom.simulator import MOCK_KEY
from dari.providers.krx.simulator import SIMULATED_KEY as KRX_KEY
from dari.providers.naramarket.simulator import SIMULATED_KEY
from dari.settings import Settings, resolve

QUESTIONS: Final[Mapping[str, tuple[str, str, dict[str, Any]]]] = MappingProxyType(
    {
        "volume-ranking": ("오늘 거래대금 상위 20개", "get_volume_ranking", {"market": "ALL", "count": 20}),
        "kis-code": ("국내주식 일봉 차트 API", "find_api", {"question": "국내주식 일봉 차트 조회하는 API", "limit": 3}),
        "naramarket": ("지난 이틀의 서버 입찰공고", "search_notices", {"words": "서버", "limit": 5}),
        "kiwoom": ("삼성전자 현재가", "get_stock_price", {"stock_code": "005930"}),
        **payment_demo.QUESTIONS,
    }
)

RANKINGS: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    ("20일 평균보다 거래대금이 늘어난 종목", "get_volume_change_ranking", {"period": "20D", "count": 10}),
    ("개인이 많이 산 종목", "get_investor_ranking", {"investor_type": "INDIVIDUAL", "count": 10}),
)
"""Questions to volume-ranking that KIS alone cannot answer: KRX tells the days, DART disclosures, Kiwoom flows."""
DAYS: Final = 21
"""Trading days they need: one, and the twenty before."""


def simulators(seed: int) -> dict[str, Any]:
    """Every simulator over one world and one clock."""
    clock = RunningClock()
    return {name: make(world=clock, seed=seed) for name, make in SIMULATORS.items()}


def flags(addresses: Mapping[str, str]) -> dict[str, str]:
    """Settings by name: addresses and keys of the simulators there are, and a place of their own for what is kept."""
    told = {"DARI_HOME": str(Places.of("").cache / "demo")}
    if "monitoring" in addresses:
        told["API_BASE_URL"] = addresses["monitoring"]
    if "kis" in addresses:
        told |= {
            "DARI_KIS_URL": addresses["kis"],
            "KOREA_INVESTMENT_APP_KEY": REAL.appkey,
            "KOREA_INVESTMENT_APP_SECRET": REAL.appsecret,
            "KOREA_INVESTMENT_PAPER_APP_KEY": PAPER.appkey,
            "KOREA_INVESTMENT_PAPER_APP_SECRET": PAPER.appsecret,
        }
    if "kiwoom" in addresses:
        told |= {
            "DARI_KIWOOM_URL": addresses["kiwoom"],
            "KIWOOM_APP_KEY": MOCK_KEY.app_key,
            "KIWOOM_SECRET_KEY": MOCK_KEY.secret_key,
            "KIWOOM_MODE": "mock",
        }
    if "krx" in addresses:
        told |= {"DARI_KRX_URL": addresses["krx"], "KRX_AUTH_KEY": KRX_KEY, "KRX_PER_SECOND": "100"}
    if "dart" in addresses:
        told |= {"DARI_DART_URL": addresses["dart"], "DART_API_KEY": DART_KEY}
    if "naramarket" in addresses:
        told |= {"DARI_NARAMARKET_URL": addresses["naramarket"], "NARAMARKET_SERVICE_KEY": SIMULATED_KEY}
    return told


def settings(addresses: Mapping[str, str]) -> Settings:
    """The settings of the demo. Its days are filled by the tour, not by the first question."""
    return resolve(flags={**flags(addresses), "DARI_DAYS_FILL": "off"})


async def fill_days(runtime: Runtime, days: int = DAYS) -> int:
    """Fill the day store, by default as far as RANKINGS need it; how many calls that took. It goes with the demo.

    Simulators stand at another address each time, and a store belongs to an address: it would never be read again.
    """
    kept, calls = runtime.joining.days, 0
    runtime.parts.closing.callback(shutil.rmtree, kept.store.folder, ignore_errors=True)
    async for step in kept.fill(days):
        calls = step.calls
    return calls
