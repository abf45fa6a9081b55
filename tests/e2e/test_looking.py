"""Everything that the dashboard lets one look at, in a real Chromium, against the real service and a replay."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from service.snapshot import Snapshot
from tests.e2e.browsing import Visit, browser_tests, dataset, pixels, screenshot, until_dataset
from tests.e2e.conftest import FRAMES, PROBE, Service, wait_for

pytestmark = browser_tests
Start = Callable[..., Service]
WEAK_RAD = 0.01
STRIPE_PX = 8


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, simulated: Path) -> Iterator[Service]:
    """A service with two finished scans, of which the second has two reconstructions."""
    folder = tmp_path_factory.mktemp("looking")
    shutil.copy(simulated, folder)
    started = Service(folder)
    try:
        started.ready()
        for known in (0, 1):
            policy = ("--chunk", "20", "--final-iterations", "400")  # some seconds: a moment is kept each second
            started.replay(simulated, "--frame-delay", "60ms", "--probe", PROBE, *policy)
            started.over(started.reconstruction(started.scan(known).id).id)
        scan = started.newest()
        assert scan is not None
        started.client.restart(scan.reconstructions[0])
        started.over(started.reconstruction(scan.id, 2).id)
        yield started
    finally:
        started.close()


@pytest.fixture
def looking(page: Page) -> Page:
    """A page that shows the last picture of the last reconstruction."""
    until_dataset(page, "object-canvas", f"Number(d.frames) === {FRAMES} && d.reconstruction.endsWith('.2')")
    return page


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Over the object, from one place to another, as parts of its stage."""
    box = page.get_by_test_id("object-stage").bounding_box()
    assert box is not None
    places = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in (start, end)]
    page.mouse.move(*places[0])
    page.mouse.down()
    page.mouse.move(*places[1], steps=5)
    page.mouse.up()


def test_history_goes_back_and_live_comes_back(looking: Page) -> None:
    page, last = looking, pixels(looking)
    until_dataset(page, "history", "Number(d.moments) > 2")
    page.get_by_test_id("history").fill("1")
    expect(page.get_by_test_id("history-at")).to_contain_text("iteration")
    early = until_dataset(page, "object-canvas", "Number(d.iteration) < 200")
    assert pixels(page) != last
    until_dataset(page, "probe-canvas", f"d.iteration === '{early['iteration']}'")
    screenshot(page, "history")
    page.get_by_test_id("live").click()
    until_dataset(page, "object-canvas", f"Number(d.iteration) > {early['iteration']}")
    expect(page.get_by_test_id("history-at")).to_have_text("latest")


def test_two_pictures_side_by_side_and_their_difference(looking: Page) -> None:
    page = looking
    until_dataset(page, "history", "Number(d.moments) > 2")
    page.get_by_test_id("beside").select_option(index=1)
    shown = until_dataset(page, "beside-canvas", "Number(d.painted) > 0")
    assert shown["reconstruction"] != dataset(page, "object-canvas")["reconstruction"]
    page.get_by_test_id("zoom-in").click()
    places = {page.get_by_test_id(f"{name}-canvas").get_attribute("style") for name in ("object", "beside")}
    assert len(places) == 1, "zoom is shared"
    page.get_by_test_id("difference").check()
    expect(page.get_by_test_id("difference-canvas")).to_be_visible()
    expect(page.get_by_test_id("difference-span")).to_contain_text("±")
    screenshot(page, "difference")
    page.get_by_test_id("beside").select_option("")
    expect(page.get_by_test_id("beside-canvas")).to_have_count(0)


def test_line_and_region_read_the_picture(looking: Page, service: Service) -> None:
    page = looking
    page.get_by_test_id("tool-region").click()
    drag(page, (0.4, 0.4), (0.6, 0.6))
    expect(page.get_by_test_id("measure-result")).to_contain_text("std. dev.")
    page.get_by_test_id("tool-line").click()
    drag(page, (0.35, 0.5), (0.65, 0.5))
    expect(page.get_by_test_id("profile-span")).to_contain_text("rad")
    screenshot(page, "profile")
    page.get_by_test_id("tool-line").click()
    expect(page.get_by_test_id("measure-result")).to_have_count(0)


