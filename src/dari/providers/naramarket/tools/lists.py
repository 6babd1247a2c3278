"""What people look for: notices, pre-specifications, order plans, awards, contracts, mall products, institutions."""

from __future__ import annotations

from typing import Any, Final, Literal

from dari.core.exchange import Answer
from dari.core.tool import Query, Tool, Upstream
from dari.providers.naramarket.spec import SPEC
from dari.providers.naramarket.tools.asking import Ask, by_number, by_period, gather, listed
from dari.providers.naramarket.tools.shapes import (
    LISTED,
    SUFFIX,
    Business,
    Day,
    Limit,
    Number,
    Page,
    kinds,
    money,
    period,
)

BIDS: Final = "BidPublicInfoService.getBidPblancListInfo{}PPSSrch"
PRESPECS: Final = "HrcspSsstndrdInfoService.getPublicPrcureThngInfo{}PPSSrch"
PLANS: Final = "OrderPlanSttusService.getOrderPlanSttusList{}"
PLANS_FOUND: Final = "OrderPlanSttusService.getOrderPlanSttusList{}PPSSrch"
AWARDS: Final = "ScsbidInfoService.getScsbidListSttus{}PPSSrch"
CONTRACTS: Final = "CntrctInfoService.getCntrctInfoList{}PPSSrch"
CONTRACT: Final = "CntrctInfoService.getCntrctInfoList{}"
MALL: Final = "ShoppingMallPrdctInfoService.getShoppingMallPrdctInfoList"
COMPANIES: Final = "UsrInfoService02.getPrcrmntCorpBasicInfo02"

NOTICE: Final = ("bidNtceNo", "bidNtceOrd", "bidNtceNm", "ntceKindNm", "bidNtceDt", "bidClseDt", "opengDt",
                 "presmptPrce", "asignBdgtAmt", "bdgtAmt", "ntceInsttNm", "dminsttNm", "cntrctCnclsMthdNm",
                 "bidNtceDtlUrl")  # fmt: skip
PRESPEC: Final = ("bfSpecRgstNo", "prdctClsfcNoNm", "orderInsttNm", "rlDminsttNm", "asignBdgtAmt", "rcptDt",
                  "opninRgstClseDt", "bidNtceNoList", "specDocFileUrl1")  # fmt: skip
PLAN: Final = ("orderPlanUntyNo", "bizNm", "orderInsttNm", "orderYear", "orderMnth", "sumOrderAmt", "cntrctMthdNm",
               "prcrmntMethd", "bidNtceNoList", "nticeDt")  # fmt: skip
AWARD: Final = ("bidNtceNo", "bidNtceOrd", "bidNtceNm", "bidwinnrNm", "bidwinnrBizno", "sucsfbidAmt", "sucsfbidRate",
                "prtcptCnum", "rlOpengDt", "fnlSucsfDate", "dminsttNm")  # fmt: skip
SIGNED: Final = ("untyCntrctNo", "cntrctNm", "cnstwkNm", "prdctClsfcNoNm", "cntrctCnclsDate", "totCntrctAmt",
                 "thtmCntrctAmt", "cntrctInsttNm", "cntrctCnclsMthdNm", "ntceNo", "corpList")  # fmt: skip
PRODUCT: Final = ("prdctIdntNo", "prdctSpecNm", "dtilPrdctClsfcNoNm", "cntrctPrceAmt", "prdctUnit", "cntrctCorpNm",
                  "cntrctCorpBizno", "shopngCntrctNo", "shopngCntrctSno", "cntrctEndDate", "rgstDt")  # fmt: skip
COMPANY: Final = ("bizno", "corpNm", "rgnNm", "adrs", "emplyeNum", "corpBsnsDivNm", "mnfctDivNm", "opbizDt", "rgstDt")


class Search(Query):
    """What every search by words and days takes. Days default to the last seven."""

    words: str | None = None
    institution: str | None = None
    business: Business = "all"
    start: Day | None = None
    end: Day | None = None
    limit: Limit = 20
    page: Page = 1


class SearchNotices(Search):
    """Arguments of search_notices."""

    by: Literal["posted", "opened"] = "posted"
    min_price: int | None = None
    max_price: int | None = None


class Numbered(Search):
    """A search that also takes a number instead of days."""

    number: Number | None = None


class SearchAwards(Numbered):
    """Arguments of search_awards."""

    business_number: str | None = None


class SearchMall(Query):
    """Arguments of search_mall_products."""

    name: str
    start: Day | None = None
    end: Day | None = None
    limit: Limit = 20
    page: Page = 1


