"""For people who write programs: `from dari.kiwoom import KiwoomClient, KiwoomError`, the document's client for real.

Everything a call passes through on its way from an MCP client (checks, cache, pacing, retry, provenance) it passes
through here as well: this is a door, like the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from dari.app.runtime import Runtime
from dari.app.setting_up import settings_of
from dari.core.clock import Clock
from dari.core.errors import DariError
from dari.serving.dispatch import Dispatch, failed

__all__ = ["KiwoomClient", "KiwoomError"]

SERVER = "kiwoom"


class KiwoomError(Exception):
    """A call that failed: `code` is stable, `executed` False or None (unknown), `hint` the next step, `details` all."""

    def __init__(self, message: str, details: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.details = details
        self.code = str(details.get("code", "internal"))
        self.executed: bool | None = details.get("executed")
        self.hint = str(details.get("hint", ""))


class KiwoomClient:
    """One Kiwoom account, asked in Python. Keys come from the settings, or from `connect_to_kiwoom`.

    Use it as `async with KiwoomClient() as client`, or call `close()` at the end. Keyword arguments are settings by
    their names in lower case without the prefix (`mode="real"`, `timeout_seconds=10`, `attempts=1`).
    """

    def __init__(self, *, clock: Clock | None = None, **settings: object) -> None:
        self._flags = {f"KIWOOM_{name.upper()}": str(value) for name, value in settings.items()}
        self._clock = clock
        self._runtime: Runtime | None = None
        self._dispatch: Dispatch | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        runtime, self._runtime, self._dispatch = self._runtime, None, None
        if runtime is not None:
            await runtime.__aexit__()

    async def _opened(self) -> tuple[Runtime, Dispatch]:
        if self._runtime is None or self._dispatch is None:
            self._runtime = await Runtime(settings_of(self._flags), clock=self._clock).__aenter__()
            self._dispatch = self._runtime.server(SERVER)[1]
        return self._runtime, self._dispatch

    async def connect_to_kiwoom(self, app_key: str, app_secret: str, account_no: str) -> bool:
        """Sign in with these keys, and see that they belong to `account_no`.

        False where the key is of another account; raises KiwoomError where Kiwoom refuses the key.
        """
        await self.close()
        self._flags |= {"KIWOOM_APP_KEY": app_key, "KIWOOM_SECRET_KEY": app_secret}
        runtime, _ = await self._opened()
        try:
            reply = await runtime.client_of(SERVER).asking().ask("ka00001")
        except DariError as error:
            raise KiwoomError(error.message, failed(error, runtime.caller().language).structured) from error
        return str(reply.body.get("acctNo", "")).strip() == account_no.replace("-", "").strip()

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The whole answer of any tool of the server: `success`, `data`, `message`, `provenance`, `gaps`."""
        runtime, dispatch = await self._opened()
        outcome = await dispatch.call(tool, arguments, runtime.caller())
        if outcome.error is not None:
            raise KiwoomError(str(outcome.structured.get("error", outcome.structured["message"])), outcome.structured)
        return dict(outcome.structured)

    async def _data(self, tool: str, **arguments: Any) -> dict[str, Any]:
        whole = await self.call(tool, **arguments)
        marks = {name: whole[name] for name in ("stale", "stale_seconds", "simulated") if name in whole}
        return {**whole["data"], **marks}

    async def get_stock_price(self, stock_code: str) -> dict[str, Any]:
        """`stock_code, price, change, change_rate, volume, timestamp`, and venue, as_of and more; won, percent."""
        return await self._data("get_stock_price", stock_code=stock_code)

    async def get_account_info(self) -> dict[str, Any]:
        """`account_no` (masked), `balance` 예수금, `total_value`, `profit_loss`, `timestamp`, and more; won."""
        return await self._data("get_account_info")

    async def get_stock_info(self, stock_code: str) -> dict[str, Any]:
        """`stock_code, name, market, sector, timestamp`, and more."""
        return await self._data("get_stock_info", stock_code=stock_code)

    async def get_market_status(self) -> dict[str, Any]:
        """`market_open, current_time, market_type, status`, and what they are based on."""
        return await self._data("get_market_status")

    async def get_stock_history(self, stock_code: str, days: int = 30) -> dict[str, Any]:
        """`columns` and `rows` of daily bars, newest first; won and shares."""
        return await self._data("get_stock_history", stock_code=stock_code, days=days)
