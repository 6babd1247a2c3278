"""Which part of the world answers which operation: told per family of operations, not one by one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from dari.providers.naramarket.simulator.rows import before, defence, market, notices, results
from dari.providers.naramarket.simulator.rows.spelling import Values
from dari.worlds.procurement import Ref, World

Builder = Callable[[World, Ref], Values]
PUBLIC: Final = ("goods", "services", "works", "foreign")
PRIVATE: Final = ("p_goods", "p_services", "p_works", "p_other")
SUFFIXES: Final = {
    "GnrlServc": "services",
    "TechServc": "services",
    "Cnstwk": "works",
    "Frgcpt": "foreign",
    "Servc": "services",
    "Thng": "goods",
    "Etc": "other",
}
MALL: Final = {"getMASCntrct": ("mas",), "getThpty": ("third",), "getUcntrct": ("unit",)}


@dataclass(frozen=True, slots=True)
class Binding:
    """How an operation is answered. `streams` by way; `numbers` way → kind of identifier; `table` names what stands."""

    builder: Builder
    sources: tuple[str, ...] = ()
    streams: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, str] = field(default_factory=dict)
    table: str = ""
    by_parts: str = ""
    """The stream whose parts a lookup by number gives."""
    days_late: int = 0


def _sources(operation: str, private: bool) -> tuple[str, ...]:  # noqa: FBT001  # two markets, one grammar of names
    if operation.startswith("get") and "Servc" in operation:
        operation = operation.replace("ServcServcInfo", "Servc").replace("CnstwkServc", "Cnstwk")
    for suffix, source in SUFFIXES.items():
        if suffix in operation:
            return (f"p_{source}",) if private else (source,)
    return PRIVATE if private else PUBLIC


Row = tuple[str, Builder, Mapping[str, str], Mapping[str, str]]
NOTICE: Final = {"notice_number": "BK"}
CONTRACT: Final = {
    "contract_number": "TA",
    "confirmed_contract_number": "TA",
    "number": "TA",
    "notice_number": "BK",
    "request_number": "PE",
}


def _every(stream: str, *ways: str) -> dict[str, str]:
    return dict.fromkeys(ways, stream)


POSTED: Final = {
    "registered": "notice.posted",
    "posted": "notice.posted",
    "changed": "notice.changed",
    "opened": "notice.opened",
}
OPENED: Final = {"entered": "opening.entered", "posted": "opening.posted", "opened": "opening.opened"}
RESERVED: Final = {"entered": "reserve.entered", "posted": "reserve.posted", "opened": "reserve.opened"}
AWARDED: Final = {"registered": "award.registered", "posted": "award.posted", "opened": "award.opened"}
SIGNED: Final = {"registered": "contract.registered", "signed": "contract.signed"}

FAMILIES: Final[tuple[Row, ...]] = (
    (r"getDataSetOpnStdBid", notices.notice, POSTED, NOTICE),
    (r"getDataSetOpnStdScsbid", results.bidder, {"opened": "bidder.opened"}, NOTICE),
    (r"getDataSetOpnStdCntrct", results.contract, SIGNED, CONTRACT),
    (r"getBidPblancListInfoChgHstry", notices.change, {"changed": "change.changed"}, NOTICE),
    (r"BsisAmount$", notices.basis, {"entered": "basis.entered"}, NOTICE),
    (r"PurchsObjPrdct$", notices.item, {"posted": "item.posted"}, NOTICE),
    (r"LicenseLimit$|MfrcInfo$", notices.licence, _every("licence.registered", "registered", "posted"), NOTICE),
    (r"PrtcptPsblRgn$", notices.region, {"registered": "region.registered"}, NOTICE),
    (r"AtchFileInfo$", notices.file, _every("file.registered", "registered", "posted", "issued"), NOTICE),
    (r"CalclAInfo$", notices.basis, _every("notice.posted", "posted"), NOTICE),
    (r"BidPblancListInfo", notices.notice, POSTED, NOTICE),
    (r"PreparPcDetail$", results.reserve_price, RESERVED, NOTICE),
    (r"OpengResultListInfo\w*Failing$", results.failing, {}, {"number": "BK"}),
    (r"OpengResultListInfo\w*Rebid$", results.rebid, {}, {"number": "BK"}),
    (r"OpengResultListInfo\w*OpengCompt$", results.bidder, {}, {"number": "BK"}),
    (r"OpengResultListInfo", results.opening, OPENED, NOTICE),
    (r"ScsbidListSttus", results.award, AWARDED, NOTICE),
    (r"CntrctInfoList\w*ChgHstry$", results.contract, {"changed": "contract.changed"}, CONTRACT),
    (r"CntrctInfoList\w*DltHstry$", results.contract, {"deleted": "contract.deleted"}, CONTRACT),
    (
        r"CntrctInfoList\w*(Detail|ServcInfo)$",
        results.contract_item,
        {"registered": "contract_item.registered"},
        CONTRACT,
    ),
    (r"CntrctInfoList", results.contract, SIGNED, CONTRACT),
    (r"OpinionInfo", before.opinion, _every("opinion.received", "received", "registered"), {"prespec_number": "BD"}),
    (
        r"getInsttAcctoThng|getPublicPrcureThng|getThngDetailMeta",
        before.prespec,
        {"registered": "prespec.registered", "received": "prespec.registered", "changed": "prespec.changed"},
        {"prespec_number": "BD", "reference_number": "REF"},
    ),
    (r"PrcrmntReqInfoList\w*Detail$", before.request, {}, {"number": "PE"}),
    (
        r"PrcrmntReqInfoList",
        before.request,
        _every("request.entered", "entered", "received", "approved"),
        {"request_number": "PE"},
    ),
    (r"OrderPlanSttusAtchFile", before.plan, {"posted": "plan_file.posted"}, {"plan_number": "DD"}),
    (r"OrderPlanSttusList", before.plan, {"planned": "plan.planned", "posted": "plan.posted"}, {"plan_number": "DD"}),
    (
        r"CntrctProcssIntgOpen",
        before.process,
        {},
        {"notice_number": "BK", "prespec_number": "BD", "plan_number": "DD", "request_number": "PE"},
    ),
)
PARTS: Final[Mapping[Builder, str]] = {
    results.failing: "opening.opened",
    results.rebid: "opening.opened",
    results.bidder: "bidder.opened",
    before.process: "process",
}
FLAT: Final = {
    "registered": "flat.registered",
    "changed": "flat.changed",
    "received": "flat.registered",
    "ordered": "flat.registered",
    "sanctioned": "flat.registered",
    "requested": "flat.items",
    "first_requested": "flat.items",
}
TABLES: Final = (
    (r"Unit(2|4|6|8|10)Info02$", "classes"),
    (r"PrdnmSearch02$", "classes"),
    (r"GuidanceMap", "classes"),
    (r"Uslfsvc$", "classes"),
    (r"PrdlstSearch02$|LocplcSearch02$", "catalogue"),
    (r"PrdctIndvAtrb", "attributes"),
    (r"getPriceInfo|getCnsttyClsfc|getNetRsce|getStdMark", "prices"),
    (r"getIndstrytyBase", "industries"),
    (r"getOrntCodeList", "defence_codes"),
    (r"getDCAIBid", "foreign_bids"),
    (r"getKDSIS", "specifications"),
)
DEFENCE_SOURCES: Final = {"Dmstc": "goods", "Outnatn": "foreign", "Fclty": "works"}
DEFENCE: Final = (
    (r"MnufList$", "defence.bidders"),
    (r"BsicList$", "defence.reserves"),
    (r"Item$", "defence.items"),
    (r"Plan(List|Detail|Dcs\w*)$", "defence.planned"),
    (r"Result", "defence.result"),
    (r"CntrctInfo", "defence.signed"),
)


def _defence(operation: str) -> Binding:
    stream = next((told for pattern, told in DEFENCE if re.search(pattern, operation)), "defence.posted")
    if "NtatPlan" in operation:
        stream = "defence.posted"
    source = next(source for word, source in DEFENCE_SOURCES.items() if word in operation)
    opened = "defence.opened" if stream == "defence.posted" else stream
    streams = {**_every(stream, "posted", "planned", "signed", "negotiated", "all"), **_every(opened, "opened")}
    return Binding(
        builder=defence.defence,
        sources=(source,),
        streams={**streams, "quotation_due": opened},
        numbers={"number": "D2B"},
        by_parts=stream,
    )


def _market(operation: str) -> Binding | None:
    named: dict[str, tuple[str, Builder]] = {
        r"getDlvrReqInfoList": ("delivery", market.delivery),
        r"getDlvrReqDtl|getSpcifyPrdlst": ("delivery", market.delivery),
        r"getVntr": ("venture", market.delivery),
        r"getUnptRstt": ("sanction", market.company),
        r"getPrcrmntCorp": ("company", market.company),
        r"getDminsttInfo02": ("institution", market.institution),
        r"getLsfgdNd": ("item_change", market.item_change),
        r"getPrdctClsfcNoChgHstry|ClChangeHist": ("class_change", market.class_change),
    }
    for pattern, (source, builder) in named.items():
        if re.search(pattern, operation):
            streams = {**FLAT, **({"received": "flat.items"} if "Dtl" in operation else {})}
            if source in ("item_change", "class_change"):
                streams["changed"] = "flat.registered"
            return Binding(builder=builder, sources=(source,), streams=streams, by_parts="flat.registered")
    for start, sources in MALL.items():
        if operation.startswith(start):
            return Binding(builder=market.mall_product, sources=sources, streams=FLAT, days_late=1)
    if operation.startswith("getShoppingMall"):
        return Binding(builder=market.mall_product, sources=("mas", "third", "unit"), streams=FLAT, days_late=1)
    return None


@cache
def bound(endpoint_id: str) -> Binding:
    """How this operation is answered."""
    service, _, operation = endpoint_id.rpartition(".")
    for pattern, table in TABLES:
        if re.search(pattern, operation):
            return Binding(builder=_no_row, table=table)
    if service.startswith("PubPrcrmntStat"):
        return Binding(builder=_no_row, table="statistics")
    if service.startswith(("BidPblancInfo", "BidResultInfo", "D2B.", "PrcurePlan")):
        return _defence(operation)
    found = _market(operation)
    if found is not None:
        return found
    for pattern, builder, streams, numbers in FAMILIES:
        if re.search(pattern, operation):
            return Binding(
                builder=builder,
                sources=_sources(operation, private=service.startswith("Prvt")),
                streams=streams,
                numbers=numbers,
                by_parts=PARTS.get(builder) or next(iter(streams.values()), "request_item.entered"),
            )
    raise LookupError(endpoint_id)


def _no_row(world: World, ref: Ref) -> Values:
    """A table has its rows already."""
    raise AssertionError((world, ref))