def given(**parameters: Any) -> dict[str, str]:
    """The parameters that were given."""
    return {name: str(value) for name, value in parameters.items() if value not in (None, "")}


def known(endpoint: str, parameters: dict[str, str]) -> dict[str, str]:
    """Those of them the operation has: not every kind of business can be searched by the same words."""
    names = {one.name for one in SPEC.endpoint(endpoint).parameters}
    return {name: value for name, value in parameters.items() if name in names}


async def search_notices(query: SearchNotices, upstream: Upstream) -> Answer:
    """입찰공고 by words, institution and price."""
    span = period(query.start, query.end, upstream.now(), 7)
    asks: list[Ask] = []
    for kind in kinds(query.business, SUFFIX):
        endpoint = BIDS.format(SUFFIX[kind])
        filters = given(
            bidNtceNm=query.words,
            ntceInsttNm=query.institution,
            presmptPrceBgn=query.min_price,
            presmptPrceEnd=query.max_price,
        )
        asks += by_period(endpoint, query.by, *span, known(endpoint, filters), business=kind)
    found = await gather(upstream, asks, limit=query.limit, page=query.page, only=NOTICE)
    return listed(upstream, found, page=query.page, line=_notice, newest="notice_posted_at", period=span)


def _notice(row: dict[str, Any]) -> str:
    price = row.get("estimated_price") or row.get("budget_amount")
    return (
        f"{row.get('notice_number')}-{row.get('notice_revision')} {row.get('notice_title')} | "
        f"{row.get('demand_institution_name')} | {money(price)} | 마감 {row.get('bid_closes_at', '-')[:16]}"
    )


async def search_prespecs(query: Numbered, upstream: Upstream) -> Answer:
    """사전규격 by product name, institution, or number."""
    span = period(query.start, query.end, upstream.now(), 7)
    asks: list[Ask] = []
    for kind in kinds(query.business):
        endpoint = PRESPECS.format(SUFFIX[kind])
        if query.number:
            asks.append(by_number(endpoint, "prespec_number", query.number, business=kind))
        else:
            filters = given(prdctClsfcNoNm=query.words, dminsttNm=query.institution)
            asks += by_period(endpoint, "received", *span, known(endpoint, filters), business=kind)
    found = await gather(upstream, asks, limit=query.limit, page=query.page, only=PRESPEC)
    return listed(
        upstream,
        found,
        page=query.page,
        newest="received_at",
        period=None if query.number else span,
        line=lambda row: (
            f"{row.get('prespec_number')} {row.get('product_class_name')} | "
            f"{row.get('actual_demand_institution_name')} | {money(row.get('budget_amount'))}"
        ),
    )


async def search_order_plans(query: Numbered, upstream: Upstream) -> Answer:
    """발주계획 by project name and institution, by posting day; or by number."""
    span = period(query.start, query.end, upstream.now(), 7)
    asks: list[Ask] = []
    for kind in kinds(query.business):
        if query.number:
            asks.append(by_number(PLANS.format(SUFFIX[kind]), "plan_number", query.number, business=kind))
            continue
        endpoint = PLANS_FOUND.format(SUFFIX[kind])
        filters = given(bizNm=query.words, orderInsttNm=query.institution)
        months = {"orderBgnYm": f"{span[0]:%Y}01", "orderEndYm": f"{span[1]:%Y}12"}
        required = {one.name for one in SPEC.endpoint(endpoint).parameters if one.required}
        filters |= {name: value for name, value in months.items() if name in required}
        asks += by_period(endpoint, "posted", *span, known(endpoint, filters), business=kind)
    found = await gather(upstream, asks, limit=query.limit, page=query.page, only=PLAN)
    return listed(
        upstream,
        found,
        page=query.page,
        newest="posting_at",
        period=None if query.number else span,
        line=lambda row: (
            f"{row.get('plan_number')} {row.get('project_name')} | {row.get('order_institution_name')} | "
            f"{row.get('order_year')}-{row.get('order_month')} | {money(row.get('total_order_amount'))}"
        ),
    )


async def search_awards(query: SearchAwards, upstream: Upstream) -> Answer:
    """낙찰 by words, institution, winner, or notice number; days are opening days."""
    span = period(query.start, query.end, upstream.now(), 7)
    asks: list[Ask] = []
    for kind in kinds(query.business):
        endpoint = AWARDS.format(SUFFIX[kind])
        if query.number:
            asks.append(by_number(endpoint, "notice_number", query.number, business=kind))
            continue
        filters = given(bidNtceNm=query.words, dminsttNm=query.institution, bizno=query.business_number)
        asks += by_period(endpoint, "opened", *span, filters, business=kind)
    found = await gather(upstream, asks, limit=query.limit, page=query.page, only=AWARD)
    return listed(
        upstream,
        found,
        page=query.page,
        newest="opened_at",
        period=None if query.number else span,
        line=lambda row: (
            f"{row.get('notice_number')} {row.get('notice_title')} | {row.get('winner_name')} | "
            f"{money(row.get('winning_amount'))} | {row.get('winning_rate', '-')}%"
        ),
    )


