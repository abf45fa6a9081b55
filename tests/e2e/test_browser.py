"""The dashboard in a real Chromium, against the real service and a replay."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.browsing import browser_tests, dataset, pixels, screenshot, until_dataset
from tests.e2e.conftest import FRAMES, PROBE, Service

pytestmark = browser_tests


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
    screenshot(page, "finished")


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
        until_dataset(page, "object-canvas", f"d.look === '{look}'")
        assert pixels(page) != before, "another look is another picture"
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


def test_page_recovers_when_the_api_comes_back(page: Page, service: Service) -> None:
    until_dataset(page, "object-canvas", "Number(d.painted) > 0")
    rows = int(dataset(page, "error-curve")["rows"])
    service.kill("api")
    page.wait_for_function("document.querySelector('[data-testid=connection]').dataset.state !== 'open'")
    page.wait_for_function("document.querySelector('[data-testid=connection]').dataset.state === 'open'")
    assert int(until_dataset(page, "error-curve", f"Number(d.rows) >= {rows}")["rows"]) >= rows
