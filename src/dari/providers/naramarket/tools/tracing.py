"""One purchase from its plan to its contract, from any of its numbers; one notice with all that hangs on it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from dari.core.errors import Hint, NotFound
from dari.core.exchange import Answer, Gap
from dari.core.together import together
from dari.core.tool import Query, Tool, Upstream
from dari.providers.naramarket.models import packed
from dari.providers.naramarket.spec import SPEC
from dari.providers.naramarket.tools.asking import Ask, Found, by_number, gather
from dari.providers.naramarket.tools.lists import (
    AWARD,
    AWARDS,
    CONTRACT,
    NOTICE,
    PLAN,
    PLANS,
    PRESPEC,
    SIGNED,
)
from dari.providers.naramarket.tools.shapes import OBJECT, ROWS, SUFFIX, TEXT, Number, money, schema, text

PROCESS: Final = "CntrctProcssIntgOpenService.getCntrctProcssIntgOpen{}"
NOTICES: Final = "BidPublicInfoService.getBidPblancListInfo{}"
PRESPEC_BY_NUMBER: Final = "HrcspSsstndrdInfoService.getPublicPrcureThngInfo{}"
OPENINGS: Final = "ScsbidInfoService.getOpengResultListInfo{}"
BIDDERS: Final = "ScsbidInfoService.getOpengResultListInfoOpengCompt"
FAILED: Final = "ScsbidInfoService.getOpengResultListInfoFailing"
REQUESTS: Final = {
    "goods": ("Thng",),
    "services": ("GnrlServc", "TechServc"),
    "works": ("Cnstwk",),
    "foreign": ("Frgcpt",),
}
REQUEST: Final = "PrcrmntReqInfoService.getPrcrmntReqInfoList{}"
KINDS: Final = ("goods", "services", "works", "foreign")

FORM: Final = re.compile(r"R\d\d(BK|BD|DD|TA|PE)\d{8}")
OLD_PLAN: Final = re.compile(r"\d-\d-\d{4}-")
STAGE: Final = {"BK": "notice", "BD": "prespec", "DD": "plan", "TA": "contract", "PE": "request"}
WAYS: Final = {
    "notice": "notice_number",
    "prespec": "prespec_number",
    "plan": "plan_number",
    "request": "request_number",
}
NAMES: Final = {"plan": "orderPlanUntyNo", "prespec": "bfSpecRgstNo", "request": "prcrmntReqNo", "notice": "bidNtceNo"}
TITLES: Final = ("bidNtceNm", "bizNm", "prcrmntReqNm", "cntrctNm", "cnstwkNm", "prdctClsfcNoNm")
REQUESTED: Final = ("prcrmntReqNo", "prcrmntReqNm", "orderInsttNm", "rcptDt", "bdgtAmt", "rprsntAmt")
OPENED: Final = ("bidNtceNo", "bidNtceOrd", "bidNtceNm", "opengDt", "prtcptCnum", "progrsDivCdNm", "opengCorpInfo")
BID: Final = ("opengRank", "prcbdrNm", "prcbdrBizno", "bidprcAmt", "bidprcrt", "bidprcDt", "rmrk", "techEvlVal")


class ByNumber(Query):
    """Arguments of tools that take one number."""

    number: Number


def bare(number: str) -> str:
    """A number without the 차수 people write behind it (R26BK00000001-000, …00)."""
    number = number.strip().upper()
    found = FORM.match(number.removeprefix("1-"))
    if found or OLD_PLAN.match(number):
        return found[0] if found else number
    return number.partition("-")[0]


def stage_of(number: str) -> str:
    """Which of a purchase's numbers it is; an older one without letters is taken for a notice's."""
    if OLD_PLAN.match(number):
        return "plan"
    found = FORM.match(bare(number))
    return STAGE[found[1]] if found else "notice"


def _process(number: str, stage: str) -> list[Ask]:
    asked = f"1-{number}" if stage == "plan" and FORM.match(number) else number
    return [by_number(PROCESS.format(SUFFIX[kind]), WAYS[stage], asked, business=kind) for kind in KINDS]


def _kind(found: Found) -> str:
    """The business of the first row, by the name of its operation."""
    endpoint = found.raw[0][0].removesuffix("PPSSrch")
    return next(kind for kind in KINDS if endpoint.endswith(SUFFIX[kind]))


def _own(number: str, stage: str) -> list[Ask]:
    """The lists of a stage itself, each kind of business once."""
    if stage == "request":
        return [
            by_number(REQUEST.format(suffix), "request_number", number, business=kind)
            for kind, suffixes in REQUESTS.items()
            for suffix in suffixes
        ]
    pattern = {"plan": PLANS, "prespec": PRESPEC_BY_NUMBER, "notice": NOTICES}[stage]
    return [by_number(pattern.format(SUFFIX[kind]), WAYS[stage], number, business=kind) for kind in KINDS]


async def _joined(upstream: Upstream, number: str) -> tuple[str, list[Mapping[str, str]], Found]:
    """The rows that join a purchase's stages, and its kind of business. Raises NotFound."""
    stage = stage_of(number)
    found = Found()
    if stage == "contract":
        asks = [by_number(CONTRACT.format(SUFFIX[kind]), "contract_number", number, business=kind) for kind in KINDS]
        found = await gather(upstream, asks)
        for _, row in found.raw:
            for name, way in (("ntceNo", "notice"), ("reqNo", "request")):
                if linked := row.get(name, "").strip():
                    number, stage = bare(linked), way
                    break
        alone = found
    else:
        alone = Found()
    if stage in WAYS:
        found = await gather(upstream, _process(number, stage))
        if found.raw:
            return _kind(found), [row for _, row in found.raw], found
        alone = await gather(upstream, _own(number, stage))
    if alone.raw:  # nothing is joined to it yet: its own stage is all there is
        row = alone.raw[0][1]
        field = {**NAMES, "contract": "cntrctInfoList"}[stage]
        title = next((row[name] for name in TITLES if row.get(name)), "")
        own = {field: f"[1^{number}]" if stage == "contract" else number, "bidNtceNm": title}
        return _kind(alone), [own], alone
    raise NotFound(
        f"no purchase is joined to {number}",
        hint=Hint(
            "공고·사전규격·발주계획·조달요청·계약 번호인지 확인하세요.",
            "Check that it is the number of a notice, pre-specification, plan, request or contract.",
        ),
    )


