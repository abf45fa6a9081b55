"""Everything that a person does on the dashboard, in a real Chromium against the real service and a replay."""

from __future__ import annotations

import contextlib
import csv
import re
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from clients.client import ServiceError
from service.descriptions import EngineSpec, ReconstructionSpec
from service.states import RECONSTRUCTION_OVER
from service.statuses import ReconstructionStatus
from tests.e2e.browsing import SCREENSHOTS, Visit, browser_tests, screenshot, until_dataset
from tests.e2e.conftest import PROBE, Service, wait_for

pytestmark = browser_tests
AXE = Path(__file__).parents[2] / "clients" / "web" / "node_modules" / "axe-core" / "axe.min.js"
ENDLESS = ("--frame-delay", "20ms", "--probe", PROBE, "--final-iterations", "100000")


@pytest.fixture
def page(page: Page) -> Page:
    """A page that may act: whoever had control in the test before is gone."""
    until_dataset(page, "control", "d.holder !== 'other'")
    return page


@pytest.fixture
def running(page: Page, service: Service, simulated: Path) -> ReconstructionStatus:
    """A reconstruction that runs and is looked at."""
    known = len([scan for scan in service.client.scans() if scan.state != "armed"])
    service.replay(simulated, *ENDLESS)
    scan = service.scan(known)
    first = service.until(service.reconstruction(scan.id).id, lambda status: status.iteration > 0)
    until_dataset(page, "object-canvas", f"d.reconstruction === '{first.id}' && Number(d.painted) > 0")
    return first


@pytest.fixture(autouse=True)
def calm(service: Service) -> Any:
    """Nothing is left running for the next test."""
    yield
    service.end_replays()
    for scan in service.client.scans():
        for status in service.client.reconstructions(scan.id):
            if status.state not in RECONSTRUCTION_OVER:
                with contextlib.suppress(ServiceError):  # it may have finished meanwhile
                    service.client.stop(status.id)
                service.over(status.id)


def events(service: Service, scan: str, event: str) -> list[dict[str, Any]]:
    return [each for each in service.client.events(scan) if each["event"] == event]


def name_person(page: Page, name: str) -> None:
    page.get_by_test_id("control").click()
    page.get_by_test_id("person").fill(name)
    page.get_by_test_id("person-yes").click()


def test_pause_resume_restart_stop(page: Page, service: Service, running: ReconstructionStatus) -> None:
    name_person(page, "Anna")
    state = page.get_by_test_id("recon-state")
    page.get_by_test_id("pause").click()
    expect(state).to_have_attribute("data-state", "paused")
    expect(page.get_by_test_id("control")).to_have_attribute("data-holder", "you")
    page.get_by_test_id("resume").click()
    service.until(running.id, lambda status: status.state in ("running", "finishing"))
    page.get_by_test_id("restart").click()
    page.get_by_test_id("start-yes").click()
    second = service.reconstruction(running.scan, 2)
    assert second.restarted_from == running.id
    until_dataset(page, "object-canvas", f"d.reconstruction === '{second.id}'")
    page.get_by_test_id("stop").click()
    page.get_by_test_id("confirm-no").click()
    assert service.client.reconstruction(second.id).state != "stopped", "stopping asks first"
    page.get_by_test_id("stop").click()
    screenshot(page, "confirm")
    page.get_by_test_id("confirm-yes").click()
    expect(state).to_have_attribute("data-state", "stopped")
    for disabled in ("pause", "stop", "open-change"):
        expect(page.get_by_test_id(disabled)).to_be_disabled()
    authors = {each["event"]: each["author"] for each in service.client.events(running.scan)}
    assert {authors[act] for act in ("pause", "resume", "stop")} == {"Anna"}
    assert [each["author"] for each in events(service, running.scan, "started")] == ["worker", "Anna"]


