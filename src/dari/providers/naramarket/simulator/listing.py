"""The rows an understood question is about, addressed by place and made one at a time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any, Final

from dari.core.clock import KST
from dari.providers.naramarket.simulator.asked import Question
from dari.providers.naramarket.simulator.bindings import Binding, bound
from dari.providers.naramarket.simulator.rows import market, results, tables
from dari.providers.naramarket.simulator.rows.before import PLAN_BUSINESS
from dari.providers.naramarket.simulator.rows.defence import notice_number
from dari.providers.naramarket.simulator.rows.spelling import Values
from dari.worlds.procurement import Purchase, Ref, Window, World, goods, places
from dari.worlds.procurement.days import last_day
from dari.worlds.procurement.traits import residue_of, trait

STANDARD_BUSINESS: Final = {"1": "goods", "2": "foreign", "3": "works", "5": "services"}
PRIVATE_BUSINESS: Final = {"1": "p_goods", "2": "p_works", "3": "p_services", "4": "p_other"}
SIZED: Final = ("presmptPrceBgn", "presmptPrceEnd")
CLASS_DAYS: Final = 520
"""How far back the changes of one class are told, in business days."""
RECENT_DAYS: Final = 30
"""What a defence list without a window tells."""
ENTRIES: Final = frozenset({"dtilPrdctClsfcNoNm", "prdctClsfcNoNm", "dtilPrdctClsfcNo", "prdctClsfcNo"})

Place = Ref | Values


class Joined(Sequence[Place]):
    """Several windows as one list."""

    def __init__(self, windows: Sequence[Window]) -> None:
        self._windows = windows
        self._before = [0, *accumulate(window.total for window in windows)]

    def __len__(self) -> int:
        return self._before[-1]

    def __getitem__(self, place: Any) -> Any:
        at = bisect_right(self._before, place) - 1
        return self._windows[at].ref(place - self._before[at])

    def __iter__(self) -> Iterator[Place]:
        for window in self._windows:
            yield from window


def values_of(world: World, binding: Binding, place: Place) -> Values:
    """The values at a place."""
    return binding.builder(world, place) if isinstance(place, Ref) else place


def listed(world: World, question: Question, now: datetime) -> Sequence[Place]:
    """Everything the question is about, as far as it has happened by `now`."""
    binding = bound(question.endpoint.id)
    if binding.table:
        return _filtered(world, binding, question, list(_table(world, binding, question)))
    now -= timedelta(days=binding.days_late)
    filters = dict(question.filters)
    if question.start and question.end:
        streams = _streams(binding, question, filters)
        windows = [
            world.window(source, stream, question.start, question.end, now)
            for source in _sources(binding, filters, question)
            for stream in streams
        ]
        return _filtered(world, binding, question, Joined(windows), filters)
    year = question.values.get("demandYear", "")
    by_year = year.isdigit() and len(year) == 4 and not any(map(notice_number, question.values.values()))
    if question.way == "all" or by_year:
        stream = binding.streams.get("all", binding.by_parts)
        start = datetime(int(year), 1, 1, tzinfo=KST) if by_year else now - timedelta(days=RECENT_DAYS)
        end = min(now, datetime(int(year), 12, 31, 23, 59, tzinfo=KST)) if by_year else now
        recent = [world.window(source, stream, start, end, now) for source in binding.sources]
        return _filtered(world, binding, question, Joined(recent), filters)
    return _filtered(world, binding, question, _numbered(world, binding, question, now), filters)


def _sources(binding: Binding, filters: dict[str, str], question: Question) -> tuple[str, ...]:
    division = question.values.get("bsnsDivCd")
    service = question.endpoint.wire["service"]
    if not division:
        return binding.sources
    filters.pop("bsnsDivCd", None)
    if service == "PubDataOpnStdService":
        return (STANDARD_BUSINESS[division],) if division in STANDARD_BUSINESS else ()
    if service == "OrderPlanSttusService":
        return tuple(source for source in binding.sources if PLAN_BUSINESS[source] == division)
    return (PRIVATE_BUSINESS[division],) if division in PRIVATE_BUSINESS else ()


def _streams(binding: Binding, question: Question, filters: dict[str, str]) -> list[str]:
    stream = binding.streams[question.way]
    if binding.builder is not market.mall_product:
        return [stream]
    asked = {name: filters.pop(name) for name in ENTRIES & set(filters)}
    if not asked:
        return [stream]
    if "prdctClsfcNoNm" in asked and question.endpoint.wire["operation"] == "getMASCntrctPrdctInfoList":
        return []  # seen at the real service: this filter finds nothing there
    chosen = [
        at
        for at, item in enumerate(goods.CLASSES)
        if all(
            (value in item.name if name == "prdctClsfcNoNm" else value in (item.name, item.number, item.number[:8]))
            for name, value in asked.items()
        )
    ]
    return [f"{stream}@{at}" for at in chosen]


def _numbered(world: World, binding: Binding, question: Question, now: datetime) -> list[Ref]:
    values = question.values
    if not binding.numbers:
        return _of_market(world, binding, values, now)
    kind = binding.numbers.get(question.way, "BK")
    way = question.endpoint.wire["by"][question.way]
    number = values.get(way.get("number") or "", "")
    purchase = _purchase(world, kind, number, values)
    if purchase is None or purchase.source not in binding.sources:
        return []
    if binding.by_parts == "process":
        return _process(world, purchase, values, now)
    refs = world.parts(purchase, binding.by_parts, now)
    if kind == "D2B":
        return refs
    order = values.get("bidNtceOrd", "")
    if order.isdigit() and binding.by_parts.partition(".")[0] in ("licence", "region", "item", "file", "notice"):
        divisor = 1 if binding.by_parts.startswith("notice") else 100
        refs = [ref for ref in refs if ref.part // divisor == int(order)]
    return [ref for ref in refs if _fits(purchase, binding, ref)]


def _fits(purchase: Purchase, binding: Binding, ref: Ref) -> bool:
    """개찰완료 leaves out bids below the floor; 유찰 and 재입찰 tell their own openings."""
    if binding.builder is results.bidder:
        return bool(purchase.trait.award) and purchase.bids[ref.part - 1].rank > 0
    if binding.builder is results.failing:
        return purchase.trait.fate == "failed"
    if binding.builder is results.rebid:
        return purchase.trait.fate == "rebid" and ref.part == 0
    return True


def _purchase(world: World, kind: str, number: str, values: Mapping[str, str]) -> Purchase | None:
    if kind == "D2B":
        found = next(filter(None, map(notice_number, values.values())), None)
        return world.at_number(found, "BK") if found else None
    if kind == "REF":
        return world.at_number(number.removesuffix("-참조"), "BK")
    if kind == "TA" and len(number) == 15:
        number = number.removesuffix("00")
    return world.at_number(number.removeprefix("1-"), kind)


def _process(world: World, purchase: Purchase, values: Mapping[str, str], now: datetime) -> list[Ref]:
    if not world.parts(purchase, "notice.posted", now):
        return []
    order = values.get("bidNtceOrd", "")
    if order.isdigit() and int(order) >= len(purchase.trait.notices):
        return []
    awarded = bool(world.parts(purchase, "award.registered", now))
    contracted = bool(world.parts(purchase, "contract.registered", now))
    return [Ref(purchase.source, purchase.day, purchase.index, awarded + 2 * contracted)]


def _of_market(world: World, binding: Binding, values: Mapping[str, str], now: datetime) -> list[Ref]:
    source = binding.sources[0]
    found: list[Ref] = []
    if source in ("company", "sanction", "institution"):
        number = values.get("bizno", "")
        which = places.institution_by_business_number if source == "institution" else places.company_by_business_number
        at = which(number)
        if at is not None:
            by_source = {"company": world.company_ref, "institution": world.institution_ref}
            found = world.sanctions(at, now) if source == "sanction" else [by_source[source](at)]
    elif source == "item_change":
        product = goods.product_by_number(values.get("prdctIdntNo", ""))
        found = world.changes_of(product, now) if product is not None else []
    elif source == "delivery":
        found = _deliveries(world, binding, values)
    elif source == "class_change":
        found = _class_changes(world, values.get("prdctClsfcNo", ""), now)
    elif values.get("shopngCntrctNo"):
        told = market.mall_refs(values["shopngCntrctNo"])
        found = [Ref(told[0], told[1], nth, 0) for nth in told[2]] if told else []
    return [ref for ref in found if ref.nth < world.count(ref.source, ref.day) and market.happened(ref) <= now]


def _deliveries(world: World, binding: Binding, values: Mapping[str, str]) -> list[Ref]:
    """By 납품요구번호 or by the 쇼핑계약번호 they fall under; one row a request, or one an item."""
    by_item = binding.streams["received"] == "flat.items"

    def items(ref: Ref) -> int:
        told = trait(residue_of(ref.day, ref.nth))
        return told.items + told.files - 1

    delivered = market.delivery_ref(values.get("dlvrReqNo", ""))
    if delivered:
        return [delivered._replace(part=part) for part in range(items(delivered) if by_item else 1)]
    found = market.deliveries_under(world, values.get("cntrctNo", ""), items)
    return found if by_item else sorted({ref._replace(part=0) for ref in found if ref.part == 0})


def _class_changes(world: World, number: str, now: datetime) -> list[Ref]:
    today = last_day(now.date())
    every = (
        Ref("class_change", day, nth, 0)
        for day in range(today - CLASS_DAYS, today + 1)
        for nth in range(world.count("class_change", day))
    )
    return [ref for ref in every if market.class_change(world, ref)["prdctClsfcNo"] == number]


def _table(world: World, binding: Binding, question: Question) -> Iterator[Values]:
    values = question.values
    if binding.table == "classes":
        found = [digit for digit in ("10", "2", "4", "6", "8") if f"Unit{digit}Info" in question.endpoint.id]
        named = "PrdnmSearch" in question.endpoint.id
        yield from tables.classes(int(found[0]) if found else (10 if named else 8))
    elif binding.table == "catalogue":
        product = goods.product_by_number(values.get("prdctIdntNo", ""))
        yield from [market.catalogue_item(world, product)] if product is not None else tables.catalogue(world)
    elif binding.table == "attributes":
        product = goods.product_by_number(values.get("prdctIdntNo", ""))
        yield from tables.attributes(world, product) if product is not None else ()
    elif binding.table == "prices":
        yield from tables.prices(world)
    elif binding.table == "statistics":
        yield from tables.statistics(world, question.endpoint.wire["kinds"], values)
    elif binding.table == "industries":
        yield from tables.industries()
    elif binding.table == "defence_codes":
        yield from tables.defence_codes(world)
    elif binding.table == "foreign_bids":
        yield from tables.foreign_bids(world)
    else:
        yield from tables.specifications(world)


def _filtered(
    world: World,
    binding: Binding,
    question: Question,
    found: Sequence[Place],
    filters: Mapping[str, str] | None = None,
) -> Sequence[Place]:
    told = dict(question.filters) if filters is None else dict(filters)
    if binding.table not in ("", "statistics") and question.start and question.end:
        dated = question.endpoint.wire["by"][question.way].get("field", "base")
        start, end = question.start.replace(tzinfo=None), question.end.replace(tzinfo=None)
        found = [place for place in found if isinstance(place, Mapping) and start <= _dated(place, dated) <= end]
    told = {name: value for name, value in told.items() if name not in ("bidNtceOrd", "rbidNo", "bidClsfcNo")}
    if not told:
        return found
    return [place for place in found if _passes(values_of(world, binding, place), told)]


def _dated(place: Values, name: str) -> datetime:
    """When a table's row counts."""
    when = place.get(name)
    found: datetime = when if isinstance(when, datetime) else place["base"]
    return found.replace(tzinfo=None)


def _passes(values: Values, filters: Mapping[str, str]) -> bool:
    """Names match in part, everything else exactly; what a row does not know is not asked of it."""
    for name, wanted in filters.items():
        if name in SIZED:
            price = values.get("presmptPrce", 0)
            if (name.endswith("Bgn") and price < int(wanted)) or (name.endswith("End") and price > int(wanted)):
                return False
            continue
        for edge, beyond in (("BgnNo", int.__lt__), ("EndNo", int.__gt__)):
            if name.endswith(edge) and wanted.isdigit():
                own = str(values.get(name.removesuffix(edge), ""))[: len(wanted)]
                if own.isdigit() and beyond(int(own), int(wanted)):
                    return False
        if name not in values or values[name] is None:
            continue
        own = str(values[name])
        if own != wanted if not name.endswith("Nm") else wanted not in own:
            return False
    return True