def _numbers(rows: Sequence[Mapping[str, str]]) -> dict[str, list[str]]:
    """The numbers of every stage that the joining rows name."""
    told = {
        stage: list(dict.fromkeys(row[name].strip() for row in rows if row.get(name, "").strip()))
        for stage, name in NAMES.items()
    }
    contracts = [
        one.get("계약번호", "")
        for row in rows
        if row.get("cntrctInfoList", "").strip()
        for one in packed(row["cntrctInfoList"], ("순번", "계약번호"))
    ]
    told["contract"] = list(dict.fromkeys(bare(one) for one in contracts if one))
    return told


async def trace_procurement(query: ByNumber, upstream: Upstream) -> Answer:
    """발주계획 → 사전규격 → 조달요청 → 공고 → 개찰 → 낙찰 → 계약 of one purchase. Raises NotFound."""
    number = bare(query.number)
    kind, rows, joined = await _joined(upstream, number)
    numbers, end = _numbers(rows), SUFFIX[kind]
    asked: dict[str, tuple[list[Ask], Sequence[str]]] = {
        "plan": ([by_number(PLANS.format(end), "plan_number", one) for one in numbers["plan"]], PLAN),
        "prespec": (
            [by_number(PRESPEC_BY_NUMBER.format(end), "prespec_number", one) for one in numbers["prespec"]],
            PRESPEC,
        ),
        "request": (
            [
                by_number(REQUEST.format(suffix), "request_number", one)
                for one in numbers["request"]
                for suffix in REQUESTS[kind]
            ],
            REQUESTED,
        ),
        "notice": ([by_number(NOTICES.format(end), "notice_number", one) for one in numbers["notice"]], NOTICE),
        "opening": ([by_number(OPENINGS.format(end), "notice_number", one) for one in numbers["notice"]], OPENED),
        "award": ([by_number(AWARDS.format(end), "notice_number", one) for one in numbers["notice"]], AWARD),
        "contract": ([by_number(CONTRACT.format(end), "contract_number", one) for one in numbers["contract"]], SIGNED),
    }
    stages = {stage: told for stage, told in asked.items() if told[0]}
    found = await together(*(gather(upstream, asks[:6], only=only) for asks, only in stages.values()))
    chain = {stage: one.rows for stage, one in zip(stages, found, strict=True) if one.rows}
    gaps = [*joined.gaps, *(gap for one in found for gap in one.gaps)]
    gaps += [
        Gap(f"chain.{stage}", "the joining operation names no number of this stage")
        for stage in asked
        if stage not in stages
    ]
    gaps += [Gap(f"chain.{stage}", "no row yet") for stage in stages if stage not in chain]
    title = next((row.get("bidNtceNm") or row.get("orderBizNm") or "" for row in rows), "")
    data = {"number": number, "business": kind, "title": title, "numbers": numbers, "chain": chain}
    lines = [f"{title} ({kind})", *(f"{stage}: {', '.join(told) or '-'}" for stage, told in numbers.items())]
    lines += [f"낙찰 {row.get('winner_name')} {money(row.get('winning_amount'))}" for row in chain.get("award", [])]
    return Answer(data, upstream.sources, tuple(dict.fromkeys(gaps)), text(lines))


