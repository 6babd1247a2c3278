"""The Kafka protocol's plain (not flexible) encodings: shapes told as text, values as dicts.

Source: https://kafka.apache.org/protocol (read 2026-08), "Protocol Primitive Types".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Any, Final

Shape = tuple[tuple[str, Any], ...]
"""Fields in order: a name with the kind of its value, or with the shape of each element of an array."""
NUMBERS: Final = {"b": ">?", "i1": ">b", "i2": ">h", "i4": ">i", "i8": ">q"}
STRING: Final = ">h"
LONG: Final = ">i"


def shape(text: str) -> Shape:
    """`name:s isr[:i4]` as a shape. Kinds: b i1 i2 i4 i8, s (string, may be null), y (bytes, may be null)."""
    return _fields(iter(text.replace("[", " [ ").replace("]", " ] ").split()))


def _fields(words: Iterator[str]) -> Shape:
    made: list[tuple[str, Any]] = []
    for word in words:
        if word == "]":
            break
        if word == "[":
            made[-1] = (made[-1][0], _fields(words))
        else:
            name, _, kind = word.partition(":")
            made.append((name, kind))
    return tuple(made)


class Reader:
    """Takes values from the front of a frame. struct.error where the frame ends before its shape does."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def number(self, form: str) -> Any:
        """One number or flag."""
        (value,) = struct.unpack_from(form, self._data, self._at)
        self._at += struct.calcsize(form)
        return value

    def piece(self, form: str) -> bytes | None:
        """Bytes after their length; None for null."""
        if (length := self.number(form)) < 0:
            return None
        self._at += length
        if self._at > len(self._data):
            raise struct.error("the frame ends inside a value")
        return self._data[self._at - length : self._at]

    def value(self, kind: Any) -> Any:
        """One value of a kind, or the list of an array."""
        if isinstance(kind, tuple):
            count = self.number(LONG)
            return None if count < 0 else [self.record(kind) for _ in range(count)]
        if kind in NUMBERS:
            return self.number(NUMBERS[kind])
        said = self.piece(LONG if kind == "y" else STRING)
        return said if kind == "y" or said is None else said.decode()

    def record(self, fields: Shape) -> Any:
        """The fields as a dict; of an array of plain values, one of them."""
        if len(fields) == 1 and not fields[0][0]:
            return self.value(fields[0][1])
        return {name: self.value(kind) for name, kind in fields}


def written(fields: Shape, said: Mapping[str, Any]) -> bytes:
    """A record in the order of its shape. KeyError where a field is not said."""
    return b"".join(_value(kind, said[name]) for name, kind in fields)


def _value(kind: Any, value: Any) -> bytes:
    if isinstance(kind, tuple):
        if value is None:
            return struct.pack(LONG, -1)
        plain = len(kind) == 1 and not kind[0][0]
        rows = (_value(kind[0][1], one) if plain else written(kind, one) for one in value)
        return struct.pack(LONG, len(value)) + b"".join(rows)
    if kind in NUMBERS:
        return struct.pack(NUMBERS[kind], value)
    form = LONG if kind == "y" else STRING
    if value is None:
        return struct.pack(form, -1)
    data: bytes = value if kind == "y" else value.encode()
    return struct.pack(form, len(data)) + data
