"""The procurement world: deterministic, cheap to count, and whole from plan to contract."""

from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest

from dari.core.clock import KST
from dari.worlds.procurement import Ref, Window, World, days, draw, goods, identifiers, places
from dari.worlds.procurement.streams import STREAMS, matching, slots
from dari.worlds.procurement.traits import PERIOD, first_index, residue_of, trait

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=KST)


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=KST)  # type: ignore[misc,arg-type]  # year, month, day, hour, minute


@pytest.fixture(scope="module")
def world() -> World:
    return World(7, scale=0.2)


def month(world: World, source: str, stream: str, now: datetime | None = None) -> Window:
    return world.window(source, stream, at(2026, 10, 1), at(2026, 10, 31, 23, 59), now)


@pytest.mark.parametrize("stream", sorted(STREAMS))
def test_a_window_holds_what_was_counted_once_each_in_order(world: World, stream: str) -> None:
    source = "mas" if stream.startswith("flat") else "goods"
    window = month(world, source, stream)
    refs = list(window)
    assert len(refs) == window.total == len(set(refs)) > 0
    assert [window.ref(position) for position in range(window.total)] == refs
    assert all(ref.nth < world.count(source, ref.day) for ref in refs)


@pytest.mark.parametrize("stream", ["notice.posted", "opening.opened", "plan.planned", "bidder.opened"])
def test_days_add_up_to_the_month(world: World, stream: str) -> None:
    split = []
    for day in range(1, 32):
        split += list(world.window("goods", stream, at(2026, 10, day), at(2026, 10, day, 23, 59)))
    assert split == list(month(world, "goods", stream))


def test_a_day_may_be_cut_at_any_minute(world: World) -> None:
    whole = list(world.window("goods", "notice.posted", at(2026, 10, 6), at(2026, 10, 6, 23, 59)))
    for hour in (9, 12, 17):
        before = world.window("goods", "notice.posted", at(2026, 10, 6), at(2026, 10, 6, hour, 29))
        after = world.window("goods", "notice.posted", at(2026, 10, 6, hour, 30), at(2026, 10, 6, 23, 59))
        assert [*before, *after] == whole
        assert before.total or hour == 9


def test_rows_are_in_the_order_of_their_date_and_inside_the_window(world: World) -> None:
    posted = [
        world.purchase(ref.source, ref.day, ref.nth).at(trait(residue_of(ref.day, ref.nth)).notices[ref.part])
        for ref in month(world, "goods", "notice.posted")
    ]
    assert all(one.replace(second=0) <= other.replace(second=0) for one, other in pairwise(posted))
    assert at(2026, 10, 1) <= posted[0]
    assert posted[-1] <= at(2026, 10, 31, 23, 59)


def test_weekends_are_empty(world: World) -> None:
    assert world.window("goods", "notice.posted", at(2026, 10, 10), at(2026, 10, 11, 23, 59)).total == 0


def test_what_has_not_happened_is_not_seen(world: World) -> None:
    day = (at(2026, 10, 6), at(2026, 10, 6, 23, 59))
    seen = [world.window("goods", "notice.posted", *day, at(2026, 10, 6, hour, 0)).total for hour in (8, 11, 14, 23)]
    assert seen[0] == 0
    assert seen[0] < seen[1] < seen[2] < seen[3]
    assert seen[3] == world.window("goods", "notice.posted", *day).total
    assert world.window("goods", "opening.posted", *day, at(2026, 10, 7)).total == 0
    assert (
        month(world, "goods", "notice.posted", at(2026, 10, 31)).total == month(world, "goods", "notice.posted").total
    )


def test_the_same_seed_tells_the_same_and_another_tells_another() -> None:
    one, same, other = World(3, 0.1), World(3, 0.1), World(4, 0.1)
    refs = list(month(one, "goods", "notice.posted"))
    assert refs == list(month(same, "goods", "notice.posted"))
    told = [vars_of(w, refs[5]) for w in (one, same, other)]
    assert told[0] == told[1] != told[2]


def vars_of(world: World, ref: Ref) -> tuple[object, ...]:
    purchase = world.purchase(ref.source, ref.day, ref.nth)
    return purchase.title, purchase.budget, purchase.bids, purchase.lines


def test_a_year_is_counted_without_making_a_purchase() -> None:
    world = World(1)
    total = world.window("goods", "notice.posted", at(2025, 11, 1), at(2026, 10, 31, 23, 59)).total
    assert 120_000 < total < 200_000
    assert world.purchase.cache_info().currsize == 0


def test_a_month_has_tens_of_thousands_of_notices_and_72_pages_of_mall_products() -> None:
    world = World(1)
    notices = sum(month(world, source, "notice.posted").total for source in ("goods", "services", "works", "foreign"))
    assert 25_000 < notices < 45_000
    assert 65_000 < month(world, "mas", "flat.registered").total < 80_000


def test_counting_agrees_with_going_through_every_purchase() -> None:
    for count in (0, 1, 239, 240, 241, 733):
        for residue in (0, 17, 239):
            own = [index for index in range(count) if residue_of(6_900, index) == residue]
            assert matching(count, 6_900, residue) == len(own)
            assert not own or own[0] == first_index(6_900, residue)