# --- one notice ---

EXTRAS: Final[Mapping[str, tuple[str, ...]]] = {
    "basis_amounts": ("BidPublicInfoService.getBidPblancListInfo{}BsisAmount",),
    "licences": ("BidPublicInfoService.getBidPblancListInfoLicenseLimit",),
    "regions": ("BidPublicInfoService.getBidPblancListInfoPrtcptPsblRgn",),
    "items": ("BidPublicInfoService.getBidPblancListInfo{}PurchsObjPrdct",),
    "attachments": ("BidPublicInfoService.getBidPblancListInfoEorderAtchFileInfo",),
    "changes": ("BidPublicInfoService.getBidPblancListInfoChgHstry{}",),
}


def _extras(kind: str) -> dict[str, str]:
    """What can be asked of a notice beyond its row: not every kind of business has everything."""
    told = {name: pattern.format(SUFFIX[kind]) for name, (pattern,) in EXTRAS.items()}
    return {name: endpoint for name, endpoint in told.items() if endpoint in SPEC.ids()}


async def get_notice(query: ByNumber, upstream: Upstream) -> Answer:
    """One notice with basis amount, licences, regions, items, attachments and changes. Raises NotFound."""
    number = bare(query.number)
    asks = [by_number(NOTICES.format(end), "notice_number", number, business=kind) for kind, end in SUFFIX.items()]
    found = await gather(upstream, asks)
    if not found.rows:
        raise NotFound(f"there is no notice {number}", hint=Hint("공고번호를 확인하세요.", "Check the notice number."))
    kind = str(found.rows[0]["business"])
    extras = _extras(kind)
    more = await together(*(gather(upstream, [by_number(one, "notice_number", number)]) for one in extras.values()))
    newest = max(found.rows, key=lambda row: str(row.get("notice_revision", "")))
    files = [
        {"name": newest.get(f"notice_spec_file_name_{at}"), "url": url}
        for at in range(1, 11)
        if (url := newest.get(f"notice_spec_document_url_{at}"))
    ]
    shown = {name: value for name, value in newest.items() if "notice_spec_" not in name}
    data = {"notice": shown, "documents": files, "revisions": len(found.rows)}
    data |= {name: one.rows for name, one in zip(extras, more, strict=True)}
    gaps = [*found.gaps, *(gap for one in more for gap in one.gaps)]
    gaps += [Gap(name, f"no operation tells it of {kind}") for name in EXTRAS if name not in extras]
    lines = [
        f"{number} {shown.get('notice_title')} | {shown.get('demand_institution_name')}",
        f"추정가격 {money(shown.get('estimated_price'))} | 마감 {shown.get('bid_closes_at')}",
        *(f"{name}: {len(one.rows)}" for name, one in zip(extras, more, strict=True)),
        *(f"문서 {one['name']} {one['url']}" for one in files),
    ]
    return Answer(data, upstream.sources, tuple(dict.fromkeys(gaps)), text(lines))