def test_restart_of_a_chain_shows_and_keeps_what_each_engine_has(
    page: Page, service: Service, running: ReconstructionStatus
) -> None:
    chain = ReconstructionSpec(
        engine=EngineSpec(name="rpie", iterations=5, parameters={"object_step": 0.3}),
        then=(EngineSpec(name="dm", iterations=100, parameters={"alpha": 0.7}),),
    )
    first = service.client.start(running.scan, chain)
    service.until(first.id, lambda status: status.iteration > 0)
    service.client.change(first.id, {"overlap_rounds": 4}, engine="dm")
    page.get_by_role("button", name=".2 rpie:5,dm:100").click()
    until_dataset(page, "object-canvas", f"d.reconstruction === '{first.id}'")
    page.get_by_test_id("restart").click()
    expect(page.get_by_test_id("engine")).to_have_value("rpie:5,dm:100")
    expect(page.get_by_test_id("field-object_step")).to_have_value("0.3")
    expect(page.get_by_test_id("field-2.alpha")).to_have_value("0.7")
    expect(page.get_by_test_id("field-2.overlap_rounds")).to_have_value("4")
    page.get_by_test_id("field-2.alpha").fill("0.6")
    screenshot(page, "restart-chain")
    page.get_by_test_id("start-yes").click()
    second = service.client.spec(service.reconstruction(running.scan, 3).id)
    assert second.engine is not None and second.engine.parameters["object_step"] == 0.3
    assert [each.name for each in second.then] == ["dm"]
    assert (second.then[0].iterations, second.then[0].parameters) == (100, {"alpha": 0.6, "overlap_rounds": 4})
    alone = service.client.restart(f"{running.scan}.3", ReconstructionSpec(engine=EngineSpec(name="rpie")))
    third = service.client.spec(alone.id)
    assert alone.chain == "" and third.then == (), "a chain can be shortened"
    assert third.engine == EngineSpec(name="rpie", parameters={"object_step": 0.3})


def test_another_reconstruction_is_attached_with_other_parameters_and_a_chain(
    page: Page, service: Service, running: ReconstructionStatus
) -> None:
    page.get_by_test_id("open-start").click()
    page.get_by_test_id("engine").fill("er:3,dm")
    page.get_by_test_id("label").fill("beside")
    page.get_by_test_id("field-overlap_rounds").fill("0")
    page.get_by_test_id("start-yes").click()
    expect(page.get_by_test_id("wrong-overlap_rounds")).to_contain_text("expected ≥ 1, got 0")
    page.get_by_test_id("field-overlap_rounds").fill("7")
    screenshot(page, "attach")
    page.get_by_test_id("start-yes").click()
    second = service.reconstruction(running.scan, 2)
    assert (second.engine, second.chain, second.label) == ("er", "er:3,dm", "beside")
    assert second.parameters["overlap_rounds"] == 7
    expect(page.get_by_test_id("engine-name")).to_have_text("er:3,dm")
    assert service.client.reconstruction(running.id).state in ("running", "finishing"), "the first one goes on"


def test_parameters_are_changed_while_it_runs(page: Page, service: Service, running: ReconstructionStatus) -> None:
    page.get_by_test_id("open-change").click()
    step = page.get_by_test_id("field-object_step")
    expect(step).to_have_value(str(running.parameters["object_step"]))
    step.fill("3")
    page.get_by_test_id("change-yes").click()
    expect(page.get_by_test_id("wrong-object_step")).to_have_text("expected > 0, ≤ 2, got 3")
    step.fill("0.25")
    screenshot(page, "change")
    page.get_by_test_id("change-yes").click()
    expect(page.get_by_test_id("change-dialog")).to_have_count(0)
    changed = service.until(running.id, lambda status: status.parameters["object_step"] == 0.25)
    assert changed.parameters == running.parameters | {"object_step": 0.25}, "nothing else was touched"
    expect(page.get_by_test_id("event-list")).to_contain_text("object_step = 0.25")


def test_moment_is_marked_with_a_note(page: Page, service: Service, running: ReconstructionStatus) -> None:
    page.keyboard.press("n")
    page.keyboard.type("the beam flickers & <b>drifts</b>")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("event-list")).to_contain_text("the beam flickers & <b>drifts</b>")
    (note,) = events(service, running.scan, "note")
    assert note["text"] == "the beam flickers & <b>drifts</b>" and note["reconstruction"] == running.id
    expect(page.get_by_test_id("note")).to_have_value("")


def test_downloads(page: Page, service: Service, running: ReconstructionStatus, tmp_path: Path) -> None:
    service.client.stop(running.id)
    service.over(running.id)
    expect(page.get_by_test_id("download-result")).to_have_attribute("href", re.compile("result"))

    def fetched(name: str) -> Path:
        with page.expect_download() as download:
            page.get_by_test_id(f"download-{name}").click()
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        return path

    figure = fetched("figure")
    with Image.open(figure) as picture:
        assert picture.width > 1000
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    shutil.copy(figure, SCREENSHOTS / "figure.png")
    rows = list(csv.reader(fetched("metrics").read_text().splitlines()))
    assert rows[0][:3] == ["iteration", "frames", "error"] and len(rows) > 2
    names = [fetched(name).name for name in ("object-npy", "probe-npy", "result")]
    assert [name.rpartition(".")[2] for name in names] == ["npy", "npy", "cxi"]


