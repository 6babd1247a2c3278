"""The files that notices point to: small and true to their format, named by their notice."""

from __future__ import annotations

import io
import zipfile
from typing import Final

from dari.worlds.procurement import identifiers

KINDS: Final = ("hwpx", "docx", "zip")


def _zip(files: dict[str, str]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return held.getvalue()


def _hwpx(text: str) -> bytes:
    section = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<hs:sec xmlns:hs="http://www.hancom.co.kr/hwpml/2011/section" '
        'xmlns:hp="http://www.hancom.co.kr/hwpml/2011/paragraph">'
        f"<hp:p><hp:run><hp:t>{text}</hp:t></hp:run></hp:p></hs:sec>"
    )
    return _zip({"mimetype": "application/hwp+zip", "Contents/section0.xml": section})


def _docx(text: str) -> bytes:
    document = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        f"<w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body></w:document>"
    )
    return _zip({"word/document.xml": document})


def attachment(number: str, place: int) -> tuple[str, bytes] | None:
    """File name and content of attachment `place` (1 … 3) of a notice, pre-specification or plan, or None."""
    if identifiers.read(number) is None or not 1 <= place <= len(KINDS):
        return None
    kind = KINDS[place % len(KINDS)]
    text = f"{number} 제안요청서 {place}: 사업 개요, 과업 내용, 평가 기준"
    content = {
        "hwpx": lambda: _hwpx(text),
        "docx": lambda: _docx(text),
        "zip": lambda: _zip({"제안요청서.txt": text, "과업지시서.txt": text}),
    }[kind]()
    return f"{number}-{place}.{kind}", content