async def search_contracts(query: Numbered, upstream: Upstream) -> Answer:
    """계약 by words and institution, by day of signing; or by contract or notice number."""
    span = period(query.start, query.end, upstream.now(), 7)
    asks: list[Ask] = []
    for kind in kinds(query.business):
        endpoint = CONTRACTS.format(SUFFIX[kind])
        if query.number and "TA" in query.number:
            asks.append(by_number(CONTRACT.format(SUFFIX[kind]), "contract_number", query.number, business=kind))
        elif query.number:
            asks.append(by_number(endpoint, "notice_number", query.number, business=kind))
        else:
            words = dict.fromkeys(("cntrctNm", "cnstwkNm", "prdctClsfcNoNm"), query.words)
            filters = known(endpoint, given(insttNm=query.institution, **words))
            if query.institution:
                filters["insttDivCd"] = "1"
            asks += by_period(endpoint, "signed", *span, filters, business=kind)
    found = await gather(upstream, asks, limit=query.limit, page=query.page, only=SIGNED)
    return listed(
        upstream,
        found,
        page=query.page,
        newest="signed_on",
        period=None if query.number else span,
        line=lambda row: (
            f"{row.get('contract_number')} {row.get('contract_name', row.get('product_class_name', '-'))}"
            f" | {row.get('contract_institution_name')} | {money(row.get('total_contract_amount'))}"
        ),
    )


async def search_mall_products(query: SearchMall, upstream: Upstream) -> Answer:
    """종합쇼핑몰 products by item name, by day of registration; the mall tells of yesterday and before."""
    span = period(query.start, query.end, upstream.now(), 365)
    asks = by_period(MALL, "registered", *span, {"dtilPrdctClsfcNoNm": query.name})
    found = await gather(upstream, asks, limit=query.limit, page=query.page, only=PRODUCT)
    return listed(
        upstream,
        found,
        page=query.page,
        newest="registered_at",
        period=span,
        line=lambda row: (
            f"{row.get('product_number')} {row.get('product_spec_name')} | "
            f"{row.get('contract_company_name')} | {money(row.get('contract_price_amount'))}"
        ),
    )


def _endpoints(pattern: str, offered: Any = ("goods", "services", "works", "foreign")) -> tuple[str, ...]:
    return tuple(pattern.format(SUFFIX[kind]) for kind in offered)


TOOLS: Final = (
    Tool(
        name="search_notices",
        title="입찰공고 검색",
        description="Search bid notices 입찰공고 of the last 7 days or a period, by posting or opening day.",
        query=SearchNotices,
        output=LISTED,
        run=search_notices,
        toolset="search",
        endpoints=_endpoints(BIDS, SUFFIX),
    ),
    Tool(
        name="search_prespecs",
        title="사전규격 검색",
        description="Search pre-specifications 사전규격 by product or number.",
        query=Numbered,
        output=LISTED,
        run=search_prespecs,
        toolset="search",
        endpoints=_endpoints(PRESPECS),
    ),
    Tool(
        name="search_order_plans",
        title="발주계획 검색",
        description="Search order plans 발주계획 by project or number.",
        query=Numbered,
        output=LISTED,
        run=search_order_plans,
        toolset="search",
        endpoints=_endpoints(PLANS_FOUND) + _endpoints(PLANS),
    ),
    Tool(
        name="search_awards",
        title="낙찰 검색",
        description="Search awards 낙찰 by opening day, winner's business number or notice number.",
        query=SearchAwards,
        output=LISTED,
        run=search_awards,
        toolset="search",
        endpoints=_endpoints(AWARDS),
    ),
    Tool(
        name="search_contracts",
        title="계약 검색",
        description="Search contracts 계약 by signing day, contract or notice number.",
        query=Numbered,
        output=LISTED,
        run=search_contracts,
        toolset="search",
        endpoints=_endpoints(CONTRACTS) + _endpoints(CONTRACT),
    ),
    Tool(
        name="search_mall_products",
        title="쇼핑몰 품목 검색",
        description="Search 종합쇼핑몰 products by item name 세부품명.",
        query=SearchMall,
        output=LISTED,
        run=search_mall_products,
        toolset="search",
        endpoints=(MALL,),
    ),
)
