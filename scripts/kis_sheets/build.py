"""Writes the KIS endpoint sheets from a facts file: `python -m scripts.kis_sheets.build FACTS.json [OUT_DIR]`.

One endpoint a line, one file a category, so that a new portal workbook shows as one changed line per endpoint.
What we decide ourselves (English, effects, lanes, cache lifetimes, corrections) stands in the tables beside this file.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from scripts.kis_sheets.decisions import (
    cache_seconds,
    closed,
    correction,
    effect,
    field_codes,
    lane,
    paging,
    row_decisions,
    unit,
)
from scripts.kis_sheets.english import table, unique
from scripts.kis_sheets.examples import COLUMNS, Samples, columns
from scripts.kis_sheets.shapes import expanded, merged

HERE = Path(__file__).parent
OUT = HERE.parents[1] / "src/dari/providers/kis/spec"
TITLES = table("titles.tsv")


def parameter(entry: dict[str, Any], fact: dict[str, Any], samples: Samples) -> dict[str, Any]:
    """One request parameter: only what differs from the usual (required, open, no codes) is written."""
    fact = correction(entry["id"], fact)
    row: dict[str, Any] = {"name": fact["name"], "label": " ".join(fact["label"].split())}
    if not fact["required"]:
        row["optional"] = True
    if "fixed" in fact:
        row["fixed"] = fact["fixed"]
    elif fact.get("codes"):
        row["codes"] = fact["codes"]
        if closed(fact):
            row["closed"] = True
    if fact.get("len"):
        row["length"] = fact["len"]
    if "fixed" not in fact:
        sample = fact.get("ex")
        if sample is None and fact["required"] and not fact.get("codes"):
            sample = samples.of(entry, fact)
        if sample is not None:
            row["sample"] = sample
    if fact.get("note"):
        row["note"] = fact["note"]
    return row


def block(entry: dict[str, Any], fact: dict[str, Any]) -> dict[str, Any]:
    """One response block; a field is `[name, label, English, unit, sample]` without its empty tail."""
    facts = fact["fields"]
    names = unique([(field["name"], field["label"]) for field in facts])
    fields = []
    for field, english in zip(facts, names, strict=True):
        row = [
            field["name"],
            " ".join(field["label"].split()),
            english,
            unit(entry, field),
            field.get("ex") or "",
        ]
        while not row[-1]:
            row.pop()
        fields.append(row)
    kind = "frame" if fact["kind"] == "ws_row" else fact["kind"]
    return {"name": fact.get("name_in_example") or fact["name"], "kind": kind, "fields": fields}


def sheet(entry: dict[str, Any], samples: Samples) -> dict[str, Any]:
    """The line of one endpoint, as spec/reading.py reads it."""
    websocket = entry["transport"] == "websocket"
    row: dict[str, Any] = {
        "id": entry["id"],
        "title": entry["name_ko"],
        "title_en": TITLES[entry["id"]],
        "group": entry["subcategory"],
        "effect": effect(entry),
        "scope": {"order": "account"}.get(entry["access"], entry["access"]),
        "transport": entry["transport"],
        "method": entry["method"] or "GET",
        "path": entry["ws_path"] if websocket else entry["path"],
        "place": {"ws": "frame"}.get(entry["request"]["place"], entry["request"]["place"]),
        "tr": {"real": entry["tr_id"]["real"], "paper": entry["tr_id"]["demo"]},
        "lane": lane(entry),
    }
    if entry["access"] == "auth":
        row["tr"] = {"real": "", "paper": ""}  # signed in without a tr_id, in both modes
    if not websocket:
        row["paging"] = paging(entry)
    if entry.get("max_rows_per_call"):
        row["rows"] = {{"demo": "paper"}.get(mode, mode): n for mode, n in entry["max_rows_per_call"].items()}
    if (kept := cache_seconds(entry)) is not None:
        row["cache"] = kept
    if entry.get("hts_screen"):
        row["screen"] = entry["hts_screen"]
    if entry.get("api_id"):
        row["api_id"] = entry["api_id"]
    if entry.get("encrypted_payload"):
        row["encrypted"] = True
    row["parameters"] = [parameter(entry, fact, samples) for fact in expanded(entry)]
    row["blocks"] = [block(entry, fact) for fact in merged(entry)]
    wide = [one for one in row["blocks"] if one["kind"] == "array" and len(one["fields"]) > COLUMNS]
    if wide:
        row["columns"] = {one["name"]: columns(one["fields"]) for one in wide}
    if codes := field_codes(entry):
        row["field_codes"] = codes
    row.update(row_decisions(entry, row))
    row["source"] = "portal+repo" if "repo_dir" in entry else "portal"
    return row


def main(facts_path: str, out_dir: str = str(OUT), *only: str) -> None:
    """Write `<category>.jsonl` for every category of the facts file (`only`: ids to keep, for a partial set)."""
    facts = json.loads(Path(facts_path).read_text(encoding="utf-8"))
    samples = Samples(facts["entries"], correction)
    files: dict[str, list[str]] = {}
    for entry in facts["entries"]:
        if not only or entry["id"] in only:
            line = json.dumps(sheet(entry, samples), ensure_ascii=False, separators=(",", ":"))
            files.setdefault(entry["category"], []).append(line)
    for category, lines in files.items():
        Path(out_dir, f"{category}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        print(category, len(lines), sum(len(line.encode()) + 1 for line in lines))


if __name__ == "__main__":
    main(*sys.argv[1:])
