"""Every setting, with what it means and where its value came from. Read by `app` only."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

import platformdirs

from dari.core.errors import BadSetting, Hint, MissingExtra
from dari.core.secret import Secret


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `choices` closes the list; `whole`, `number` and `flag` are checked when it is read.

    `devlp` is its name in kis_devlp.yaml, the file of KIS's own samples. A `secret` is never told, only its presence.
    """

    name: str
    about: str
    default: str = ""
    choices: tuple[str, ...] = ()
    kind: str = "text"
    secret: bool = False
    devlp: str = ""


SETTINGS: Final[tuple[Setting, ...]] = (
    Setting("DARI_REACH", "How far callers may reach", "read", ("read", "change", "commit")),
    Setting("DARI_LANG", "Language of hints and text", "ko", ("ko", "en")),
    Setting("DARI_HOME", "One folder for config, data, state and cache instead of the platform's"),
    Setting("DARI_TRUSTED_HOSTS", "Hosts beyond this machine that DARI_<PROVIDER>_URL may name, with commas"),
    Setting("DARI_REDIS_URL", "A Redis that machines share: cache, pacing, grants, plans", secret=True),
    Setting("DARI_JOBS", "Where long works run: in this process, in all that share DARI_REDIS_URL, or in `dari worker`",
            "here", ("here", "shared", "workers")),
    Setting("DARI_SESSIONS", "Sessions of MCP until 2025-11-25: in this process, or none, so that any replica answers",
            "here", ("here", "none")),
    Setting("DARI_DEADLINE_SECONDS", "Longest a tool call may take", "20", kind="number"),
    Setting("DARI_ORDER_ACCOUNT", "Arms orders for this one account number (with DARI_REACH=commit); empty: no orders",
            secret=True),
    Setting("DARI_ORDER_MAX_KRW", "Most won one order may move", "1000000", kind="whole"),
    Setting("DARI_ORDER_MAX_DAY_KRW", "Most won all orders of a day may move", "5000000", kind="whole"),
    Setting("DARI_ORDER_PER_MINUTE", "Most orders, changes and cancels in a minute", "5", kind="whole"),
    Setting("DARI_ORDER_RATES", "Won per unit of a currency, for the caps: USD=1500,JPY=10"),
    Setting("DARI_ORDER_SYMBOLS", "Issues that may be ordered, by code with commas (empty: any)"),
    Setting("DARI_ALERT_WEBHOOK", "Where dari watch posts alerts as JSON (https, or http here)", secret=True),
    Setting("DARI_KIS_URL", "Another origin for KIS (a simulator, a proxy), serving /real, /paper and /master"),
    Setting("KOREA_INVESTMENT_APP_KEY", "KIS real app key", secret=True, devlp="my_app"),
    Setting("KOREA_INVESTMENT_APP_SECRET", "KIS real app secret", secret=True, devlp="my_sec"),
    Setting("KOREA_INVESTMENT_PAPER_APP_KEY", "KIS paper (모의투자) app key", secret=True, devlp="paper_app"),
    Setting("KOREA_INVESTMENT_PAPER_APP_SECRET", "KIS paper (모의투자) app secret", secret=True, devlp="paper_sec"),
    Setting("KOREA_INVESTMENT_ACCOUNT", "KIS real account: 8 digits or 12345678-01", secret=True,
            devlp="my_acct_stock"),
    Setting("KOREA_INVESTMENT_FUTURE_ACCOUNT", "KIS real futures account (domestic -03, overseas -08)", secret=True,
            devlp="my_acct_future"),
    Setting("KOREA_INVESTMENT_PENSION_ACCOUNT", "KIS pension account (퇴직연금, 12345678-29)", secret=True),
    Setting("KOREA_INVESTMENT_PAPER_ACCOUNT", "KIS paper account", secret=True, devlp="my_paper_stock"),
    Setting("KOREA_INVESTMENT_PAPER_FUTURE_ACCOUNT", "KIS paper futures account", secret=True,
            devlp="my_paper_future"),
    Setting("KOREA_INVESTMENT_PRODUCT", "Product code of accounts written without one (01, 22 or 29)", "01",
            devlp="my_prod"),
    Setting("KOREA_INVESTMENT_HTS_ID", "HTS id, for notices of one's own executions", secret=True, devlp="my_htsid"),
    Setting("KIS_MODE", "Mode of KIS account and order calls", "paper", ("paper", "real")),
    Setting("KIS_REAL_PER_SECOND", "KIS calls a second with a real key (3 in a new customer's first 3 days)", "18",
            kind="whole"),
    Setting("DARI_KIWOOM_URL", "Another origin for Kiwoom (a simulator, a proxy), serving /real and /mock"),
    Setting("KIWOOM_APP_KEY", "Kiwoom app key of the mode in KIWOOM_MODE", secret=True),
    Setting("KIWOOM_SECRET_KEY", "Kiwoom secret key of the same mode", secret=True),
    Setting("KIWOOM_MODE", "Mode of every Kiwoom call", "mock", ("mock", "real")),
    Setting("KIWOOM_TIMEOUT_SECONDS", "Longest one Kiwoom request may take", "30", kind="number"),
    Setting("KIWOOM_ATTEMPTS", "How often a Kiwoom read is tried in all", "3", kind="whole"),
    Setting("KIWOOM_RETRY_FIRST_SECONDS", "Wait before the second try; it doubles", "1", kind="number"),
    Setting("KIWOOM_STALE_SECONDS", "How old a last real value may be that stands in, marked stale (0: never)", "300",
            kind="number"),
    Setting("KIWOOM_SAMPLE_FALLBACK", "1: marked sample values where Kiwoom does not answer (never account or order)",
            "", ("", "0", "1")),
    Setting("API_BASE_URL", "Where the payment monitoring service is (dari service monitoring)",
            "http://localhost:8082"),
    Setting("DARI_PAYMENTS_URL", "Where the payment platform is, for the monitoring service", "http://localhost:8090"),
    Setting("DARI_PAYMENTS_WORKERS", "Where its workers are when they run in processes of their own, with commas"),
    Setting("DARI_PAYMENTS_DB_URL", "The payment database (SQLAlchemy URL); empty: SQLite of our own", secret=True),
    Setting("DARI_PAYMENTS_REDIS_URL", "The payment system's Redis; empty: one in the platform's process", secret=True),
    Setting("DARI_PAYMENTS_KAFKA_BOOTSTRAP", "Its Kafka brokers; empty: a log in the platform's process"),
    Setting("DARI_PAYMENTS_PROMETHEUS_URL", "Its Prometheus, for longer history"),
    Setting("DARI_PAYMENTS_LOADTEST_TARGETS", "Addresses a load test may go to, with commas",
            "http://localhost:8090"),
    Setting("DARI_PAYMENTS_LOADTEST_RESULTS", "Folder of load-test summaries (k6's or ours); empty: ours"),
    Setting("DARI_PAYMENTS_OPERATOR_TOKEN", "What the monitoring service takes an operator's acts with; empty: none",
            secret=True),
    Setting("DARI_PAYMENTS_OPERATE", "Arms an operator's acts for one monitoring service, host:port; empty: none"),
    Setting("DARI_PAYMENTS_ACTS_PER_MINUTE", "Most operator's acts in a minute", "5", kind="whole"),
    Setting("CACHE_L1_TTL_SECONDS", "Longest a reply is told again from memory", "60", kind="number"),
    Setting("CACHE_L2_TTL_SECONDS", "Longest a reply is told again from the shared cache", "300", kind="number"),
    Setting("MAX_RANKING_COUNT", "Most rows a ranking may be asked for (1 to 50)", "50", kind="whole"),
    Setting("KRX_AUTH_KEY", "Key of the KRX Open API (openapi.krx.co.kr): whole-market days for the rankings",
            secret=True),
    Setting("DART_API_KEY", "Key of OpenDART (opendart.fss.or.kr): disclosures and treasury stock", secret=True),
    Setting("DARI_KRX_URL", "Another origin for the KRX Open API (a simulator, a proxy)"),
    Setting("DARI_DART_URL", "Another origin for OpenDART (a simulator, a proxy)"),
    Setting("KRX_PER_SECOND", "Most calls a second to the KRX Open API, whose own limit is not published", "5",
            kind="whole"),
    Setting("KRX_TIMEOUT_SECONDS", "Longest one KRX request may take", "30", kind="number"),
    Setting("DART_TIMEOUT_SECONDS", "Longest one OpenDART request may take", "30", kind="number"),
    Setting("DARI_RANKING_SOURCES", "Who joins KIS in the rankings where its key is set, with commas (none: nobody)",
            "krx,dart,kiwoom"),
    Setting("DARI_DAYS_FILL", "First fill of the day store: on first use (auto), or by `dari days fill` only (off)",
            "auto", ("auto", "off")),
    Setting("UNUSUAL_VOLUME_THRESHOLD", "Unusual volume: percent of the 20-day mean, by default", "200", kind="number"),
    Setting("DARI_NARAMARKET_URL", "Another origin for data.go.kr's procurement services (a simulator, a proxy)"),
    Setting("NARAMARKET_SERVICE_KEY", "data.go.kr service key 일반 인증키 (Encoding or Decoding)", secret=True),
    Setting("OUTPUT_DIR", "The one folder the Naramarket file tools read and write; empty: in Dari's data folder"),
    Setting("NARAMARKET_PER_SECOND", "Most calls a second of one operation", "30", kind="whole"),
    Setting("NARAMARKET_TIMEOUT_SECONDS", "Longest one call to data.go.kr may take", "60", kind="number"),
    Setting("DARI_AUTH", "Sign-in over HTTP: builtin, or the address of an outside issuer; empty: this machine only"),
    Setting("DARI_PUBLIC_URL", "The address clients know this server by (https beyond this machine)"),
    Setting("DARI_AUTH_DB_URL", "Users and clients are kept there (SQLAlchemy URL); empty: SQLite", secret=True),
    Setting("DARI_AUTH_TOKEN_SECONDS", "How long an access token holds", "1800", kind="whole"),
    Setting("DARI_AUTH_REGISTRATION", "1: programs may register themselves (RFC 7591)", "", ("", "0", "1")),
    Setting("DARI_AUTH_CLIENT_PAGES", "1: a program may be named by the https address of its own metadata (CIMD)", "1",
            ("0", "1")),
    Setting("DARI_AUTH_PASSWORD_GRANT", "1: grant_type=password is taken", "", ("", "0", "1")),
    Setting("DARI_AUTH_SCOPES", "An outside issuer's scopes in our words: payments:read=read,payments:write=change"),
    Setting("DARI_AUTH_AUDIENCE", "What an outside issuer names this server by, where it is not its address; commas"),
    Setting("DARI_AUTH_TENANT_CLAIM", "Where an outside issuer's token names the tenant", "tenant"),
    Setting("DARI_VAULT_KEY", "Keys that encrypt what is kept (dari auth vault-key), commas; empty: a file of our own",
            secret=True),
    Setting("DARI_STORE_KEY", "Keys that seal cached and stored upstream data (dari auth vault-key), commas; the first"
            " seals, all open; empty: kept as it came", secret=True),
    Setting("DARI_ALLOWED_IPS", "Addresses and networks that may ask over HTTP, with commas; empty: any"),
    Setting("DARI_TRUSTED_PROXIES", "Addresses of proxies whose X-Forwarded-For is believed, with commas"),
    Setting("DARI_ALLOWED_HOSTS", "Other names this server answers to, with commas"),
    Setting("DARI_LOG_DIR", "Folder of JSON-line logs (dari.log); empty: none but stderr"),
    Setting("DARI_ALERT_RESPONSE_SECONDS", "Alert: mean response time of the last 100 calls above", "2",
            kind="number"),
    Setting("DARI_ALERT_ERROR_RATE", "Alert: share of the last 100 calls that failed above", "0.05", kind="number"),
    Setting("DARI_ALERT_CACHE_HIT_RATE", "Alert: share of the last 100 calls answered from a cache below", "0.7",
            kind="number"),
    Setting("DARI_ALERT_MEMORY_MB", "Alert: memory of a process above, in MiB (0: never)", "1024", kind="whole"),
    Setting("DARI_ALERT_UNUSUAL", "Alert: issues with unusual volume in the last 100 calls above", "50", kind="whole"),
    Setting("DARI_ALERT_CONSOLE", "1: alerts are also written to stderr", "", ("", "0", "1")),
    Setting("DARI_ALERT_WEBHOOK", "Alerts are also posted here as JSON", secret=True),
    Setting("DARI_ALERTMANAGER_URL", "Alerts are also posted to this Alertmanager, such as http://alertmanager:9093"),
    Setting("DARI_METRICS_TOKEN", "What /metrics asks for as a bearer token where sign-in is on; empty: it is closed",
            secret=True),
    Setting("DARI_TRACES_URL", "OpenTelemetry traces are sent here (OTLP over HTTP, …/v1/traces); empty: none"),
    Setting("LOG_LEVEL", "What is logged", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")),
)  # fmt: skip

SAVE_AS_UTF8: Final = Hint(
    "무엇이 틀렸는지 dari doctor가 짚어 줍니다. 파일은 UTF-8로 저장하세요.",
    "dari doctor points at what is wrong; save the file as UTF-8.",
)
Figure = TypeVar("Figure", int, float)

DEVLP_FILE: Final = Path("KIS", "config", "kis_devlp.yaml")
"""Where KIS's setup guide puts its file, below the home folder."""

DEVLP_VARIANTS: Final = tuple(
    Path(folder, name)
    for folder in ("KIS/config", "kis/config", "KIS", "kis")
    for name in ("kis_devlp.yaml", "kis_devlp.yml", "devlp.yaml")
)
"""The guide spells the folder and the file in more than one way; the first that is there is read."""

OWN_FILE: Final = "dari.env"
"""What `dari setup` keeps, in Dari's config folder, private to the user."""

IN_KEYRING: Final = "@keyring"
"""The value in OWN_FILE of a secret that the system's keyring holds, under the service `dari` and its own name."""

REFERENCE: Final = re.compile(r"\$\{[^}]*\}")
"""A reference that a client passed on as it stands, since it had nothing to fill in: no value."""

EXAMPLE: Final = re.compile(r".*[ㄱ-ㅎ가-힣].*")
"""The Korean words that stand in an example's place for a key or an account: no value."""


@dataclass(frozen=True, slots=True)
class Found:
    """A value and who gave it: "flag", "environment", ".env", "keyring", "dari.env", "kis_devlp.yaml" or "default"."""

    value: str = field(repr=False)
    won: str


class Settings:
    """The settings as found: flag > environment > .env > keyring and dari.env > kis_devlp.yaml > default."""

    def __init__(self, found: Mapping[str, Found]) -> None:
        self._found = found

    def found(self, name: str) -> Found:
        """The value with its origin."""
        return self._found[name]

    def but(self, flags: Mapping[str, str]) -> Settings:
        """The same settings with other values for some."""
        return Settings({**self._found, **{name: Found(value, "flag") for name, value in flags.items()}})

    def text(self, name: str) -> str:
        return self._found[name].value

    def secret(self, name: str) -> Secret:
        """A value that does not print itself."""
        return Secret(self._found[name].value)

    def secrets(self) -> tuple[Secret, ...]:
        """Every secret there is, for what must not let them through."""
        return tuple(Secret(found.value) for row, found in self if row.secret and found.value)

    def whole(self, name: str) -> int:
        return self._read(name, int, "a whole number")

    def number(self, name: str) -> float:
        return self._read(name, float, "a number")

    def _read(self, name: str, kind: Callable[[str], Figure], what: str) -> Figure:
        try:
            value = kind(self.text(name))
        except ValueError:
            raise BadSetting(f"{name} must be {what}", hint=_hint(name)) from None
        if value < 0:
            raise BadSetting(f"{name} must not be negative", hint=_hint(name))
        return value

    def __iter__(self) -> Iterator[tuple[Setting, Found]]:
        for row in SETTINGS:
            yield row, self._found[row.name]


def resolve(
    *, flags: Mapping[str, str] | None = None, environment: Mapping[str, str] | None = None, home: Path | None = None
) -> Settings:
    """Find every setting. Raises BadSetting for a value outside its list, naming the setting, never a secret."""
    environment = os.environ if environment is None else environment
    home = Path.home() if home is None else home
    sources = (
        ("flag", flags or {}),
        ("environment", environment),
        (".env", _dotenv(Path(environment.get("DARI_DOTENV", ".env")))),
        (OWN_FILE, _dotenv(own_file({**environment, **(flags or {})}))),
    )
    devlp: Mapping[str, str] | None = None
    found = {}
    for row in SETTINGS:
        for won, values in sources:
            value = values.get(row.name, "").strip()
            if value == IN_KEYRING:
                value, won = _from_keyring(row.name), "keyring"  # noqa: PLW2901 -- the file only says who has it
            if value and not REFERENCE.fullmatch(value) and not (row.secret and EXAMPLE.fullmatch(value)):
                found[row.name] = Found(value, won)
                break
        else:
            if row.devlp and devlp is None:
                file = devlp_file(home)
                devlp = _devlp(file) if file else {}
            value = devlp.get(row.devlp, "") if row.devlp and devlp else ""
            if value and not EXAMPLE.fullmatch(value):
                found[row.name] = Found(value, DEVLP_FILE.name)
            else:
                found[row.name] = Found(row.default, "default")
        _checked(row, found[row.name])
    return Settings(found)


def _checked(row: Setting, found: Found) -> None:
    value = found.value
    if row.choices and value.lower() not in {one.lower() for one in row.choices}:
        raise BadSetting(f"{row.name}={value!r} ({found.won}) is not one of {', '.join(row.choices)}")
    settings = Settings({row.name: found})
    if row.kind == "whole":
        settings.whole(row.name)
    elif row.kind == "number":
        settings.number(row.name)


def _hint(name: str) -> Hint:
    return Hint(f"{name} 값을 고치세요. 출처는 dari doctor가 보여 줍니다.", f"Correct {name}; dari doctor tells where.")


def own_file(environment: Mapping[str, str]) -> Path:
    """The file that `dari setup` keeps settings in."""
    home = environment.get("DARI_HOME", "")
    folder = Path(home).expanduser() / "config" if home else platformdirs.user_config_path("dari", appauthor=False)
    return folder / OWN_FILE


def devlp_file(home: Path) -> Path | None:
    """The file of KIS's samples, where the guide puts it or in one of its other spellings; None: none is there."""
    return next((home / one for one in DEVLP_VARIANTS if (home / one).is_file()), None)


def _from_keyring(name: str) -> str:
    try:
        import keyring  # noqa: PLC0415 -- an extra, and slow: only who keeps secrets there pays for it
    except ImportError:
        hint = Hint("pip install 'dari[keyring]'", "pip install 'dari[keyring]'")
        raise MissingExtra(f"{name} is in the keyring, which needs the extra dari[keyring]", hint=hint) from None
    try:
        return (keyring.get_password("dari", name) or "").strip()
    except keyring.errors.KeyringError as error:
        hint = Hint(
            "키체인 잠금을 풀거나 dari setup으로 다시 저장하세요.", "Unlock the keyring, or run dari setup again."
        )
        raise BadSetting(f"{name} cannot be read from the keyring ({type(error).__name__})", hint=hint) from None


def _dotenv(path: Path) -> Mapping[str, str]:
    if not path.is_file():
        return {}
    from dotenv import dotenv_values  # noqa: PLC0415 -- only who has a .env pays for reading it

    try:
        path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise BadSetting(f"{path.name} is not UTF-8", hint=SAVE_AS_UTF8) from None
    return {
        name: value
        for name, value in dotenv_values(path, interpolate=False, encoding="utf-8-sig").items()
        if value is not None
    }


def _devlp(path: Path) -> Mapping[str, str]:
    if not path.is_file():
        return {}
    import yaml  # noqa: PLC0415 -- only who has the file pays for reading it

    try:
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        raise BadSetting(
            f"{path.name} cannot be read as UTF-8 YAML",
            hint=SAVE_AS_UTF8,
        ) from None
    if not isinstance(told, Mapping):
        return {}
    return {str(name): str(value).strip() for name, value in told.items() if value is not None}
