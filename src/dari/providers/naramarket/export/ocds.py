"""Rows as OCDS 1.1.5 releases: the purchase's stage that an operation tells, under one ocid for all its stages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from dari.core.clock import KST
from dari.core.endpoint import Endpoint
from dari.core.errors import Hint, InvalidInput
from dari.providers.naramarket.models import moment, number, packed

PREFIX: Final = "ocds-unregistered"
"""An ocid prefix is given out by the Open Contracting Partnership; without one, this says so."""
METHODS: Final = {"일반경쟁": "open", "제한경쟁": "selective", "지명경쟁": "limited", "수의계약": "direct"}
CATEGORIES: Final = {"Thng": "goods", "Frgcpt": "goods", "Servc": "services", "Cnstwk": "works"}
STATUSES: Final = {"취소": "cancelled", "유찰": "unsuccessful"}
CURRENCY: Final = "KRW"
SUPPLIER: Final = "KR-BRN"
ITEM: Final = "x_KR-G2B"
MOST_DOCUMENTS: Final = 10
BIDS: Final = "https://raw.githubusercontent.com/open-contracting-extensions/ocds_bid_extension/v1.1.5/extension.json"
"""Bids are told by this extension of the standard."""

Row = Mapping[str, str]


def _text(row: Row, *names: str) -> str | None:
    """The first of these fields that is filled."""
    return next((row[name].strip() for name in names if row.get(name, "").strip()), None)


def _amount(row: Row, *names: str) -> dict[str, Any] | None:
    told = _text(row, *names)
    try:
        return {"amount": number(told), "currency": CURRENCY} if told else None
    except ValueError:
        return None


def _time(row: Row, *names: str) -> str | None:
    told = _text(row, *names)
    try:
        return moment(told).isoformat() if told else None
    except ValueError:
        return None


def _whole(row: Row, name: str) -> int | None:
    told = _text(row, name)
    return int(told) if told and told.isdigit() else None


def _lean(value: Any) -> Any:
    """Without what is not there: OCDS leaves such fields out."""
    if isinstance(value, dict):
        told = {name: lean for name, one in value.items() if (lean := _lean(one)) not in (None, {}, [], "")}
        return told or None
    if isinstance(value, list):
        return [lean for one in value if (lean := _lean(one)) not in (None, {}, [], "")] or None
    return value


def _category(endpoint: Endpoint) -> str | None:
    return next((told for end, told in CATEGORIES.items() if end in endpoint.id.rpartition(".")[2]), None)


def _party(row: Row, code: str, name: str, role: str) -> dict[str, Any] | None:
    told = _text(row, name)
    if told is None:
        return None
    return {"id": f"KR-G2B-{_text(row, code) or told}", "name": told, "roles": [role]}


def _supplier(business: str | None, name: str | None) -> dict[str, Any] | None:
    if not business and not name:
        return None
    digits = (business or "").replace("-", "")
    told: dict[str, Any] = {"id": f"{SUPPLIER}-{digits}" if digits else str(name), "name": name, "roles": ["supplier"]}
    if digits:
        told["identifier"] = {"scheme": SUPPLIER, "id": digits, "legalName": name}
    return told


def _reference(party: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return {"id": party["id"], "name": party.get("name")} if party else None


def _documents(row: Row, url: str, title: str) -> list[dict[str, Any]]:
    return [
        {"id": str(at), "title": _text(row, f"{title}{at}"), "url": link, "language": "ko"}
        for at in range(1, MOST_DOCUMENTS + 1)
        if (link := _text(row, f"{url}{at}"))
    ]


def _items(row: Row, endpoint: Endpoint, name: str) -> Iterator[dict[str, Any]]:
    layout = endpoint.wire["packed"].get(name)
    if not layout or not _text(row, name):
        return
    for at, one in enumerate(packed(row[name], layout), 1):
        code, title = one.get("세부품명번호"), one.get("세부품명")
        classified = {"scheme": ITEM, "id": code, "description": title} if code else None
        yield {"id": str(at), "description": title, "classification": classified}


def _tender(row: Row, endpoint: Endpoint) -> dict[str, Any]:
    procurer = _party(row, "ntceInsttCd", "ntceInsttNm", "procuringEntity")
    buyer = _party(row, "dminsttCd", "dminsttNm", "buyer")
    kind = _text(row, "ntceKindNm") or ""
    method = _text(row, "cntrctCnclsMthdNm") or ""
    return {
        "key": _text(row, "bidNtceNo"),
        "version": _text(row, "bidNtceOrd"),
        "date": _time(row, "bidNtceDt", "rgstDt"),
        "tag": ["tenderCancellation" if "취소" in kind else "tender"],
        "parties": [procurer, buyer],
        "buyer": _reference(buyer),
        "planning": {"budget": {"amount": _amount(row, "asignBdgtAmt", "bdgtAmt")}},
        "tender": {
            "id": f"{row['bidNtceNo']}-{row.get('bidNtceOrd', '')}",
            "title": _text(row, "bidNtceNm"),
            "status": next((told for word, told in STATUSES.items() if word in kind), "active"),
            "value": _amount(row, "presmptPrce"),
            "procurementMethod": METHODS.get(method),
            "procurementMethodDetails": method,
            "mainProcurementCategory": _category(endpoint),
            "awardCriteriaDetails": _text(row, "sucsfbidMthdNm"),
            "procuringEntity": _reference(procurer),
            "tenderPeriod": {"startDate": _time(row, "bidBeginDt"), "endDate": _time(row, "bidClseDt")},
            "documents": _documents(row, "ntceSpecDocUrl", "ntceSpecFileNm"),
            "items": list(_items(row, endpoint, "purchsObjPrdctList")),
        },
    }


def _award(row: Row, endpoint: Endpoint) -> dict[str, Any]:
    winner = _supplier(_text(row, "bidwinnrBizno"), _text(row, "bidwinnrNm"))
    buyer = _party(row, "dminsttCd", "dminsttNm", "buyer")
    named = "-".join(row.get(name, "") for name in endpoint.wire["key"])
    return {
        "key": _text(row, "bidNtceNo"),
        "version": named,
        "date": _time(row, "fnlSucsfDate", "rlOpengDt", "rgstDt"),
        "tag": ["award"],
        "parties": [winner, buyer],
        "buyer": _reference(buyer),
        "tender": {
            "id": f"{row['bidNtceNo']}-{row.get('bidNtceOrd', '')}",
            "numberOfTenderers": _whole(row, "prtcptCnum"),
        },
        "awards": [
            {
                "id": named,
                "title": _text(row, "bidNtceNm"),
                "status": "active",
                "date": _time(row, "fnlSucsfDate", "rlOpengDt"),
                "value": _amount(row, "sucsfbidAmt"),
                "suppliers": [_reference(winner)],
            }
        ],
    }


def _contract(row: Row, endpoint: Endpoint) -> dict[str, Any]:
    buyer = _party(row, "cntrctInsttCd", "cntrctInsttNm", "buyer")
    companies = packed(row["corpList"], endpoint.wire["packed"]["corpList"]) if _text(row, "corpList") else []
    suppliers = [_supplier(one.get("사업자등록번호"), one.get("업체명")) for one in companies]
    identity = _text(row, "untyCntrctNo") or ""
    return {
        "key": _text(row, "ntceNo") or identity,
        "version": identity,
        "date": _time(row, "rgstDt", "cntrctCnclsDate", "cntrctDate"),
        "tag": ["contract"],
        "parties": [buyer, *suppliers],
        "buyer": _reference(buyer),
        "contracts": [
            {
                "id": identity,
                "awardID": _text(row, "ntceNo") or identity,
                "title": _text(row, "cntrctNm", "cnstwkNm", "prdctClsfcNoNm"),
                "status": "active",
                "value": _amount(row, "thtmCntrctAmt", "totCntrctAmt"),
                "dateSigned": _time(row, "cntrctCnclsDate", "cntrctDate"),
                "description": _text(row, "cntrctPrd"),
            }
        ],
    }


def _plan(row: Row, endpoint: Endpoint) -> dict[str, Any]:
    del endpoint
    buyer = _party(row, "orderInsttCd", "orderInsttNm", "buyer")
    return {
        "key": _text(row, "orderPlanUntyNo"),
        "version": _text(row, "orderOrd"),
        "date": _time(row, "nticeDt", "chgDt"),
        "tag": ["planning"],
        "parties": [buyer],
        "buyer": _reference(buyer),
        "planning": {
            "budget": {"id": _text(row, "orderPlanUntyNo"), "amount": _amount(row, "sumOrderAmt")},
            "rationale": _text(row, "bizNm"),
        },
    }


def _prespec(row: Row, endpoint: Endpoint) -> dict[str, Any]:
    buyer = _party(row, "", "rlDminsttNm", "buyer")
    return {
        "key": _text(row, "bidNtceNoList", "bfSpecRgstNo"),
        "version": _text(row, "bfSpecRgstNo"),
        "date": _time(row, "rcptDt", "rgstDt"),
        "tag": ["planning"],
        "parties": [buyer],
        "buyer": _reference(buyer),
        "planning": {
            "budget": {"amount": _amount(row, "asignBdgtAmt")},
            "documents": _documents(row, "specDocFileUrl", "specDocFileNm"),
        },
        "tender": {
            "id": _text(row, "bfSpecRgstNo"),
            "title": _text(row, "prdctClsfcNoNm"),
            "status": "planned",
            "items": list(_items(row, endpoint, "prdctDtlList")),
        },
    }


def _tender_change(row: Row, endpoint: Endpoint) -> dict[str, Any]:
    """One change of a notice: what was changed, from what to what."""
    named = "-".join(row.get(name, "") for name in endpoint.wire["key"])
    was, now = _text(row, "bfchgVal") or "", _text(row, "afchgVal") or ""
    said = " ".join(filter(None, (_text(row, "chgItemNm"), f"{was} → {now}" if was or now else None)))
    return {
        "key": _text(row, "bidNtceNo"),
        "version": named,
        "date": _time(row, "chgDt"),
        "tag": ["tenderAmendment"],
        "parties": [],
        "tender": {
            "id": f"{row['bidNtceNo']}-{row.get('bidNtceOrd', '')}",
            "amendments": [{"id": named, "date": _time(row, "chgDt"), "description": said}],
        },
    }


def _bid(row: Row, endpoint: Endpoint) -> dict[str, Any]:
    """One bid of an opening; bids below the floor rate are not in the list that this comes from."""
    bidder = _supplier(_text(row, "prcbdrBizno"), _text(row, "prcbdrNm"))
    named = "-".join(row.get(name, "") for name in endpoint.wire["key"])
    bid = {
        "id": named,
        "date": _time(row, "bidprcDt"),
        "status": "valid" if _text(row, "opengRank") else None,
        "tenderers": [_reference(bidder)],
        "value": _amount(row, "bidprcAmt"),
    }
    return {
        "key": _text(row, "bidNtceNo"),
        "version": named,
        "date": _time(row, "bidprcDt"),
        "tag": ["award"],
        "parties": [bidder | {"roles": ["tenderer"]}] if bidder else [],
        "tender": {"id": f"{row['bidNtceNo']}-{row.get('bidNtceOrd', '')}"},
        "bids": {"details": [bid]},
    }


def _contract_change(row: Row, endpoint: Endpoint) -> dict[str, Any]:
    """A contract as it stands after a change."""
    told = _contract(row, endpoint)
    (contract,) = told["contracts"]
    changed = _time(row, "chgDt", "rgstDt")
    contract["amendments"] = [{"id": f"{contract['id']}-{_text(row, 'chgDt') or ''}", "date": changed}]
    version = f"{told['version']}-{_text(row, 'chgDt') or ''}"
    return {**told, "version": version, "date": changed, "tag": ["contractAmendment"]}


def _teller(endpoint: Endpoint) -> Callable[[Row, Endpoint], dict[str, Any]]:
    service, _, operation = endpoint.id.rpartition(".")
    tellers: tuple[tuple[str, str, Callable[[Row, Endpoint], dict[str, Any]]], ...] = (
        ("BidPublicInfoService", "getBidPblancListInfoChgHstry", _tender_change),
        ("BidPublicInfoService", "getBidPblancListInfo", _tender),
        ("ScsbidInfoService", "getOpengResultListInfoOpengCompt", _bid),
        ("ScsbidInfoService", "getScsbidListSttus", _award),
        ("CntrctInfoService", "getCntrctInfoList", _contract_change),
        ("CntrctInfoService", "getCntrctInfoList", _contract),
        ("OrderPlanSttusService", "getOrderPlanSttusList", _plan),
        ("HrcspSsstndrdInfoService", "getPublicPrcureThngInfo", _prespec),
    )
    ends = ("Thng", "Servc", "Cnstwk", "Frgcpt", "Etc")
    for of, start, teller in tellers:
        rest = operation.removeprefix(start).removesuffix("PPSSrch")
        if teller is _contract_change:
            rest = rest.removesuffix("ChgHstry") if rest.endswith("ChgHstry") else "-"
        if service == of and operation.startswith(start) and rest in (*ends, *([""] if teller is _bid else [])):
            return teller
    raise InvalidInput(
        f"{endpoint.id} tells no stage that OCDS knows",
        hint=Hint(
            "공고·낙찰·개찰완료·계약·발주계획·사전규격이나 그 변경이력을 내보내세요.",
            "Export lists of notices, bids, awards, contracts, their changes, order plans or pre-specifications.",
        ),
    )


def release_package(
    endpoint: Endpoint, rows: Iterable[Row], *, published: datetime, prefix: str = PREFIX
) -> dict[str, Any]:
    """A release package: one release a row. Raises InvalidInput for an operation that tells no stage."""
    teller, stamp = _teller(endpoint), published.astimezone(KST).isoformat(timespec="seconds")
    releases = []
    for row in rows:
        told = teller(row, endpoint)
        key, version, date = told.pop("key"), told.pop("version"), told.pop("date")
        if not key:
            continue
        parties = {one["id"]: one for one in told["parties"] if one}
        release = {
            "ocid": f"{prefix}-{key}",
            "id": "-".join(filter(None, (key, version, told["tag"][0]))),
            "date": date or stamp,
            "initiationType": "tender",
            "language": "ko",
            **told,
            "parties": list(parties.values()),
        }
        releases.append(_lean(release))
    extensions = {"extensions": [BIDS]} if any("bids" in one for one in releases) else {}
    return {
        **extensions,
        "uri": f"urn:dari:naramarket:{endpoint.id}:{stamp}",
        "version": "1.1",
        "publishedDate": stamp,
        "publisher": {"name": "Dari (from data.go.kr)", "uri": "https://www.data.go.kr"},
        "releases": releases,
    }
