"""The dashboard in a real Chromium, against the real service and a replay."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.e2e.conftest import FRAMES, PROBE, Service

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
REFUSED_WHILE_AWAY = "net::ERR_CONNECTION_"
"""What Chromium itself logs when the service is not there, which one test sees to."""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found: install the package chromium"),
]


@pytest.fixture(scope="module", params=["webgl", "no webgl"])
def chromium(request: pytest.FixtureRequest) -> Iterator[Browser]:
    flags = FLAGS + (WITHOUT_WEBGL if request.param == "no webgl" else [])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, service: Service) -> Iterator[Page]:
    """A page on the dashboard that must not say anything on its console."""
    said: list[str] = []
    page = chromium.new_page(viewport={"width": 1600, "height": 900})
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)

    def listen(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            said.append(message.text)

    page.on("console", listen)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(service.url)
    yield page
    page.close()
    unexpected = [text for text in said if REFUSED_WHILE_AWAY not in text]
    assert not unexpected, unexpected


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


def test_scan_is_watched_from_its_start_to_its_end(page: Page, service: Service, simulated: Path) -> None:
    known = len(service.client.scans())
    service.replay(simulated, "--frame-delay", "60ms", "--probe", PROBE, "--chunk", "10", "--final-iterations", "30")
    scan = service.scan(known)
    expect(page.get_by_test_id("scan-key")).to_have_text("star")
    expect(page.get_by_test_id("scan-state")).to_have_attribute("data-state", "receiving")
    rid = service.reconstruction(scan.id).id
    early = until_dataset(page, "object-canvas", f"d.reconstruction === '{rid}' && Number(d.painted) > 0")
    picture = pixels(page)
    later = until_dataset(page, "object-canvas", f"Number(d.newestIndex) > {early['newestIndex']} + 20")
    assert int(later["snapshot"]) > int(early["snapshot"]) and int(later["frames"]) > int(early["frames"])
    assert pixels(page) != picture, "the canvas changes as the scan goes"
    expect(page.get_by_test_id("recon-state")).to_have_attribute("data-state", "finished")
    expect(page.get_by_test_id("scan-state")).to_have_attribute("data-state", "ended")
    last = until_dataset(page, "object-canvas", f"Number(d.frames) === {FRAMES}")
    assert int(last["newestIndex"]) == FRAMES - 1
    status = service.client.reconstruction(rid)
    until_dataset(page, "error-curve", f"Number(d.rows) === {status.metrics}")
    expect(page.get_by_test_id("lost")).to_have_text("0")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / "finished.png")


def test_late_visitor_sees_the_finished_scan_as_it_was(page: Page, service: Service) -> None:
    scan = service.newest()
    assert scan is not None
    until_dataset(page, "object-canvas", f"Number(d.frames) === {FRAMES} && Number(d.painted) > 0")
    status = service.client.reconstruction(scan.reconstructions[-1])
    assert int(until_dataset(page, "error-curve", "Number(d.rows) > 0")["rows"]) == status.metrics
    expect(page.get_by_test_id("scan-item")).to_have_count(len(service.client.scans()))


def test_looks_of_the_object(page: Page) -> None:
    until_dataset(page, "object-canvas", "Number(d.painted) > 0")
    for look in ("amplitude", "complex", "phase"):
        before = pixels(page)
        page.get_by_test_id(f"object-look-{look}").click()
        page.wait_for_function(
            "before => document.querySelector('[data-testid=object-canvas]').toDataURL() !== before", arg=before
        )
        assert dataset(page, "object-canvas")["look"] == look
    page.get_by_test_id("zoom-in").click()
    page.get_by_test_id("positions").click()
    drawn = until_dataset(page, "positions-overlay", f"Number(d.positions) === {FRAMES}")
    assert int(drawn["positions"]) == FRAMES
    page.get_by_test_id("levels-auto").click()
    page.get_by_test_id("levels-low").fill("-0.5")
    page.get_by_test_id("levels-high").fill("0.5")
    page.get_by_test_id("levels-high").press("Enter")
    bar = until_dataset(page, "colour-bar", "Number(d.low) === -0.5 && Number(d.high) === 0.5")
    assert (float(bar["low"]), float(bar["high"])) == (-0.5, 0.5)
    box = page.get_by_test_id("object-stage").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.get_by_test_id("readout")).to_contain_text("rad")
    page.get_by_test_id("fit").click()


def test_acts_start_pause_resume_restart_stop(page: Page, service: Service, simulated: Path) -> None:
    known = len(service.client.scans())
    service.replay(simulated, "--frame-delay", "20ms", "--probe", PROBE, "--final-iterations", "100000")
    scan = service.scan(known)
    first = service.until(service.reconstruction(scan.id).id, lambda status: status.iteration > 0)
    state = page.get_by_test_id("recon-state")
    until_dataset(page, "object-canvas", f"d.reconstruction === '{first.id}'")
    page.get_by_test_id("pause").click()
    expect(state).to_have_attribute("data-state", "paused")
    page.get_by_test_id("resume").click()
    service.until(first.id, lambda status: status.state in ("running", "finishing"))
    page.get_by_test_id("restart").click()
    second = service.reconstruction(scan.id, 2)
    assert second.restarted_from == first.id
    until_dataset(page, "object-canvas", f"d.reconstruction === '{second.id}'")
    page.get_by_test_id("stop").click()
    page.get_by_test_id("confirm-no").click()
    assert service.client.reconstruction(second.id).state != "stopped", "stopping asks first"
    page.get_by_test_id("stop").click()
    page.get_by_test_id("confirm-yes").click()
    expect(state).to_have_attribute("data-state", "stopped")
    page.get_by_test_id("engine").select_option("er")
    page.get_by_test_id("start").click()
    third = service.reconstruction(scan.id, 3)
    assert third.engine == "er"
    service.until(third.id, lambda status: status.iteration > 2)
    service.client.stop(third.id)
    expect(state).to_have_attribute("data-state", "stopped")
    with page.expect_download() as download:
        page.get_by_test_id("download-result").click()
    assert download.value.suggested_filename.endswith(".cxi")


def test_page_recovers_when_the_api_comes_back(page: Page, service: Service) -> None:
    until_dataset(page, "object-canvas", "Number(d.painted) > 0")
    rows = int(dataset(page, "error-curve")["rows"])
    service.kill("api")
    page.wait_for_function("document.querySelector('[data-testid=connection]').dataset.state !== 'open'")
    page.wait_for_function("document.querySelector('[data-testid=connection]').dataset.state === 'open'")
    assert int(until_dataset(page, "error-curve", f"Number(d.rows) >= {rows}")["rows"]) >= rows
