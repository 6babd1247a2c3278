"""KIS's sheets against their own rules and, where it is at hand, against the facts they were carried over from.

Every rule is a function of the written rows that returns complaints, and every rule has a mutant: one change to the
rows that it must notice. Set DARI_FACTS to the folder of fact files to check elsewhere than in ../shared/facts.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dari.providers.kis.spec import platform_facts
from dari.providers.kis.spec.reading import endpoint_of
from dari.providers.kis.spec.sheets import CATEGORIES
from tests.contract.facts import facts_file, needs

Row = dict[str, Any]
Rows = dict[str, Row]
Rule = Callable[[Rows], list[str]]
Mutate = Callable[[Rows], object]

ROOT = Path(__file__).parents[2]
SHEETS = ROOT / "src/dari/providers/kis/spec"
FACTS = facts_file("kis_api.json")
needs_facts = needs(FACTS)
DECIDED = json.loads((ROOT / "scripts/kis_sheets/corrections.json").read_text(encoding="utf-8"))
"""Every departure from the facts, each with its reason."""

ENGLISH = re.compile(r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$")
NAME = re.compile(r"^[A-Za-z][A-Za-z0-9_]*$")
TR_ID = re.compile(r"^(|[A-Z]{4}\d{4}[RU]|[A-Z0-9]{2,6}[A-Z0-9]{4,10})$")
UNITS = {"", "KRW", "KRW_10thousand", "KRW_million", "KRW_100million", "share", "share_1000", "thousand", "percent"}
SIZE_LIMIT = 1_200_000
LABELS_WITHOUT_FACT = {
    ("domestic_stock.volume_rank", "FID_INPUT_DATE_1"),
    ("overseas_stock.new_highlow", "MINX"),
    ("overseas_stock.order_resv_ccnl", "RSVN_ORD_RCIT_DT"),
    ("elw.newly_listed", "FID_BLNG_CLS_CODE"),
}
"""The facts have no label for what only the official samples send."""


def lines() -> Iterator[str]:
    for category in CATEGORIES:
        yield from (SHEETS / f"{category}.jsonl").read_text(encoding="utf-8").splitlines()


def written() -> Rows:
    """A fresh copy of every row, free to be broken."""
    rows: Rows = {}
    for line in lines():
        row = json.loads(line)
        assert row["id"] not in rows, f"{row['id']} stands twice"
        rows[row["id"]] = row
    return rows


def parameters(rows: Rows) -> Iterator[tuple[str, Row]]:
    return ((one, each) for one, row in rows.items() for each in row["parameters"])


def blocks(rows: Rows) -> Iterator[tuple[str, Row]]:
    return ((one, each) for one, row in rows.items() for each in row["blocks"])


def twice(names: list[str | None]) -> list[str]:
    return [str(name) for name, times in Counter(names).items() if times > 1]


# --- rules of the sheets themselves -----------------------------------------------------------------------------------


def counts(rows: Rows) -> list[str]:
    kinds = Counter(row["transport"] for row in rows.values())
    return [] if kinds == {"rest": 278, "websocket": 61} else [f"{dict(kinds)}"]


def reads_as_endpoint(rows: Rows) -> list[str]:
    complaints = []
    for one, row in rows.items():
        try:
            endpoint_of(json.dumps(row))
        except (KeyError, ValueError, TypeError) as error:
            complaints.append(f"{one}: {error!r}")
    return complaints


def names_stand_once(rows: Rows) -> list[str]:
    complaints = [
        f"{one}: {name}" for one, row in rows.items() for name in twice([p["name"] for p in row["parameters"]])
    ]
    complaints += [
        f"{one}: block {name}" for one, row in rows.items() for name in twice([b["name"] for b in row["blocks"]])
    ]
    for one, block in blocks(rows):
        complaints += [f"{one}: field {name}" for name in twice([field[0] for field in block["fields"]])]
    return complaints


def names_are_names(rows: Rows) -> list[str]:
    complaints = [f"{one}: {p['name']}" for one, p in parameters(rows) if not NAME.match(p["name"])]
    return complaints + [f"{one}: {f[0]}" for one, b in blocks(rows) for f in b["fields"] if not NAME.match(f[0])]


def everything_is_labelled(rows: Rows) -> list[str]:
    complaints = [one for one, row in rows.items() if not (row["title"] and row["title_en"] and row["group"])]
    complaints += [f"{one}: {p['name']}" for one, p in parameters(rows) if not p["label"]]
    return complaints + [f"{one}: {f[0]}" for one, b in blocks(rows) for f in b["fields"] if not f[1]]


def english_titles_tell_apart(rows: Rows) -> list[str]:
    complaints = twice([row["title_en"] for row in rows.values()])
    return complaints + [one for one, row in rows.items() if not row["title_en"].isascii()]


def english_names_are_unique(rows: Rows) -> list[str]:
    complaints = []
    for one, block in blocks(rows):
        names = [field[2] for field in block["fields"]]
        complaints += [f"{one}: {name}" for name in names if not ENGLISH.match(name) or len(name) > 60]
        complaints += [f"{one}: {name} twice" for name in twice(list(names))]
    return complaints


def units_are_known(rows: Rows) -> list[str]:
    found = ((one, f[0], f[3]) for one, b in blocks(rows) for f in b["fields"] if len(f) > 3)
    return [f"{one}: {name} in {unit}" for one, name, unit in found if unit not in UNITS]


def code_lists_are_lists(rows: Rows) -> list[str]:
    """Not empty, a meaning for each value, no sentence for a meaning, and nothing closed without its list."""
    complaints = [
        f"{one}: {p['name']} closed without codes" for one, p in parameters(rows) if "closed" in p and "codes" not in p
    ]
    told = [(f"{one}: {p['name']}", p["codes"]) for one, p in parameters(rows) if "codes" in p]
    told += [
        (f"{one}: {name}", codes) for one, row in rows.items() for name, codes in row.get("field_codes", {}).items()
    ]
    for where, codes in told:
        if not codes:
            complaints.append(f"{where}: empty")
        bad = [
            value
            for value, meaning in codes.items()
            if not meaning or " key" in meaning.lower() or "입력" in meaning[-4:]
        ]
        bad += [value for value in codes if value.islower() or re.search(r"[가-힣]", value)]
        complaints += [
            f"{where}: {value}" for value in bad if "직접입력" not in codes[value] and "시 분 입력" not in codes[value]
        ]
    return complaints


def samples_fit(rows: Rows) -> list[str]:
    """A sample, a constant and every code fit the length; a sample is one of a closed list's values."""
    complaints = []
    for one, p in parameters(rows):
        values = [p[key] for key in ("sample", "fixed") if key in p] + list(p.get("codes", ()))
        if p.get("length") and any(len(value) > p["length"] for value in values):
            complaints.append(f"{one}: {p['name']} is longer than {p['length']}")
        if p.get("closed") and "sample" in p and p["sample"] not in p["codes"]:
            complaints.append(f"{one}: {p['name']} = {p['sample']} is not in its list")
        if "fixed" in p and ("codes" in p or "sample" in p):
            complaints.append(f"{one}: {p['name']} is fixed and yet has a choice")
    return complaints