def test_slots_are_ordered_and_every_fate_happens() -> None:
    for stream in STREAMS:
        assert list(slots(stream)) == sorted(slots(stream))
    fates = [trait(residue).fate for residue in range(PERIOD)]
    assert {fate: fates.count(fate) for fate in set(fates)} == {
        "awarded": 204,
        "rebid": 12,
        "failed": 12,
        "cancelled": 12,
    }


def test_the_course_of_a_purchase_is_in_order(world: World) -> None:
    for ref in list(month(world, "works", "contract.registered"))[:300]:
        purchase = world.purchase(ref.source, ref.day, ref.nth)
        t = purchase.trait
        course = [t.plan, t.prespec, t.request, *t.notices, *t.openings, t.award, t.contract, t.contract_changed]
        times = [purchase.at(moment) for moment in course if moment]
        assert times == sorted(times)
        assert purchase.winner is not None
        assert purchase.winner.rank == 1
        assert purchase.contract_amount <= purchase.winner.amount


def test_every_number_leads_back_to_its_purchase_and_to_no_other_kind(world: World) -> None:
    kinds = {"BK", "BD", "DD", "TA", "PE"}
    met = set()
    for ref in list(month(world, "services", "contract.registered"))[:200]:
        purchase = world.purchase(ref.source, ref.day, ref.nth)
        for kind in kinds:
            number = purchase.number(kind)
            found = world.at_number(number, kind)
            held = {
                "BK": purchase.notice_number,
                "BD": purchase.prespec_number,
                "DD": purchase.plan_number,
                "TA": purchase.contract_number,
                "PE": purchase.request_number,
            }[kind]
            assert (found is purchase) == (held == number)
            met |= {kind} if found else set()
            for other in kinds - {kind}:
                assert world.at_number(number, other) is None
        digits = {purchase.number(kind)[5:] for kind in kinds}
        assert len(digits) == len(kinds)
    assert met == kinds
    assert world.at_number("R26BK99999999", "BK") is None
    assert world.at_number("20240101234", "BK") is None
    last = identifiers.spelled("BK", "goods", 6_990, world.count("goods", 6_990))
    assert world.at_number(last, "BK") is None


def test_prices_follow_the_rules_of_the_trade(world: World) -> None:
    for ref in list(month(world, "goods", "reserve.opened"))[:400]:
        purchase = world.purchase(ref.source, ref.day, ref.nth)
        prices = [purchase.reserve_price(number) for number in range(1, 16)]
        assert all(0.979 < price / purchase.budget < 1.021 for price in prices)
        assert len(purchase.drawn) == len(set(purchase.drawn)) == 4
        assert purchase.planned_price == sum(prices[number - 1] for number in purchase.drawn) // 4
        ranked = [bid for bid in purchase.bids if bid.rank]
        assert [bid.rank for bid in ranked] == list(range(1, len(ranked) + 1))
        assert [bid.rate for bid in ranked] == sorted(bid.rate for bid in ranked)
        assert all(bid.rate >= purchase.floor for bid in ranked)
        assert all(bid.rate < purchase.floor for bid in purchase.bids if not bid.rank)
        assert len({bid.company.number for bid in purchase.bids}) == purchase.trait.bidders


def test_business_numbers_check_and_lead_back() -> None:
    weights = (1, 3, 7, 1, 3, 7, 1, 3, 5)
    for number in (0, 1, 4_321, places.COMPANIES - 1):
        told = places.company(1, number).business_number
        total = sum(int(d) * w for d, w in zip(told, weights, strict=False)) + int(told[8]) * 5 // 10
        assert (total + int(told[9])) % 10 == 0
        assert places.company_by_business_number(told) == number
        assert places.institution_by_business_number(told) is None
    assert places.company_by_business_number("1010000000") is None
    assert places.company_by_business_number("x") is None
    one = places.institution(1, 17)
    assert places.institution_by_business_number(one.business_number) == 17
    assert places.institution_by_code(one.code) == 17
    assert places.institution_by_code("1230000") == 0
    assert places.institution_by_code("B999999") is None
    assert places.institution_by_business_number("1") is None
    assert draw.business_number(101_000_000) == places.company(1, 0).business_number


def test_registrations_and_sanctions_name_companies(world: World) -> None:
    window = world.window("sanction", "flat.registered", at(2026, 1, 1), at(2026, 10, 31, 23, 59))
    assert window.total > 80
    for ref in list(window)[:20]:
        company = world.company_of(ref)
        assert ref in world.sanctions(company.number, NOW)
    company = world.company_of(world.company_ref(12_345))
    assert company.number == 12_345
    assert world.institution_of(world.institution_ref(77)).number == 77
    assert world.count("company", 100) == 0


def test_products_and_classes() -> None:
    product = goods.product(1, 1_234_567)
    assert goods.product_by_number(product.number) == 1_234_567
    assert goods.product_by_number("90000000") is None
    assert [label for label, _, _ in product.values] == [label for label, _, _ in product.item.attributes]
    assert product.item.name in product.name
    for digits in (2, 4, 6, 8, 10):
        level = goods.class_level(digits)
        assert len({number for number, _, _ in level}) == len(level)
        assert all(len(number) == digits for number, _, _ in level)


def test_business_days() -> None:
    for offset in range(800):
        when = date(2026, 1, 1) + timedelta(days=offset)
        first, last = days.day_date(days.first_day(when)), days.day_date(days.last_day(when))
        assert last <= when <= first
        assert (first == last == when) == (when.weekday() < 5)
