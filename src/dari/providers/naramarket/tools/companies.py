"""One company: who it is, what it may do, what it supplies, its sanctions and what it has won."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from dari.core.errors import Hint, InvalidInput, NotFound
from dari.core.exchange import Answer
from dari.core.together import together
from dari.core.tool import Query, Tool, Upstream
from dari.providers.naramarket.tools.asking import by_number, by_period, gather
from dari.providers.naramarket.tools.lists import AWARD, AWARDS, COMPANIES, COMPANY
from dari.providers.naramarket.tools.shapes import OBJECT, ROWS, SUFFIX, money, period, schema, text

INDUSTRIES: Final = "UsrInfoService02.getPrcrmntCorpIndstrytyInfo02"
SUPPLIES: Final = "UsrInfoService02.getPrcrmntCorpSplyPrdctInfo02"
SANCTIONS: Final = "UsrInfoService02.getUnptRsttCorpInfo02"
WEIGHTS: Final = (1, 3, 7, 1, 3, 7, 1, 3, 5)
DIGITS: Final = 10


class CompanyProfile(Query):
    """Arguments of company_profile."""

    business_number: str
    award_days: int = Field(default=28, ge=1, le=31)


def checked(number: str) -> str:
    """Ten digits whose last one fits the others. Raises InvalidInput before a call is spent."""
    digits = number.replace("-", "").strip()
    fits = len(digits) == DIGITS and digits.isdigit()
    if fits:
        figures = [int(one) for one in digits]
        total = sum(weight * one for weight, one in zip(WEIGHTS, figures, strict=False)) + figures[8] * 5 // 10
        fits = (10 - total % 10) % 10 == figures[9]
    if not fits:
        raise InvalidInput(
            f"{number[:20]!r} is not a business number 사업자등록번호",
            hint=Hint("숫자 10자리와 검증번호를 확인하세요.", "Ten digits, the last of which checks the others."),
        )
    return digits


async def company_profile(query: CompanyProfile, upstream: Upstream) -> Answer:
    """조달업체 with industries, supplies, 부정당제재 and recent awards. Raises InvalidInput, NotFound."""
    number = checked(query.business_number)
    span = period(None, None, upstream.now(), query.award_days)
    awards = [
        ask
        for kind in ("goods", "services", "works", "foreign")
        for ask in by_period(AWARDS.format(SUFFIX[kind]), "opened", *span, {"bizno": number}, business=kind)
    ]
    who, industries, supplies, sanctions, won = await together(
        gather(upstream, [by_number(COMPANIES, "business_number", number)], only=COMPANY),
        gather(upstream, [by_number(INDUSTRIES, "business_number", number)]),
        gather(upstream, [by_number(SUPPLIES, "business_number", number)]),
        gather(upstream, [by_number(SANCTIONS, "business_number", number)]),
        gather(upstream, awards, limit=40, only=AWARD),
    )
    if not who.rows and not sanctions.rows:
        raise NotFound(f"no company is registered under {number}")
    data = {
        "company": who.rows[0] if who.rows else {},
        "industries": industries.rows,
        "supplies": supplies.rows,
        "sanctions": sanctions.rows,
        "awards": won.rows,
        "awards_total": won.total,
    }
    gaps = [gap for one in (who, industries, supplies, sanctions, won) for gap in one.gaps]
    company = data["company"]
    lines = [
        f"{company.get('company_name')} ({number}) | {company.get('region_name')}"
        if isinstance(company, dict)
        else number,
        f"업종 {len(industries.rows)} · 공급물품 {len(supplies.rows)} · 제재 {len(sanctions.rows)} · 낙찰 {won.total}",
        *(f"제재 {one.get('sanction_begin_date')} ~ {one.get('sanction_end_date')}" for one in sanctions.rows),
        *(f"{one.get('notice_title')} {money(one.get('winning_amount'))}" for one in won.rows),
    ]
    return Answer(data, upstream.sources, tuple(dict.fromkeys(gaps)), text(lines))


TOOLS: Final = (
    Tool(
        name="company_profile",
        title="업체 정보",
        description="A supplier 조달업체: industries, supplies, sanctions 부정당제재, recent awards.",
        query=CompanyProfile,
        output=schema(company=OBJECT, sanctions=ROWS, industries=ROWS, supplies=ROWS, awards=ROWS),
        run=company_profile,
        toolset="search",
        endpoints=(COMPANIES, INDUSTRIES, SUPPLIES, SANCTIONS, *(AWARDS.format(end) for end in ("Thng", "Servc"))),
    ),
)