def test_scan_is_armed_by_hand_from_a_preset_and_disarmed(page: Page, service: Service) -> None:
    page.keyboard.press("m")
    page.get_by_test_id("arm-yes").click()
    expect(page.get_by_test_id("wrong-arm-key")).to_contain_text("is needed")
    page.get_by_test_id("arm-key").fill("by hand")
    page.get_by_test_id("arm-preset").select_option("star")
    expect(page.get_by_test_id("arm-energy")).to_have_value("6.2 keV")
    page.get_by_test_id("arm-distance").fill("two metres")
    page.get_by_test_id("arm-yes").click()
    expect(page.get_by_test_id("wrong-arm-distance")).to_contain_text("expected a length")
    page.get_by_test_id("arm-distance").fill("2.1 m")
    screenshot(page, "arm")
    page.get_by_test_id("arm-yes").click()
    armed = wait_for("armed", lambda: next((s for s in service.client.scans() if s.state == "armed"), None))
    assert armed.key == "by hand"
    kept = next((service.data / "armed").glob("*.json")).read_text()
    assert '"distance_m": 2.1' in kept and '"modes": 2' in kept and '"flip_rows"' in kept
    page.get_by_test_id("search").fill("by hand")
    page.locator(f"[data-scan='{armed.id}'] button").first.click()
    page.get_by_test_id("open-abort").click()
    page.get_by_test_id("confirm-yes").click()
    wait_for("disarmed", lambda: not [s for s in service.client.scans() if s.state == "armed"])


def test_replay_is_started_from_the_files_that_the_server_offers(page: Page, service: Service, simulated: Path) -> None:
    known = len([scan for scan in service.client.scans() if scan.state != "armed"])
    page.keyboard.press("y")
    expect(page.get_by_test_id("replay-file").locator("option")).to_have_text([re.compile(r"/star\.h5$")])
    page.get_by_test_id("replay-delay").fill("soon")
    page.get_by_test_id("replay-yes").click()
    expect(page.get_by_test_id("wrong-replay-delay")).to_contain_text("expected 0 to 3600 seconds")
    page.get_by_test_id("replay-delay").fill("0.01")
    page.get_by_test_id("replay-chunk").fill("30")
    page.get_by_test_id("replay-probe").fill(PROBE)
    page.get_by_test_id("replay-engine").fill("rpie:5,dm")
    screenshot(page, "replay")
    page.get_by_test_id("replay-yes").click()
    scan = service.scan(known)
    status = service.reconstruction(scan.id)
    assert (status.chain, status.live["chunk"]) == ("rpie:5,dm", 30)
    expect(page.get_by_test_id("scan-id")).to_have_text(scan.id)


def test_replay_that_fails_says_why(page: Page, service: Service) -> None:
    broken = service.data.parent / "broken.h5"
    broken.write_bytes(b"nothing")
    page.keyboard.press("y")
    page.get_by_test_id("replay-file").select_option(label=f"{broken.parent.name}/broken.h5")
    page.get_by_test_id("replay-yes").click()
    expect(page.get_by_test_id("notice")).to_contain_text("broken.h5 failed")
    broken.unlink()


def test_scan_whose_reconstruction_is_refused_says_why(page: Page, service: Service) -> None:
    page.keyboard.press("y")
    page.get_by_test_id("replay-delay").fill("0.01")
    page.get_by_test_id("replay-probe").fill("square:1um")
    page.get_by_test_id("replay-yes").click()
    expect(page.get_by_test_id("alarm-refused")).to_contain_text("probe: expected one of round")
    expect(page.get_by_test_id("recon-state")).to_have_attribute("data-state", "refused")
    page.get_by_test_id("restart").click()
    page.get_by_text("Probe, frames and positions").click()
    page.get_by_test_id("probe").fill(PROBE)
    page.get_by_test_id("start-yes").click()
    expect(page.get_by_test_id("recon-state")).to_have_attribute("data-state", "finished")