def test_probe_at_its_focus_in_numbers_and_beside_the_one_before(looking: Page) -> None:
    page = looking
    expect(page.get_by_test_id("defocus")).to_contain_text("m")
    value, unit = page.get_by_test_id("defocus").inner_text().split()
    assert abs(float(value) * {"µm": 1e-6, "mm": 1e-3}[unit]) == pytest.approx(980e-6, rel=0.1)
    expect(page.get_by_test_id("fwhm")).to_contain_text("nm")
    photons = float(page.get_by_test_id("photons").inner_text())
    assert photons == pytest.approx(1e9, rel=0.3)
    here = page.get_by_test_id("probe-canvas").evaluate("c => c.toDataURL()")
    page.get_by_test_id("at-focus").click()
    changed = "before => document.querySelector('[data-testid=probe-canvas]').toDataURL() !== before"
    page.wait_for_function(changed, arg=here)
    page.get_by_test_id("at-sample").click()
    expect(page.get_by_test_id("probe-at")).to_have_text("0 nm")
    page.get_by_test_id("probe-earlier").click()
    earlier = until_dataset(page, "earlier-probe", "Number(d.painted) > 0")
    assert earlier["reconstruction"] != dataset(page, "object-canvas")["reconstruction"]
    page.get_by_test_id("probe-earlier").click()


def test_scan_map_and_diffraction(looking: Page) -> None:
    page = looking
    until_dataset(page, "map-canvas", f"Number(d.points) === {FRAMES}")
    expect(page.get_by_test_id("map-used")).to_contain_text(str(FRAMES))
    for colour in ("error", "intensity"):
        page.get_by_test_id("map-colour").select_option(colour)
        expect(page.get_by_test_id("map-range")).to_be_visible()
    box = page.get_by_test_id("map-canvas").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.get_by_test_id("map-caption")).to_contain_text("error 0.")
    page.get_by_test_id("map-colour").select_option("state")
    expect(page.get_by_test_id("pattern-caption")).to_contain_text(f"frame {FRAMES - 1}")
    page.get_by_test_id("pattern-summed").click()
    expect(page.get_by_test_id("pattern-caption")).to_contain_text(f"{FRAMES} frames")
    pattern = page.get_by_test_id("diffraction-canvas").bounding_box()
    assert pattern is not None
    page.mouse.move(pattern["x"] + pattern["width"] / 2, pattern["y"] + pattern["height"] / 3)
    expect(page.get_by_test_id("pattern-caption")).to_contain_text("counts")
    page.get_by_test_id("pattern-latest").click()


def test_levels_by_hand_on_the_histogram(looking: Page) -> None:
    page = looking
    handle = page.get_by_test_id("histogram-high")
    handle.fill(str(float(handle.input_value()) - 0.2))
    expect(page.get_by_test_id("levels-auto")).not_to_be_checked()
    until_dataset(page, "colour-bar", f"Math.abs(Number(d.high) - {handle.input_value()}) < 0.01")
    page.get_by_test_id("levels-auto").check()
    flat = pixels(page)
    page.get_by_test_id("flat").uncheck()
    page.wait_for_function(
        "before => document.querySelector('[data-testid=object-canvas]').toDataURL() !== before", arg=flat
    )
    page.get_by_test_id("flat").check()


def test_freeze_holds_the_picture_while_numbers_go_on(visit: Visit, start_service: Start, simulated: Path) -> None:
    service = start_service()
    service.replay(simulated, "--frame-delay", "50ms", "--probe", PROBE, "--final-iterations", "4000")
    rid = service.reconstruction(service.scan().id).id
    page = visit(service.url)
    until_dataset(page, "object-canvas", f"d.reconstruction === '{rid}'")
    page.get_by_test_id("freeze").click()
    time.sleep(0.5)
    held = dataset(page, "object-canvas")
    rows = int(dataset(page, "error-curve")["rows"])
    until_dataset(page, "error-curve", f"Number(d.rows) > {rows} + 20")
    assert dataset(page, "object-canvas")["painted"] == held["painted"]
    page.get_by_test_id("freeze").click()
    until_dataset(page, "object-canvas", f"Number(d.iteration) > {held['iteration']}")


