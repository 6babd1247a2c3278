"""The only room that touches the network: one pooled HTTP client, plain requests in, plain responses out."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2

from dari.core.errors import Hint, Unreachable
from dari.core.provider import Request, Response

LISTENS_SECONDS: Final = 0.5
"""Longest to wait for a port of this machine to take a connection."""
CONNECT_SECONDS: Final = 5.0
BODY_LIMIT: Final = 32 * 1024 * 1024
"""No upstream of ours sends more in one reply; a larger one is not read to its end."""

for _name in ("httpx2", "httpcore2"):  # they log whole URLs, and the keys of some upstreams travel in the query
    logging.getLogger(_name).setLevel(logging.WARNING)


class Wire:
    """An HTTP client that is made on first use and closed by the runtime.

    Errors never carry the URL's query or headers: keys of some upstreams travel there.
    """

    def __init__(self, *, timeout: float = 10.0, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._timeout = timeout
        self._transport = transport
        self._clients: dict[bool, httpx2.AsyncClient] = {}

    @classmethod
    def to_app(cls, app: Any) -> Wire:
        """A wire to an ASGI app in this process: a simulator, asked without a socket."""
        return cls(transport=httpx2.ASGITransport(app=app, raise_app_exceptions=False))

    def _opened(self, *, sealed: bool) -> httpx2.AsyncClient:
        """The client for https (`sealed`) or http: reading the trust store costs 0.1 s, and http has no use for it."""
        client = self._clients.get(sealed)
        if client is None:
            client = self._clients[sealed] = httpx2.AsyncClient(
                verify=sealed,
                timeout=httpx2.Timeout(self._timeout, connect=min(CONNECT_SECONDS, self._timeout)),
                limits=httpx2.Limits(max_connections=64, max_keepalive_connections=32, keepalive_expiry=30.0),
                transport=self._transport,
                follow_redirects=False,
                trust_env=self._transport is None,
            )
        return client

    async def send(self, request: Request) -> Response:
        """Send once, read to the end.

        Raises Unreachable: `executed` False where the request surely never left, None where it may have arrived.
        """
        headers = dict(request.headers)
        content: bytes | None = None
        if request.payload is not None:
            # A body of known length: KIS answers EGW00202 to a chunked one.
            content = json.dumps(request.payload, ensure_ascii=False).encode()
            headers.setdefault("content-type", "application/json; charset=utf-8")
        address = urlsplit(request.url)
        host, sealed = address.hostname or "?", address.scheme != "http"
        try:
            async with self._opened(sealed=sealed).stream(
                request.method, request.url, params=dict(request.query) or None, headers=headers, content=content
            ) as reply:
                read = bytearray()
                async for piece in reply.aiter_bytes():
                    read += piece
                    if len(read) > BODY_LIMIT:
                        raise Unreachable(f"{host} sent more than {BODY_LIMIT} bytes", executed=None)
                if _cut(reply.headers, len(read)):
                    raise Unreachable(f"{host} hung up in the middle of its reply", executed=None)
                return Response(reply.status_code, dict(reply.headers), bytes(read))
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol) as error:
            raise Unreachable(
                f"no connection to {host} ({type(error).__name__})", executed=False, hint=connect_hint(error)
            ) from None
        except httpx2.TimeoutException:
            raise Unreachable(f"{host} did not answer within {self._timeout:g} s", executed=None) from None
        except (httpx2.TransportError, httpx2.DecodingError, OSError) as error:
            raise Unreachable(f"the connection to {host} broke ({type(error).__name__})", executed=None) from None

    async def close(self) -> None:
        """Close every connection."""
        while self._clients:
            _, client = self._clients.popitem()
            await client.aclose()


def _cut(headers: Mapping[str, str], length: int) -> bool:
    """Whether fewer bytes came than were promised (an app in this process can hang up without an error)."""
    promised = headers.get("content-length", "")
    return "content-encoding" not in headers and promised.isdigit() and length < int(promised)


def connect_hint(error: Exception) -> Hint:
    """What to look at when no connection is made."""
    if "CERTIFICATE" in str(error).upper():
        return Hint(
            "시스템 인증서 저장소에 CA 인증서가 있는지 확인하세요 (Debian: apt install ca-certificates).",
            "Check that the system trust store has CA certificates (Debian: apt install ca-certificates).",
        )
    return Hint(
        "네트워크와 주소 설정을 확인하세요: dari doctor",
        "Check the network and the address in the settings: dari doctor",
    )


async def listens(port: int) -> bool:
    """Whether anything listens on that port of this machine."""
    try:
        async with asyncio.timeout(LISTENS_SECONDS):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
