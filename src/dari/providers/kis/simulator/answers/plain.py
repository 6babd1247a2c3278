"""The answer to any market question from its sheet: which thing is asked about, which rows, what each field reads.

Endpoints answered by a function of their own stand in `answers.HANDLERS`; the rest come here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from dari.core.endpoint import Block, Endpoint
from dari.providers.kis.simulator.answers.extras import extras_of
from dari.providers.kis.simulator.answers.figures import VENUES
from dari.providers.kis.simulator.answers.rankings import in_market
from dari.providers.kis.simulator.exchange import Ask
from dari.providers.kis.simulator.sights import Contract, Index, Share, Sight, Subject
from dari.providers.kis.simulator.vocabulary import reader_of, told
from dari.providers.kis.simulator.writing import row
from dari.worlds.market import Market, abroad
from dari.worlds.market.instruments import Kind, Walk

_SYMBOLS: Final = (
    "fid_input_iscd",
    "mksc_shrn_iscd",
    "srs_cd",
    "symb",
    "sht_cd",
    "pdno",
    "fid_input_iscd_1",
    "prod_iscd",
)
_DAYS: Final = frozenset(
    {"stck_bsop_date", "bsop_date", "data_date", "xymd", "deal_date", "evlu_dt", "date", "stlm_date", "kymd"}
)
_TIMES: Final = frozenset({"stck_cntg_hour", "bsop_hour", "data_time", "xhms", "khms", "bsop_hour_gb"})
_NAMES: Final = frozenset(
    [
        "mksc_shrn_iscd",
        "stck_shrn_iscd",
        "elw_shrn_iscd",
        "optn_shrn_iscd",
        "futs_shrn_iscd",
        "symb",
        "bond_shrn_iscd",
        "unas_shrn_iscd",
        "bstp_cls_code",
        "code",
        "series_cd",
        "pdno",
        "inter_shrn_iscd",
    ]
)
_COUNTS: Final = frozenset({"nrec", "trec", "crec", "ret_cnt", "tret_cnt", "last_n_cnt", "row_cnt"})
_RANKS: Final = frozenset({"data_rank", "rank", "seqn"})
_ROWS: Final = 30
_MANY: Final = 120


@lru_cache(maxsize=8)
def walk_of(seed: int) -> Walk:
    """The walk of a world's instruments."""
    return Walk(seed)


def _sent(ask: Ask, *names: str) -> str:
    """The first parameter that is there and filled, whatever its case."""
    lower = {name.lower(): value for name, value in ask.parameters.items()}
    return next((lower[name].strip() for name in names if lower.get(name, "").strip()), "")


def kind_of(endpoint: Endpoint, symbol: str, division: str) -> Kind | None:
    """What kind of instrument an endpoint speaks of; None for shares and indices of the exchange."""
    category, _, name = endpoint.id.partition(".")
    if category == "elw" or division == "W" or "elw" in name:
        return "elw"
    if category == "domestic_futureoption":
        return (
            "option" if symbol[:1] in {"2", "3", "B", "C"} or "option" in name or division in {"O", "EU"} else "future"
        )
    if category == "domestic_bond":
        return "bond"
    if category == "overseas_stock":
        return "overseas_index" if division in {"N", "X", "I", "S"} else "overseas"
    if category == "overseas_futureoption":
        return "overseas_option" if name.startswith(("opt", "search_opt")) or "optchart" in name else "overseas_future"
    return "rate" if name == "comp_interest" else None


def contract(market: Market, kind: Kind, symbol: str, at: Any, exchange: str = "") -> Contract | None:
    """A contract by its symbol."""
    one = abroad.instrument(market.seed, kind, symbol, exchange)
    return Contract(market, walk_of(market.seed), one, at) if one else None


_DEFAULTS: Final[Mapping[Kind, str]] = {
    "elw": abroad.ELWS[0],
    "future": abroad.FUTURES[0],
    "option": abroad.CALLS[0],
    "bond": abroad.BONDS[0],
    "overseas_index": abroad.OVERSEAS_INDICES[0],
    "overseas_future": abroad.OVERSEAS_FUTURES[0],
    "overseas_option": abroad.OVERSEAS_OPTIONS[0],
    "rate": "국고채 3년",
}