async def get_opening(query: ByNumber, upstream: Upstream) -> Answer:
    """개찰: result, all bidders, failed bids and reserve prices of a notice. Raises NotFound."""
    number = bare(query.number)
    asks = [by_number(OPENINGS.format(SUFFIX[kind]), "notice_number", number, business=kind) for kind in KINDS]
    found = await gather(upstream, asks, only=OPENED)
    if not found.rows:
        raise NotFound(
            f"there is no opening of {number}", hint=Hint("아직 개찰 전일 수 있습니다.", "It may not be opened yet.")
        )
    kind = str(found.rows[0]["business"])
    prices = OPENINGS.format(f"{SUFFIX[kind]}PreparPcDetail")
    bidders, failed, reserve = await together(
        gather(upstream, [by_number(BIDDERS, "number", number)], only=BID),
        gather(upstream, [by_number(FAILED, "number", number)]),
        gather(upstream, [by_number(prices, "notice_number", number)]),
    )
    data = {"opening": found.rows, "bidders": bidders.rows, "failed": failed.rows, "reserve_prices": reserve.rows}
    gaps = [*found.gaps, *bidders.gaps, *failed.gaps, *reserve.gaps]
    if bidders.rows:
        gaps.append(Gap("bidders", "the list of completed openings omits bids below the floor rate"))
    lines = [
        f"{one.get('notice_title')} | 개찰 {one.get('opens_at')} | 참가 {one.get('bidder_count')}" for one in found.rows
    ]
    lines += [
        f"{one.get('opening_rank', '-')}위 {one.get('bidder_name')} "
        f"{money(one.get('bid_price_amount'))} {one.get('bid_rate')}%"
        for one in bidders.rows
    ]
    return Answer(data, upstream.sources, tuple(dict.fromkeys(gaps)), text(lines))


def _every(pattern: str) -> tuple[str, ...]:
    return tuple(pattern.format(SUFFIX[kind]) for kind in KINDS)


STAGES: Final = (
    *_every(PROCESS),
    *_every(PLANS),
    *_every(PRESPEC_BY_NUMBER),
    *(REQUEST.format(suffix) for suffixes in REQUESTS.values() for suffix in suffixes),
    *_every(NOTICES),
    *_every(OPENINGS),
    *_every(AWARDS),
    *_every(CONTRACT),
)

TOOLS: Final = (
    Tool(
        name="get_notice",
        title="공고 상세",
        description="One bid notice with basis amount, licences, regions, items, attachments and changes.",
        query=ByNumber,
        output=schema(notice=OBJECT, documents=ROWS, items=ROWS, licences=ROWS, changes=ROWS),
        run=get_notice,
        toolset="search",
        endpoints=(
            *(NOTICES.format(end) for end in SUFFIX.values()),
            *(pattern.format("Thng") for (pattern,) in EXTRAS.values()),
        ),
    ),
    Tool(
        name="get_opening",
        title="개찰 결과",
        description="Opening 개찰 of a notice: all bidders, failed bids, reserve prices 예비가격.",
        query=ByNumber,
        output=schema(opening=ROWS, bidders=ROWS, failed=ROWS, reserve_prices=ROWS),
        run=get_opening,
        toolset="search",
        endpoints=(*_every(OPENINGS), BIDDERS, FAILED),
    ),
    Tool(
        name="trace_procurement",
        title="계약과정 추적",
        description="Plan → pre-spec → request → notice → opening → award → contract, from any of their numbers.",
        query=ByNumber,
        output=schema(title=TEXT, numbers=OBJECT, chain=OBJECT),
        run=trace_procurement,
        toolset="search",
        endpoints=STAGES,
    ),
)