def test_scan_is_aborted_after_a_question(page: Page, service: Service, simulated: Path) -> None:
    known = len(service.client.scans())
    service.replay(simulated, "--frame-delay", "200ms", "--probe", PROBE)
    scan = service.scan(known)
    expect(page.get_by_test_id("scan-id")).to_have_text(scan.id)
    page.get_by_test_id("open-abort").click()
    page.get_by_test_id("confirm-yes").click()
    expect(page.get_by_test_id("scan-state")).to_have_attribute("data-state", "aborted")
    expect(page.get_by_test_id("alarm-aborted")).to_contain_text("Scan aborted")


def test_one_controls_and_the_others_observe(
    page: Page, visit: Visit, service: Service, running: ReconstructionStatus
) -> None:
    name_person(page, "Anna")
    page.get_by_test_id("pause").click()
    expect(page.get_by_test_id("control")).to_have_attribute("data-holder", "you")
    other = visit(service.url)
    name_person(other, "Ben")
    expect(other.get_by_test_id("control")).to_contain_text("Anna")
    for button in ("resume", "stop", "restart", "open-change", "open-start", "open-replay", "open-arm", "open-abort"):
        expect(other.get_by_test_id(button)).to_be_disabled()
        expect(other.get_by_test_id(button)).to_have_attribute("title", re.compile("Control is with Anna"))
    expect(other.get_by_test_id("observing")).to_contain_text("Control is with Anna")
    other.keyboard.press("s")
    expect(other.get_by_test_id("confirm")).to_have_count(0)
    screenshot(other, "observer")
    key = other.evaluate("sessionStorage.getItem('ptycholive-viewer')")
    stop = f"{service.url}/api/v1/reconstructions/{running.id}/stop"
    refused = httpx.post(stop, headers={"x-ptycholive-viewer": key})
    assert refused.status_code == 403 and "Anna" in refused.text, "the service refuses, whatever a page allows"
    other.get_by_test_id("ask-control").click()
    expect(page.get_by_test_id("handover")).to_contain_text("Ben asks for control")
    screenshot(page, "handover")
    page.get_by_test_id("hand-over").click()
    expect(other.get_by_test_id("control")).to_have_attribute("data-holder", "you")
    expect(page.get_by_test_id("resume")).to_be_disabled()
    other.get_by_test_id("resume").click()
    service.until(running.id, lambda status: status.state in ("running", "finishing"))
    service.client.pause(running.id)  # from a script: the baton concerns browsers
    service.until(running.id, lambda status: status.state == "paused")
    other.close()
    expect(page.get_by_test_id("control")).to_have_attribute("data-holder", "free")
    page.get_by_test_id("resume").click()
    expect(page.get_by_test_id("control")).to_have_attribute("data-holder", "you")


def test_reload_keeps_control(page: Page, running: ReconstructionStatus) -> None:
    page.get_by_test_id("pause").click()
    expect(page.get_by_test_id("control")).to_have_attribute("data-holder", "you")
    page.reload()
    expect(page.get_by_test_id("control")).to_have_attribute("data-holder", "you")


def test_alarm_is_shown_acknowledged_and_kept(page: Page, service: Service, simulated: Path) -> None:
    known = len(service.client.scans())
    name_person(page, "Anna")
    service.replay(simulated, "--frame-delay", "20ms", "--probe", PROBE, "--drop", "10%")
    scan = service.scan(known)
    expect(page.get_by_test_id("scan-id")).to_have_text(scan.id)
    line = page.get_by_test_id("alarm-lost")
    expect(line).to_contain_text("lost")
    expect(line).to_contain_text("Look at the detector")
    expect(line.get_by_role("img")).to_have_attribute("aria-label", re.compile("alarm|warning"))
    expect(page.get_by_role("alert").first).to_be_visible()
    service.scan_over(scan.id)
    expect(line.get_by_role("img")).to_have_attribute("aria-label", "alarm")
    screenshot(page, "alarm")
    expect(page).to_have_title(re.compile("⚠ star"))
    page.get_by_test_id("acknowledge-lost").click()
    expect(page.get_by_test_id("seen-lost")).to_contain_text("seen by Anna")
    expect(line).to_have_count(0)
    (seen,) = events(service, scan.id, "alarm acknowledged")
    assert seen["author"] == "Anna" and events(service, scan.id, "alarm")[0]["author"] == "service"
    assert 'ptycholive_alarm{code="lost"' in httpx.get(f"{service.url}/metrics").text


