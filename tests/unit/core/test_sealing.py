"""What is sealed opens with its key, by its name, as it was; and with nothing else."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from dari.core.clock import ManualClock
from dari.core.errors import BadSetting
from dari.core.sealing import MAGIC, Sealing, key_id, opened
from dari.core.shared_state import FileState
from dari.core.shared_state.sealed import SealedState
from dari.upstream.cache import unpacked
from tests.support import MORNING

OLD, NEW = (base64.b64encode(bytes([one]) * 32).decode() for one in (251, 7))
"""The old one has letters that the two alphabets of base64 write differently."""


def sealing(written: str) -> Sealing:
    made = Sealing.of(written)
    assert made is not None
    return made


def test_sealed_bytes_tell_nothing_and_open_again() -> None:
    one = sealing(NEW)
    kept = one.sealed("삼성전자".encode(), "a")
    assert kept.startswith(MAGIC)
    assert "삼성전자".encode() not in kept
    assert kept != one.sealed("삼성전자".encode(), "a")
    assert opened(one, kept, "a").decode() == "삼성전자"
    assert opened(None, b"open", "a") == opened(one, b"open", "a") == b"open"


def test_a_new_key_seals_and_the_old_one_still_opens() -> None:
    kept = sealing(OLD).sealed(b"x", "a")
    both = sealing(f"{NEW}, {OLD.replace('+', '-').replace('/', '_')}")
    assert both.opened(kept, "a") == b"x"
    assert (both.current(kept), both.current(both.sealed(b"x", "a"))) == (False, True)
    assert sealing(NEW).opened(both.sealed(b"y", "a"), "a") == b"y"


def test_another_key_no_key_and_altered_bytes_are_told_apart_and_no_key_is_shown() -> None:
    kept = sealing(OLD).sealed(b"x", "a")
    name = key_id(b"\xfb" * 32).hex()
    for wrong in (sealing(NEW), None):
        with pytest.raises(BadSetting) as told:
            opened(wrong, kept, "a")
        assert name in told.value.message
        assert "DARI_STORE_KEY" in told.value.hint.en
        assert OLD not in str(told.value) + told.value.hint.en + told.value.hint.ko
    for other, about in ((kept[:-1] + bytes([kept[-1] ^ 1]), "a"), (kept, "b"), (kept[:12], "a")):
        with pytest.raises(BadSetting) as told:
            sealing(OLD).opened(other, about)
        assert "changed" in told.value.message
    assert OLD not in repr(sealing(OLD))


@pytest.mark.parametrize("written", ["x", "한글", base64.b64encode(b"short").decode(), f"{NEW}{NEW}"])
def test_what_is_no_key_is_refused_without_being_told(written: str) -> None:
    with pytest.raises(BadSetting) as told:
        Sealing.of(written)
    assert written not in told.value.message
    assert "vault-key" in told.value.hint.en
    assert Sealing.of(" , ") is None


# --- in shared state ------------------------------------------------------------------------------------------------

REPLY = {"body": {"name": "삼성전자"}, "fetched_at": MORNING.isoformat(), "cursor": None, "simulated": True}


@pytest.fixture
def files(tmp_path: Path) -> FileState:
    return FileState(tmp_path / "state", ManualClock(MORNING))


def lying(files: FileState) -> str:
    return "".join(path.read_text("utf-8") for path in files._folder.glob("*.json"))


async def test_replies_and_grants_are_sealed_and_the_rest_is_as_it_was(files: FileState) -> None:
    state = SealedState(files, sealing(NEW))
    for name in ("reply a", "last a", "grant a"):
        await state.put(name, REPLY, seconds=60)
    await state.put("dart disclosures a", {"of": {"a": [["1", "삼성전자"]]}})
    await state.put("counts a", {"plan": 1}, durable=True)
    await state.put("grant refused a", {"until": 5.0})
    assert "삼성전자" not in lying(files)
    assert await state.get("dart disclosures a") == {"of": {"a": [["1", "삼성전자"]]}}
    await state.drop("dart disclosures a")
    assert [await state.get(name) for name in ("reply a", "last a", "grant a")] == [REPLY] * 3
    assert await files.get("counts a") == await state.get("counts a") == {"plan": 1}
    assert await files.get("grant refused a") == {"until": 5.0}
    assert set(await state.names("* a")) == {"reply a", "last a", "grant a", "counts a", "grant refused a"}
    await state.drop("last a")
    assert await state.drop_matching("reply *") == 1
    assert [await state.get(name) for name in ("reply a", "last a", "none")] == [None] * 3
    async with state.lock("a"):
        pass


async def test_what_lay_open_before_the_key_is_forgotten(files: FileState) -> None:
    await files.put("reply a", REPLY)
    assert await SealedState(files, sealing(NEW)).get("reply a") is None
    assert lying(files) == ""


async def test_another_keys_reply_is_an_error_and_its_grant_is_none(files: FileState) -> None:
    old = SealedState(files, sealing(OLD))
    await old.put("reply a", REPLY)
    await old.put("grant a", {"token": "t"})
    assert await SealedState(files, sealing(f"{NEW},{OLD}")).get("reply a") == REPLY
    with pytest.raises(BadSetting):
        await SealedState(files, sealing(NEW)).get("reply a")
    assert await SealedState(files, sealing(NEW)).get("grant a") is None
    bare = await files.get("reply a")
    assert bare is not None
    with pytest.raises(BadSetting):
        unpacked(bare)
