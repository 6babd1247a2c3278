"""Where a server may listen, and what address clients know it by."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from dari.core.errors import BadSetting, Hint, NotAllowed
from dari.settings import Settings


def is_loopback(host: str) -> bool:
    """Whether a host to listen on is this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def may_listen(settings: Settings, host: str) -> None:
    """Raise NotAllowed for an address beyond this machine without sign-in."""
    if not is_loopback(host) and not settings.text("DARI_AUTH"):
        raise NotAllowed(
            f"listening on {host} needs sign-in, which is not configured",
            hint=Hint(
                "127.0.0.1에서만 인증 없이 열 수 있습니다. DARI_AUTH=builtin 과 dari auth admin 으로 시작하세요.",
                "Without sign-in only loopback is served: set DARI_AUTH=builtin and begin with dari auth admin.",
            ),
        )


def public_address(settings: Settings, host: str, port: int) -> str:
    """The address clients know us by. Raises BadSetting for one that tokens must not travel to."""
    told = settings.text("DARI_PUBLIC_URL").rstrip("/") or (
        f"http://{host}:{port}" if port and is_loopback(host) else ""
    )
    parts = urlsplit(told)
    safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    if not parts.netloc or not safe or parts.path or parts.query:
        raise BadSetting(
            "DARI_PUBLIC_URL must be the https address clients know this server by (http only on this machine)",
            hint=Hint(
                "예: DARI_PUBLIC_URL=https://dari.example.com", "Such as DARI_PUBLIC_URL=https://dari.example.com"
            ),
        )
    return told