def tr_ids_have_their_shape(rows: Rows) -> list[str]:
    complaints = []
    for one, row in rows.items():
        told = [row["tr"], *row.get("variants", ())]
        every = [pair[mode] for pair in told for mode in ("real", "paper")]
        complaints += [f"{one}: {tr}" for tr in every if tr is not None and not TR_ID.match(tr)]
        if row["scope"] != "auth" and not row["tr"]["real"]:
            complaints.append(f"{one}: no real tr_id")
        if row["scope"] == "auth" and set(row["tr"].values()) != {""}:
            complaints.append(f"{one}: signing in has no tr_id")
    return complaints


def paper_follows_real(rows: Rows) -> list[str]:
    """T, J or C becomes V (US sell apart), a notice ends in 9, and a quote keeps its tr_id."""
    complaints = []
    for one, row in rows.items():
        for pair in [row["tr"], *row.get("variants", ())]:
            real, paper = pair["real"], pair["paper"]
            if not real or paper is None:
                continue
            wanted = {"TTTT1006U": "VTTT1001U"}.get(real, "V" + real[1:])
            if row["scope"] == "market" or row["transport"] == "websocket":
                wanted = real[:-1] + "9" if row.get("encrypted") else real
            if paper != wanted:
                complaints.append(f"{one}: {real} → {paper}")
    return complaints


