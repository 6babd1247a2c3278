"""Records of the websocket streams, in their sheets' field order."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from dari.core.endpoint import Block, Endpoint
from dari.providers.kis.simulator.accounts.ledger import BRANCH, Fill, Order
from dari.providers.kis.simulator.accounts.terms import plain_number
from dari.providers.kis.simulator.answers.extras import extras_of
from dari.providers.kis.simulator.answers.figures import VENUES
from dari.providers.kis.simulator.answers.plain import contract, kind_of
from dari.providers.kis.simulator.sights import Index, Share, Sight, Subject
from dari.providers.kis.simulator.vocabulary import told
from dari.providers.kis.simulator.writing import row
from dari.worlds.market import Market

_BLOCK_BITS: Final = 128
_TRADES: Final = frozenset({"cntg_vol", "last_cnqn", "evol", "last_qntt"})
_ABROAD_PREFIX: Final = 4
"""D or R and three letters of the exchange: DNASAAPL."""


def stream_subject(market: Market, endpoint: Endpoint, key: str, at: datetime) -> Subject | None:
    """What a registration is about; None for a key nobody trades under."""
    name = endpoint.id.partition(".")[2]
    if endpoint.category == "overseas_stock":
        return contract(market, "overseas", key[_ABROAD_PREFIX:], at, key[1:_ABROAD_PREFIX])
    kind = kind_of(endpoint, key, "")
    if name == "bond_index_ccnl":
        return contract(market, "rate", key, at)
    if kind is not None:
        return contract(market, kind, key, at)
    if name.startswith("index_"):
        return Index(market, key, at) if key in market.members else None
    issue = market.by_code.get(key or "005930")
    venue = {"nxt": "NX", "total": "UN"}.get(name.rpartition("_")[2], "J")
    return Share(market, issue, at, VENUES[venue]) if issue else None


def record(block: Block, values: Mapping[str, Any]) -> list[str]:
    """One record: every field of the sheet in its order, unknown ones blank or zero."""
    known = {one.name.lower(): one.name for one in block.fields}
    filled = {known[name]: str(value) for name, value in values.items() if name in known}
    return [value.replace("^", " ").replace("|", " ") for value in row(block, filled).values()]


def market_records(endpoint: Endpoint, subject: Subject, count: int) -> list[list[str]]:
    """The newest records of a market stream, oldest first: the last trades of a stream of trades, else one look."""
    block = endpoint.blocks[0]
    names = frozenset(one.name.lower() for one in block.fields)
    now = subject.now()
    looks: list[Sight] = []
    if names & _TRADES and not isinstance(subject, Index):
        looks = [_with_book(one, now) for one in reversed(subject.moments(count, 0))]
    extras = extras_of(subject, now, names)
    records = []
    for look in looks or [now]:
        values = {name: extras.get(name, told(look, name)) for name in names}
        records.append(record(block, {name: value for name, value in values.items() if value is not None}))
    return records


def _with_book(look: Sight, now: Sight) -> Sight:
    return replace(look, asks=now.asks, bids=now.bids, high_limit=now.high_limit, low_limit=now.low_limit)


_NOTICE: Final[Mapping[str, Callable[[Order, Fill | None], Any]]] = {
    "acnt_no": lambda order, _: order.account + "01",
    "acct_no": lambda order, _: order.account,
    "oder_no": lambda order, _: order.number,
    "odno": lambda order, _: order.number,
    "ooder_no": lambda order, _: order.original,
    "orgn_odno": lambda order, _: order.original,
    "seln_byov_cls": lambda order, _: "02" if order.side == "buy" else "01",
    "sll_buy_dvsn_cd": lambda order, _: "02" if order.side == "buy" else "01",
    "rctf_cls": lambda order, _: {"new": "0", "amend": "1", "cancel": "2"}[order.action],
    "rvse_cncl_dvsn_cd": lambda order, _: {"new": "00", "amend": "01", "cancel": "02"}[order.action],
    "oder_kind": lambda order, _: order.kind,
    "oder_kind2": lambda order, _: order.kind,
    "stck_shrn_iscd": lambda order, _: order.thing.symbol,
    "series": lambda order, _: order.thing.symbol,
    "cntg_qty": lambda order, fill: fill.quantity if fill else order.quantity,
    "cntg_unpr": lambda order, fill: plain_number(fill.price if fill else order.price),
    "cntg_unpr12": lambda order, fill: plain_number(fill.price if fill else order.price),
    "stck_cntg_hour": lambda order, _: f"{order.at:%H%M%S}",
    "rfus_yn": lambda _order, _: "0",
    "cntg_yn": lambda _order, fill: "2" if fill else "1",
    "acpt_yn": lambda order, fill: "2" if fill else "3" if order.action == "cancel" else "1",
    "brnc_no": lambda _order, _: BRANCH,
    "oder_qty": lambda order, _: order.quantity,
    "ord_qty": lambda order, _: order.quantity,
    "acnt_name": lambda _order, _: "시뮬",
    "cntg_isnm40": lambda order, _: order.thing.name,
    "cntg_isnm": lambda order, _: order.thing.name,
    "oder_prc": lambda order, _: plain_number(order.price),
    "order_prc": lambda order, _: plain_number(order.price),
    "fm_lmt_pric": lambda order, _: plain_number(order.price),
    "ord_dt": lambda order, _: f"{order.at:%Y%m%d}",
    "ccld_dt": lambda order, _: f"{order.at:%Y%m%d}",
    "ccno": lambda _order, fill: fill.number if fill else "",
    "ccld_qty": lambda _order, fill: fill.quantity if fill else 0,
    "fm_ccld_pric": lambda _order, fill: plain_number(fill.price) if fill else "0",
    "tot_ccld_qty": lambda order, _: order.filled,
    "ord_remq": lambda order, _: order.open,
    "crcy_cd": lambda order, _: order.thing.currency,
}


def notice_record(endpoint: Endpoint, user: str, order: Order, fill: Fill | None) -> list[str]:
    """The record of an order's acceptance or execution."""
    values = {name: reader(order, fill) for name, reader in _NOTICE.items()}
    return record(endpoint.blocks[0], {**values, "cust_id": user, "user_id": user})


