"""A stack whose brokers are simulated in this process: MariaDB and Redis are programs, Kafka is its protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

from dari.services.stack.adapters.kafka_doors import KafkaDoors
from dari.services.stack.brokers import broker_names
from dari.services.stack.stack import Stack

PROGRAMS: Final = ("mariadb", "redis")
ALL_BROKERS: Final = "kafka"


class LocalParts:
    """`with LocalParts(stack):` the parts of `stack` by their names; its brokers answer at the ports they would have.

    Each broker has two listeners, as the real ones: at `kafka-1` it tells clients the brokers' own ports, at
    `kafka-1-client` those of the lines before them. Raises StackError where a program is missing.
    """

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._numbers = {name: number for number, name in enumerate(broker_names(stack.brokers), 1)}
        self._doors: KafkaDoors

    @property
    def brokers(self) -> int:
        """How many."""
        return self._stack.brokers

    @property
    def ports(self) -> Mapping[str, int]:
        """Every port by name."""
        return self._stack.ports

    @property
    def reading_url(self) -> str:
        """The database as the user who may only read it."""
        return self._stack.reading_url

    def addresses(self) -> dict[str, str]:
        """As the stack's."""
        return self._stack.addresses()

    def __enter__(self) -> Self:
        try:
            self._stack.up(PROGRAMS)
        except BaseException:
            self._stack.down(PROGRAMS)
            raise
        own, clients, lines = (
            {number: self.ports[name + door] for name, number in self._numbers.items()}
            for door in ("", "-client", "-line")
        )
        self._doors = KafkaDoors(self.brokers, [(own, own), (clients, lines)])
        self._doors.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._doors.close()
        self._stack.down(PROGRAMS)

    def _chosen(self, names: Sequence[str]) -> tuple[list[int], list[str]]:
        wanted = set(names) or {*PROGRAMS, ALL_BROKERS}
        brokers = [n for name, n in self._numbers.items() if name in wanted or ALL_BROKERS in wanted]
        return brokers, [name for name in names or PROGRAMS if name != ALL_BROKERS and name not in self._numbers]

    def up(self, names: Sequence[str] = ()) -> Any:
        """Start parts (none named: all)."""
        brokers, programs = self._chosen(names)
        self._doors.up(brokers)
        return self._stack.up(programs) if programs else ()

    def down(self, names: Sequence[str] = (), *, hard: bool = False) -> Any:
        """Stop parts (none named: all); brokers always as if killed."""
        brokers, programs = self._chosen(names)
        self._doors.down(brokers)
        return self._stack.down(programs, hard=hard) if programs else ()

    def pause(self, names: Sequence[str]) -> Any:
        """Parts hang: their connections stay open."""
        brokers, programs = self._chosen(names)
        self._doors.pause(brokers)
        return self._stack.pause(programs) if programs else ()

    def resume(self, names: Sequence[str]) -> Any:
        """They go on."""
        brokers, programs = self._chosen(names)
        self._doors.resume(brokers)
        return self._stack.resume(programs) if programs else ()