def variants_are_told_apart(rows: Rows) -> list[str]:
    complaints = []
    for one, row in rows.items():
        variants = row.get("variants", [])
        conditions = [json.dumps(variant["when"], sort_keys=True) for variant in variants]
        complaints += [f"{one}: {said}" for said in conditions if said == "{}"] + [
            f"{one}: {x}" for x in twice(list(conditions))
        ]
        complaints += [f"{one}: {tr}" for tr in twice([variant["real"] for variant in variants])]
        if variants and row["tr"] not in [{mode: v[mode] for mode in ("real", "paper")} for v in variants]:
            complaints.append(f"{one}: {row['tr']} is none of the variants")
        names = {p["name"]: p for p in row["parameters"]}
        for variant in variants:
            for name, values in variant["when"].get("parameters", {}).items():
                if name not in names or not set(values) <= set(names[name]["codes"]):
                    complaints.append(f"{one}: {name} {values}")
    return complaints


def retired_are_replaced(rows: Rows) -> list[str]:
    complaints = []
    for one, row in rows.items():
        now = {pair[mode] for pair in [row["tr"], *row.get("variants", ())] for mode in ("real", "paper")}
        for old, new in row.get("retired", {}).items():
            if old in now or new not in now or not TR_ID.match(old):
                complaints.append(f"{one}: {old} → {new}")
    return complaints


def tr_ids_belong_to_one(rows: Rows) -> list[str]:
    owners: dict[str, set[str]] = {}
    for one, row in rows.items():
        for pair in [row["tr"], *row.get("variants", ())]:
            for tr in {pair["real"], pair["paper"]} - {None, ""}:
                owners.setdefault(str(tr), set()).add(one)
        for old in row.get("retired", {}):
            owners.setdefault(old, set()).add(one)
    return [f"{tr}: {sorted(ids)}" for tr, ids in owners.items() if len(ids) > 1]


def orders_commit(rows: Rows) -> list[str]:
    """What moves money is a POST to a trading path; it, and nothing else, commits."""
    return [
        one
        for one, row in rows.items()
        if (row["effect"] == "COMMIT") != (row["method"] == "POST" and "/trading/" in row["path"])
    ]


def lanes_and_lifetimes_fit(rows: Rows) -> list[str]:
    complaints = []
    for one, row in rows.items():
        lane = {"account": "ledger", "auth": "token", "market": "quote"}[row["scope"]]
        if row["transport"] == "websocket":
            lane = "stream"
        if row["lane"] != lane and one != "auth.hashkey":
            complaints.append(f"{one}: lane {row['lane']}")
        if (row["scope"] != "market" or row["transport"] == "websocket") and row.get("cache") != 0:
            complaints.append(f"{one}: is kept")
        quote = re.search(r"/quotations/(inquire-price|price|.*asking-price.*|inquire-ccnl|multprice)$", row["path"])
        if quote and row["scope"] == "market" and not row.get("cache", 99) <= 3:
            complaints.append(f"{one}: a price is kept {row.get('cache')} s")
    return complaints


