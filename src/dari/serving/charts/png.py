"""A drawing as PNG, with a Korean font of our own: it looks the same on a machine that has none."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from dari.core.errors import Hint, MissingExtra
from dari.core.exchange import Drawn

FONT_FILE: Final = Path(__file__).parent / "font" / "NanumGothicCoding.ttf"
"""All 11,172 syllables are drawn in it; smaller fonts name them and leave most of them blank."""
FAMILY: Final = "NanumGothicCoding"
SHARPER: Final = 2
"""Pixels of the PNG for one of the drawing: crisp on today's screens."""


def png(picture: Drawn) -> bytes:
    """The drawing on white paper. Raises MissingExtra without resvg-py."""
    try:
        import resvg_py  # noqa: PLC0415 -- an extra: only who is sent pictures pays for it
    except ImportError:
        hint = Hint("pip install 'dari[charts]'", "pip install 'dari[charts]'")
        raise MissingExtra("a chart as PNG needs the extra dari[charts]", hint=hint) from None
    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=picture.document("light", paper=True),
            zoom=SHARPER,
            font_files=[str(FONT_FILE)],
            font_family=FAMILY,
            sans_serif_family=FAMILY,
            skip_system_fonts=True,
        )
    )