def wants(endpoint: Endpoint, order: Order, fill: Fill | None) -> bool:
    """Whether a notice stream tells of what happened to an order."""
    name = endpoint.id
    night = order.tr_id.startswith("STTN")
    return {
        "domestic_stock.ccnl_notice": order.thing.product == "stock",
        "overseas_stock.ccnl_notice": order.thing.product == "overseas",
        "domestic_futureoption.fuopt_ccnl_notice": order.thing.product == "future" and not night,
        "domestic_futureoption.krx_ngt_futures_ccnl_notice": order.thing.product == "future" and night,
        "domestic_futureoption.krx_ngt_option_notice": order.thing.product == "future" and night,
        "overseas_futureoption.order_notice": order.thing.product == "overseas_future" and fill is None,
        "overseas_futureoption.ccnl_notice": order.thing.product == "overseas_future" and fill is not None,
    }.get(name, False)


def cipher_of(text: str) -> tuple[str, str]:
    """(key of 32, initial vector of 16 letters) of a registration."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    return digest[:32], digest[32:48]


def encrypted(text: str, key: str, iv: str) -> str:
    """AES-256-CBC with PKCS7 padding, in base64."""
    padder = padding.PKCS7(_BLOCK_BITS).padder()
    padded = padder.update(text.encode()) + padder.finalize()
    encryptor = Cipher(algorithms.AES(key.encode()), modes.CBC(iv.encode())).encryptor()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def frame(tr_id: str, records: list[list[str]], *, secret: tuple[str, str] | None = None) -> str:
    """`0|TR_ID|count|field^field…`; with a secret the data is encrypted and the first place says 1."""
    data = "^".join(value for one in records for value in one)
    if secret:
        return f"1|{tr_id}|{len(records):03d}|{encrypted(data, *secret)}"
    return f"0|{tr_id}|{len(records):03d}|{data}"