def wire_shape_fits(rows: Rows) -> list[str]:
    complaints = []
    for one, row in rows.items():
        stream = row["transport"] == "websocket"
        if stream != (row["place"] == "frame") or (stream and [b["kind"] for b in row["blocks"]] != ["frame"]):
            complaints.append(f"{one}: {row['transport']} in {row['place']}")
        if not stream and (row["place"] == "body") != (row["method"] == "POST"):
            complaints.append(f"{one}: {row['method']} in {row['place']}")
        if not stream and any(b["kind"] == "frame" for b in row["blocks"]):
            complaints.append(f"{one}: a frame over REST")
        if not row["path"].startswith("/") or (
            stream and "rest" not in row and not row["path"].endswith(row["tr"]["real"])
        ):
            complaints.append(f"{one}: {row['path']}")
        names = {p["name"] for p in row["parameters"]}
        complaints += [f"{one}: paging key {key}" for key in row.get("paging", {}).get("keys", ()) if key not in names]
        complaints += [
            f"{one}: twin {key}" for pair in row.get("twins", {}).items() for key in pair if key not in names
        ]
    return complaints + [f"{path} twice" for path in twice([row["path"] for row in rows.values()])]


def encrypted_are_the_notices(rows: Rows) -> list[str]:
    told = {tr for row in rows.values() if row.get("encrypted") for tr in row["tr"].values() if tr}
    return sorted(told ^ set(platform_facts()["websocket"]["encrypted_tr_ids"]))


def conflicts_are_resolved(rows: Rows) -> list[str]:
    complaints = [] if sum("conflicts" in row for row in rows.values()) == 28 else ["27 of the facts and one of ours"]
    for one, row in rows.items():
        complaints += [
            f"{one}: {conflict}"
            for conflict in row.get("conflicts", ())
            if set(conflict) != {"what", "portal", "repo", "taken", "reason"} or not conflict["reason"]
        ]
    return complaints


def wide_tables_name_their_columns(rows: Rows) -> list[str]:
    complaints = []
    for one, row in rows.items():
        wide = {
            b["name"]: [f[0] for f in b["fields"]]
            for b in row["blocks"]
            if b["kind"] == "array" and len(b["fields"]) > 14
        }
        if set(wide) != set(row.get("columns", {})):
            complaints.append(f"{one}: {sorted(wide)}")
            continue
        for name, shown in row.get("columns", {}).items():
            if len(set(shown)) != len(shown) or len(shown) > 14 or not set(shown) <= set(wide[name]):
                complaints.append(f"{one}: {name} {shown}")
    return complaints


def source_is_told(rows: Rows) -> list[str]:
    return [one for one, row in rows.items() if row.get("source") not in {"portal", "portal+repo"}]


def first(rows: Rows, wanted: Callable[[Row], object]) -> Row:
    return next(row for row in rows.values() if wanted(row))


def coded(rows: Rows) -> Row:
    return next(p for _, p in parameters(rows) if "closed" in p and "sample" in p)


