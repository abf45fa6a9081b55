"""An operator who has never seen the dashboard: from an open browser to a running replay and a changed parameter."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.browsing import Visit, browser_tests, screenshot, until_dataset
from tests.e2e.conftest import PROBE, Service

pytestmark = browser_tests


def test_new_operator_needs_only_what_the_page_says(
    visit: Visit, start_service: Callable[..., Service], simulated: Path
) -> None:
    service = start_service()
    shutil.copy(simulated, service.data.parent)
    page = visit(service.url)
    expect(page.get_by_test_id("empty")).to_contain_text("No scan yet")
    screenshot(page, "empty")
    page.get_by_role("button", name="Replay a file").click()
    page.get_by_label("initial probe").fill(PROBE)
    page.get_by_role("button", name="Start the replay").click()
    until_dataset(page, "object-canvas", "Number(d.painted) > 0")
    page.get_by_role("button", name="Change").click()
    page.get_by_label("object step").fill("0.3")
    page.get_by_role("button", name="Change", exact=True).click()
    expect(page.get_by_label("Event log")).to_contain_text("object_step = 0.3")
    assert service.client.reconstruction(f"{service.scan().id}.1").parameters["object_step"] == 0.3
