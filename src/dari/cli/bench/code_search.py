"""How well find_api finds: a question set asked over the path of every call; hit rates, abstention, size and time."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import dari
from dari.app.runtime import Runtime
from dari.app.setting_up import settings_of
from dari.cli.bench.shared import Measured
from dari.core.errors import Hint, InvalidInput, NotFound

DEFAULT: Final = Path("tests/bench/code_search/dev.jsonl")
"""The visible half of the project's own set; it lives with the tests and is not a part of the package."""
PLACES: Final = 10
LEAST: Final = {
    "hit@1": 0.80,
    "hit@5": 0.96,
    "MRR@10": 0.87,
    "English hit@5": 0.93,
    "right abstention": 0.90,
}
MOST: Final = {"wrong abstention": 0.02, "p95": 20.0, "longest reply of five": 2500.0}
UNITS: Final = {"p95": "ms", "longest reply of five": "characters"}


@dataclass(frozen=True, slots=True)
class _Asked:
    """What came of one question: the place of an acceptable answer (None: not among ten, or abstained)."""

    answerable: bool
    english: bool
    place: int | None
    abstained: bool
    seconds: float

    def among(self, places: int) -> bool:
        """Whether an acceptable answer stands among the first so many."""
        return self.place is not None and self.place <= places


async def measure(*, long: bool, questions: Path | None = None) -> list[Measured]:
    """Ask every question of the set. `long` asks it three times and takes the best of the times."""
    rows = _read(questions)
    with tempfile.TemporaryDirectory() as folder:
        async with Runtime(settings_of({"DARI_HOME": folder})) as runtime:
            _, dispatch = runtime.server("kis-code")
            caller = runtime.caller()

            async def ask(question: str, limit: int) -> tuple[dict[str, Any], str]:
                outcome = await dispatch.call("find_api", {"question": question, "limit": limit}, caller)
                if outcome.error:
                    raise InvalidInput(f"{question[:60]!r}: {outcome.text[:200]}")
                return dict(outcome.structured), outcome.text

            await ask("warm up", 1)
            rounds = []
            for _ in range(3 if long else 1):
                told = []
                for row in rows:
                    started = time.perf_counter()
                    structured, _text = await ask(row["q"], PLACES)
                    told.append(_judged(row, structured, time.perf_counter() - started))
                rounds.append(told)
            longest = max([len((await ask(row["q"], 5))[1]) for row in rows])
    p95 = min(statistics.quantiles([one.seconds for one in told], n=20)[-1] for told in rounds) * 1000
    return list(_figures(rounds[0], p95, float(longest), len(rows)))


def _read(path: Path | None) -> list[dict[str, Any]]:
    place = path or Path(dari.__file__).parents[2] / DEFAULT
    if not place.is_file():
        raise NotFound(
            f"there is no question set {str(place)[-120:]}",
            hint=Hint(
                f"--questions PATH ({DEFAULT}는 저장소에 있습니다)",
                f"--questions PATH ({DEFAULT} is in the repository)",
            ),
        )
    lines = place.read_text(encoding="utf-8").splitlines()
    try:
        rows = [json.loads(line) for line in lines if line]
        good = len(rows) > 1 and all({"q", "answers"} <= row.keys() for row in rows)
    except (ValueError, AttributeError):
        good = False
    if not good:
        raise InvalidInput(f"{place.name} is no question set: lines of JSON objects with q and answers, two or more")
    return rows


def _judged(row: dict[str, Any], structured: dict[str, Any], seconds: float) -> _Asked:
    wanted = {str(one).replace("/", ".") for one in row["answers"]}
    found = [one["id"] for one in structured["results"]]
    place = next((place for place, one in enumerate(found, start=1) if one in wanted), None)
    return _Asked(bool(wanted), row.get("lang") == "en", place, not structured["fits"], seconds)


def _figures(told: list[_Asked], p95: float, longest: float, count: int) -> Iterable[Measured]:
    there, none = [one for one in told if one.answerable], [one for one in told if not one.answerable]
    shares: dict[str, list[float]] = {
        "hit@1": [float(one.place == 1) for one in there],
        "hit@5": [float(one.among(5)) for one in there],
        "MRR@10": [1 / one.place if one.place else 0.0 for one in there],
        "English hit@5": [float(one.among(5)) for one in there if one.english],
        "right abstention": [float(one.abstained) for one in none],
        "wrong abstention": [float(one.abstained) for one in there],
    }
    figures = {name: sum(values) / len(values) for name, values in shares.items() if values}
    figures |= {"p95": p95, "longest reply of five": longest}
    for name, figure in figures.items():
        limit = LEAST.get(name, MOST.get(name, 0.0))
        yield Measured(
            name=f"code-search {name}",
            figure=round(figure, 4),
            unit=UNITS.get(name, "share"),
            floor=limit,
            ratio=round(figure / limit, 3),
            limit=limit,
            rising=name in LEAST,
            within=figure >= limit if name in LEAST else figure <= limit,
            more={"questions": count},
        )
