"""The built book on a local server, and the system's Chromium with every road to the network closed."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from filelock import FileLock
from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright

from course_book.build import build
from course_book.paths import HTML

QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
PATIENCE = 180_000  # milliseconds; a long page sets its formulas for half a minute on a loaded machine


class _Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        """Keep the test output free of requests."""


@pytest.fixture(scope="session")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the built book; building again costs little when nothing changed.

    Where tests run in several processes, which share a folder above their own, one builds and the others wait for it.
    """
    folder = tmp_path_factory.getbasetemp()
    shared = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    with FileLock(shared / "book.lock"):
        if not (shared / "book-is-built").exists():
            build()
            (shared / "book-is-built").touch()
    handler = functools.partial(_Silent, directory=str(HTML))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium, headless."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        message = "no Chromium found; on Debian and Ubuntu: apt-get install chromium"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=QUIET)
        yield started
        started.close()


@dataclass
class Watched:
    """A page and everything that went wrong on it."""

    page: Page
    faults: list[str] = field(default_factory=list)


def open_watched(context: BrowserContext, address: str) -> Watched:
    """Open a page with the network closed to all but its own server, and note errors."""
    server = "/".join(address.split("/")[:3])
    watched = Watched(context.new_page())

    def guard(route: Route) -> None:
        if route.request.url.startswith((server, "data:", "blob:")):
            route.continue_()
        else:
            watched.faults.append(f"asks the network for {route.request.url}")
            route.abort()

    watched.page.route("**/*", guard)
    watched.page.on("console", lambda m: watched.faults.append(m.text) if m.type == "error" else None)
    watched.page.on("pageerror", lambda error: watched.faults.append(str(error)))
    watched.page.on("requestfailed", lambda request: watched.faults.append(f"failed: {request.url}"))
    watched.page.goto(address)
    watched.page.wait_for_load_state("networkidle")
    return watched


@pytest.fixture(scope="session")
def visit() -> Callable[[BrowserContext, str], Watched]:
    """How tests open a page."""
    return open_watched


@pytest.fixture
def wide(browser: Browser) -> Iterator[BrowserContext]:
    """A window of a laptop's size."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


@pytest.fixture
def narrow(browser: Browser) -> Iterator[BrowserContext]:
    """A window of a telephone's size."""
    context = browser.new_context(viewport={"width": 390, "height": 800})
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()
