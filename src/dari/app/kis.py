"""KIS, put together: keys, hosts, and its simulator where that was asked for."""

from __future__ import annotations

from functools import partial
from types import MappingProxyType

from dari.app.parts import Parts
from dari.core.errors import BadSetting, Hint
from dari.core.provider import Credential
from dari.providers.kis.dialect import Hosts, KisDialect
from dari.providers.kis.dialect.frames import Approvals, KisFrames
from dari.providers.kis.spec import SPEC
from dari.settings import Settings
from dari.upstream.client import Client, Pushes
from dari.upstream.live import Connect, Connection
from dari.upstream.wire import Wire

SIMULATOR_ORIGIN = "http://simulator.invalid"
PAIRS = MappingProxyType(
    {
        "real": ("KOREA_INVESTMENT_APP_KEY", "KOREA_INVESTMENT_APP_SECRET"),
        "paper": ("KOREA_INVESTMENT_PAPER_APP_KEY", "KOREA_INVESTMENT_PAPER_APP_SECRET"),
    }
)
FUTURES = ("03", "08")
"""Product codes of domestic and of overseas futures and options (국내선물옵션, 해외선물옵션)."""
PARTS = MappingProxyType({"01": "stock", "03": "future", "08": "overseas_future", "29": "pension"})


def assemble(parts: Parts) -> Client:
    """The client of KIS. Market reads use the real pair when there is one; KIS_MODE governs account calls."""
    settings = parts.settings
    if parts.simulated:
        origin, credentials, (wire, connect) = SIMULATOR_ORIGIN, _simulator_keys(), _simulator(parts)
    else:
        origin, credentials = parts.origin("DARI_KIS_URL"), _keys(settings)
        wire, connect = parts.wire(), _open_socket
    wallet = parts.tenancy.wallet(credentials, _keys)
    dialect = KisDialect(
        send=wire.send,
        clock=parts.clock,
        credentials=wallet,
        hosts=Hosts.of(origin),
        per_second=MappingProxyType({"real": settings.whole("KIS_REAL_PER_SECOND"), "paper": 1}),
    )
    has_real = any(one.mode == "real" for one in credentials) or not credentials

    def default_mode(scope: str) -> str:
        if scope == "market":
            return "real" if has_real else "paper"
        return settings.text("KIS_MODE").lower()

    pushes = Pushes(KisFrames(dialect), connect, Approvals(dialect))
    return parts.client(SPEC, dialect, origin=origin, default_mode=default_mode, pushes=pushes, wallet=wallet)


def _keys(settings: Settings) -> list[Credential]:
    found = []
    for mode, (key, secret) in PAIRS.items():
        if settings.text(key) and settings.text(secret):
            parts = {"appkey": settings.text(key), "appsecret": settings.text(secret), **_accounts(settings, mode)}
            found.append(Credential(mode=mode, parts=MappingProxyType(parts)))
    return found


def _accounts(settings: Settings, mode: str) -> dict[str, str]:
    """The accounts of a mode as `12345678-01`; a product code in the number wins over KOREA_INVESTMENT_PRODUCT."""
    name = "KOREA_INVESTMENT_PAPER_" if mode == "paper" else "KOREA_INVESTMENT_"
    stock, future = settings.text(f"{name}ACCOUNT"), settings.text(f"{name}FUTURE_ACCOUNT")
    product = settings.text("KOREA_INVESTMENT_PRODUCT")
    written = {
        "stock": (stock, product if product not in FUTURES else "01"),
        "future": (future, FUTURES[0]),
        "overseas_future": (future, FUTURES[1]),
    }
    if mode == "real":
        written["pension"] = (settings.text("KOREA_INVESTMENT_PENSION_ACCOUNT"), "29")
    told = {part: _account(number, usual, part) for part, (number, usual) in written.items() if number}
    fit = {part: one for part, one in told.items() if part == "stock" or one.endswith(written[part][1])}
    return {**fit, "htsid": settings.text("KOREA_INVESTMENT_HTS_ID")}


def _account(number: str, usual: str, part: str) -> str:
    """One account number in full. Raises BadSetting, without telling it."""
    plain = number.replace("-", "").strip()
    product = plain[8:]
    fits = not product or (product in FUTURES) is ("future" in part)
    if not plain.isdigit() or len(plain) not in {8, 10} or not fits:
        raise BadSetting(
            f"the {part} account must be 8 digits, or 10 with its product (12345678-{usual})",
            hint=Hint(
                f"계좌번호 8자리 또는 12345678-{usual} 형식으로 쓰세요.", f"Write 8 digits, or 12345678-{usual}."
            ),
        )
    return f"{plain[:8]}-{product or usual}"


def _simulator_keys() -> list[Credential]:
    from dari.providers.kis.simulator.keys import PAPER, REAL  # noqa: PLC0415 -- only who asks for it pays for it

    found = []
    for key in (REAL, PAPER):
        accounts = {PARTS[product]: f"{number}-{product}" for number, product in key.accounts if product in PARTS}
        parts = {"appkey": key.appkey, "appsecret": key.appsecret, **accounts, "htsid": "simuser1"}
        found.append(Credential(mode=key.mode, parts=MappingProxyType(parts)))
    return found


async def _open_socket(url: str) -> Connection:
    from dari.upstream.wire.sockets import open_socket  # noqa: PLC0415 -- only who watches pays for websockets

    return await open_socket(url)


def _simulator(parts: Parts) -> tuple[Wire, Connect]:
    from dari.app.simulators import kis_simulator  # noqa: PLC0415 -- only who asks for it pays for it
    from dari.upstream.wire.in_process import open_app_socket  # noqa: PLC0415 -- only who asks for it pays for it

    app = kis_simulator(world=parts.clock, seed=parts.seed, clock=parts.clock)
    return parts.wire(app=app), partial(open_app_socket, app)
