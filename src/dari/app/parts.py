"""What an assembly of a provider is given to build its client from."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from dari.app.budgets import FileBudgets, SharedBudgets, Telling
from dari.app.places import Places
from dari.app.tenancy import Tenancy, Wallet
from dari.core.acts import Hand, holder_name
from dari.core.clock import Clock
from dari.core.errors import BadSetting, Hint, MissingExtra
from dari.core.events import Events
from dari.core.exchange import DEFAULT_PROFILE
from dari.core.provider import Dialect, Spec
from dari.core.sealing import Sealing
from dari.core.shared_state import FileState, SharedState, private_folder, write_private
from dari.serving.audit import Audit
from dari.serving.jobs import Jobs, JobsHere
from dari.settings import Settings
from dari.upstream.cache import CacheRules
from dari.upstream.client import Client, Pushes, Rules
from dari.upstream.wire import Wire

if TYPE_CHECKING:
    from dari.serving.plans import Caps, Plans

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
OPERATED = "payments"
"""The provider whose acts are an operator's, not orders."""
OPERATE = Hint(
    "사람이 DARI_PAYMENTS_OPERATE에 대상(host:port)을 지정하고 DARI_REACH=commit으로 켜야 합니다.",
    "acts are off: a person must name the system (host:port) in DARI_PAYMENTS_OPERATE and set DARI_REACH=commit",
)


class Degraded(Protocol):
    """Something that can be in a lesser state."""

    @property
    def degraded(self) -> bool:
        """Whether it is."""
        ...