def subject_of(ask: Ask) -> Subject | None:
    """What a question is about; None when it names nothing that exists."""
    symbol = _sent(ask, *_SYMBOLS)
    division = _sent(ask, "fid_cond_mrkt_div_code")
    kind = kind_of(ask.endpoint, symbol, division)
    if kind is not None:
        wanted = symbol or (_DEFAULTS.get(kind, "") if not _asks(ask.endpoint, _SYMBOLS) else "")
        return contract(ask.market, kind, wanted, ask.at, _sent(ask, "excd"))
    issue = ask.market.by_code.get(symbol)
    if issue is not None:
        return Share(ask.market, issue, ask.at, VENUES.get(division, "KRX"))
    if symbol in ask.market.members:
        return Index(ask.market, symbol, ask.at)
    if division == "U" or symbol in {"", "0000", "KSP", "KSQ"}:
        return Index(ask.market, "1001" if symbol == "KSQ" else "0001", ask.at)
    return None


def _asks(endpoint: Endpoint, names: Iterable[str]) -> bool:
    return any(one.name.lower() in names for one in endpoint.parameters)


_SORTS: Final[Mapping[str, Callable[[Sight], Any]]] = {
    "fluctuation": lambda sight: (sight.price - sight.base) / sight.base,
    "updown_rate": lambda sight: (sight.price - sight.base) / sight.base,
    "market_cap": lambda sight: sight.price * sight.shares,
    "trade_pbmn": lambda sight: sight.value,
    "market_value": lambda sight: sight.price * sight.shares,
}


def many_of(ask: Ask, block: Block) -> list[Subject]:
    """The things a list is made of."""
    symbol = _sent(ask, "fid_input_iscd")
    kind = kind_of(ask.endpoint, symbol, _sent(ask, "fid_cond_mrkt_div_code"))
    market = ask.market
    if kind is None and "bstp_cls_code" in {one.name.lower() for one in block.fields}:
        return [Index(market, sector.code, ask.at) for sector in market.sectors()]
    if kind is None:
        chosen = in_market(ask, symbol if symbol in market.members or symbol in {"0000", "0001", "1001"} else "0000")
        quotes = sorted(
            (quote for quote in market.snapshot(ask.at).quotes.values() if quote.volume and chosen(quote.issue)),
            key=lambda quote: (-quote.volume, quote.code),
        )
        return [Share(market, quote.issue, ask.at) for quote in quotes[:_ROWS]]
    if kind == "overseas":
        asked = [value for name, value in ask.parameters.items() if name.upper().startswith("SYMB_") and value.strip()]
        exchange = abroad.ALIASES.get(_sent(ask, "excd"), _sent(ask, "excd"))
        listed = [one for one in abroad.LISTED if (one.symbol in asked if asked else exchange in {"", one.exchange})]
        return [Contract(market, walk_of(market.seed), one, ask.at) for one in listed]
    lists: Mapping[Kind, Sequence[str]] = {
        "elw": abroad.ELWS,
        "future": abroad.FUTURES,
        "option": abroad.PUTS if block.name == "output2" else abroad.CALLS,
        "bond": abroad.BONDS,
        "overseas_future": abroad.OVERSEAS_FUTURES,
        "overseas_option": abroad.OVERSEAS_OPTIONS,
        "overseas_index": abroad.OVERSEAS_INDICES,
        "rate": ("국고채 3년", "국고채 10년", "회사채 AA-", "CD 91일", "콜금리"),
    }
    asked = [value for name, value in ask.parameters.items() if name.upper().startswith("SRS_CD_") and value.strip()]
    return [one for name in (asked or lists[kind]) if (one := contract(market, kind, name, ask.at))]


