"""What the companies of given shares have disclosed, and their own shares (core.market.Disclosures)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from dari.core.errors import Malformed
from dari.core.market import Disclosure, Treasury
from dari.core.shared_state import SharedState
from dari.core.together import together
from dari.core.tool import Upstream
from dari.providers.dart.models import disclosure, treasury

PAGE: Final = 100
PAGES: Final = 8
"""Pages of the running day that are read at once; with more, each company is asked for instead."""
MOST_PAGES: Final = 60
"""Pages of a finished day: on the last day for quarterly reports there are about thirty."""
KEPT_SECONDS: Final = 10 * 86_400.0
"""A finished day's list is final; it is read once and kept."""
COMMON_END: Final = "0"
"""A common share's code ends with 0; others of the company share its first five places."""
REPORTS: Final = (
    ((11, 15), "11014", 0), ((8, 15), "11012", 0), ((5, 16), "11013", 0), ((4, 1), "11011", -1), ((1, 1), "11014", -1),
)  # fmt: skip
"""From which month and day on a report is there (45 days after its quarter, 90 after its year), its code, its year."""
LONG: Final = 86_400.0
"""How old own shares may be: reports come four times a year."""

Listing = Mapping[str, Sequence[tuple[str, str]]]
"""고유번호 → number and title of each disclosure."""


class Filings:
    """Companies by their shares: one call for all corporation codes a day, pages for a day, a call a company else.

    `state` keeps the whole list of a finished day.
    """

    def __init__(self, upstream: Upstream, state: SharedState) -> None:
        self._upstream = upstream
        self._state = state

    async def of_day(self, codes: Sequence[str], day: date) -> Mapping[str, tuple[Disclosure, ...]]:
        """What the companies of these shares disclosed on the day."""
        companies = await self._companies(codes)
        wanted = f"{day:%Y%m%d}"
        asked = {"bgn_de": wanted, "end_de": wanted, "page_count": str(PAGE)}
        finished = day < self._upstream.now().date()
        found = await self._finished(asked) if finished else await self._running(asked)
        if found is None:
            return await self._one_by_one(companies, asked)
        return {
            code: tuple(Disclosure(number, title, day) for number, title in found.get(company, ()))
            for code, company in companies.items()
        }

    async def _finished(self, asked: Mapping[str, str]) -> Listing:
        name = f"dart disclosures {asked['bgn_de']}"
        kept = await self._state.get(name)
        if kept is None or "of" not in kept:  # or sealed with a key that is not here: asked for again
            found = await self._listed(asked, MOST_PAGES)
            if found is None:
                raise Malformed(f"list: more than {MOST_PAGES} pages of one day")
            kept = {"of": found}
            await self._state.put(name, kept, seconds=KEPT_SECONDS)
        listing: Listing = kept["of"]
        return listing

    async def _running(self, asked: Mapping[str, str]) -> Listing | None:
        return await self._listed(asked, PAGES)

    async def _listed(self, asked: Mapping[str, str], most: int) -> Listing | None:
        """Every disclosure of a day by company; None where it takes more than `most` pages."""
        first = await self._upstream.ask("list", asked)
        pages = -(-int(first.body.get("total") or 0) // PAGE)
        if pages > most:
            return None
        cursors = [str(page) for page in range(2, pages + 1)]
        rest = await together(*(self._upstream.ask("list", asked, cursor=cursor) for cursor in cursors))
        found: dict[str, list[tuple[str, str]]] = {}
        for reply in (first, *rest):
            for row in reply.body["list"]:
                one = disclosure(row)
                found.setdefault(str(row.get("corp_code", "")), []).append((one.number, one.title))
        return found

    async def _one_by_one(
        self, companies: Mapping[str, str], asked: Mapping[str, str]
    ) -> Mapping[str, tuple[Disclosure, ...]]:
        replies = await together(
            *(self._upstream.ask("list", {**asked, "corp_code": company}) for company in companies.values())
        )
        return {
            code: tuple(disclosure(row) for row in reply.body["list"])
            for code, reply in zip(companies, replies, strict=True)
        }

    async def treasury(self, codes: Sequence[str]) -> Mapping[str, Treasury]:
        """Own shares by the newest report that is there: a call a company, kept for a day."""
        companies = await self._companies(codes)
        told = await together(*(self._treasury(company, code) for code, company in companies.items()))
        return {code: one for code, one in zip(companies, told, strict=True) if one is not None}

    async def _treasury(self, company: str, code: str) -> Treasury | None:
        now = self._upstream.now()
        for due, report, back in REPORTS:
            if (now.month, now.day) < due:
                continue
            asked = {"corp_code": company, "bsns_year": str(now.year + back), "reprt_code": report}
            reply = await self._upstream.ask("stockTotqySttus", asked, max_age=LONG)
            found = treasury(reply.body["list"], common=code.endswith(COMMON_END))
            if found is not None:
                return found
        return None

    async def _companies(self, codes: Sequence[str]) -> dict[str, str]:
        """Share → 고유번호; a preferred share is its company's common one. Unknown shares are left out."""
        reply = await self._upstream.ask("corpCode", max_age=LONG)
        known = {str(row["stock_code"]): str(row["corp_code"]) for row in reply.body["list"]}
        found = {code: known.get(code) or known.get(code[:-1] + COMMON_END) for code in codes}
        return {code: company for code, company in found.items() if company}
