"""What the demo shows: simulators with keys of their own, settings that point at them, one question a server."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from dari.app import payment_demo
from dari.app.places import Places
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
        told |= {"DARI_KRX_URL": addresses["krx"], "KRX_AUTH_KEY": KRX_KEY}
    if "dart" in addresses:
        told |= {"DARI_DART_URL": addresses["dart"], "DART_API_KEY": DART_KEY}
    if "naramarket" in addresses:
        told |= {"DARI_NARAMARKET_URL": addresses["naramarket"], "NARAMARKET_SERVICE_KEY": SIMULATED_KEY}
    return told


def settings(addresses: Mapping[str, str]) -> Settings:
    """The settings of the demo."""
    return resolve(flags=flags(addresses))