RULES: list[tuple[Rule, Mutate]] = [
    (counts, lambda rows: rows.pop("auth.hashkey")),
    (reads_as_endpoint, lambda rows: rows["auth.hashkey"].pop("title")),
    (names_stand_once, lambda rows: rows["auth.hashkey"]["parameters"].append(rows["auth.hashkey"]["parameters"][0])),
    (names_stand_once, lambda rows: rows["auth.hashkey"]["blocks"][0]["fields"].append(["HASH", "x", "other"])),
    (names_stand_once, lambda rows: rows["auth.hashkey"]["blocks"].append(rows["auth.hashkey"]["blocks"][0])),
    (names_are_names, lambda rows: rows["auth.hashkey"]["parameters"][0].update(name="EXCD_01 ~ 10")),
    (everything_is_labelled, lambda rows: rows["auth.hashkey"].update(title_en="")),
    (everything_is_labelled, lambda rows: rows["auth.hashkey"]["parameters"][0].update(label="")),
    (english_titles_tell_apart, lambda rows: rows["auth.hashkey"].update(title_en=rows["auth.revokep"]["title_en"])),
    (english_names_are_unique, lambda rows: rows["auth.hashkey"]["blocks"][0]["fields"].append(["x", "x", "hash"])),
    (english_names_are_unique, lambda rows: rows["auth.hashkey"]["blocks"][0]["fields"].append(["x", "x", "10d_high"])),
    (units_are_known, lambda rows: rows["auth.hashkey"]["blocks"][0]["fields"].append(["x", "x", "x", "원"])),
    (code_lists_are_lists, lambda rows: coded(rows).update(codes={})),
    (code_lists_are_lists, lambda rows: coded(rows)["codes"].update(zz="Unique key")),
    (code_lists_are_lists, lambda rows: rows["auth.hashkey"]["parameters"][0].update(closed=True)),
    (samples_fit, lambda rows: coded(rows).update(sample="zz")),
    (samples_fit, lambda rows: coded(rows).update(fixed="1")),
    (samples_fit, lambda rows: rows["auth.auth_token"]["parameters"][0].update(length=3)),
    (tr_ids_have_their_shape, lambda rows: rows["domestic_stock.order_cash"]["tr"].update(real="tttc0011u")),
    (tr_ids_have_their_shape, lambda rows: rows["domestic_stock.order_cash"]["tr"].update(real=None)),
    (paper_follows_real, lambda rows: rows["overseas_stock.order"]["variants"][1].update(paper="VTTT1006U")),
    (
        variants_are_told_apart,
        lambda rows: rows["domestic_stock.order_cash"]["variants"][1]["when"].update(side="sell"),
    ),
    (variants_are_told_apart, lambda rows: rows["domestic_stock.order_cash"]["variants"].pop(0)),
    (
        variants_are_told_apart,
        lambda rows: rows["overseas_stock.order"]["variants"][0]["when"].update(parameters={"OVRS_EXCG_CD": ["NAS"]}),
    ),
    (retired_are_replaced, lambda rows: rows["domestic_stock.order_cash"]["retired"].update(TTTC0011U="TTTC0012U")),
    (retired_are_replaced, lambda rows: rows["domestic_stock.order_cash"]["retired"].update(TTTC0801U="TTTC0803U")),
    (tr_ids_belong_to_one, lambda rows: rows["domestic_bond.buy"]["tr"].update(real="TTTC0011U")),
    (orders_commit, lambda rows: rows["domestic_bond.buy"].update(effect="READ")),
    (orders_commit, lambda rows: rows["domestic_bond.inquire_balance"].update(effect="COMMIT")),
    (lanes_and_lifetimes_fit, lambda rows: rows["domestic_bond.inquire_balance"].update(lane="quote")),
    (lanes_and_lifetimes_fit, lambda rows: rows["domestic_bond.inquire_balance"].update(cache=5)),
    (lanes_and_lifetimes_fit, lambda rows: rows["domestic_stock.inquire_price"].update(cache=300)),
    (wire_shape_fits, lambda rows: rows["domestic_stock.ccnl_krx"].update(place="query")),
    (wire_shape_fits, lambda rows: rows["domestic_bond.buy"].update(method="GET")),
    (wire_shape_fits, lambda rows: rows["domestic_stock.ccnl_krx"].update(path="/tryitout/H0STASP0")),
    (
        wire_shape_fits,
        lambda rows: first(rows, lambda r: r.get("paging", {}).get("keys"))["paging"]["keys"].append("X"),
    ),
    (encrypted_are_the_notices, lambda rows: rows["domestic_stock.ccnl_notice"].pop("encrypted")),
    (conflicts_are_resolved, lambda rows: rows["overseas_stock.order"]["conflicts"][0].update(reason="")),
    (conflicts_are_resolved, lambda rows: rows["overseas_stock.order"].pop("conflicts")),
    (wide_tables_name_their_columns, lambda rows: rows["domestic_stock.volume_rank"].pop("columns")),
    (
        wide_tables_name_their_columns,
        lambda rows: rows["domestic_stock.volume_rank"]["columns"]["output"].append("stck_prpr"),
    ),
    (source_is_told, lambda rows: rows["auth.hashkey"].pop("source")),
]


@pytest.mark.parametrize("rule", dict.fromkeys(rule for rule, _ in RULES))
def test_the_sheets_keep_the_rule(rule: Rule) -> None:
    assert rule(written()) == []


@pytest.mark.parametrize(("rule", "mutate"), RULES)
def test_the_rule_notices_a_planted_fault(rule: Rule, mutate: Mutate) -> None:
    rows = written()
    mutate(rows)
    assert rule(rows)