def _between(ask: Ask, rows: list[Sight]) -> list[Sight]:
    """The rows inside the days asked for."""
    first = _sent(ask, "fid_input_date_1", "strt_dt", "inqr_strt_dt", "f_dt", "start_date", "start_date_time")[-8:]
    last = _sent(ask, "fid_input_date_2", "bymd", "inqr_end_dt", "t_dt", "end_date", "close_date_time")[:8]
    both = _asks(ask.endpoint, ("fid_input_date_2", "inqr_end_dt", "t_dt", "end_date"))
    kept = [one for one in rows if not last or one.day <= last]
    if first and both:
        return [one for one in kept if one.day >= first]
    if first and _asks(ask.endpoint, ("fid_input_date_1",)):
        return [one for one in kept if one.day <= first]
    return kept


def _limit(ask: Ask) -> int:
    asked = _sent(ask, "qry_cnt", "nrec")
    most = ask.endpoint.max_rows or (_MANY if asked else _ROWS)
    return min(int(asked), most) if asked.isdigit() and int(asked) > 0 else most


def _sights(ask: Ask, block: Block, subject: Subject | None) -> list[tuple[Subject, Sight]]:
    """The rows of a list: days, moments or things, by what the block has a field for."""
    names = {one.name.lower() for one in block.fields}
    limit = _limit(ask)
    if subject is not None and names & _TIMES:
        step = 0 if {"ccnl", "conclusion", "tick"} & set(ask.endpoint.id.replace(".", "_").split("_")) else 60
        if "itemconclusion" in ask.endpoint.id:
            step = 0
        return [(subject, one) for one in subject.moments(limit, step)]
    if subject is not None and names & _DAYS:
        return [(subject, one) for one in _between(ask, subject.days(limit))]
    if names & _NAMES:
        looked = [(one, one.now()) for one in many_of(ask, block)]
        key = _SORTS.get(ask.endpoint.id.partition(".")[2])
        if key:
            looked.sort(key=lambda pair: (-key(pair[1]), pair[1].code))
        return looked[:limit]
    return [(subject, subject.now())] if subject is not None else []


def _row(block: Block, subject: Subject, sight: Sight, place: int, count: int) -> dict[str, str]:
    names = frozenset(one.name.lower() for one in block.fields)
    extras = extras_of(subject, sight, names)
    values: dict[str, Any] = {}
    for one in block.fields:
        name = one.name.lower()
        if name in _COUNTS:
            values[one.name] = count
        elif name in _RANKS:
            values[one.name] = place
        elif name == "index_key":
            values[one.name] = f"{sight.day}{sight.moment:%H%M%S}"
        elif name in extras:
            values[one.name] = extras[name]
        elif (said := told(sight, one.name)) is not None:
            values[one.name] = said
    return row(block, values)


def plain(ask: Ask) -> Mapping[str, Any]:
    """The blocks of a reply. A thing that does not exist gives empty lists and rows of zeros."""
    subject = subject_of(ask)
    reply: dict[str, Any] = {}
    lists = {block.name: _sights(ask, block, subject) for block in ask.endpoint.blocks if block.kind == "array"}
    count = max((len(rows) for rows in lists.values()), default=0)
    last = next((rows[-1][1] for rows in lists.values() if rows), None)
    for block in ask.endpoint.blocks:
        name = block.name or "output"
        if block.kind == "array":
            reply[name] = [
                _row(block, one, sight, place, count) for place, (one, sight) in enumerate(lists[block.name], 1)
            ]
        elif subject is None:
            reply[name] = row(block, {one.name: count for one in block.fields if one.name.lower() in _COUNTS})
        else:
            now = subject.now()
            keyed = last is not None and any(one.name.lower() == "index_key" for one in block.fields)
            reply[name] = _row(block, subject, last if keyed and last else now, 1, count)
    return reply


def tied_fields(endpoint: Endpoint) -> list[str]:
    """The fields of an endpoint that the world tells, names and places in a list aside."""
    aside = (
        _DAYS
        | _TIMES
        | _NAMES
        | _COUNTS
        | _RANKS
        | {"hts_kor_isnm", "prdt_name", "isin_name", "name", "sht_cd", "knam"}
    )
    return [
        one.name
        for block in endpoint.blocks
        for one in block.fields
        if reader_of(one.name) is not None and one.name.lower() not in aside
    ]
