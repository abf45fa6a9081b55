"""The dashboard in a real Chromium: pages that must not say anything on their console, and what to look at there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Response, expect, sync_playwright

from tests.e2e.conftest import Service

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
FLAGS = (
    "--headless=new --no-sandbox --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
WITHOUT_WEBGL = ["--disable-gpu", "--disable-software-rasterizer", "--disable-3d-apis"]
SCREENSHOTS = Path(os.environ.get("PTYCHOLIVE_SCREENSHOTS", "test-output"))
PATIENCE_MS = 60_000
REFUSED_WHILE_AWAY = "net::ERR_"
"""What Chromium itself logs when the service is not there, which some tests see to."""

Visit = Callable[..., Page]
browser_tests = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found: install the package chromium"),
]


@pytest.fixture(scope="module", params=["webgl", "without_webgl"])
def chromium(request: pytest.FixtureRequest) -> Iterator[Browser]:
    """A browser."""
    flags = FLAGS + (WITHOUT_WEBGL if request.param == "without_webgl" else [])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Visit]:
    """Opens pages, each as another person's; whatever one says on its console is an error in the end."""
    said: list[str] = []
    pages: list[Page] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            said.append(message.text)

    def answered(response: Response) -> None:
        if response.status >= 400:
            said.append(f"{response.status} {response.request.method} {response.url}")

    def open_page(url: str, **options: Any) -> Page:
        page = chromium.new_page(viewport={"width": 1600, "height": 900}, **options)
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", listen)
        page.on("response", answered)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(url)
        pages.append(page)
        return page

    expect.set_options(timeout=PATIENCE_MS)
    yield open_page
    for page in pages:
        page.close()
    unexpected = [text for text in said if REFUSED_WHILE_AWAY not in text]
    assert not unexpected, unexpected


@pytest.fixture
def page(visit: Visit, service: Service) -> Page:
    """A page on the dashboard of the service that the tests of a module share."""
    return visit(service.url)


def dataset(page: Page, name: str) -> dict[str, Any]:
    """The data attributes of an element."""
    found: dict[str, Any] = page.get_by_test_id(name).evaluate("element => ({...element.dataset})")
    return found


def until_dataset(page: Page, name: str, condition: str) -> dict[str, Any]:
    """The data attributes of an element, once a condition on them holds."""
    page.wait_for_function(
        f"""() => {{ const e = document.querySelector('[data-testid="{name}"]'); if (!e) return false;
        const d = e.dataset; return {condition}; }}"""
    )
    return dataset(page, name)


def pixels(page: Page) -> str:
    """What the object's canvas shows, as a data URL."""
    shown: str = page.get_by_test_id("object-canvas").evaluate("canvas => canvas.toDataURL()")
    return shown


def screenshot(page: Page, name: str) -> None:
    """Keep what the page looks like, to be looked at by people."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")
