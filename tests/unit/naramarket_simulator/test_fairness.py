"""No script asks for the impossible: a patient reader that spares no call gets every row there is."""

from __future__ import annotations

import json
import random

import pytest

from dari.providers.naramarket.simulator import SCRIPTS
from tests.unit.naramarket_simulator.conftest import GOODS, Heard, Upstream, key_of

DAYS = {"inqryDiv": "1", "inqryBgnDt": "202609010000", "inqryEndDt": "202609042359"}
READABLE = sorted(set(SCRIPTS) - {"expire"})  # a key that has expired reads nothing more
AGAIN = {"01", "02", "04", "05", "23", "http429", "http500", "http502", "http503"}
A_DAY = 86_400.0


class Patient:
    """Reads a window over and over until two readings agree."""

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self.size = 60
        self.calls = 0

    async def page(self, number: int) -> Heard:
        """A page, however often it must be asked for."""
        for _ in range(200):
            self.calls += 1
            try:
                heard = await self.upstream.ask(GOODS, DAYS, numOfRows=self.size, pageNo=number)
            except (ConnectionResetError, json.JSONDecodeError, AssertionError):
                continue
            if heard.code in ("00", "03") and heard.envelope != "garbage":
                return heard
            if heard.code == "22":
                self.upstream.clock.advance(A_DAY)
            elif heard.code in AGAIN or heard.envelope == "garbage":
                self.upstream.clock.advance(1)
            elif heard.code == "http504":
                self.size = max(20, self.size // 2)
            else:
                raise AssertionError(heard.code)
        raise AssertionError("asked 200 times")

    async def reading(self) -> list[str]:
        """Every page once, an empty one twice before it is believed."""
        found: list[str] = []
        number = 1
        while True:
            heard = await self.page(number)
            if not heard.rows:
                heard = await self.page(number)
            if not heard.rows:
                return found
            found += [key_of(GOODS, row) for row in heard.rows]
            number += 1

    async def all(self) -> set[str]:
        """Everything seen in readings until two in a row are alike."""
        seen: set[str] = set()
        before: list[str] = []
        for _ in range(12):
            size, read = self.size, await self.reading()
            seen |= set(read)
            if read == before and size == self.size:
                return seen
            before = read
        raise AssertionError("never twice the same")


@pytest.mark.parametrize("name", READABLE)
async def test_every_script_can_be_survived(upstream: Upstream, name: str) -> None:
    await upstream.faults(**{name: {"rows": 40} if name == "big_pages" else {}})
    seen = await Patient(upstream).all()
    assert seen >= set(await upstream.truth(GOODS, DAYS))
    assert len(seen) > 150


@pytest.mark.parametrize("lot", range(8))
async def test_mixtures_can_be_survived(upstream: Upstream, lot: int) -> None:
    mixture = random.Random(100 + lot).sample(sorted(set(READABLE) - {"total_jitter"}), 4)
    await upstream.faults(**{name: {} for name in mixture})
    seen = await Patient(upstream).all()
    assert seen >= set(await upstream.truth(GOODS, DAYS)), mixture
