"""A page in Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip

# where all is set up by script nothing may be left out in silence
needs_browser = pytest.mark.skipif(
    CHROMIUM is None and os.environ.get("CI") != "true", reason="needs Chromium on the PATH; `make chromium`"
)


@contextmanager
def launched() -> Iterator[Any]:
    """Run a browser."""
    from playwright.sync_api import sync_playwright

    assert CHROMIUM is not None, "no Chromium on the PATH; `make chromium` installs Debian's where it may"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def watched(browser: Any, path: Path, width: int = 1280, height: int = 900) -> Iterator[Any]:
    """Open a page and listen.

    Yields
    ------
    playwright.sync_api.Page
        Its ``errors`` and ``requests`` hold all that console and network saw.
    """
    page = browser.new_page(viewport={"width": width, "height": height})
    try:
        page.set_default_timeout(20_000)
        page.errors, page.requests = [], []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on("console", lambda said: page.errors.append(said.text) if said.type in ("error", "warning") else None)
        page.on("request", lambda request: page.requests.append(request.url))
        page.goto(path.as_uri())
        yield page
    finally:
        page.close()


@contextmanager
def opened(path: Path, width: int = 1280, height: int = 900) -> Iterator[Any]:
    """Open a report in a browser of its own, all its figures drawn; see `watched`."""
    with launched() as browser, watched(browser, path, width, height) as page:
        page.wait_for_selector("body[data-drawn=all]", state="attached", timeout=90_000)
        yield page


def settle(page: Any) -> None:
    """Wait until what was asked for is on the screen."""
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))")


def wait_until(page: Any, expression: str, seconds: float = 20.0) -> None:
    """Wait until JavaScript says true; the page's own policy forbids Playwright's way of doing so."""
    for _ in range(int(seconds / 0.05)):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"after {seconds:g} s still not: {expression}; {page.errors}")
