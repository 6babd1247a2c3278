"""Pictures of every page of the console, in both languages and both themes: `python -m scripts.screenshots`.

Starts `dari demo` in a folder of its own, crawls a week, takes Kafka down, waits until the diagnosis names it, and
looks at each page with Debian's Chromium. Writes docs/guides/console/PAGE-LANGUAGE-THEME.webp; a picture above
MOST bytes is refused.
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
KEPT: Final = ROOT / "docs" / "guides" / "console"
MOST: Final = 60_000
TRIED: Final = ((55, 1900), (40, 1900), (40, 1400), (40, 1000), (30, 700))
"""Quality and the greatest height, in turn until a picture is small enough."""
WIDTH, HEIGHT = 1100, 700
PHONE: Final = 390
ADDRESS: Final = re.compile(r"console: (http://\S+)")
STARTED_WITHIN: Final = 180.0
LONGEST: Final = 300_000
"""Milliseconds: what whole-market parts take over a simulator that keeps its pace."""

TRIES: Final = 3
"""On a busy machine a simulated upstream may be slower than a caller waits."""

LOOKS: Final = tuple((lang, theme) for lang in ("ko", "en") for theme in ("light", "dark"))
PLAYGROUND: Final = "/console/playground?at=kis-trade/get_quote"
PAGES: Final = {
    "overview": ("/", "#upstreams"),
    "calls": ("/console/calls", "#calls tbody tr"),
    "call": ("/console/calls/{call}", "#provenance"),
    "market": ("/console/market", "#unusual"),
    "procurement": ("/console/procurement", "[data-state=done]"),
    "payments": ("/console/payments", "article.cause"),
    "audit": ("/console/audit", "#audit tbody tr"),
    "settings": ("/console/settings", "#settings"),
    "playground": (PLAYGROUND, "#asked"),
    "login": ("/console/login", "h1"),
}
"""Page → its address, and what is there when it is whole."""
ON_A_PHONE: Final = ("overview", "payments")
OPERATION: Final = "BidPublicInfoService.getBidPblancListInfoThng"


@contextmanager
def served(folder: Path, *words: str, **environment: str) -> Iterator[str]:
    """`dari` with these words, from an empty home, until its console is there; the console's address."""
    own = {"XDG_CACHE_HOME": str(folder), "HOME": str(folder), "PYTHONPATH": str(ROOT / "src"), **environment}
    log = folder / "log"
    with log.open("wb") as out:
        running = subprocess.Popen(
            [sys.executable, "-m", "dari", *words], cwd=folder, env={**os.environ, **own}, stdout=out, stderr=out
        )
        try:
            until = time.monotonic() + STARTED_WITHIN
            while not (found := ADDRESS.search(said := log.read_text("utf-8", errors="replace"))):
                if running.poll() is not None or time.monotonic() > until:
                    raise SystemExit(f"dari {' '.join(words)} did not start:\n{said[-2000:]}")
                time.sleep(0.5)
            yield found[1].rstrip("/")
        finally:
            running.terminate()
            running.wait(30)


def prepared(base: str) -> int:
    """Something to see: a crawl, and Kafka down. Gives the number of a call that has a source."""
    from dari.serving.mcp_door import asking  # noqa: PLC0415 -- after the path is set by whoever runs this

    async def ask() -> None:
        for tool in ("get_sector_volume_ranking", "get_unusual_volume"):  # the first of them fetches the whole market
            for _ in range(TRIES):
                _, told = await asking.ask(f"{base}/volume-ranking/mcp", tool, {})
                if "code" not in told:
                    break
        week = {"operation": OPERATION, "start": "2026-11-01", "end": "2026-11-07"}
        await asking.ask(f"{base}/naramarket/mcp", "start_crawl", week)
        await asking.ask(f"{base}/kis-trade/mcp", "get_quote", {"symbol": "005930"})

    asyncio.run(ask())
    with urllib.request.urlopen(f"{base}/console/calls?tool=get_quote") as page:  # noqa: S310 -- our own address
        found = page.read().decode().partition('href="/console/calls/')[2]
    urllib.request.urlopen(urllib.request.Request(f"{base}/console/faults/kafka-down", method="POST"))  # noqa: S310 -- as above
    return int(found.partition('"')[0])


def shot(page: Any, path: Path) -> int:
    """The page from its top, as WebP; its bytes."""
    session = page.context.new_cdp_session(page)
    whole = int(page.evaluate("document.documentElement.scrollHeight"))
    wide = page.viewport_size["width"]
    for quality, tall in TRIED:
        told = session.send(
            "Page.captureScreenshot",
            {
                "format": "webp", "quality": quality, "captureBeyondViewport": True,
                "clip": {"x": 0, "y": 0, "width": wide, "height": min(whole, tall), "scale": 1},
            },
        )  # fmt: skip
        picture = base64.b64decode(told["data"])
        if len(picture) <= MOST:
            break
    else:
        raise SystemExit(f"{path.name} is {len(picture):,} bytes, above {MOST:,}")
    path.write_bytes(picture)
    return len(picture)


def taken(browser: Any, base: str, entrance: str, call: int, only: Sequence[str]) -> Iterator[tuple[Path, int]]:
    """Every picture asked for, with its bytes; of signing in where somebody has to, at `entrance`."""
    sizes = [("", WIDTH, tuple(PAGES)), ("-phone", PHONE, ON_A_PHONE)]
    for mark, width, names in sizes:
        for lang, theme in LOOKS if not mark else (LOOKS[0], LOOKS[-1]):
            context = browser.new_context(viewport={"width": width, "height": HEIGHT}, reduced_motion="reduce")
            page = context.new_page()
            for name in names:
                if only and name not in only:
                    continue
                path, whole = PAGES[name]
                address = f"{entrance if name == 'login' else base}{path.format(call=call)}"
                looks = urllib.parse.urlencode({"lang": lang, "theme": theme})
                page.goto(f"{address}{'&' if '?' in address else '?'}{looks}")
                if name == "playground":
                    page.fill("#f-symbol", "005930")
                    page.click("#asked button")
                    page.wait_for_selector("#answer", timeout=LONGEST)
                page.wait_for_selector(whole, timeout=LONGEST)
                page.evaluate("Promise.allSettled([...document.images].map(one => one.decode()))")
                kept = KEPT / f"{name}-{lang}-{theme}{mark}.webp"
                yield kept, shot(page, kept)
            context.close()


def main(only: Sequence[str]) -> None:
    """Take the pages named, or all."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 -- only who takes pictures has it

    KEPT.mkdir(exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as free:  # who signs people in says at which port
        guarded = ("serve", "kis-code", "--http", "--port", str(free.getsockname()[1]), "--simulated")
    with (
        tempfile.TemporaryDirectory() as home,
        tempfile.TemporaryDirectory() as other,
        served(Path(other), *guarded, DARI_AUTH="builtin") as entrance,
        served(Path(home), "demo") as base,
    ):
        call = prepared(base)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            for path, size in taken(browser, base, entrance, call, only):
                sys.stdout.write(f"{path.relative_to(ROOT)}  {size:,} bytes\n")
                sys.stdout.flush()
            browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
