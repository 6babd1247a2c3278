"""What is asked of strangers in matters of trust: an outside issuer's keys, and the page of a client (CIMD)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final

import httpx2
from fastmcp.server.auth.cimd import CIMDFetcher, CIMDFetchError, CIMDValidationError
from fastmcp.server.auth.providers.jwt import JWTVerifier
from fastmcp.utilities.auth import decode_jwt_header

from dari.core.errors import BadSetting, Hint, InvalidInput

log = logging.getLogger(__name__)

ALGORITHMS: Final = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"})
"""Signatures whose key is public. A secret shared with an issuer (HS256) could be used by anybody who verifies."""
TYPES: Final = frozenset({"", "jwt", "at+jwt", "application/at+jwt"})
ANSWER_SECONDS: Final = 10.0
MOST_BYTES: Final = 256 * 1024


async def page_of(client_id: str) -> Mapping[str, Any]:
    """The metadata document at a client's address: https, public addresses only, no redirects, 5 KB. InvalidInput."""
    try:
        found = await _PAGES.fetch(client_id)
    except (CIMDValidationError, CIMDFetchError) as error:
        log.info("a client's page was not read: %s", error)
        raise InvalidInput("the page at client_id cannot be read") from None
    return found.model_dump(mode="json", exclude_none=True)


_PAGES: Final = CIMDFetcher(timeout=ANSWER_SECONDS)


class OutsideKeys:
    """Verifies tokens of one issuer by the keys its own metadata names. Reads the metadata at first need."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self._keys: str | None = None
        self._verifiers: dict[str, JWTVerifier] = {}
        self._lock = asyncio.Lock()

    async def claims(self, token: str) -> Mapping[str, Any] | None:
        """The claims of a token whose signature, issuer and time hold; None for any other."""
        try:
            header = decode_jwt_header(token)
        except Exception:  # noqa: BLE001 -- a token from outside may be anything
            return None
        algorithm = header.get("alg")
        if algorithm not in ALGORITHMS or str(header.get("typ", "")).lower() not in TYPES:
            return None
        verifier = self._verifiers.get(algorithm)
        if verifier is None:
            verifier = JWTVerifier(jwks_uri=await self._key_address(), issuer=self._issuer, algorithm=algorithm)
            self._verifiers[algorithm] = verifier
        found = await verifier.verify_token(token)
        claims = None if found is None else found.claims
        # Without an end a token would hold for ever: RFC 9068 requires one.
        return claims if claims and isinstance(claims.get("exp"), int | float) else None

    async def _key_address(self) -> str:
        async with self._lock:
            if self._keys is None:
                self._keys = await _discovered(self._issuer)
            return self._keys


async def _discovered(issuer: str) -> str:
    """Where an issuer's keys are, by its own metadata (OpenID's or RFC 8414's). Raises BadSetting."""
    base = issuer.rstrip("/")
    host, _, path = base.partition("://")[2].partition("/")
    scheme = base.partition("://")[0]
    told = [f"{base}/.well-known/openid-configuration"]
    told.append(f"{scheme}://{host}/.well-known/oauth-authorization-server{'/' + path if path else ''}")
    async with httpx2.AsyncClient(timeout=ANSWER_SECONDS, follow_redirects=False) as client:
        for address in told:
            try:
                answer = await client.get(address)
                found = answer.json() if answer.status_code == 200 and len(answer.content) < MOST_BYTES else {}  # noqa: PLR2004 -- HTTP
            except (httpx2.HTTPError, ValueError):
                continue
            if isinstance(found, dict) and found.get("issuer") == issuer and str(found.get("jwks_uri", "")):
                return str(found["jwks_uri"])
    raise BadSetting(
        f"the issuer {issuer} does not tell its keys",
        hint=Hint(
            "DARI_AUTH의 주소가 발급자의 issuer와 글자까지 같은지 확인하세요.",
            "DARI_AUTH must be the issuer's own `issuer`, letter by letter.",
        ),
    )
