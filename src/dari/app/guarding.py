"""Who may come in over HTTP, put together from the settings: our own authorization server, or an outside issuer."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlsplit

from dari.app.listening import is_loopback
from dari.app.places import Places
from dari.app.runtime import Runtime
from dari.app.tenancy import Profiles
from dari.core.clock import Clock
from dari.core.endpoint import Effect
from dari.core.errors import BadSetting
from dari.serving.callers import Caller, Permit
from dari.serving.gate import Denied, Guard, SignIn
from dari.serving.oauth.admission import Admission, Tokens, networks
from dari.serving.oauth.believed import OutsideTokens, OwnTokens
from dari.serving.oauth.clients import Clients, PageOf
from dari.serving.oauth.consent import Consent
from dari.serving.oauth.issuer import Issuer
from dari.serving.oauth.pages import Pages, described, is_public
from dari.serving.oauth.people import People
from dari.serving.oauth.records import Records
from dari.serving.oauth.vault import Vault
from dari.settings import Settings

BUILTIN = "builtin"


@dataclass(frozen=True, kw_only=True)
class House:
    """What is kept about people, programs and keys: opened by a server, and by `dari auth`."""

    settings: Settings
    clock: Clock
    records: Records
    vault: Vault
    people: People
    clients: Clients = field(repr=False)

    @classmethod
    def of(cls, settings: Settings, clock: Clock, *, reads_pages: bool = False) -> House:
        """The one the settings name."""
        places = Places.of(settings.text("DARI_HOME"))
        records = Records.of(places.data, settings.text("DARI_AUTH_DB_URL"))
        vault = Vault.of(places.config, settings.text("DARI_VAULT_KEY"))
        page_of: PageOf | None = None
        if reads_pages and settings.text("DARI_AUTH_CLIENT_PAGES") == "1":
            from dari.serving.mcp_door import outside  # noqa: PLC0415 -- FastMCP is imported only with --http

            page_of = outside.page_of
        return cls(
            settings=settings,
            clock=clock,
            records=records,
            vault=vault,
            people=People(records, clock),
            clients=Clients(records, clock, page_of),
        )

    def issuer(self, base: str) -> Issuer:
        """Our own authorization server at an address."""
        return Issuer(
            base,
            records=self.records,
            vault=self.vault,
            clock=self.clock,
            people=self.people,
            clients=self.clients,
            password_grant=self.settings.text("DARI_AUTH_PASSWORD_GRANT") == "1",
            token_seconds=self.settings.whole("DARI_AUTH_TOKEN_SECONDS"),
        )


def guard(runtime: Runtime, base: str, servers: Collection[str], *, listening_on: str = "") -> Guard | None:
    """What guards an address with these servers; None where no sign-in is configured."""
    settings, clock = runtime.settings, runtime.clock
    chosen = settings.text("DARI_AUTH")
    if not chosen:
        return None
    house = House.of(settings, clock, reads_pages=chosen == BUILTIN)
    runtime.parts.closing.callback(house.records.close)
    runtime.parts.tenancy.profiles = Profiles(house.records, house.vault, settings, clock)
    if settings.text("DARI_REDIS_URL"):  # replicas count together
        runtime.limits.share(runtime.parts.state("limits"))
    resources = ["/mcp", "/api/v1", *(f"/{name}/mcp" for name in servers)]
    issuer = house.issuer(base) if chosen == BUILTIN else None
    admission = Admission(
        OwnTokens(issuer) if issuer else _outside(house, chosen, base),
        base,
        clock=clock,
        resources=resources,
        allowed=networks(settings.text("DARI_ALLOWED_IPS").split(",")),
        proxies=networks(settings.text("DARI_TRUSTED_PROXIES").split(",")),
        most=Effect[settings.text("DARI_REACH").upper()],
        language=settings.text("DARI_LANG").lower(),
    )
    sign_in = None
    if issuer is None:
        routes = described(admission)
    else:
        issuer.forget = admission.forget
        consent = Consent(base, house.vault, clock)
        registers = settings.text("DARI_AUTH_REGISTRATION") == "1"
        pages = Pages(issuer, admission, consent, registers=registers)
        routes, sign_in = pages.routes(), SignIn(enter=pages.entered, leave=pages.left)
    others = [one.strip() for one in settings.text("DARI_ALLOWED_HOSTS").split(",") if one.strip()]
    return Guard(
        gate=admission,
        routes=routes,
        public=is_public,
        scripted=lambda path: is_public(path) and path not in {"/auth/authorize", "/auth/login", "/auth/me"},
        challenge=partial(_challenge, admission),
        hosts=(urlsplit(base).netloc, *others, *([listening_on] if listening_on else [])),
        origins=(base,),
        sign_in=sign_in,
        issuer="" if issuer else chosen,
    )


def _outside(house: House, chosen: str, base: str) -> Tokens:
    from dari.serving.mcp_door.outside import OutsideKeys  # noqa: PLC0415 -- FastMCP is imported only with --http

    parts = urlsplit(chosen)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        raise BadSetting("DARI_AUTH is builtin, or the https address of an issuer (http only on this machine)")
    settings = house.settings
    names = {}
    for one in filter(None, (one.strip() for one in settings.text("DARI_AUTH_SCOPES").split(","))):
        theirs, _, ours = one.partition("=")
        names[theirs.strip()] = ours.strip()
    return OutsideTokens(
        chosen,
        OutsideKeys(chosen).claims,
        people=house.people,
        names=names,
        tenant_claim=settings.text("DARI_AUTH_TENANT_CLAIM"),
        audiences=tuple(one.strip() for one in settings.text("DARI_AUTH_AUDIENCE").split(",") if one.strip()),
        base=base,
    )


def _challenge(admission: Admission, path: str, needed: Permit, caller: Caller) -> Denied:
    scope = admission.tokens.named(needed, caller.permits or ())
    return Denied(
        403, "insufficient_scope", "this call needs more than the token allows", scope, admission.metadata_address(path)
    )
