"""Text out of files of strangers: every kind, within limits, nothing that only unpacks."""

from __future__ import annotations

import io
import sys
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest

from dari.core.errors import InvalidInput, Malformed, MissingExtra
from dari.core.provider import Response
from dari.providers.naramarket.tools import attachments
from dari.providers.naramarket.tools.attachments import Budget, Unknown, files, text_of

SAMPLES = Path(__file__).parent / "attachments"


def archive(**members: Any) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name.replace("__", "/"), content)
    return held.getvalue()


def read(name: str, content: bytes) -> str:
    return text_of(name, content, Budget())


@pytest.mark.parametrize("kind", ["hwp", "hwpx", "pdf"])
def test_documents_of_other_programs_give_their_lines(kind: str) -> None:
    """A title, two lines, and a table of four cells, or a second page."""
    lines = read(f"sample.{kind}", (SAMPLES / f"sample.{kind}").read_bytes()).splitlines()
    assert lines[:3] == ["제안요청서", "1. 사업개요: 데스크톱컴퓨터 120대 구매", "2. 추정가격 138,468,000원"]
    assert lines[3:] == (
        ["둘째 쪽: 납품기한 2026-12-31"] if kind == "pdf" else ["품명", "수량", "데스크톱컴퓨터", "120"]
    )


def test_a_locked_hwp_says_so() -> None:
    content = bytearray((SAMPLES / "sample.hwp").read_bytes())
    at = content.index(b"HWP Document File")
    content[at + 36] |= 0b10
    with pytest.raises(Unknown, match="password"):
        read("a.hwp", bytes(content))


def test_sections_come_in_the_order_of_their_numbers() -> None:
    members = {f"Contents__section{at}.xml": f"<s><p><t>{at}</t></p></s>" for at in (10, 2, 0)}
    assert read("a.hwpx", archive(**members)) == "0\n2\n10"


def test_breaks_within_a_line_and_paragraphs_within_a_paragraph() -> None:
    inside = "<d><p><r><t>앞</t><tab/><t>뒤</t></r><tbl><p><t>칸</t></p></tbl></p></d>"
    assert read("a.docx", archive(**{"word__document.xml": inside})) == "앞 뒤\n칸"


def test_docx_and_hwpx_give_their_paragraphs() -> None:
    docx = archive(**{"word__document.xml": "<d><p><t>과업</t><t> 내용</t></p><p/><p><t>끝</t></p></d>"})
    assert read("a.docx", docx) == "과업 내용\n끝"
    hwpx = archive(
        **{"Contents__section1.xml": "<s><p><t>둘</t></p></s>", "Contents__section0.xml": "<s><p><t>하나</t></p></s>"}
    )
    assert read("a.hwpx", hwpx) == "하나\n둘"


def test_text_is_read_in_both_encodings() -> None:
    assert read("a.txt", "\ufeff가나".encode()) == "가나"
    assert read("a.txt", "가나".encode("cp949")) == "가나"


def test_an_archive_is_opened_one_level_deep() -> None:
    inner = archive(**{"x.txt": "안"})
    told = dict(files("a.zip", archive(**{"b.txt": "밖", "c.zip": inner}), Budget()))
    assert told["b.txt"].decode() == "밖"
    with pytest.raises(Unknown):
        read("c.zip", told["c.zip"])


def test_bombs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInput):
        list(files("a.zip", archive(**{"a.txt": b"\0" * 10_000_000}), Budget()))
    monkeypatch.setattr(attachments, "MOST_UNPACKED", 100)
    with pytest.raises(InvalidInput):
        list(files("a.zip", archive(**{"a.txt": "".join(map(str, range(200)))}), Budget()))


def test_xml_with_entities_is_not_read() -> None:
    with pytest.raises(Unknown):
        read("a.docx", archive(**{"word__document.xml": "<!DOCTYPE a [<!ENTITY b 'c'>]><d/>"}))


@pytest.mark.parametrize("name", ["a.zip", "a.docx"])
def test_what_is_no_archive_is_malformed(name: str) -> None:
    with pytest.raises(Malformed):
        list(files(name, b"x", Budget())) if name.endswith("zip") else read(name, b"x")


@pytest.mark.parametrize(("name", "content"), [("a.exe", b"x"), ("a.hwp", b"x"), ("a.pdf", b"x")])
def test_what_cannot_be_read_says_so(name: str, content: bytes) -> None:
    with pytest.raises(Unknown):
        read(name, content)


@pytest.mark.parametrize("name", ["a.hwp", "a.pdf"])
def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for module in ("olefile", "pypdf"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra):
        read(name, b"x")


def test_records_of_hwp5_give_their_text() -> None:
    text = "제안요청서".encode("utf-16-le") + (9).to_bytes(2, "little") + b"\0" * 14 + "끝".encode("utf-16-le")
    head = (attachments.PARAGRAPH | (len(text) << 20)).to_bytes(4, "little")
    other = (16 | (2 << 20)).to_bytes(4, "little") + b"ab"
    assert list(attachments._records(other + head + text)) == ["제안요청서끝"]
    long = (attachments.PARAGRAPH | (0xFFF << 20)).to_bytes(4, "little") + len(text).to_bytes(4, "little")
    assert list(attachments._records(long + text)) == ["제안요청서끝"]


def test_a_deflated_section_is_capped() -> None:
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    raw = packed.compress(b"\0" * 1000) + packed.flush()
    assert len(attachments._inflated(raw, Budget())) == 1000
    small: Any = Budget()
    small.left = 10
    with pytest.raises(InvalidInput):
        attachments._inflated(raw, small)


def test_a_damaged_archive_is_malformed() -> None:
    content = bytearray(archive(**{"a.txt": "내용 " * 50}))
    content[45:50] = b"\xff" * 5
    with pytest.raises(Malformed):
        list(files("a.zip", bytes(content), Budget()))


async def test_what_one_file_lacks_is_a_gap_beside_the_others() -> None:
    class Asked:
        class desk:  # noqa: N801 -- an attribute of the double
            simulated = True

            @staticmethod
            async def fetch(_: str) -> Response:
                return Response(200, {}, archive(**{"a.txt": "있음", "b.exe": "x", "c.pdf": "%PDF-broken"}))

    told = await attachments.read_attachment(
        attachments.ReadAttachment(url="http://simulator.invalid/f.zip"),
        Asked(),  # type: ignore[arg-type]  # a double
    )
    assert "있음" in told.data["untrusted_text"]
    assert {gap.field for gap in told.gaps} == {"files[b.exe]", "files[c.pdf]"}
