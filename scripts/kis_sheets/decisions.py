"""What we decide about an endpoint ourselves: effect, lane, cache lifetime, paging, units, corrections."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from scripts.kis_sheets.notes import told

HERE = Path(__file__).parent
CORRECTIONS: dict[str, Any] = json.loads((HERE / "corrections.json").read_text(encoding="utf-8"))

DAY = 86400


def effect(entry: dict[str, Any]) -> str:
    """Orders cannot be taken back; issuing a token or key changes the upstream; all else looks only."""
    if entry["access"] == "order":
        return "COMMIT"
    if entry["access"] == "auth" and entry["id"] != "auth.hashkey":
        return "CHANGE"
    return "READ"


def lane(entry: dict[str, Any]) -> str:
    """Which limiter of KIS counts it: the ledger has its own (EGW00215), so has the issue of tokens (EGW00133)."""
    if entry["transport"] == "websocket":
        return "stream"
    if entry["access"] in {"account", "order"}:
        return "ledger"
    if entry["access"] == "auth" and entry["id"] != "auth.hashkey":
        return "token"
    return "quote"


def cache_seconds(entry: dict[str, Any]) -> float | None:
    """How long a reply may be kept while the market moves; None follows the settings (rankings)."""
    if entry["access"] != "market" or entry["transport"] == "websocket":
        return 0
    told = CORRECTIONS["cache"].get(entry["id"])
    if told is not None:
        return None if told == "settings" else told
    for pattern, seconds in CORRECTIONS["cache_by_path"]:
        if re.search(pattern, entry["path"]):
            return None if seconds == "settings" else seconds
    raise KeyError(f"no cache lifetime for {entry['id']} {entry['path']}")


def paging(entry: dict[str, Any]) -> dict[str, Any]:
    """`tr_cont`: header and keys; `key`: a key of the reply goes into the next request; `none`: one page."""
    told = dict(entry["paging"])
    mode, keys = told["mode"], told["keys"]
    names = {field["name"].lower() for block in entry["response"]["blocks"] for field in block["fields"]}
    if mode == "none" and keys and all(key.lower() in names for key in keys):
        mode = "key"
    return {"mode": mode, "keys": keys} if keys else {"mode": mode}


def closed(fact: dict[str, Any]) -> bool:
    """A list of kinds is complete; one of issues, members or hours only gives examples."""
    name = fact["name"].upper()
    if "closed" in fact:
        return bool(fact["closed"])
    if len(fact["codes"]) == 1:
        return False  # what else there is, the portal does not tell
    return not re.search(r"ISCD|PDNO|_HOUR|_DATE|_CNT$|PRICE|_DT$|QTY|SRS_CD|GROUP|AREA", name)


def correction(endpoint_id: str, fact: dict[str, Any]) -> dict[str, Any]:
    """The parameter as it should read, where the facts file took prose for codes or a sample for a rule."""
    fact = told(fact)
    for rule in CORRECTIONS["parameters"]:
        if re.fullmatch(rule["id"], endpoint_id) and re.fullmatch(rule["name"], fact["name"]):
            fact = {**fact, **rule.get("set", {})}
            for gone in rule.get("drop", ()):
                fact.pop(gone, None)
    return fact


def field_codes(entry: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Code lists of response fields, by `block.field`; those that were prose are left out."""
    dropped = CORRECTIONS["field_codes_dropped"].get(entry["id"], ())
    told_here = {
        f"{block['name'] or ''}.{field['name']}": field["codes"]
        for block in entry["response"]["blocks"]
        for field in block["fields"]
        if field.get("codes") and field["name"] not in dropped
    }
    return {**told_here, **CORRECTIONS["field_codes"].get(entry["id"], {})}


def unit(entry: dict[str, Any], field: dict[str, Any]) -> str:
    """The unit a value comes in, where the portal's notes and examples tell it."""
    noted = re.search(r"단위 ?: ?([^\s()]+)", field.get("note", ""))
    if noted:
        return str(CORRECTIONS["unit_words"][noted[1]])
    name = field["name"].lower()
    for rule in CORRECTIONS["units"]:
        if re.search(rule["id"], entry["id"]) and re.fullmatch(rule["name"], name):
            return str(rule["unit"])
    return ""


def row_decisions(entry: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    """Variants, retired codes, conflicts: what stands by hand in corrections.json for this endpoint."""
    said: dict[str, Any] = {}
    for key in ("variants", "retired", "conflicts", "twins"):
        if entry["id"] in CORRECTIONS[key]:
            said[key] = CORRECTIONS[key][entry["id"]]
    aliases = {b["name_in_example"]: b["name"] for b in entry["response"]["blocks"] if "name_in_example" in b}
    if aliases:
        said["aliases"] = aliases
    if entry["id"] in CORRECTIONS["rest"]:
        how = CORRECTIONS["rest"][entry["id"]]
        fields = row["blocks"][0]["fields"]
        said["rest"] = {
            **how,
            "blocks": [
                {"name": name, "kind": kind, "fields": [field[0] for field in fields[start:end]]}
                for name, (kind, start, end) in how["blocks"].items()
            ],
        }
    return said
