"""The main job through real processes and sockets: streamed, recorded, reconstructed, kept."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np

from benchmarks.bench_measured import correlation
from engines.compare import likeness, scanned
from service.formats.result import read_result
from tests.e2e.conftest import FRAMES, GUESS, MEASURED, PROBE, SHARED, Service, needs_measured, run


def test_simulated_scan_is_reconstructed_while_it_runs(service: Service, simulated: Path) -> None:
    known = len(service.client.scans())
    service.replay(simulated, "--frame-delay", "30ms", "--chunk", "25", "--probe", PROBE, "--final-iterations", "20")
    scan = service.scan(known)
    live = service.until(service.reconstruction(scan.id).id, lambda status: status.iteration > 0)
    assert service.client.scan(scan.id).state == "receiving", "the first iteration is done before the scan is over"
    status = service.over(live.id)
    assert (status.state, status.frames, status.lag) == ("finished", FRAMES, 0)
    scan = service.scan_over(scan.id)
    assert (scan.state, scan.received, scan.paired, scan.lost) == ("ended", FRAMES, FRAMES, 0)
    columns, rows = service.client.metrics(live.id)
    assert columns[:2] == ("iteration", "frames")
    assert rows[:, 0].tolist() == list(range(1, len(rows) + 1)), "every iteration is on the curve, once"
    assert rows[0, 1] == 25 and rows[-1, 1] == FRAMES
    assert (rows[-20:, 1] == FRAMES).all(), "the final iterations see all frames"
    assert status.error is not None and status.error < 0.05

    assert status.result is not None
    result = read_result(service.data / status.result)
    with h5py.File(simulated) as file:
        truth = file["truth/object"][()]
    area = scanned(result.positions_px.astype(int), (128, 128), truth.shape)
    assert result.object[0].shape == truth.shape
    assert likeness(result.object[0], truth, area).correlation > 0.98
    assert np.array_equal(service.client.object(live.id), result.object[0])
    assert np.array_equal(service.client.probe(live.id), result.probe)


def test_folder_of_a_scan_holds_what_the_docs_say(service: Service, simulated: Path) -> None:
    known = len(service.client.scans())
    replay = service.replay(simulated, "--frame-delay", "0", "--probe", PROBE, "--final-iterations", "5")
    assert replay.wait(60) == 0
    scan = service.scan(known)
    service.over(service.reconstruction(scan.id).id)
    folder = service.data / scan.id
    assert {"scan.json", "segments", "master.h5", "events.jsonl", "start.npz", "reconstructions"} <= {
        each.name for each in folder.iterdir()
    }
    kept = {each.name for each in (folder / "reconstructions" / "1").iterdir()}
    assert {"config.json", "status.json", "metrics.f64", "positions.f64", "checkpoint.h5", "result.cxi"} <= kept
    with h5py.File(folder / "master.h5") as master, h5py.File(simulated) as sent:
        assert np.array_equal(master["frames"][()], sent["frames"][()])
    events = [event["event"] for event in service.client.events(scan.id)]
    assert "finished" in events
    lines = [json.loads(line) for line in service.log.read_text().splitlines() if line.startswith("{")]
    ours = [line for line in lines if line.get("scan") == scan.id]
    assert {"ingest", "worker"} <= {line["process"] for line in ours}, "every line says whose it is"


def test_live_and_offline_end_alike(service: Service, simulated: Path, tmp_path: Path) -> None:
    """DM, alpha 0.8: live and offline differ by less than either does from the truth (Lexelius 2025, table 1)."""
    known = len(service.client.scans())
    options = ("--engine", "dm", "--set", "dm.alpha=0.8", "--probe", PROBE)
    policy = ("--chunk", "25", "--iterations-per-chunk", "20", "--final-iterations", "100")
    service.replay(simulated, "--frame-delay", "10ms", *options, *policy)
    live = service.over(service.reconstruction(service.scan(known).id).id)
    assert live.state == "finished" and live.result is not None
    assert live.iteration == 4 * 20 + 100, "four whole chunks of 25, then 20 frames with the final iterations"
    offline = run("reconstruct", simulated, *options, "--iterations", str(live.iteration), "--out", tmp_path / "o.cxi")
    assert offline.returncode == 0, offline.stderr
    with h5py.File(simulated) as file:
        truth = file["truth/object"][()]
    a, b = read_result(service.data / live.result), read_result(tmp_path / "o.cxi")
    assert a.coverage is not None
    well_lit = a.coverage > 0.5 * np.percentile(a.coverage, 95)
    to_truth = [likeness(result.object[0], truth, well_lit).nmse for result in (a, b)]
    between = likeness(a.object[0], b.object[0], well_lit).nmse
    assert max(to_truth) < 1e-6, to_truth
    assert between < min(to_truth), f"between {between:.3g}, to the truth {to_truth}"


@needs_measured
def test_measured_scan_goes_the_same_way(service: Service, tmp_path: Path) -> None:
    """Velociprobe star, given probe guess: live within 2 % of offline, both alike the reference."""
    known = len(service.client.scans())
    service.replay(MEASURED, "--frame-delay", "5ms", "--chunk", "25", "--probe", GUESS, "--final-iterations", "40")
    live = service.over(service.reconstruction(service.scan(known).id).id)
    assert (live.state, live.frames) == ("finished", 516)
    out = tmp_path / "offline.cxi"
    offline = run("reconstruct", MEASURED, "--engine", "rpie", "--iterations", "40", "--probe", GUESS, "--out", out)
    assert offline.returncode == 0, offline.stderr
    error = read_result(out).metrics[-1, 2]
    assert error <= 0.13
    assert live.error is not None and live.error <= 1.02 * error
    reference = np.load(SHARED / "velociprobe_siemens" / "reference_reconstruction.npz")
    assert live.result is not None
    for path in (out, service.data / live.result):
        found = correlation(read_result(path), reference)
        assert found >= 0.85, f"{path.name}: correlation {found:.3f}"