def test_scans_are_found_and_open_as_they_were(page: Page, service: Service, simulated: Path) -> None:
    known = len(service.client.scans())
    key = f"needle-{known}"  # one of its own, as the test comes twice
    service.replay(simulated, "--frame-delay", "1ms", "--probe", PROBE, "--key", key, "--final-iterations", "5")
    done = service.over(service.reconstruction(service.scan(known).id).id)
    expect(page.get_by_test_id("scan-id")).to_have_text(done.scan)
    page.get_by_test_id("search").fill(f"{key.upper()} ended")
    expect(page.get_by_test_id("scan-item")).to_have_count(1)
    item = page.get_by_test_id("scan-item")
    expect(item.get_by_test_id("outcome")).to_contain_text("finished, error")
    page.wait_for_function("() => document.querySelector('img.thumbnail')?.naturalWidth > 10")
    item.locator("button").first.click()
    until_dataset(page, "object-canvas", f"d.reconstruction === '{done.id}' && Number(d.painted) > 0")
    assert int(until_dataset(page, "error-curve", f"Number(d.rows) === {done.metrics}")["rows"]) == done.metrics
    expect(page.get_by_test_id("event-list")).to_contain_text("finished")
    page.get_by_test_id("search").fill("no such scan")
    expect(page.get_by_test_id("scan-item")).to_have_count(0)


def test_keys_do_what_their_list_says(page: Page, service: Service, running: ReconstructionStatus) -> None:
    page.keyboard.press("?")
    help_ = page.get_by_test_id("help-dialog")
    expect(help_).to_contain_text("Pause or resume the reconstruction")
    screenshot(page, "keys")
    page.keyboard.press("p")
    page.keyboard.press("Escape")
    expect(help_).to_have_count(0)
    assert service.client.reconstruction(running.id).state != "paused", "keys act on the page, not through a window"
    page.keyboard.press("p")
    expect(page.get_by_test_id("recon-state")).to_have_attribute("data-state", "paused")
    for key, dialog in (("c", "change-dialog"), ("a", "start-dialog"), ("s", "confirm"), ("o", "control-dialog")):
        page.keyboard.press(key)
        expect(page.get_by_test_id(dialog)).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_test_id(dialog)).to_have_count(0)


def test_status_bar_says_how_things_stand(page: Page, service: Service, running: ReconstructionStatus) -> None:
    for name in ("rate-detector", "rate-reconstruction", "lag", "lost", "unpaired", "age"):
        expect(page.get_by_test_id(name)).to_have_text(re.compile(r"\d"))
    expect(page.get_by_test_id("device")).to_have_text(re.compile("."))
    assert float(page.get_by_test_id("memory").get_attribute("value") or 0) > 0


@pytest.mark.skipif(not AXE.exists(), reason=f"axe-core not found: {AXE}; it comes with the web client's packages")
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_nothing_hinders_those_who_see_or_move_otherwise(
    visit: Visit, service: Service, simulated: Path, scheme: str
) -> None:
    page = visit(service.url, color_scheme=scheme)
    known = len(service.client.scans())
    service.replay(simulated, "--frame-delay", "20ms", "--probe", PROBE, "--drop", "10%", "--final-iterations", "2000")
    scan = service.scan(known)
    until_dataset(page, "object-canvas", f"d.reconstruction === '{scan.id}.1' && Number(d.painted) > 0")
    expect(page.get_by_test_id("alarm-lost")).to_be_visible()
    page.evaluate(AXE.read_text())
    screenshot(page, f"running-{scheme}")
    assert violations(page) == []
    for key, dialog in (("c", "change-dialog"), ("m", "arm-dialog"), ("?", "help-dialog"), ("o", "control-dialog")):
        page.keyboard.press(key)
        expect(page.get_by_test_id(dialog)).to_be_visible()
        expect(page.get_by_test_id(dialog)).not_to_contain_text("Asking the service")
        assert violations(page) == [], dialog
        page.keyboard.press("Escape")
        expect(page.get_by_test_id(dialog)).to_have_count(0)


def violations(page: Page) -> list[str]:
    found = page.evaluate("() => axe.run()")
    return [
        f"{each['id']}: {node['target']} {node['failureSummary']}"
        for each in found["violations"]
        for node in each["nodes"]
    ]
