"""`dari watch`: pushed prices, books and executions in a terminal, with alerts; Ctrl-C ends it and says how it went."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from dari.app.runtime import Runtime
from dari.app.setting_up import settings_of
from dari.app.watching import Seen, View, Webhook, watching
from dari.cli.printing import OK, document
from dari.core.alerts import Fired, written
from dari.core.live import Cut, Overrun, Tick

PER_SECOND: Final = 8
"""Times a second a terminal is drawn anew."""
COLUMNS: Final = 8
LAST_ALERTS: Final = 5
BELL: Final = "\a"


async def watch(
    name: str,
    items: tuple[str, ...],
    *,
    kind: str,
    alerts: tuple[str, ...],
    webhook: str | None,
    seconds: float,
    as_json: bool,
    simulated: bool,
    seed: int,
) -> int:
    """Watch until Ctrl-C, or for so many seconds (0: no end)."""
    meant = [written(one) for one in alerts]
    settings = settings_of()
    async with Runtime(settings, simulated=simulated, seed=seed) as runtime:
        url = webhook if webhook is not None else settings.text("DARI_ALERT_WEBHOOK")
        hook = Webhook(url, runtime.parts.wire()) if url and meant else None
        screen: Screen = Lines() if as_json else Terminal(Console())
        try:
            async with watching(runtime, name, items, kind=kind, alerts=meant) as view:
                screen.begin(view)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(seconds or None):
                        async for seen in view.seen:
                            screen.tell(seen)
                            for fired in seen.fired:
                                if hook is not None:
                                    hook.tell(_alert(seen, fired, view.begun))
        finally:
            if hook is not None:
                await hook.close()
            if screen.begun:
                screen.end(hook)
    return OK


def _alert(seen: Seen, fired: Fired, begun: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What a webhook and a line of JSON tell of an alert; `text` is what chat services show."""
    at = seen.what.at.isoformat(timespec="milliseconds") if isinstance(seen.what, Tick) else None
    simulated = any(one["simulated"] for one in begun)
    mark = "[모의 데이터 simulated] " if simulated else ""
    return {
        "event": "alert",
        "at": at,
        **fired.told(),
        "simulated": simulated,
        "text": f"{mark}{fired.alert}: {fired.item} {fired.value:,.12g}",
    }


class Screen:
    """Where it is shown; what is counted either way."""

    def __init__(self) -> None:
        self.begun: Sequence[Mapping[str, Any]] = ()
        self.columns: Sequence[str] = ()
        self.records = 0
        self.alerts = 0
        self.cuts = 0
        self.lost = 0

    def begin(self, view: View) -> None:
        """It is being watched."""
        self.begun, self.columns = view.begun, view.columns

    def tell(self, seen: Seen) -> None:
        """Something happened."""
        self.alerts += len(seen.fired)
        match seen.what:
            case Tick():
                self.records += 1
            case Cut():
                self.cuts += 1
            case Overrun(lost):
                self.lost += lost

    def end(self, hook: Webhook | None) -> None:
        """It is over."""

    def summary(self, hook: Webhook | None) -> dict[str, Any]:
        """How it went."""
        told: dict[str, Any] = {"records": self.records, "alerts": self.alerts, "cuts": self.cuts, "lost": self.lost}
        if hook is not None:
            told["webhook"] = {"failed": hook.failed, "dropped": hook.dropped}
        return told


class Lines(Screen):
    """One JSON document a line: watching, record, alert, gap, ended."""

    def begin(self, view: View) -> None:
        super().begin(view)
        self._say({"event": "watching", "provenance": list(view.begun)})

    def tell(self, seen: Seen) -> None:
        super().tell(seen)
        match seen.what:
            case Tick(topic, _, at, number):
                when = at.isoformat(timespec="milliseconds")
                head = {"event": "record", "kind": topic.kind, "item": topic.item, "at": when, "number": number}
                self._say({**head, "record": dict(seen.record)})
            case Cut(since, until, reason):
                self._say({"event": "gap", "since": since, "until": until, "reason": reason})
            case Overrun(lost):
                self._say({"event": "gap", "lost": lost})
        for fired in seen.fired:
            self._say(_alert(seen, fired, self.begun))

    def end(self, hook: Webhook | None) -> None:
        self._say({"event": "ended", **self.summary(hook)})

    def _say(self, told: Mapping[str, Any]) -> None:
        document(told)
        sys.stdout.flush()


class Terminal(Screen):
    """A table with a line an item, and the last alerts below it; where there is no terminal, a line a record."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self._live: Live | None = None
        self._rows: dict[tuple[str, str], Seen] = {}
        self._last: list[str] = []

    def begin(self, view: View) -> None:
        super().begin(view)
        if self._console.is_terminal:
            self._live = Live(console=self._console, refresh_per_second=PER_SECOND, get_renderable=self.table)
            self._live.start()

    def tell(self, seen: Seen) -> None:
        super().tell(seen)
        if isinstance(seen.what, Tick):
            self._rows[seen.what.topic.kind, seen.what.topic.item] = seen
            if self._live is None:
                self._console.print(Text(" ".join(self._cells(seen))))
        else:
            self._note(_gap(seen))
        for fired in seen.fired:
            self._note(
                f"🔔 {_clock(seen)} {fired.alert} → {fired.item} {fired.value:,.12g}{BELL if self._live else ''}"
            )

    def end(self, hook: Webhook | None) -> None:
        if self._live is not None:
            self._live.stop()
        said = self.summary(hook)
        text = f"{said['records']:,} records, {said['alerts']} alerts, {said['cuts']} cuts, {said['lost']} lost"
        if hook is not None:
            text += f"; webhook: {hook.failed} failed, {hook.dropped} dropped"
        self._console.print(Text(text))

    def table(self) -> Table:
        """The table as it stands."""
        modes = ", ".join(sorted({f"{one['provider']} {one['mode']}" for one in self.begun}))
        mark = " · 모의 데이터 simulated" if any(one["simulated"] for one in self.begun) else ""
        table = Table(title=f"{modes}{mark} · {self.records:,} records", caption="\n".join(self._last) or None)
        for column in ("at", "item", *self.columns[:COLUMNS]):
            table.add_column(column, justify="left" if column in {"at", "item"} else "right")
        for seen in self._rows.values():
            change = seen.figures.get("change", 0.0)
            table.add_row(*self._cells(seen), style="red" if change > 0 else "blue" if change < 0 else None)
        return table

    def _cells(self, seen: Seen) -> list[str]:
        """A Korean board: up is red, down is blue, and the sign stands in the change itself."""
        item = seen.what.topic.item if isinstance(seen.what, Tick) else ""
        names = [name for name in self.columns[:COLUMNS] if name in seen.record] or list(seen.record)[:COLUMNS]
        return [_clock(seen), item or "–", *(_cell(seen.record.get(name)) for name in names)]

    def _note(self, text: str) -> None:
        if self._live is None:
            self._console.print(Text(text))
        self._last = [*self._last, text][-LAST_ALERTS:]


def _clock(seen: Seen) -> str:
    return f"{seen.what.at:%H:%M:%S}" if isinstance(seen.what, Tick) else ""


def _gap(seen: Seen) -> str:
    match seen.what:
        case Cut(since, until, reason):
            return f"⚠ {since:%H:%M:%S}–{until:%H:%M:%S} 수신 없음 nothing received: {reason}"
        case Overrun(lost):
            return f"⚠ {lost} records lost"
        case _:
            return ""


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int | float) else str(value)
