"""What the page looks like on the screens it is meant for: kept to be looked at, and nothing of it lies outside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from service.descriptions import EngineSpec, ReconstructionSpec
from tests.e2e.browsing import Visit, browser_tests, screenshot, until_dataset
from tests.e2e.conftest import FRAMES, PROBE, Service

pytestmark = [*browser_tests, pytest.mark.parametrize("chromium", ["webgl"], indirect=True)]
SCREENS = {
    "wide-dark": (1600, 900, "dark", False),
    "wide-light": (1600, 900, "light", False),
    "upright-tablet": (820, 1180, "light", False),
    "tablet": (1180, 820, "light", False),
    "wall": (1920, 1080, "dark", True),
    "wall-light": (1920, 1080, "light", True),
    "tablet-compact": (1180, 820, "dark", True),
    "phone": (480, 900, "light", False),
    "phone-compact": (480, 900, "dark", True),
}


@pytest.fixture(scope="module")
def running(service: Service, simulated: Path) -> Iterator[Service]:
    """A scan with lost frames that goes on for as long as the tests of this module look at it."""
    faults = ("--drop", "8%", "--delay-positions", "3", "--seed", "2")
    policy = ("--chunk", "5", "--final-iterations", "20000")
    service.replay(simulated, "--frame-delay", "150ms", "--probe", PROBE, *policy, *faults)
    scan = service.scan()
    service.until(service.reconstruction(scan.id).id, lambda status: status.frames >= FRAMES // 2)
    yield service
    service.end_replays()


@pytest.fixture(scope="module")
def finished(service: Service, simulated: Path) -> Service:
    """A finished scan with two reconstructions."""
    known = len(service.client.scans())
    service.replay(simulated, "--frame-delay", "0", "--probe", PROBE, "--final-iterations", "60")
    first = service.over(service.reconstruction(service.scan(known).id).id)
    spec = ReconstructionSpec(engine=EngineSpec(name="dm"), label="a long name that somebody gave it")
    service.over(service.client.start(first.scan, spec).id)
    return service


def show(page: Page, width: int, height: int, theme: str, compact: bool) -> None:
    page.set_viewport_size({"width": width, "height": height})
    looking = json.dumps({"looking": {"theme": theme, "compact": compact}})
    page.add_init_script(f"localStorage.setItem('ptycholive.looking', {looking!r})")
    page.reload()
    until_dataset(page, "object-canvas", "Number(d.painted) > 0")
    until_dataset(page, "probe-canvas", "Number(d.painted) > 0")
    page.wait_for_timeout(1500)


@pytest.mark.parametrize("name", SCREENS)
def test_nothing_lies_outside_the_screen(visit: Visit, running: Service, name: str) -> None:
    page = visit(running.url)
    show(page, *SCREENS[name])
    screenshot(page, f"screen-{name}")
    assert page.evaluate("document.documentElement.dataset.theme") == SCREENS[name][2]
    assert page.evaluate(OUTSIDE) == []


@pytest.mark.parametrize("name", ["wide-light", "upright-tablet", "phone"])
def test_two_reconstructions_of_a_finished_scan_fit_too(visit: Visit, finished: Service, name: str) -> None:
    page = visit(finished.url)
    show(page, *SCREENS[name])
    screenshot(page, f"finished-{name}")
    drawn = page.get_by_test_id("error-curve").evaluate(DRAWN)
    assert drawn > 100, "the curve of an engine that tells its error now and then is a line too"
    page.get_by_test_id("beside").select_option(index=1)
    until_dataset(page, "beside-canvas", "Number(d.painted) > 0")
    page.wait_for_timeout(500)
    screenshot(page, f"beside-{name}")
    assert page.evaluate(OUTSIDE) == []
    page.get_by_test_id("restart").click()
    screenshot(page, f"form-{name}")
    assert page.evaluate(OUTSIDE) == []


DRAWN = """curve => {
  const canvas = curve.querySelector('canvas'), ink = new OffscreenCanvas(1, 1).getContext('2d');
  ink.fillStyle = getComputedStyle(curve).getPropertyValue('--curve-error');
  ink.fillRect(0, 0, 1, 1);
  const [red, green, blue] = ink.getImageData(0, 0, 1, 1).data;
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let i = 0; i < data.length; i += 4) {
    const near = Math.abs(data[i] - red) + Math.abs(data[i + 1] - green) + Math.abs(data[i + 2] - blue) < 30;
    if (near && data[i + 3] > 200) count++;
  }
  return count;
}"""
"""Pixels of the error's colour."""
OUTSIDE = """() => {
  const page = document.documentElement;
  const found = page.scrollWidth > innerWidth ? [`page: ${page.scrollWidth} px wide`] : [];
  for (const element of document.querySelectorAll('button, select, input, h1, h2, .stat, .alarm, .scan-key')) {
    const box = element.getBoundingClientRect();
    const hidden = box.width === 0 || getComputedStyle(element).visibility === 'hidden';
    if (!hidden && (box.left < -1 || box.right > innerWidth + 1)) found.push(element.outerHTML.slice(0, 120));
  }
  return found;
}"""
"""Controls and figures that lie beside the window, where nobody finds them."""
