"""What goes wrong at a beamline: processes killed, frames lost, scans that stall, senders that talk nonsense."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest
import websockets.sync.client
import zmq

from service import browser, wire
from service.descriptions import Geometry
from tests.e2e.conftest import FRAMES, PROBE, Service, command, free_ports, wait_for

START = Callable[..., Service]
SLOW = ("--frame-delay", "60ms", "--probe", PROBE, "--final-iterations", "10")


@pytest.mark.parametrize("process", ["worker", "ingest", "api"])
def test_killed_process_comes_back_and_loses_nothing(start_service: START, simulated: Path, process: str) -> None:
    service = start_service(PTYCHOLIVE_CHECKPOINT_S="0.5")
    replay = service.replay(simulated, *SLOW)
    scan = service.scan()
    before = service.until(service.reconstruction(scan.id).id, lambda status: status.frames >= 50)
    _, rows = service.client.metrics(before.id)
    service.kill(process)
    wait_for("service healthy again", lambda: _healthy(service))
    status = service.over(before.id)
    assert replay.wait(60) == 0
    scan = service.scan_over(scan.id)
    assert (scan.state, scan.received, scan.paired, scan.lost) == ("ended", FRAMES, FRAMES, 0)
    assert (status.state, status.frames) == ("finished", FRAMES)
    _, after = service.client.metrics(before.id)
    assert np.array_equal(after[: len(rows)], rows), "the curve goes on where it was"
    assert (np.diff(after[:, 0]) == 1).all(), "iteration numbers go on"
    assert len(service.client.scan(scan.id).reconstructions) == 1


def test_finished_scan_opens_as_it_was_after_a_restart(start_service: START, simulated: Path) -> None:
    service = start_service()
    assert service.replay(simulated, "--frame-delay", "0", "--probe", PROBE, "--final-iterations", "5").wait(60) == 0
    scan = service.scan()
    before = service.over(service.reconstruction(scan.id).id)
    object_, metrics = service.client.object(before.id), service.client.metrics(before.id)[1]
    for process in ("api", "worker", "ingest"):
        service.kill(process)
    wait_for("service healthy again", lambda: _healthy(service))
    assert service.client.reconstruction(before.id) == before
    assert service.client.scan(scan.id) == service.client.scan(scan.id)
    assert np.array_equal(service.client.object(before.id), object_)
    assert np.array_equal(service.client.metrics(before.id)[1], metrics, equal_nan=True)
    later = service.over(service.client.start(scan.id).id)
    assert (later.state, later.frames) == ("finished", FRAMES)


def test_loss_duplicates_disorder_and_late_positions_are_counted_and_stop_nothing(
    start_service: START, simulated: Path
) -> None:
    service = start_service()
    faults = ("--drop", "5%", "--duplicate", "5%", "--reorder", "7", "--delay-positions", "9", "--seed", "3")
    replay = subprocess.run(
        command(
            "replay", simulated, "--to", service.endpoint, "--frame-delay", "5ms", "--probe", PROBE, *faults, "--json"
        ),
        capture_output=True,
        text=True,
        timeout=120,
    )
    sent = json.loads(replay.stdout)
    scan = service.scan_over(service.scan().id)
    status = service.over(service.reconstruction(scan.id).id)
    assert sent["dropped"] > 0 and scan.duplicated > 0
    assert scan.received == FRAMES - sent["dropped"] and scan.lost == sent["dropped"]
    assert scan.state == "ended" and scan.paired <= scan.received
    assert (status.state, status.frames) == ("finished", scan.paired)
    missing = service.client.missing(scan.id)["frames"]
    assert sum(last - first + 1 for first, last in missing) == scan.lost


def test_scan_that_stalls_is_declared_stalled_and_can_still_end(start_service: START, simulated: Path) -> None:
    service = start_service(PTYCHOLIVE_STALL_AFTER_S="1")
    replay = service.replay(simulated, *SLOW)
    scan = service.scan()
    service.until(service.reconstruction(scan.id).id, lambda status: status.frames >= 25)
    replay.send_signal(signal.SIGSTOP)
    wait_for("stalled", lambda: service.client.scan(scan.id).state == "stalled")
    assert service.client.scan(scan.id).message
    replay.send_signal(signal.SIGCONT)
    assert service.scan_over(scan.id).state == "ended"
    assert service.over(f"{scan.id}.1").frames == FRAMES


def test_interrupted_replay_aborts_its_scan_and_what_came_is_reconstructed(
    start_service: START, simulated: Path
) -> None:
    service = start_service()
    replay = service.replay(simulated, *SLOW)
    scan = service.scan()
    service.until(service.reconstruction(scan.id).id, lambda status: status.frames >= 25)
    replay.send_signal(signal.SIGINT)
    assert replay.wait(30) != 0
    assert service.scan_over(scan.id).state == "aborted"
    status = service.over(f"{scan.id}.1")
    assert status.state == "finished" and 25 <= status.frames < FRAMES


def test_reconstruction_that_does_not_fit_is_refused_and_the_scan_is_recorded(
    start_service: START, simulated: Path
) -> None:
    service = start_service(PTYCHOLIVE_MEMORY_FRACTION="1e-6")
    assert service.replay(simulated, "--frame-delay", "0", "--probe", PROBE).wait(60) == 0
    scan = service.scan_over(service.scan().id)
    assert (scan.state, scan.received) == ("ended", FRAMES)
    status = service.over(f"{scan.id}.1")
    assert status.state == "refused"
    assert "needs" in status.message and "GB are free" in status.message, "both numbers"


def test_nonsense_on_the_wire_is_counted_and_other_scans_go_on(start_service: START, simulated: Path) -> None:
    service = start_service()
    with zmq.Context() as context, context.socket(zmq.PUSH) as push:
        push.connect(service.endpoint)
        geometry = Geometry(energy_J=1e-15, distance_m=1, detector_pixel_m=75e-6)
        start = wire.Start(scan="odd", frame_shape=(32, 32), dtype="<u2", geometry=geometry, planned=30)
        push.send_multipart(wire.pack_start(start))
        good = {"scan": "odd", "shape": (32, 32), "dtype": "<u2"}
        for number, index in enumerate(range(30)):
            frame = np.full((32, 32), 0 if index == 3 else 65535 if index == 4 else 7 + index, "<u2")
            push.send_multipart([wire.encode(wire.Frames(seq=number, i0=index, n=1, **good)), frame.tobytes()])
        push.send_multipart([b"\xff" * 50, b""])
        push.send_multipart(
            [wire.encode(wire.Frames(seq=30, i0=40, n=1, scan="odd", shape=(9, 9), dtype="<u2")), b"x" * 162]
        )
        push.send_multipart([wire.encode(wire.Frames(seq=31, i0=41, n=1, **good)), b"short"])
        push.send_multipart(
            [wire.encode(wire.Frames(seq=0, i0=0, n=1, scan="never", shape=(9, 9), dtype="<u2")), b"x" * 162]
        )
        positions = np.random.default_rng(0).uniform(-1e-6, 1e-6, (30, 2))
        positions[5] = np.nan
        positions[6] = 1.0  # a metre away
        header = wire.Positions(scan="odd", seq=0, i0=0, n=30)
        push.send_multipart([wire.encode(header), positions.tobytes()])
        for stream in ("frames", "positions"):
            push.send_multipart(
                [wire.encode(wire.End.model_validate({"scan": "odd", "stream": stream, "count": 30})), b""]
            )
        scan = service.scan_over(service.scan().id)
    assert scan.received == 30 and scan.paired == 29
    assert scan.refused >= 3, "a wrong shape, a short buffer, a NaN position"
    status = service.over(f"{scan.id}.1")
    assert status.state == "finished" and status.frames + status.outside + status.without_beam == 29
    log = service.log.read_text()
    assert "expected" in log and "never" in log
    assert service.replay(simulated, "--frame-delay", "0", "--probe", PROBE, "--final-iterations", "3").wait(60) == 0
    other = service.scan(1)
    assert service.over(f"{other.id}.1").frames == FRAMES


def test_port_in_use_is_said_and_ends_the_service(start_service: START, tmp_path: Path) -> None:
    service = start_service()
    http, _ = free_ports()
    for taken in (["--port", str(service.http)], ["--port", str(http), "--ingest", service.endpoint]):
        ingest = [] if "--ingest" in taken else ["--ingest", f"tcp://127.0.0.1:{free_ports()[1]}"]
        second = subprocess.run(
            command("serve", *taken, *ingest, "--data", tmp_path / "other"), capture_output=True, text=True, timeout=60
        )
        assert second.returncode == 2, second.stderr
        assert (
            "expected" in second.stderr and str(taken[1] if "--ingest" not in taken else service.wire) in second.stderr
        )


def test_browser_that_reads_slowly_or_vanishes_slows_nothing_down(start_service: START, simulated: Path) -> None:
    service = start_service()
    service.replay(simulated, *SLOW)
    scan = service.scan()
    reconstruction = service.reconstruction(scan.id).id
    url = f"ws://127.0.0.1:{service.http}/api/v1/live"
    images = (
        browser.ImageRequest(name="object", quantities=("phase", "amplitude")),
        browser.ImageRequest(name="probe"),
    )
    connect = websockets.sync.client.connect
    subscribe = browser.encode(browser.Subscribe(reconstruction=reconstruction, images=images))
    with connect(url, max_size=None) as vanishing:
        vanishing.send(subscribe)
        vanishing.recv(timeout=30)
    with connect(url, max_size=None) as silent:
        silent.send(subscribe)
        rows, pictures = watch_to_the_end(service, reconstruction, images)
        heard = [browser.decode_server(bytes(silent.recv(timeout=5))) for _ in range(5)]
    assert rows == service.client.reconstruction(reconstruction).metrics, "every row arrives"
    assert pictures > 3
    assert isinstance(heard[0], browser.Hello)


def test_ctrl_c_leaves_no_process_behind(tmp_path: Path) -> None:
    http, wire_port = free_ports()
    options = ("--port", str(http), "--ingest", f"tcp://127.0.0.1:{wire_port}", "--data", tmp_path / "data")
    process = subprocess.Popen(command("serve", *options), stderr=subprocess.DEVNULL, start_new_session=True)
    wait_for("three processes", lambda: len(psutil.Process(process.pid).children(recursive=True)) >= 3)
    time.sleep(1)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive


def test_children_end_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    http, wire_port = free_ports()
    options = ("--port", str(http), "--ingest", f"tcp://127.0.0.1:{wire_port}", "--data", tmp_path / "data")
    process = subprocess.Popen(command("serve", *options), stderr=subprocess.DEVNULL, start_new_session=True)
    wait_for("three processes", lambda: len(psutil.Process(process.pid).children(recursive=True)) >= 3)
    wait_for("api", lambda: _answers(http))
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait(10)
    _, alive = psutil.wait_procs(children, timeout=30)
    assert not alive


def watch_to_the_end(service: Service, reconstruction: str, images: Sequence[browser.ImageRequest]) -> tuple[int, int]:
    """Rows of metrics and pictures that a browser got by the time it had the whole curve of what is finished."""
    rows = pictures = 0
    metrics: int | None = None
    for message in service.client.watch(reconstruction, images):
        if isinstance(message, browser.Series) and message.t == "metrics":
            assert message.start == rows, "no gap, no repetition"
            rows += len(message.data) // (8 * len(message.columns))
        elif isinstance(message, browser.Image):
            pictures += 1
        elif isinstance(message, browser.ReconstructionUpdate) and message.reconstruction.state == "finished":
            metrics = message.reconstruction.metrics
        if rows == metrics:
            break
    return rows, pictures


def _healthy(service: Service) -> bool:
    try:
        return bool(service.client.health()["status"] == "ok")
    except OSError:
        return False


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/api/v1/health").is_success
    except httpx.HTTPError:
        return False