def test_the_sheets_stay_small() -> None:
    assert sum(path.stat().st_size for path in SHEETS.glob("*.jsonl")) <= SIZE_LIMIT


# --- against the facts ------------------------------------------------------------------------------------------------


def facts() -> Rows:
    return {entry["id"]: entry for entry in json.loads(FACTS.read_text(encoding="utf-8"))["entries"]}


def departed(one: str, name: str, key: str) -> bool:
    """Whether corrections.json changes `key` of this parameter, giving a reason."""
    return any(
        key in {*rule.get("set", ()), *rule.get("drop", ())} and rule["reason"]
        for rule in DECIDED["parameters"]
        if re.fullmatch(rule["id"], one) and re.fullmatch(rule["name"], name)
    )


def told_names(one: str, entry: Row) -> list[str]:
    names: list[str] = []
    for fact in entry["request"]["params"]:
        pattern, start, end, _ = DECIDED["expand"].get(one, {}).get(fact["name"], (fact["name"], 0, 0, 0))
        names += [pattern % n for n in range(start, end + 1)] if start else [fact["name"]]
    return names


def head_as_told(rows: Rows) -> list[str]:
    complaints = [f"{one} is missing or new" for one in set(rows) ^ set(facts())]
    for one, entry in facts().items():
        row = rows.get(one, {})
        paper = {"demo": "paper"}
        wanted = {
            "title": entry["name_ko"],
            "group": entry["subcategory"],
            "transport": entry["transport"],
            "path": entry["path"] or entry.get("ws_path"),
            "method": entry["method"] or "GET",
            "scope": {"order": "account"}.get(entry["access"], entry["access"]),
            "screen": entry.get("hts_screen"),
            "api_id": entry.get("api_id"),
            "rows": {paper.get(k, k): v for k, v in entry["max_rows_per_call"].items()}
            if "max_rows_per_call" in entry
            else None,
        }
        complaints += [
            f"{one}: {key} {row.get(key)!r} ≠ {value!r}" for key, value in wanted.items() if row.get(key) != value
        ]
        if entry["access"] != "auth" and row.get("tr") != {
            "real": entry["tr_id"]["real"],
            "paper": entry["tr_id"]["demo"],
        }:
            complaints.append(f"{one}: tr_id")
        told = {(v["label"], v["real"], v["demo"]) for v in entry.get("tr_variants", ())}
        if told != {(v["label"], v["real"], v["paper"]) for v in row.get("variants", ())}:
            complaints.append(f"{one}: variants")
        if set(entry.get("tr_id_retired", ())) != set(row.get("retired", ())):
            complaints.append(f"{one}: retired")
        if "conflicts" in entry and "conflicts" not in row:
            complaints.append(f"{one}: a conflict is not resolved")
    return complaints


def parameters_as_told(rows: Rows) -> list[str]:
    complaints = []
    for one, entry in facts().items():
        row = rows[one]
        if told_names(one, entry) != [p["name"] for p in row["parameters"]]:
            complaints.append(f"{one}: {[p['name'] for p in row['parameters']]}")
            continue
        by_name = {fact["name"]: fact for fact in entry["request"]["params"]}
        for p in row["parameters"]:
            name, fact = p["name"], by_name.get(p["name"])
            if fact is None:
                continue  # one of a written-out range
            wanted = {
                "optional": None if fact["required"] else True,
                "codes": fact.get("codes"),
                "length": fact.get("len"),
            }
            keys = {"optional": "required", "codes": "codes", "length": "len"}
            expanded = name in DECIDED["expand"].get(one, {})
            for key, value in wanted.items():
                if p.get(key) != value and not departed(one, name, keys[key]) and not (key == "optional" and expanded):
                    if key == "codes" and "fixed" in p and set(value or ()) == {p["fixed"]}:
                        continue  # the one code of the list is the constant
                    complaints.append(f"{one}: {name} {key} {p.get(key)!r} ≠ {value!r}")
            if "fixed" in fact and p.get("fixed") != fact["fixed"] and not departed(one, name, "fixed"):
                complaints.append(f"{one}: {name} fixed {p.get('fixed')!r} ≠ {fact['fixed']!r}")
            if p["label"] != " ".join(fact["label"].split()) and (one, name) not in LABELS_WITHOUT_FACT:
                complaints.append(f"{one}: {name} {p['label']}")
    return complaints


