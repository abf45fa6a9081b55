"""What the page tells of single frames: those without beam, and where refinement moved them to."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401 - the scan is compressed
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browsing import browser_tests, screenshot, until_dataset
from tests.e2e.conftest import FRAMES, PROBE, Service

pytestmark = browser_tests
DARK = (7, 40, 41, 42)
JITTER_PX = 1.5


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, simulated: Path) -> Iterator[Service]:
    """A service with a finished scan in which the beam left some frames, refined from positions that are off."""
    folder = tmp_path_factory.mktemp("frames")
    path = Path(shutil.copy(simulated, folder / "odd.h5"))
    with h5py.File(path, "r+") as file:
        for index in DARK:
            file["frames"][index] = file["frames"][index] // 100
        pixel_m = 2.0 * 1.24e-10 / (128 * 75e-6)
        file["positions_m"][()] += np.random.default_rng(5).normal(0, JITTER_PX * pixel_m, (FRAMES, 2))
    started = Service(folder)
    try:
        started.ready()
        fit = ("--set", "rpie.fit_intensities=true", "--set", "rpie.fit_start=4")
        policy = ("--engine", "rpie", "--final-iterations", "60", "--refine-positions", *fit)
        started.replay(path, "--frame-delay", "0", "--probe", PROBE, *policy)
        started.over(started.reconstruction(started.scan().id).id)
        yield started
    finally:
        started.close()


def test_frames_without_beam_are_on_the_map_and_among_the_figures(page: Page, service: Service) -> None:
    until_dataset(page, "map-canvas", f"Number(d.points) === {FRAMES}")
    expect(page.get_by_test_id("no-beam")).to_have_text(str(len(DARK)))
    figure = page.locator(".stat", has=page.get_by_test_id("no-beam"))
    expect(figure).to_have_attribute("title", "Frames left out because there was no light in them: 7, 40 to 42")
    expect(page.get_by_test_id("map-no-beam")).to_contain_text(f"{len(DARK)} no beam")
    expect(page.get_by_test_id("map-bad")).to_have_count(0)
    screenshot(page, "no-beam")


def test_overlay_shows_positions_as_given_and_as_refined(page: Page, service: Service) -> None:
    page.get_by_test_id("positions").click()
    shown = until_dataset(page, "positions-overlay", f"Number(d.positions) === {FRAMES} && Number(d.moved) > 0")
    assert int(shown["moved"]) >= FRAMES - len(DARK)
    assert 0.5 < float(shown["farthestPx"]) < 20, "refined by pixels, not by the width of the object"
    reconstruction = service.client.reconstructions(service.scan().id)[0].id
    assert len(service.client.positions(reconstruction)) == FRAMES
    colours = page.get_by_test_id("positions-overlay").evaluate(COLOURS)
    assert colours["given"] > FRAMES and colours["refined"] > FRAMES, colours
    screenshot(page, "positions")


COLOURS = """canvas => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const count = (red, green, blue) => {
    let found = 0;
    for (let i = 0; i < data.length; i += 4) {
      const away = Math.abs(data[i] - red) + Math.abs(data[i + 1] - green) + Math.abs(data[i + 2] - blue);
      if (data[i + 3] > 200 && away < 40) found++;
    }
    return found;
  };
  return { given: count(255, 255, 255), refined: count(255, 176, 0) };
}"""
"""Pixels of the dots (white) and of the squares (yellow)."""
