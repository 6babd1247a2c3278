"""Logs as JSON lines, with every known secret masked on its way out, whoever wrote it in."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final

from dari.core.clock import KST
from dari.core.events import Event
from dari.core.secret import HIDDEN, Secret, impersonal
from dari.core.shared_state import private_folder

log = logging.getLogger("dari.asked")

MOST_BYTES: Final = 10 * 1024 * 1024
FILES: Final = 5
LEAST: Final = 6
"""A shorter secret is not masked: it would take ordinary words with it."""

CREDENTIALS: Final = re.compile(
    r"(?i)\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}|\b([a-z]+://[^\s:/@]*):[^\s@/]+@|"
    r"\b((?:service_?key|appkey|appsecret|secretkey|access_token|refresh_token|password)[\"']?\s*[=:]\s*[\"']?)[^\s&\"',}]+"
)
"""What looks like a credential, whoever's it is."""


class Masking(logging.Filter):
    """Masks secrets in a record's text, its arguments included; an exception's text too."""

    def __init__(self, secrets: Iterable[Secret]) -> None:
        super().__init__()
        values = sorted({one.reveal() for one in secrets if len(one.reveal()) >= LEAST}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, values))) if values else None

    def masked(self, text: str) -> str:
        """The text without secrets, and without what is about a person."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        return impersonal(CREDENTIALS.sub(_kept, text))

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        record.msg, record.args = self.masked(text), None
        if record.exc_text:
            record.exc_text = self.masked(record.exc_text)
        return True


def _kept(found: re.Match[str]) -> str:
    kind, address, name = found.groups()
    return f"{kind} {HIDDEN}" if kind else f"{address}:{HIDDEN}@" if address else f"{name}{HIDDEN}"


class JsonLines(logging.Formatter):
    """One JSON object a line: at, level, logger, message, told (what the writer added), trace."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, KST).isoformat(timespec="milliseconds")
        told: dict[str, Any] = {"at": at, "level": record.levelname, "logger": record.name}
        told["message"] = record.getMessage()
        if isinstance(more := getattr(record, "told", None), Mapping):
            told["told"] = dict(more)
        if record.exc_text:
            told["trace"] = record.exc_text
        return json.dumps(told, ensure_ascii=False, default=str)


def to_file(folder: Path, secrets: Iterable[Secret]) -> logging.Handler:
    """A handler that writes `dari.log` in `folder`, private to the user, a new one every 10 MB, five kept."""
    handler = RotatingFileHandler(
        private_folder(folder) / "dari.log", maxBytes=MOST_BYTES, backupCount=FILES, encoding="utf-8", delay=True
    )
    handler.setFormatter(JsonLines())
    handler.addFilter(Masking(secrets))
    return handler


@contextmanager
def attempts(name: str, facts: Mapping[str, Any]) -> Iterator[None]:
    """A hook of core.tracing: every attempt at an upstream as a line, with its time."""
    began = time.monotonic()
    try:
        yield
    finally:
        if name == "upstream":
            log.info("API call to %s took %.3fs", facts.get("endpoint"), time.monotonic() - began)


def heard(event: Event) -> None:
    """A listener of the policies' events: cache hits as lines."""
    if event.name == "cache.hit":
        log.info("Cache hit for %s", event.facts.get("endpoint"))
