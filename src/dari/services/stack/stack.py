"""The stack as a whole: up, down, status, pause and resume, one folder, one file that says what runs where."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any, Final

from dari.core.errors import Hint, SetupError
from dari.services.stack import processes
from dari.services.stack.adapters.doors import free_ports
from dari.services.stack.brokers import CONTROLLER, broker_names, kafka_parts, new_id
from dari.services.stack.part import Part, Place, missing
from dari.services.stack.processes import Started
from dari.services.stack.stores import MARIADB, REDIS
from dari.services.stack.watchers import WATCHERS

FILE: Final = "stack.json"
VERSION: Final = 1
WAIT: Final = 60.0
LOOK: Final = 0.05
SERVICES: Final = ("platform", "monitoring")
"""Programs of ours that the stack does not start but keeps a port for: Prometheus must know where they will be."""
CORE: Final = ("mariadb", "redis", "kafka")
Told = Callable[[str], None]
NEXT: Final = Hint("무엇이 있고 없는지: dari stack status", "What is there and what is not: dari stack status")


class StackError(SetupError):
    """A part did not come up, does not run or does not exist: its name, and what is known of it."""

    def __init__(self, part: str, text: str) -> None:
        super().__init__(f"{part}: {text}", hint=NEXT)
        self.part = part


@dataclass(frozen=True, slots=True)
class State:
    """What `status` says of one part: `state` is well, ill, paused, stopped or absent (not installed: `how`)."""

    part: str
    state: str
    port: int | None = None
    pid: int | None = None
    how: str | None = None


class Stack:
    """The parts below `folder`. Every method blocks; `cache` keeps what is fetched once for all stacks."""

    def __init__(self, folder: Path, cache: Path, *, brokers: int | None = None) -> None:
        self.folder = folder
        self._file = folder / FILE
        self._known: dict[str, Any] = self._read()
        if brokers is not None and self._known.get("brokers") not in (None, brokers) and self._running():
            raise StackError("kafka", f"this stack has {self._known['brokers']} brokers; take it down first")
        self.brokers = brokers or self._known.get("brokers") or 1
        self.parts: Mapping[str, Part] = {
            part.name: part for part in (MARIADB, REDIS, *kafka_parts(self.brokers, cache), *WATCHERS)
        }

    # -- what is known ---------------------------------------------------------------------------------------------

    def _read(self) -> dict[str, Any]:
        try:
            said = json.loads(self._file.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return said if said.get("v") == VERSION else {}

    def _write(self) -> None:
        half = self._file.with_suffix(".new")
        half.write_text(json.dumps(self._known, indent=1), "utf-8")
        half.replace(self._file)

    def _running(self) -> list[str]:
        return [name for name in self._known.get("started", {}) if self._process(name) is not None]

    def _process(self, name: str) -> Started | None:
        said = self._known.get("started", {}).get(name)
        if said is None:
            return None
        one = Started(said["pid"], said["born"])
        return one if processes.alive(one) else None

    def place(self, name: str) -> Place:
        """Where a part lives."""
        ports = self._known["ports"]
        return Place(self.folder / name, ports.get(name, 0), ports, {"cluster": self._known["cluster"]})

    @property
    def ports(self) -> Mapping[str, int]:
        """Every port by name."""
        return dict(self._known.get("ports", {}))

    def addresses(self) -> dict[str, str]:
        """The settings that lead the platform and its monitor to this stack, by their names in the environment."""
        ports = self.ports
        if not ports:
            return {}
        brokers = ",".join(f"127.0.0.1:{ports[name]}" for name in broker_names(self.brokers))
        metrics = (
            {} if missing(self.parts["prometheus"]) else {"PROMETHEUS_URL": f"http://127.0.0.1:{ports['prometheus']}"}
        )
        return {
            **{f"DARI_PAYMENTS_{name}": url for name, url in metrics.items()},
            "DARI_PAYMENTS_URL": f"http://127.0.0.1:{ports['platform']}",
            "DARI_PAYMENTS_DB_URL": f"mysql+aiomysql://pay:pay@127.0.0.1:{ports['mariadb']}/paydb?charset=utf8mb4",
            "DARI_PAYMENTS_REDIS_URL": f"redis://127.0.0.1:{ports['redis']}/0",
            "DARI_PAYMENTS_KAFKA_BOOTSTRAP": brokers,
            "DARI_PAYMENTS_LOADTEST_TARGETS": f"http://127.0.0.1:{ports['platform']}",
            "API_BASE_URL": f"http://127.0.0.1:{ports['monitoring']}",
        }

    @property
    def reading_url(self) -> str:
        """The database as the user who may only read it."""
        return self.addresses()["DARI_PAYMENTS_DB_URL"].replace("pay:pay@", "look:look@")

    # -- what is done ----------------------------------------------------------------------------------------------

    def _choose(self, names: Sequence[str]) -> list[Part]:
        wanted = set(names)
        if "kafka" in wanted:
            wanted |= {name for name in self.parts if name.startswith("kafka")}
        unknown = wanted - set(self.parts) - {"kafka"}
        if unknown:
            raise StackError(", ".join(sorted(unknown)), f"no such part; there are: {', '.join(self.parts)}")
        return [part for name, part in self.parts.items() if not wanted or name in wanted]

    def _prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        ports = self._known.setdefault("ports", {})
        names = [*self.parts, "kafka-quorum", *SERVICES]
        names += [f"{name}-{door}" for name in broker_names(self.brokers) for door in ("client", "line")]
        wanted = [name for name in names if name not in ports]
        ports.update(zip(wanted, free_ports(len(wanted)), strict=True))
        self._known |= {"v": VERSION, "brokers": self.brokers}
        self._known.setdefault("cluster", new_id())
        self._known.setdefault("started", {})
        self._write()

    def up(self, names: Sequence[str] = (), told: Told = lambda _: None, *, wait: bool = True) -> list[State]:
        """Start what is installed and does not run, all at once, and wait until it is well. Raises StackError.

        What is not installed is told in the answer (`absent`) and left out, unless it was named.
        """
        chosen = self._choose(names)
        self._prepare()
        lacking = {part.name: missing(part) for part in chosen if missing(part)}
        if names and lacking:
            name, programs = next(iter(lacking.items()))
            raise StackError(name, f"needs {', '.join(programs)}: {self.parts[name].how}")
        ready = [part for part in chosen if part.name not in lacking]
        due = [part for part in ready if self._process(part.name) is None]
        with ThreadPoolExecutor(max(1, len(due))) as hands:
            starting = {part.name: hands.submit(self._start, part) for part in due}
            # What did start is known even where another part did not: `down` must find it.
            started = {name: one.result() for name, one in starting.items() if one.exception() is None}
            self._known["started"] |= {name: {"pid": one.pid, "born": one.born} for name, one in started.items()}
            self._write()
            for one in starting.values():
                one.result()
            if wait:
                list(hands.map(lambda part: self._await(part, told), ready))
        self.folder.joinpath("stack.env").write_text(
            "".join(f"{name}={value}\n" for name, value in self.addresses().items()), "utf-8"
        )
        return self.status()

    def _start(self, part: Part) -> Started:
        place = self.place(part.name)
        place.folder.mkdir(exist_ok=True)
        try:
            part.prepare(place)
            return processes.start(part.command(place), place.folder / "log.txt", places=part.places(place))
        except CalledProcessError as failed:
            raise StackError(part.name, f"{failed.stdout or ''}{failed.stderr or ''}"[-800:]) from failed
        except OSError as failed:
            raise StackError(part.name, str(failed)) from failed

    def _await(self, part: Part, told: Told) -> None:
        place, until = self.place(part.name), time.monotonic() + WAIT
        while not part.well(place):
            if self._process(part.name) is None or time.monotonic() > until:
                said = (place.folder / "log.txt").read_text("utf-8", errors="replace")[-800:]
                raise StackError(part.name, f"did not come up: {said}")
            time.sleep(LOOK)
        told(part.name)

    def down(self, names: Sequence[str] = (), *, hard: bool = False) -> list[str]:
        """Stop parts (all of them by default; `hard`: SIGKILL) and say which. What they stored stays."""
        chosen = [part.name for part in self._choose(names)] if names else self._running()
        # Brokers take their leave of a controller that is still there.
        early = [name for name in chosen if name != CONTROLLER]
        stopped = []
        for group in (early, [name for name in chosen if name == CONTROLLER]):
            living = {name: one for name in group if (one := self._process(name)) is not None}
            with ThreadPoolExecutor(max(1, len(living))) as hands:
                list(hands.map(lambda one: processes.end(one, hard=hard), living.values()))
            stopped += list(living)
        return stopped

    def pause(self, names: Sequence[str]) -> list[str]:
        """SIGSTOP: the parts hang, their connections stay open. Raises StackError where that cannot be done."""
        return self._each(names, processes.hold)

    def resume(self, names: Sequence[str]) -> list[str]:
        """SIGCONT."""
        return self._each(names, processes.let_go)

    def _each(self, names: Sequence[str], act: Callable[[Started], bool]) -> list[str]:
        chosen = [part.name for part in self._choose(names)]
        hit = [name for name in chosen if (one := self._process(name)) is not None and act(one)]
        if not hit:
            raise StackError(", ".join(names), "does not run (or this system cannot pause programs)")
        return hit

    def status(self) -> list[State]:
        """Every part as it is now."""

        def one(part: Part) -> State:
            lacking = missing(part)
            process, port = self._process(part.name), self.ports.get(part.name)
            if process is None:
                how = f"needs {', '.join(lacking)}: {part.how}" if lacking else None
                return State(part.name, "absent" if lacking else "stopped", None, None, how)
            if processes.paused(process):
                return State(part.name, "paused", port, process.pid)
            return State(part.name, "well" if part.well(self.place(part.name)) else "ill", port, process.pid)

        with ThreadPoolExecutor(len(self.parts)) as hands:
            return list(hands.map(one, self.parts.values()))
