"""How Kiwoom is spelt and judged, against the facts of its platform."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from dari.core.errors import (
    DariError,
    GrantStale,
    InvalidInput,
    Malformed,
    MissingCredential,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Refused,
    SignInRefused,
    Unreachable,
    WrongMode,
)
from dari.core.exchange import Call
from dari.core.provider import Rate
from dari.providers.kiwoom.dialect import Hosts, QuotasInFiles, QuotasInMemory
from dari.providers.kiwoom.dialect.judged import error_of
from dari.providers.kiwoom.spec import REFUSALS, SPEC
from dari.upstream.client import Rules
from dari.upstream.retry import RetryRules
from tests.unit.kiwoom.doubles import OK, TOKEN, Rig, quote, refusal, response

QUOTES = {"atn_stk_infr": [quote()]}
PRICE = {"stk_cd": "005930"}


async def ask(rig: Rig, endpoint: str = "ka10095", parameters: dict[str, str] | None = None, **more: Any) -> Any:
    return await rig.client.asking().ask(endpoint, PRICE if parameters is None else parameters, **more)


async def test_a_call_is_post_json_with_the_api_id_in_a_header(tmp_path: Path) -> None:
    rig = Rig(tmp_path, ka10095=QUOTES)
    await ask(rig)
    sign_in, call = rig.kiwoom.asked
    assert (sign_in.method, sign_in.url) == ("POST", "https://mockapi.kiwoom.com/oauth2/token")
    assert sign_in.payload == {"grant_type": "client_credentials", "appkey": "key-paper", "secretkey": "s" * 40}
    assert (call.method, call.url, call.query) == ("POST", "https://mockapi.kiwoom.com/api/dostk/stkinfo", {})
    assert call.payload == PRICE
    assert call.headers == {"api-id": "ka10095", "authorization": "Bearer T1", "cont-yn": "N", "next-key": ""}


async def test_the_cursor_lives_in_headers_both_ways(tmp_path: Path) -> None:
    page = response({**OK, "list": []}, cont_yn="Y", next_key="abc 1")
    rig = Rig(tmp_path, ka10099=[page, response({**OK, "list": []}, cont_yn="N", next_key="")])
    first = await ask(rig, "ka10099", {"mrkt_tp": "0"})
    assert first.cursor == "abc 1"
    second = await ask(rig, "ka10099", {"mrkt_tp": "0"}, cursor=first.cursor)
    assert second.cursor is None
    assert rig.kiwoom.asked[-1].headers["cont-yn"] == "Y"
    assert rig.kiwoom.asked[-1].headers["next-key"] == "abc 1"


async def test_the_end_of_a_grant_is_read_in_korean_time(tmp_path: Path) -> None:
    grant = await Rig(tmp_path).dialect.sign_in("default", "paper")
    assert grant.ends.isoformat() == "2026-11-21T12:00:00+09:00"


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (refusal("8001", 3), SignInRefused),
        (refusal("8005", 3), SignInRefused),  # no token was sent yet: nothing to renew
        (refusal("8030", 3), WrongMode),
        (refusal("8010", 3), SignInRefused),
        (refusal("1700", 5), RateLimited),
        ({**TOKEN, "token": ""}, SignInRefused),
        ({**TOKEN, "expires_dt": "soon"}, Malformed),
        ({"return_code": 3, "return_msg": "?"}, SignInRefused),
    ],
)
async def test_a_refused_sign_in_says_who_can_mend_it(tmp_path: Path, said: Any, kind: type[DariError]) -> None:
    rig = Rig(tmp_path, au10001=said)
    with pytest.raises(kind) as caught:
        await rig.dialect.sign_in("default", "paper")
    assert not isinstance(caught.value, GrantStale)


KINDS: dict[str, type[DariError]] = {
    **dict.fromkeys(["1501", "1504", "1505", "1634", "1687", "8200"], Refused),
    **dict.fromkeys(["1511", "1512", "1517"], InvalidInput),
    **dict.fromkeys(["1513", "1516", "8003", "8005", "8031", "8103"], GrantStale),
    **dict.fromkeys(["1514", "1515", "8001", "8002", "8006", "8009", "8010", "8011", "8012"], SignInRefused),
    **dict.fromkeys(["8015", "8016", "8020", "8040", "8050"], SignInRefused),
    **dict.fromkeys(["1700", "1701", "1702"], RateLimited),
    **dict.fromkeys(["1901", "1902", "1903"], NotFound),
    **dict.fromkeys(["8030", "8104", "RC9000"], WrongMode),
    "1999": Unreachable,
}


def test_every_refusal_has_a_class() -> None:
    assert set(KINDS) == set(REFUSALS)
    for code, kind in KINDS.items():
        error = error_of(str(REFUSALS[code].return_code), f"말[{code}:사유]")
        assert type(error) is kind, code
        assert error.upstream_code == code
        if kind is SignInRefused:
            assert not isinstance(error, GrantStale)


def test_1634_and_1700_differ_in_nothing_but_the_code() -> None:
    words = "허용된 요청 개수를 초과하였습니다"
    batch, rate = error_of("5", f"{words}[1634:{words}]"), error_of("5", f"{words}[1700:{words}]")
    assert (type(batch), batch.retryable) == (Refused, False)
    assert (type(rate), rate.retryable) == (RateLimited, True)
    assert type(error_of("5", words)) is RateLimited


def test_an_ip_that_is_not_registered_is_no_token_problem() -> None:
    for code in ("8010", "8040", "8050"):
        error = error_of("3", f"[{code}:x]")
        assert "IP" in error.hint.ko
        assert not isinstance(error, GrantStale)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (response({"return_code": "0", "atn_stk_infr": []}), None),
        (response({"returnCode": 0, "atn_stk_infr": []}), None),
        (response({"atn_stk_infr": []}), Malformed),
        (response([1]), Malformed),
        (response(b"<html>"), Malformed),
        (response(b"<html>", 502), Unreachable),
        (response(b"slow down", 429), RateLimited),
        (response({"return_code": 5, "return_msg": "x"}, 429), RateLimited),
        (response({"return_code": 1, "return_msg": "x"}, 500), Unreachable),
        (response({"return_msg": "x"}, 401), GrantStale),
        (response({"return_code": 20, "return_msg": "x"}), Refused),
    ],
)
async def test_a_reply_is_judged(tmp_path: Path, reply: Any, kind: type[DariError] | None) -> None:
    rig = Rig(tmp_path, rules=Rules(retry=RetryRules(attempts=1)), ka10095=reply)
    if kind is None:
        assert (await ask(rig)).body["atn_stk_infr"] == []
        return
    with pytest.raises(kind) as caught:
        await ask(rig)
    assert type(caught.value) is kind


async def test_an_order_whose_reply_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    order = {"dmst_stex_tp": "KRX", "stk_cd": "005930", "ord_qty": "1", "trde_tp": "3"}
    for said in (response(b"<html>"), response(b"", 502), response({"return_code": 1, "return_msg": "[1999:x]"})):
        rig = Rig(tmp_path, kt10000=said)
        with pytest.raises(OutcomeUnknown) as caught:
            await ask(rig, "kt10000", order)
        assert caught.value.executed is None
        assert len(rig.kiwoom.bodies("kt10000")) == 1


async def test_a_dead_token_is_replaced_once(tmp_path: Path) -> None:
    second = {**TOKEN, "token": "T2"}
    rig = Rig(tmp_path, au10001=[TOKEN, second], ka10095=[refusal("8005", 3), QUOTES])
    await ask(rig)
    assert [one.headers.get("authorization", "-") for one in rig.kiwoom.asked] == ["-", "Bearer T1", "-", "Bearer T2"]


async def test_a_sign_in_that_gives_the_same_token_again_is_believed(tmp_path: Path) -> None:
    rig = Rig(tmp_path, ka10095=[refusal("8005", 3), QUOTES], ka10081={"stk_dt_pole_chart_qry": []})
    await ask(rig)
    await ask(rig, "ka10081", {"stk_cd": "005930", "base_dt": "20261120", "upd_stkpc_tp": "1"})
    assert len(rig.kiwoom.bodies("au10001")) == 2


async def test_without_a_key_nothing_is_sent(tmp_path: Path) -> None:
    rig = Rig(tmp_path, mode="real")
    with pytest.raises(MissingCredential):
        await ask(rig, mode="paper")
    assert rig.kiwoom.asked == []


@pytest.mark.parametrize(
    ("endpoint", "parameters", "said"),
    [
        ("ka10095", {}, "stk_cd is missing"),
        ("ka10095", {"stk_cd": "005930", "ord_prc": "1"}, "ord_prc is not a parameter"),
        ("ka10095", {"stk_cd": ""}, "may not be empty"),
        ("ka10095", {"stk_cd": "5930"}, "six digits or capitals"),
        ("ka10095", {"stk_cd": "|".join(["005930"] * 101)}, "at most 100 codes"),
        ("ka10100", {"stk_cd": "005930_AL"}, "takes a bare code"),
        ("ka10027", {"mrkt_tp": "999"}, "is missing"),
        ("ka10099", {"mrkt_tp": "99"}, "is one of"),
        ("ka10171", {"trnm": "CNSRLST"}, "websocket"),
    ],
)
async def test_a_body_kiwoom_would_refuse_is_refused_here(
    tmp_path: Path, endpoint: str, parameters: dict[str, str], said: str
) -> None:
    rig = Rig(tmp_path)
    with pytest.raises(InvalidInput, match=said):
        await ask(rig, endpoint, parameters)
    assert rig.kiwoom.asked == []


async def test_a_blank_is_allowed_where_the_sheet_says_so(tmp_path: Path) -> None:
    rig = Rig(tmp_path, kt00007={"acnt_ord_cntr_prps_dtl": []})
    asked = {"qry_tp": "1", "stk_bond_tp": "0", "sell_tp": "0", "stk_cd": "", "fr_ord_no": "", "dmst_stex_tp": "%"}
    await ask(rig, "kt00007", asked)
    assert rig.kiwoom.bodies("kt00007") == [asked]


async def test_mock_lacks_what_it_lacks(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    with pytest.raises(WrongMode, match="mock"):
        await ask(rig, "ka01690", {"qry_dt": "20261120"})
    with pytest.raises(WrongMode, match="KRX only"):
        await ask(rig, "ka10095", {"stk_cd": "005930_AL"})
    assert rig.kiwoom.asked == []


def test_another_origin_serves_both_modes_and_the_websocket() -> None:
    hosts = Hosts.of("http://127.0.0.1:9/")
    assert hosts.rest["paper"] == "http://127.0.0.1:9/mock"
    assert hosts.websocket["real"] == "ws://127.0.0.1:9/real/api/dostk/websocket"
    assert Hosts.of(None).websocket["paper"] == "wss://mockapi.kiwoom.com:10000/api/dostk/websocket"


# --- quotas -----------------------------------------------------------------------------------------------------------


def limits(rig: Rig, mode: str = "paper") -> dict[str, Rate]:
    call = Call(SPEC.endpoint("ka10095"), PRICE, mode=mode)
    return {name.split()[-1]: rate for name, rate in rig.dialect.limits(call)}


def test_what_is_permitted_at_first_follows_the_mode(tmp_path: Path) -> None:
    assert limits(Rig(tmp_path)) == {"ka10095": Rate(2, 2.0)}
    assert limits(Rig(tmp_path, mode="real"), "real") == {"ka10095": Rate(4, 1.0)}


@pytest.mark.parametrize(("code", "name"), [("1700", "ka10095"), ("1701", "all"), ("1702", "stkinfo")])
async def test_a_refusal_teaches_the_limit_it_speaks_of(tmp_path: Path, code: str, name: str) -> None:
    rig = Rig(tmp_path, mode="real", ka10095=[refusal(code, 5, "유량=3"), QUOTES])
    await ask(rig)
    assert limits(rig, "real")[name] == Rate(3, 1.0)


async def test_a_batch_refusal_teaches_nothing(tmp_path: Path) -> None:
    rig = Rig(tmp_path, mode="real", ka10095=[refusal("1634", 5, "유량=3")])
    with pytest.raises(Refused):
        await ask(rig)
    assert limits(rig, "real") == {"ka10095": Rate(4, 1.0)}
    assert len(rig.kiwoom.bodies("ka10095")) == 1


def test_a_learnt_quota_is_shared_for_a_day(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    one, other = QuotasInFiles(tmp_path / "q", rig.clock), QuotasInFiles(tmp_path / "q", rig.clock)
    assert other.told("x") is None
    one.learn("x", 5)
    assert other.told("x") == 5
    one.learn("x", 3)
    assert other.told("x") == 3
    rig.clock.advance(24 * 3600.0)
    assert other.told("x") is None
    next((tmp_path / "q").glob("*.quota")).write_text("{}")
    assert QuotasInFiles(tmp_path / "q", rig.clock).told("x") is None


class Metered:
    """An upstream that permits 1/s with a burst of two; its first refusal tells 유량=5, and from then on 5/s hold."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.told_at: float | None = None
        self.accepted: list[float] = []
        self.refused: list[float] = []

    def __call__(self, _: Any) -> Any:
        now = self.rig.clock.monotonic()
        per_second, window = (5, 1.0) if self.told_at is not None else (2, 2.0)
        if sum(1 for at in self.accepted if now - at < window) >= per_second:
            self.refused.append(now)
            self.told_at = self.told_at or now
            return refusal("1700", 5, "유량=5")
        self.accepted.append(now)
        return QUOTES


async def test_sixty_seconds_use_what_is_permitted_without_a_refusal_after_learning(tmp_path: Path) -> None:
    rig = Rig(tmp_path, mode="real", quotas=QuotasInMemory(), rules=Rules(retry=RetryRules(attempts=5, first=1.0)))
    meter = rig.kiwoom.said["ka10095"] = Metered(rig)
    start = rig.clock.monotonic()

    async def one(number: int) -> None:
        await ask(rig, parameters={"stk_cd": f"{number:06d}"})

    number = 0
    while rig.clock.monotonic() - start < 60.0:
        await asyncio.gather(*(one(number + more) for more in range(10)))
        number += 10
    assert meter.told_at is not None
    after = [at for at in meter.accepted if at > meter.told_at + 1.0]
    seconds = rig.clock.monotonic() - meter.told_at - 1.0
    assert [at for at in meter.refused if at > meter.told_at + 1.0] == []
    assert len(after) >= 0.95 * 5 * seconds
