"""연결: whether the key works, in which mode, until when; keys are settings and never arguments."""

from __future__ import annotations

from typing import Final

from dari.core.exchange import Answer
from dari.core.tool import Tool, Upstream
from dari.providers.kiwoom.models import head
from dari.providers.kiwoom.spec import SPEC
from dari.providers.kiwoom.tools.account import NUMBER, NoArguments, masked
from dari.providers.kiwoom.tools.envelope import MAYBE_TEXT, failing, good, schema

MODES: Final = {"real": "real", "paper": "mock"}
"""Our word and Kiwoom's for trading without money."""


async def connection_status(_: NoArguments, upstream: Upstream) -> Answer:
    """Sign in and ask for the account's number. Raises MissingCredential, SignInRefused, WrongMode, Unreachable."""
    standing = await upstream.standing()
    reply = await upstream.ask(NUMBER)
    account = masked(head(SPEC.endpoint(NUMBER), reply.body).rows[0]["account_no"])
    until = standing.signed_in_until
    data = {
        "connected": True,
        "mode": MODES[standing.mode],
        "account_no": account,
        "token_expires": until.isoformat() if until else None,
        "simulated": reply.simulated,
        "timestamp": reply.fetched_at.isoformat(timespec="seconds"),
    }
    lines = [f"모드 {data['mode']} · 계좌 {account} · 토큰 만료 {data['token_expires']}"]
    return good(upstream, data, "키움 API 연결 확인 완료", lines=lines)


TOOLS: Final = (
    Tool(
        name="connection_status",
        title="연결 상태",
        description="Is Kiwoom reachable with the configured key: mode (real/mock), masked account, token expiry.",
        query=NoArguments,
        output=schema(
            {"connected": "boolean", "mode": "string", "account_no": MAYBE_TEXT, "token_expires": MAYBE_TEXT}
        ),
        run=connection_status,
        toolset="account",
        endpoints=(NUMBER,),
        failed=failing("연결 상태 확인"),
    ),
)