def prices_move(at: datetime) -> bool:
    """Whether a Korean stock can trade at that time, on KRX or NXT."""
    from dari.core.krx import board  # noqa: PLC0415 -- the calendar of holidays is read by the first call, not the start

    return board(at, "UN").live


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Settings, clock, places, and makers of wires and clients. `simulated` asks for the simulator in this process."""

    settings: Settings
    clock: Clock
    places: Places
    events: Events
    simulated: bool
    seed: int
    closing: AsyncExitStack = field(default_factory=AsyncExitStack)
    degrading: list[Degraded] = field(default_factory=list)
    """What goes on without Redis where it is lost, and knows it."""
    jobs: Jobs = field(default_factory=JobsHere)
    tenancy: Tenancy = field(default_factory=Tenancy)
    names: dict[str, str] = field(default_factory=dict)
    """Provider → the name its state is kept under, which tells one origin from another."""
    rings: dict[str, Telling] = field(default_factory=dict)
    """Provider → what keeps its pace."""

    def wire(self, *, app: Any = None, timeout: float = 10.0) -> Wire:
        """A wire that is closed with the runtime; to the network, or to an ASGI app in this process."""
        wire = Wire.to_app(app) if app is not None else Wire(timeout=timeout)
        self.closing.push_async_callback(wire.close)
        return wire

    def origin(self, setting: str) -> str:
        """Another origin for an upstream, as the setting names it; "" for the upstream's own.

        Raises BadSetting for one beyond this machine that is not in DARI_TRUSTED_HOSTS: real keys would be sent there.
        """
        url = self.settings.text(setting)
        host = urlsplit(url).hostname or ""
        trusted = {one.strip() for one in self.settings.text("DARI_TRUSTED_HOSTS").split(",")}
        if url and host not in LOOPBACK | trusted:
            raise BadSetting(
                f"{setting} points to {host!r}, which is neither this machine nor a trusted host",
                hint=Hint(
                    f"키를 보내도 되는 곳이면 DARI_TRUSTED_HOSTS={host} 를 설정하세요.",
                    f"If your keys may go there, set DARI_TRUSTED_HOSTS={host}.",
                ),
            )
        return url

    def sealing(self) -> Sealing | None:
        """What seals kept upstream data (DARI_STORE_KEY); None where it is kept as it came. Raises BadSetting."""
        return Sealing.of(self.settings.text("DARI_STORE_KEY"))

    def client(
        self,
        spec: Spec,
        dialect: Dialect,
        *,
        origin: str,
        default_mode: Callable[[str], str],
        rules: Rules | None = None,
        pushes: Pushes | None = None,
        made: type[Client] = Client,
        wallet: Wallet | None = None,
    ) -> Client:
        """A client with the settings' rules, or a provider's own (its cache follows the settings all the same).

        What it keeps is told apart by origin: a simulator's stays its own.
        """
        name = f"{dialect.name}-{hashlib.sha256(origin.encode()).hexdigest()[:8]}" if origin else dialect.name
        state, ring = self._shared(name)
        if sealing := self.sealing():
            from dari.core.shared_state.sealed import SealedState  # noqa: PLC0415 -- only who seals pays for it

            state = SealedState(state, sealing)
        self.names[dialect.name], self.rings[dialect.name] = name, ring
        cache = CacheRules(
            l1_seconds=self.settings.number("CACHE_L1_TTL_SECONDS"),
            l2_seconds=self.settings.number("CACHE_L2_TTL_SECONDS"),
            moving=prices_move,
        )
        client = made(
            spec=spec,
            dialect=dialect,
            state=state,
            ring=ring,
            clock=self.clock,
            events=self.events,
            rules=replace(rules or Rules(), cache=cache),
            default_mode=default_mode,
            pushes=pushes,
        )
        if wallet is not None:
            client.borrows = self.tenancy.borrower(wallet)
        self.closing.push_async_callback(client.close)
        return client

    def _shared(self, name: str) -> tuple[SharedState, Telling]:
        """What the processes of a key share: files of this machine, or Redis for several (DARI_REDIS_URL)."""
        files = FileState(self.places.state / "shared" / name, self.clock)
        files.sweep()
        ring = FileBudgets(self.places.state / "pacing" / name, self.clock)
        url = self.settings.text("DARI_REDIS_URL")
        if not url:
            return files, ring
        try:
            from dari.core.shared_state.networked import Degrading, RedisState  # noqa: PLC0415 -- Redis is an extra
        except ImportError:
            hint = Hint("pip install 'dari[redis]'", "pip install 'dari[redis]'")
            raise MissingExtra("DARI_REDIS_URL needs the extra dari[redis]", hint=hint) from None
        state = Degrading(RedisState(url, self.clock), files, self.clock, self.events)
        self.closing.push_async_callback(state.close)
        self.degrading.append(state)
        return state, SharedBudgets(state, ring, self.clock, machine_name(self.places.state))

    def state(self, name: str) -> SharedState:
        """State of a name of its own that processes share."""
        return self._shared(name)[0]

    def plans(self, provider: str, hands: Iterable[Hand], audit: Audit, *, profile: str = DEFAULT_PROFILE) -> Plans:
        """Where a provider's plans are kept and done, within the caps of the settings; after its client was made.

        Each profile has plans, caps and an armed account of its own: another's plan is not there at all.
        """
        from dari.serving.plans import Plans  # noqa: PLC0415 -- a server that plans nothing does not pay for it

        own = "" if profile == DEFAULT_PROFILE else f"-{hashlib.sha256(profile.encode()).hexdigest()[:16]}"
        state = FileState(self.places.state / "plans" / f"{self.names[provider]}{own}", self.clock)
        state.sweep()
        if provider == OPERATED:
            caps = self._operator_caps()
            return Plans(
                hands, state=state, clock=self.clock, audit=audit, caps=caps, unarmed=OPERATE, status="plan_status",
                owner=profile,
            )  # fmt: skip
        caps = self._order_caps(self.tenancy.settings_of(profile, self.settings))
        return Plans(hands, state=state, clock=self.clock, audit=audit, caps=caps, owner=profile)

    def _order_caps(self, settings: Settings) -> Caps:
        from dari.serving.plans import Caps  # noqa: PLC0415 -- the same

        account, subjects = settings.text("DARI_ORDER_ACCOUNT"), settings.text("DARI_ORDER_SYMBOLS")
        return Caps(
            per_act=settings.whole("DARI_ORDER_MAX_KRW"),
            per_day=settings.whole("DARI_ORDER_MAX_DAY_KRW"),
            per_minute=settings.whole("DARI_ORDER_PER_MINUTE"),
            subjects=frozenset(one.strip().upper() for one in subjects.split(",")) if subjects else None,
            armed=holder_name(account) if account else None,
            rates=_rates(settings.text("DARI_ORDER_RATES")),
        )

    def _operator_caps(self) -> Caps:
        """An operator's acts move no money; they are counted, and armed for one address."""
        from dari.serving.plans import Caps  # noqa: PLC0415 -- the same

        where = self.settings.text("DARI_PAYMENTS_OPERATE")
        per_minute = self.settings.whole("DARI_PAYMENTS_ACTS_PER_MINUTE")
        return Caps(per_act=0, per_day=0, per_minute=per_minute, armed=holder_name(where) if where else None)


def machine_name(folder: Path) -> str:
    """A name of this machine (of this user's state on it) that tells nothing and stays."""
    path = private_folder(folder) / "machine"
    if not path.exists():
        write_private(path, secrets.token_hex(6).encode())
    return path.read_text()


def _rates(written: str) -> dict[str, Decimal]:
    """`USD=1500,JPY=10` as rates. Raises BadSetting."""
    rates = {}
    for one in filter(None, written.replace(" ", "").split(",")):
        currency, _, rate = one.partition("=")
        try:
            rates[currency.upper()] = Decimal(rate)
        except InvalidOperation:
            raise BadSetting("DARI_ORDER_RATES must be written like USD=1500,JPY=10") from None
    return rates