def fields_as_told(rows: Rows) -> list[str]:
    complaints = []
    for one, entry in facts().items():
        wanted: dict[Any, list[tuple[str, str]]] = {}
        kinds: dict[Any, str] = {}
        for block in entry["response"]["blocks"]:
            name = block.get("name_in_example") or block["name"]
            start, end = DECIDED["fields_removed"].get(one, {}).get(block["name"] or "", (0, 0))
            fields = wanted.setdefault(name, [])
            kinds[name] = {"ws_row": "frame"}.get(block["kind"], block["kind"])
            for field in block["fields"][:start] + block["fields"][end:]:
                if block.get("kind") == "ws_row" or field["name"] not in [known for known, _ in fields]:
                    fields.append((field["name"], " ".join(field["label"].split())))
        found = {block["name"]: [(f[0], f[1]) for f in block["fields"]] for block in rows[one]["blocks"]}
        complaints += [f"{one}: block {name}" for name in wanted if found.get(name) != wanted[name]]
        complaints += [
            f"{one}: {b['name']} {b['kind']}" for b in rows[one]["blocks"] if kinds.get(b["name"]) != b["kind"]
        ]
    return complaints


AGAINST_FACTS: list[tuple[Rule, Mutate]] = [
    (
        head_as_told,
        lambda rows: rows["domestic_stock.volume_rank"].update(path="/uapi/domestic-stock/v1/ranking/volume-rank"),
    ),
    (head_as_told, lambda rows: rows.pop("domestic_stock.volume_rank")),
    (head_as_told, lambda rows: rows["domestic_stock.order_cash"]["variants"][0].update(real="TTTC0801U")),
    (head_as_told, lambda rows: rows["domestic_stock.order_cash"]["retired"].pop("TTTC0801U")),
    (head_as_told, lambda rows: rows["domestic_stock.order_cash"]["tr"].update(paper=None)),
    (parameters_as_told, lambda rows: rows["domestic_stock.volume_rank"]["parameters"].reverse()),
    (parameters_as_told, lambda rows: rows["domestic_stock.volume_rank"]["parameters"][0].update(optional=True)),
    (parameters_as_told, lambda rows: rows["domestic_stock.volume_rank"]["parameters"][4]["codes"].pop("3")),
    (parameters_as_told, lambda rows: rows["domestic_stock.volume_rank"]["parameters"][1].update(fixed="20172")),
    (parameters_as_told, lambda rows: rows["domestic_stock.volume_rank"]["parameters"][0].update(label="시장")),
    (fields_as_told, lambda rows: rows["domestic_stock.ccnl_krx"]["blocks"][0]["fields"].reverse()),
    (fields_as_told, lambda rows: rows["domestic_stock.volume_rank"]["blocks"][0].update(kind="object")),
    (fields_as_told, lambda rows: rows["domestic_stock.volume_rank"]["blocks"][0].update(name="Output")),
]


@needs_facts
@pytest.mark.parametrize("rule", dict.fromkeys(rule for rule, _ in AGAINST_FACTS))
def test_the_sheets_tell_the_facts(rule: Rule) -> None:
    assert rule(written()) == []


@needs_facts
@pytest.mark.parametrize(("rule", "mutate"), AGAINST_FACTS)
def test_a_departure_from_the_facts_is_noticed(rule: Rule, mutate: Mutate) -> None:
    rows = written()
    mutate(rows)
    assert rule(rows)


@needs_facts
def test_the_sheets_are_what_the_generator_writes(tmp_path: Path) -> None:
    from scripts.kis_sheets.build import main  # noqa: PLC0415 -- reads its tables, which only this test needs

    main(str(FACTS), str(tmp_path))
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {
        p.name: p.read_text() for p in SHEETS.glob("*.jsonl")
    }
