"""Kiwoom's sheets against their own rules and, where it is at hand, against the facts they were carried over from.

Every rule is a function of the written rows that returns complaints, and every rule has a mutant: one change to the
rows that it must notice. Set DARI_FACTS to the folder of fact files to check elsewhere than in ../shared/facts.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from dari.core.endpoint import Effect
from dari.core.errors import NotFound
from dari.providers.kiwoom.spec import REFUSALS, REFUSALS_OF_FRAMES, SPEC, hosts, limits, named_in, platform
from dari.providers.kiwoom.spec.platform_facts import quota_in
from dari.providers.kiwoom.spec.reading import TABLE_MARK, endpoint
from dari.providers.kiwoom.spec.sheets import lines, row, tables
from tests.contract.facts import facts_file, needs

Rows = dict[str, dict[str, Any]]
Rule = Callable[[Rows], list[str]]
Mutate = Callable[[Rows], object]

FACTS = facts_file("kiwoom_api.json")
needs_facts = needs(FACTS)

UNITS = {
    "", "KRW", "KRW_thousand", "KRW_million", "KRW_10million", "KRW_100million",
    "share", "share_100", "share_1000", "percent", "index_point", "issue_count",
}  # fmt: skip
FORMATS = re.compile(r"^(|YYYYMMDD|HHmmss|HH:mm:ss|YYYYMMDDHHmmss|\.[1-4]|0(8|9|10|12|15|16))$")
ENGLISH = re.compile(r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$")
ORDERS = {f"kt1000{n}" for n in (0, 1, 2, 3, 6, 7, 8, 9)} | {f"kt5000{n}" for n in range(4)}
LACKING_IN_MOCK = {"ka01690", "kt00002", "kt00015", "kt00016", "kt00017"}

UNIT_DEPARTURES = {
    # (api, field): what we say, and why the upstream's own table cannot be right
    ("ka10001", "flo_stk"): ("share_1000", "the value is thousands of shares, though the table says thousand won"),
    ("ka10095", "stkcnt"): ("share_1000", "the value is thousands of shares, though the table says shares"),
    ("ka30012", "stkcnt"): ("share_1000", "상장주식수 counts shares; the table says thousand won"),
    ("ka10062", "orgn_nettrde_avg_pric"): ("KRW", "an average price is not in millions"),
    ("ka10062", "for_nettrde_avg_pric"): ("KRW", "an average price is not in millions"),
    ("ka40003", "acc_trde_prica"): ("KRW_million", "누적거래대금 is money; the table says shares"),
    ("ka10172", "12"): ("percent", "등락율 is a rate; the table says won"),
    ("kt50075", "ord_uv"): ("KRW", "주문단가 is a price; the table says shares"),
    ("ka10051", "cur_prc"): ("index_point", "a sector's level is not in won"),
    ("ka10051", "pred_pre"): ("index_point", "a sector's change is not in won"),
    **{(kind, fid): ("index_point", "a sector's level is not in won") for kind in ("0J", "0U") for fid in ["10", "11"]},
    **{("0J", fid): ("index_point", "a sector's level is not in won") for fid in ["16", "17", "18"]},
}
SIGN_DEPARTURES = {
    # prices whose sign tells the direction, though the inferred column says value
    *((api, name) for api in ("ka10003", "ka10084") for name in ("pri_sel_bid_unit", "pri_buy_bid_unit")),
    *(("ka10087", f"ovt_sigpric_{side}_bid_{n}") for side in ("sel", "buy") for n in range(1, 6)),
    ("ka10087", "ovt_sigpric_cur_prc"),
    ("ka00198", "past_curr_prc"),
    *(("ka10172", fid) for fid in ["10", "16", "17", "18"]),
}
FORMAT_DEPARTURES = {("ka10004", "bid_req_base_tm"): "HHmmss"}
LENGTH_DEPARTURES = {("ka20007", "base_dt"): 8}


def written() -> Rows:
    """A copy of every row, free to be broken."""
    return {one: copy.deepcopy(dict(row(one))) for one in lines()}


def fields_of(one: Mapping[str, Any]) -> list[tuple[Any, list[Any]]]:
    return [(name, each) for _, name, fields in one["blocks"] for each in fields]


def more_of(each: list[Any]) -> dict[str, Any]:
    return each[4] if len(each) > 4 else {}


def unit_of(each: list[Any]) -> str:
    return each[3] if len(each) > 3 else ""


# --- rules of the sheets themselves -----------------------------------------------------------------------------------


def counts(rows: Rows) -> list[str]:
    return [] if len(rows) == 208 else [f"{len(rows)} rows instead of 208"]


def no_foreign_rows(rows: Rows) -> list[str]:
    return [one for one, each in rows.items() if "/us/" in each["path"] or one.startswith("us")]


def reads_as_endpoint(rows: Rows) -> list[str]:
    complaints = []
    for one, each in rows.items():
        try:
            endpoint(each, tables())
        except (KeyError, ValueError, TypeError) as error:
            complaints.append(f"{one}: {error!r}")
    return complaints


def orders_commit(rows: Rows) -> list[str]:
    return [one for one, each in rows.items() if (each["effect"] == "COMMIT") != (one in ORDERS)]


def account_rows_are_not_kept(rows: Rows) -> list[str]:
    return [one for one, each in rows.items() if each["scope"] != "market" and each.get("cache") != 0]


def orders_and_their_reads_are_of_the_account(rows: Rows) -> list[str]:
    tails = ("/acnt", "/ordr", "/crdordr", "/watchlist")
    return [one for one, each in rows.items() if each["path"].endswith(tails) and each["scope"] != "account"]


def english_names(rows: Rows) -> list[str]:
    complaints = []
    for one, each in rows.items():
        for _, name, fields in each["blocks"]:
            said = [field[2] for field in fields]
            complaints += [f"{one}.{name}: {word}" for word in said if not ENGLISH.match(word)]
            complaints += [f"{one}.{name}: {word} twice" for word in set(said) if said.count(word) > 1]
    return complaints


def english_titles(rows: Rows) -> list[str]:
    titles = [each["title_en"] for each in rows.values()]
    return [title for title in titles if not title.isascii() or not title.strip() or titles.count(title) > 1]


def units_and_formats(rows: Rows) -> list[str]:
    return [
        f"{one}.{field[0]}"
        for one, each in rows.items()
        for _, field in fields_of(each)
        if unit_of(field) not in UNITS
        or not FORMATS.match(more_of(field).get("format", ""))
        or more_of(field).get("sign", "") not in ("", "direction", "value")
        or more_of(field).get("scale", "") not in ("", "0.01", "0.000001")
    ]


def closed_lists_have_values(rows: Rows) -> list[str]:
    return [
        f"{one}.{each['name']}"
        for one, sheet in rows.items()
        for each in sheet["parameters"]
        if each.get("closed") and not each.get("codes")
    ]


def tables_are_used_and_known(rows: Rows) -> list[str]:
    text = json.dumps(rows, ensure_ascii=False)
    pointed = set(re.findall(rf'"codes": "{TABLE_MARK}(\w+)"', text))
    return sorted(pointed ^ set(tables()))


def mock_lacks(rows: Rows) -> list[str]:
    return sorted({one for one, each in rows.items() if "mock_refusal" in each} ^ LACKING_IN_MOCK)


def pointers_hit(rows: Rows) -> list[str]:
    complaints = []
    for one, each in rows.items():
        parameters = {parameter["name"] for parameter in each["parameters"]}
        names = {field[0] for _, field in fields_of(each)}
        depends = each.get("unit_depends", {"on": None, "fields": []})
        if depends["on"] and depends["on"] not in parameters:
            complaints.append(f"{one}: {depends['on']}")
        complaints += [
            f"{one}: {name}" for name in [*depends["fields"], *each.get("code_prefix", [])] if name not in names
        ]
        if "batch" in each and each["batch"]["parameter"] not in parameters:
            complaints.append(f"{one}: batch")
    return complaints


def refusals_are_known(rows: Rows) -> list[str]:
    named = {each["mock_refusal"] for each in rows.values() if "mock_refusal" in each}
    named |= {each["batch"]["refusal"] for each in rows.values() if "batch" in each}
    return sorted(named - set(REFUSALS))


def realtime_rows_have_frames(rows: Rows) -> list[str]:
    return [
        one
        for one, each in rows.items()
        if ((each["category"] == "실시간시세") != any(kind == "frame" for kind, _, _ in each["blocks"]))
        or (each["path"].endswith("/websocket") != (each.get("transport") == "websocket"))
    ]


def change(one: str, key: str, value: object) -> Mutate:
    def apply(rows: Rows) -> None:
        rows[one][key] = value

    return apply


def change_field(one: str, name: str, place: int, value: Any) -> Mutate:
    def apply(rows: Rows) -> None:
        field = next(each for _, each in fields_of(rows[one]) if each[0] == name)
        field[place] = value

    return apply


def change_parameter(one: str, name: str, key: str, value: Any) -> Mutate:
    def apply(rows: Rows) -> None:
        next(each for each in rows[one]["parameters"] if each["name"] == name)[key] = value

    return apply


OWN_RULES: list[tuple[Rule, Mutate]] = [
    (counts, lambda rows: rows.pop("ka10001")),
    (no_foreign_rows, change("ka10001", "path", "/api/us/stkinfo")),
    (reads_as_endpoint, change("ka10001", "cash_seconds", 3)),
    (orders_commit, change("kt50001", "effect", "READ")),
    (orders_commit, change("kt00018", "effect", "COMMIT")),
    (account_rows_are_not_kept, change("kt00018", "cache", 5)),
    (orders_and_their_reads_are_of_the_account, change("ka10075", "scope", "market")),
    (english_names, change_field("ka10001", "cur_prc", 2, "current price")),
    (english_names, change_field("ka10001", "cur_prc", 2, "open")),
    (english_titles, change("ka10001", "title_en", "주식")),
    (english_titles, change("ka10001", "title_en", "Tick chart")),
    (units_and_formats, change_field("ka10001", "cur_prc", 3, "won")),
    (units_and_formats, change_field("ka10001", "cur_prc", 4, {"sign": "maybe"})),
    (units_and_formats, change_field("ka10001", "flu_rt", 4, {"format": "2 digits"})),
    (closed_lists_have_values, change_parameter("ka10081", "base_dt", "closed", value=True)),
    (tables_are_used_and_known, change_parameter("ka10080", "tic_scope", "codes", "@minuets")),
    (mock_lacks, change("ka10001", "mock_refusal", "RC9000")),
    (pointers_hit, change("ka10059", "unit_depends", {"on": "amt_qty", "fields": ["orgn"]})),
    (pointers_hit, change("kt00018", "code_prefix", ["stock"])),
    (refusals_are_known, change("ka01690", "mock_refusal", "9999")),
    (realtime_rows_have_frames, change("0B", "blocks", [["array", "0B", []]])),
    (realtime_rows_have_frames, change("ka10001", "transport", "websocket")),
]


@pytest.mark.parametrize("rule", dict.fromkeys(rule for rule, _ in OWN_RULES), ids=lambda rule: str(rule.__name__))
def test_the_sheets_keep_the_rule(rule: Rule) -> None:
    assert rule(written()) == []


@pytest.mark.parametrize(("rule", "mutate"), OWN_RULES, ids=lambda one: getattr(one, "__name__", "mutant"))
def test_a_broken_sheet_is_noticed(rule: Rule, mutate: Mutate) -> None:
    rows = written()
    mutate(rows)
    assert rule(rows) != []


def test_an_unknown_id_names_its_neighbours() -> None:
    with pytest.raises(NotFound) as caught:
        SPEC.endpoint("ka1001")
    assert set(caught.value.details["nearest"]) <= set(SPEC.ids())
    assert caught.value.details["nearest"]


def test_what_mock_lacks_has_no_code_there() -> None:
    assert SPEC.endpoint("kt00015").codes == {"real": "kt00015", "paper": None}
    assert SPEC.endpoint("ka10001").codes == {"real": "ka10001", "paper": "ka10001"}
    assert SPEC.endpoint("kt10000").effect is Effect.COMMIT


def test_1634_and_1700_are_told_apart_by_the_bracket_alone() -> None:
    assert REFUSALS["1634"].korean == REFUSALS["1700"].korean
    assert REFUSALS["1634"].return_code == REFUSALS["1700"].return_code == 5
    assert (REFUSALS["1634"].retry, REFUSALS["1700"].retry) == ("never", "backoff")
    said = "허용된 요청 개수를 초과하였습니다[{}:허용 유량=5, API ID=ka10095]"
    assert [named_in(said.format(code)) for code in ("1634", "1700")] == ["1634", "1700"]
    assert quota_in(said.format("1700")) == 5


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("인증에 실패했습니다[8005:Token이 유효하지 않습니다]", "8005"),
        ("접속에 실패했습니다 CODE=8005", "8005"),
        ("[RC9000] 서비스 미제공", "RC9000"),
        ("정상적으로 처리되었습니다", None),
        ("2026년 1700건", None),
    ],
)
def test_the_code_hidden_in_a_message_is_found(said: str, code: str | None) -> None:
    assert named_in(said) == code


def test_platform_facts_answer() -> None:
    assert hosts("paper")["rest"] == "https://mockapi.kiwoom.com"
    assert (limits("paper")["per_second"], limits("paper")["burst"], limits("real")["per_second"]) == (1, 2, 4)
    assert platform()["websocket"]["items_per_session"] == 200
    assert {"R10001", "R10002", "R10004"} <= set(REFUSALS_OF_FRAMES)


# --- rules against the facts ------------------------------------------------------------------------------------------


def facts() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(FACTS.read_text("utf-8"))
    return read


def apis() -> dict[str, Any]:
    read: dict[str, Any] = facts()["apis"]
    return read


def values(written_codes: Any) -> set[str]:
    if isinstance(written_codes, str):
        return set(tables()[written_codes.removeprefix(TABLE_MARK)])
    return set(written_codes or ())


def told(one: str, fact: Mapping[str, Any]) -> dict[str | None, list[Mapping[str, Any]]]:
    """The response fields a fact tells, by block, in order, each name once."""
    blocks: dict[str | None, list[Mapping[str, Any]]] = {}
    if "values" in fact:
        return {one: fact["values"]}
    for field in fact["response"]:
        if "fields" in field:
            if field["fields"]:
                blocks[field["name"]] = field["fields"]
        elif field["name"] not in [each["name"] for each in blocks.get(None, [])]:
            blocks.setdefault(None, []).append(field)
    return blocks


def same_ids(rows: Rows) -> list[str]:
    return sorted(set(rows) ^ set(apis()))


def same_face(rows: Rows) -> list[str]:
    return [
        one
        for one, fact in apis().items()
        if (rows[one]["title"], rows[one]["category"], rows[one]["path"], bool(rows[one].get("cursor")))
        != (fact["name"], fact["category"], fact["path"], bool(fact.get("continuation")))
        or (rows[one]["effect"] == "COMMIT") != (fact["access"] == "order_write")
        or (rows[one]["scope"] == "market") != (fact["access"] == "market_read")
    ]


def same_parameters(rows: Rows) -> list[str]:
    complaints = []
    for one, fact in apis().items():
        asked = [each for top in fact["request"] for each in (top.get("fields", [top]))]
        ours = rows[one]["parameters"]
        if [each["name"] for each in asked] != [each["name"] for each in ours]:
            complaints.append(f"{one}: names or order")
            continue
        for want, have in zip(asked, ours, strict=True):
            length = LENGTH_DEPARTURES.get((one, want["name"]), want.get("length"))
            same = (
                want["required"] == have.get("required", True)
                and want["label"] == have["label"]
                and length == have.get("length")
                and want.get("fixed") == have.get("fixed")
                and bool(want.get("exchange_suffix")) == bool(have.get("venue"))
                and set(want.get("codes", ())) == values(have.get("codes"))
                and bool(want.get("codes") and not want.get("codes_partial")) == bool(have.get("closed"))
            )
            if not same:
                complaints.append(f"{one}.{want['name']}")
    return complaints


def same_fields(rows: Rows) -> list[str]:
    return [
        f"{one}.{name}"
        for one, fact in apis().items()
        for name, fields in told(one, fact).items()
        if [[each["name"], each["label"]] for each in fields]
        != next(([each[:2] for each in block[2]] for block in rows[one]["blocks"] if block[1] == name), None)
    ]


def same_units(rows: Rows) -> list[str]:
    complaints = []
    for one, fact in apis().items():
        ours = {(name, each[0]): each for name, each in fields_of(rows[one])}
        for name, fields in told(one, fact).items():
            for want in fields:
                have = ours.get((name, want["name"]))
                departure = UNIT_DEPARTURES.get((one, want["name"]), (want.get("unit", ""), ""))[0]
                if have is None or unit_of(have) != departure:
                    complaints.append(f"{one}.{want['name']}")
    return complaints


def same_signs_scales_formats(rows: Rows) -> list[str]:
    complaints = []
    for one, fact in apis().items():
        ours = {(name, each[0]): more_of(each) for name, each in fields_of(rows[one])}
        for name, fields in told(one, fact).items():
            for want in fields:
                have = ours.get((name, want["name"]), {})
                key = (one, want["name"])
                sign = have.get("sign", "")
                if key in SIGN_DEPARTURES:
                    fits = sign == "direction"
                elif "sign_means" in want:
                    fits = sign == want["sign_means"]
                else:
                    fits = sign == "value" if want.get("signed") else sign in ("", "value")
                shape = want.get("format") or (
                    f"0{want['zero_padded']}"
                    if "zero_padded" in want
                    else f".{want['decimals']}"
                    if "decimals" in want
                    else ""
                )
                fits &= have.get("format", "") == FORMAT_DEPARTURES.get(key, shape)
                fits &= float(have.get("scale") or 1) == float(want.get("scale", 1))
                fits &= values(have.get("codes")) == set(want.get("codes", ()))
                if not fits:
                    complaints.append(f"{one}.{want['name']}")
    return complaints


def same_further_facts(rows: Rows) -> list[str]:
    complaints = []
    for one, fact in apis().items():
        nested = [each for field in fact.get("response", []) for each in field.get("fields", [])]
        prefix = [each["name"] for each in nested if "code_prefix" in each]
        depends = [each["name"] for each in nested if each.get("unit_depends")]
        have = rows[one]
        if (
            prefix != have.get("code_prefix", [])
            or depends != have.get("unit_depends", {"fields": []})["fields"]
            or fact.get("example_only_fields", []) != have.get("example_only", [])
            or bool(fact.get("mock_unsupported")) != ("mock_refusal" in have)
        ):
            complaints.append(one)
    return complaints


def refusals_as_documented(_: Rows) -> list[str]:
    want = {str(each["code"]): each for each in facts()["error_codes"]}
    kinds = {"recursion": "rate"}
    complaints = sorted(set(want) ^ {one.code for one in REFUSALS.values() if one.seen == "documented"})
    for code, each in want.items():
        have = REFUSALS[code]
        kind = "recursion" if code == "1687" else have.kind
        retry = {False: "never"}.get(each["retry"], each["retry"])
        if kinds.get(kind, kind) != each["class"] or have.retry != retry:
            complaints.append(code)
        if ("quota_in_message" in each) != have.quota_in_message:
            complaints.append(f"{code} quota")
    return complaints


FACT_RULES: list[tuple[Rule, Mutate]] = [
    (same_ids, lambda rows: rows.update({"ka99999": rows["ka10001"]})),
    (same_face, change("ka90009", "path", "/api/dostk/frgnistt")),
    (same_face, change("ka10001", "title", "주식")),
    (same_face, lambda rows: rows["ka10081"].pop("cursor")),
    (same_parameters, lambda rows: rows["kt10000"]["parameters"].reverse()),
    (same_parameters, change_parameter("kt10000", "ord_uv", "required", value=True)),
    (same_parameters, change_parameter("ka10034", "trde_tp", "codes", "@net_side")),
    (same_parameters, change_parameter("ka10001", "stk_cd", "venue", value=False)),
    (same_fields, change_field("ka10081", "trde_prica", 0, "trde_price")),
    (same_fields, lambda rows: rows["ka10001"]["blocks"][0][2].reverse()),
    (same_units, change_field("ka10081", "trde_prica", 3, "KRW")),
    (same_units, change_field("ka10001", "flo_stk", 3, "KRW_thousand")),
    (same_signs_scales_formats, change_field("ka10001", "cur_prc", 4, {"sign": "value"})),
    (same_signs_scales_formats, change_field("ka20006", "cur_prc", 4, {})),
    (same_signs_scales_formats, change_field("kt00018", "tot_pur_amt", 4, {"sign": "value", "format": "012"})),
    (same_signs_scales_formats, change_field("ka10001", "pre_sig", 4, {})),
    (same_further_facts, lambda rows: rows["kt00018"].pop("code_prefix")),
    (same_further_facts, lambda rows: rows["kt00015"].pop("mock_refusal")),
]


@needs_facts
@pytest.mark.parametrize(
    "rule", [*dict.fromkeys(rule for rule, _ in FACT_RULES), refusals_as_documented], ids=lambda r: str(r.__name__)
)
def test_the_sheets_say_what_the_facts_say(rule: Rule) -> None:
    assert rule(written()) == []


@needs_facts
@pytest.mark.parametrize(("rule", "mutate"), FACT_RULES, ids=lambda one: getattr(one, "__name__", "mutant"))
def test_a_sheet_that_strays_from_the_facts_is_noticed(rule: Rule, mutate: Mutate) -> None:
    rows = written()
    mutate(rows)
    assert rule(rows) != []


@needs_facts
def test_a_refusal_that_strays_from_the_facts_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = replace(REFUSALS["1700"], retry="never")
    monkeypatch.setitem(globals(), "REFUSALS", {**REFUSALS, "1700": wrong})
    assert refusals_as_documented({}) == ["1700"]


@needs_facts
def test_every_departure_still_departs() -> None:
    fields = {
        (one, each["name"]): each
        for one, fact in apis().items()
        for block in told(one, fact).values()
        for each in block
    }
    assert [key for key, (unit, _) in UNIT_DEPARTURES.items() if fields[key].get("unit", "") == unit] == []
    assert [key for key in SIGN_DEPARTURES if fields[key].get("sign_means") == "direction"] == []
    assert [key for key, shape in FORMAT_DEPARTURES.items() if fields[key].get("format") == shape] == []