def test_settings_are_remembered_and_compact_shows_pictures_only(page: Page) -> None:
    page.get_by_test_id("theme").select_option("dark")
    page.get_by_test_id("compact").click()
    page.reload()
    expect(page.get_by_test_id("compact")).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    expect(page.get_by_test_id("theme")).to_be_hidden()
    until_dataset(page, "object-canvas", "Number(d.painted) > 0")
    screenshot(page, "compact-dark")
    page.get_by_test_id("compact").click()
    page.get_by_test_id("theme").select_option("auto")


def test_a_weak_phase_is_seen_and_reads_right(visit: Visit, start_service: Start, simulated: Path) -> None:
    """Stripes of 0.01 rad on a ramp of many radians: clearly different colours, and the readout tells the step."""
    service = start_service()
    service.replay(simulated, "--probe", PROBE, "--final-iterations", "20")
    rid = service.reconstruction(service.scan().id).id
    path = service.over(rid).result
    assert path is not None
    checkpoint = (service.data / path).with_name("checkpoint.h5")
    snapshot = Snapshot.load(checkpoint)
    rows, cols = np.indices(snapshot.object.shape)
    weak = np.where(cols // STRIPE_PX % 2, WEAK_RAD, 0.0) + 0.05 * rows - 0.03 * cols
    replace(snapshot, object=np.exp(1j * weak).astype(np.complex64), number=snapshot.number + 1).save(checkpoint)
    service.kill("api")  # the next one reads it from disk
    wait_for("the api is back", lambda: answers(service))
    page = visit(service.url)
    shown = until_dataset(page, "object-canvas", "Number(d.painted) > 0")
    assert shown["reconstruction"] == rid
    fine = f"document.querySelector('[data-testid=object-canvas]').width === {snapshot.object.shape[1]}"
    page.wait_for_function(fine)  # the first picture is a coarse one, as nothing is known of the network
    bar = dataset(page, "colour-bar")
    assert float(bar["high"]) - float(bar["low"]) == pytest.approx(WEAK_RAD, rel=0.2)
    colours = page.get_by_test_id("object-canvas").evaluate(MIDDLE_COLOURS, STRIPE_PX)
    assert abs(colours[0][1] - colours[1][1]) > 100, "the two kinds of stripes can be told apart by eye"
    readings = [read_phase(page, part) for part in np.linspace(0.42, 0.58, 9)]
    found = {step: [phase for col, phase in readings if col // STRIPE_PX % 2 == step] for step in (0, 1)}
    assert np.mean(found[1]) - np.mean(found[0]) == pytest.approx(WEAK_RAD, abs=0.001)
    assert max(np.ptp(found[0]), np.ptp(found[1])) < 0.001
    screenshot(page, "weak-phase")


MIDDLE_COLOURS = """async (canvas, stripe) => {
  const picture = new Image(); picture.src = canvas.toDataURL(); await picture.decode();
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', {willReadFrequently: true});
  copy.drawImage(picture, 0, 0);
  const column = stripe * 2 * Math.floor(canvas.width / stripe / 4) + stripe / 2;
  return [0, stripe].map(by => [...copy.getImageData(column + by, canvas.height / 2, 1, 1).data]);
}"""
"""Red, green, blue and opacity in the middle of two neighbouring stripes."""


def answers(service: Service) -> bool:
    try:
        return bool(service.client.health())
    except Exception:
        return False


def read_phase(page: Page, part: float) -> tuple[int, float]:
    """Column and phase that the readout tells at a place of the object's middle row."""
    box = page.get_by_test_id("object-stage").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * part, box["y"] + box["height"] * 0.5)
    expect(page.get_by_test_id("readout-phase")).to_be_visible()
    page.wait_for_timeout(300)
    column = page.get_by_test_id("readout-px").inner_text().split(",")[0]
    return int(column), float(page.get_by_test_id("readout-phase").inner_text())
