"""What a person does over REST while a scan runs and after it."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import numpy as np
import pytest

from clients.client import ServiceError
from service.descriptions import EngineSpec, ReconstructionSpec
from tests.e2e.conftest import FRAMES, PROBE, Service, run, wait_for

SLOW = ("--frame-delay", "60ms", "--probe", PROBE, "--final-iterations", "10")
"""Seven seconds of scan: time to do something in the middle of it."""


def test_second_reconstruction_is_attached_in_mid_scan_and_after_the_end(service: Service, simulated: Path) -> None:
    known = len(service.client.scans())
    service.replay(simulated, *SLOW)
    scan = service.scan(known)
    first = service.until(service.reconstruction(scan.id).id, lambda status: status.frames >= 50)
    dm = ReconstructionSpec(engine=EngineSpec(name="dm", parameters={"alpha": 0.9}), label="beside")
    beside = service.client.start(scan.id, dm)
    assert service.client.scan(scan.id).state == "receiving"
    first, beside = service.over(first.id), service.over(beside.id)
    late = service.over(service.client.start(scan.id, ReconstructionSpec(live={"final_iterations": 5})).id)
    for status in (first, beside, late):
        assert (status.state, status.frames) == ("finished", FRAMES), status
    assert (beside.engine, beside.parameters["alpha"], beside.label) == ("dm", 0.9, "beside")
    assert service.client.scan(scan.id).reconstructions == (first.id, beside.id, late.id)


def test_restart_with_other_parameters_in_mid_scan(service: Service, simulated: Path) -> None:
    known = len(service.client.scans())
    service.replay(simulated, *SLOW)
    scan = service.scan(known)
    first = service.until(service.reconstruction(scan.id).id, lambda status: status.frames >= 50)
    changed = ReconstructionSpec(
        engine=EngineSpec(name="rpie", parameters={"object_step": 0.5}), crop=96, live={"chunk": 10}
    )
    second = service.client.restart(first.id, changed)
    assert second.restarted_from == first.id
    first, second = service.over(first.id), service.over(second.id)
    assert (first.state, second.state, second.frames) == ("stopped", "finished", FRAMES)
    assert second.parameters["object_step"] == 0.5 and second.live["chunk"] == 10
    assert second.live["final_iterations"] == 10, "what was not changed is kept"
    assert second.probe_shape == (1, 96, 96), "another crop reads the recording anew"
    assert first.result is not None and second.result is not None


def test_pause_resume_change_stop(service: Service, simulated: Path) -> None:
    known = len(service.client.scans())
    service.replay(simulated, "--frame-delay", "60ms", "--probe", PROBE, "--final-iterations", "100000")
    running = service.until(service.reconstruction(service.scan(known).id).id, lambda status: status.iteration > 3)
    service.client.pause(running.id)
    paused = service.until(running.id, lambda status: status.state == "paused")
    time.sleep(0.5)
    assert service.client.reconstruction(running.id).iteration == paused.iteration
    with pytest.raises(ServiceError, match=r"object_step.*less than or equal to 2.*got 7"):
        service.client.change(running.id, parameters={"object_step": 7})
    changed = service.client.change(running.id, parameters={"object_step": 0.25}, live={"chunk": 7})
    assert (changed.parameters["object_step"], changed.live["chunk"]) == (0.25, 7)
    service.client.resume(running.id)
    service.until(running.id, lambda status: status.iteration > paused.iteration)
    with pytest.raises(ServiceError, match="not paused"):
        service.client.resume(running.id)
    service.client.stop(running.id)
    stopped = service.over(running.id)
    assert stopped.state == "stopped" and stopped.result is not None
    with pytest.raises(ServiceError, match="over"):
        service.client.pause(running.id)
    saved = np.load(httpx_bytes(service, f"reconstructions/{running.id}/object"))
    assert saved.shape == stopped.object_shape and saved.dtype == np.complex64
    assert service.client.positions(running.id).shape == (stopped.frames, 3)
    picture = httpx.get(f"{service.url}/api/v1/reconstructions/{running.id}/object?format=png&quantity=complex")
    assert picture.content.startswith(b"\x89PNG") and picture.headers["content-type"] == "image/png"


def test_armed_scan_runs_what_was_armed(service: Service, simulated: Path) -> None:
    spec = ReconstructionSpec(engine=EngineSpec(name="er"), probe=PROBE, live={"final_iterations": 3})
    armed = service.client.arm("armed scan", spec, {"sample": "gold star"})
    assert armed.state == "armed"
    with pytest.raises(ServiceError, match="expected one of dm"):
        service.client.arm("another", ReconstructionSpec(engine=EngineSpec(name="nonsense")))
    assert service.replay(simulated, "--frame-delay", "0", "--key", "armed scan").wait(60) == 0
    scan = next(each for each in service.client.scans() if each.key == "armed scan" and each.state != "armed")
    assert scan.metadata["sample"] == "gold star"
    status = service.over(service.reconstruction(scan.id).id)
    assert (status.engine, status.state, status.probe) == ("er", "finished", PROBE)
    assert not [each for each in service.client.scans() if each.state == "armed"]


def test_replay_over_rest_stays_within_the_configured_folders(service: Service, simulated: Path) -> None:
    offered = service.client.replays()["files"]
    name = next(file for file in offered if file.endswith(simulated.name))
    known = len(service.client.scans())
    started = service.client.start_replay(name, frame_delay_s=0.001, chunk=30, probe=PROBE)
    assert started["running"]
    status = service.over(service.reconstruction(service.scan(known).id).id)
    assert (status.state, status.live["chunk"]) == ("finished", 30)
    for outside in ("../../etc/passwd", "/etc/passwd", f"{Path(name).parent}/../../{simulated.name}"):
        with pytest.raises(ServiceError, match="expected one of those"):
            service.client.start_replay(outside)


def test_unknown_and_impossible_requests_say_why(service: Service) -> None:
    for path in ("scans/nothing", "reconstructions/nothing.1", "reconstructions/..%2F..%2Fetc.1", "replays/9/stop"):
        method = "POST" if path.endswith("stop") else "GET"
        reply = httpx.request(method, f"{service.url}/api/v1/{path}")
        assert reply.status_code == 404 and reply.json()["detail"], path
    scan = service.scan().id
    with pytest.raises(ServiceError, match="crop: expected 1 to 128"):
        service.client.start(scan, ReconstructionSpec(crop=4000))
    with pytest.raises(ServiceError, match="probe: expected one of round"):
        service.client.start(scan, ReconstructionSpec(probe="square:1um"))
    with pytest.raises(ServiceError, match=r"positions: neighbouring positions are \d+ px apart, .* overlap 0 %"):
        service.client.start(scan, ReconstructionSpec(probe="round:100nm"))
    with pytest.raises(ServiceError, match=r"probe: expected more than a pixel of .* which lets no light through"):
        service.client.start(scan, ReconstructionSpec(probe="round:10nm"))
    with pytest.raises(ServiceError, match=r"engine: expected one of dm, .* got 'pie'"):
        service.client.start(scan, ReconstructionSpec(engine=EngineSpec(name="pie")))
    with pytest.raises(ServiceError, match=r"object_step: .* less than or equal to 2, got 7"):
        service.client.start(scan, ReconstructionSpec(engine=EngineSpec(name="rpie", parameters={"object_step": 7})))
    refused = service.client.start(scan, ReconstructionSpec(modes=10_000_000))
    assert refused.state == "refused" and "of its 10000000 modes fit" in refused.message
    unknown = ReconstructionSpec(engine=EngineSpec(name="rpie", parameters={"objekt_step": 1}))
    with pytest.raises(ServiceError, match="objekt_step"):
        service.client.start(scan, unknown)
    reply = httpx.post(f"{service.url}/api/v1/scans/{scan}/reconstructions", json={"engnie": "dm"})
    assert reply.status_code == 422 and "engnie" in reply.text


def test_attach_command(service: Service) -> None:
    done = run("attach", "latest", "--engine", "epie", "--final-iterations", "3", "--url", service.url, "--json")
    assert done.returncode == 0, done.stderr
    assert '"epie"' in done.stdout and '"finished"' in done.stdout


def httpx_bytes(service: Service, path: str) -> Path:
    """What the service answers, as a file."""
    file = service.data.parent / "answer.npy"
    file.write_bytes(httpx.get(f"{service.url}/api/v1/{path}").raise_for_status().content)
    return file


def test_stopping_and_aborting_a_scan(service: Service, simulated: Path) -> None:
    known = len(service.client.scans())
    replay = service.replay(simulated, *SLOW)
    scan = service.scan(known)
    first = service.until(service.reconstruction(scan.id).id, lambda status: status.iteration > 0)
    service.client.stop_scan(scan.id)
    assert service.over(first.id).state == "stopped"
    received = service.client.scan(scan.id).received
    wait_for("more frames", lambda: service.client.scan(scan.id).received > received)
    assert service.client.scan(scan.id).state == "receiving", "the recording goes on"
    service.client.abort_scan(scan.id)
    assert service.scan_over(scan.id).state == "aborted"
    received = service.client.scan(scan.id).received
    replay.terminate()
    replay.wait(30)
    assert service.client.scan(scan.id).received == received, "nothing more is accepted"
    authors = {event["author"] for event in service.client.events(scan.id)}
    assert {"rest", "worker"} <= authors


def test_rest_page_and_prometheus_load_nothing_from_outside(service: Service) -> None:
    page = httpx.get(f"{service.url}/docs").raise_for_status().text
    assert "http://" not in page and "https://" not in page
    for file in ("swagger-ui-bundle.js", "swagger-ui.css"):
        assert file in page and httpx.get(f"{service.url}/swagger/{file}").is_success
    assert httpx.get(f"{service.url}/openapi.json").json()["info"]["title"] == "ptycholive"
    numbers = httpx.get(f"{service.url}/metrics").raise_for_status().text
    assert 'ptycholive_up{process="worker"} 1.0' in numbers


def test_python_example_of_the_readme(service: Service) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    example = readme.split("```python\n")[1].split("```")[0].replace("http://127.0.0.1:8000", service.url)
    names: dict[str, object] = {}
    exec(compile(example, "README.md", "exec"), names)
    found = names["object"]
    assert isinstance(found, np.ndarray) and found.dtype == np.complex64 and found.ndim == 2


def test_operation_over_rest(service: Service, simulated: Path) -> None:
    known = len(service.client.scans())
    service.replay(simulated, "--frame-delay", "1ms", "--probe", PROBE, "--final-iterations", "2")
    scan = service.scan(known)
    rid = service.over(service.reconstruction(scan.id).id).id
    api = httpx.Client(base_url=f"{service.url}/api/v1")
    state = wait_for("the device", lambda: s if (s := api.get("service").json())["memory_bytes"] else None)
    assert state["ingest"] and state["worker"] and 0 < state["disk_free_bytes"] <= state["disk_bytes"]
    assert api.post(f"scans/{scan.id}/notes", json={"text": "from a script"}).json()["author"] == "rest"
    assert service.client.events(scan.id)[-1]["text"] == "from a script"
    assert api.post(f"scans/{scan.id}/notes", json={"text": ""}).status_code == 422
    service.client.note(scan.id, "from Python")
    assert service.client.events(scan.id)[-1]["text"] == "from Python"
    assert all(alarm.meaning and alarm.advice for alarm in service.client.alarms())
    rows = api.get(f"reconstructions/{rid}/metrics.csv").text.splitlines()
    assert rows[0].startswith("iteration,frames,error") and len(rows) == 1 + service.client.reconstruction(rid).metrics
    for picture in ("figure?quantity=complex", "thumbnail"):
        assert api.get(f"reconstructions/{rid}/{picture}").content.startswith(b"\x89PNG")
    assert api.get("presets").json()["star"]["modes"] == 2
    assert scan.id in [each["id"] for each in api.get("scans", params={"search": scan.id.upper()}).json()]
    assert api.get("scans", params={"search": "no such words"}).json() == []
    act = {"x-ptycholive-act": "the same one"}
    spec = {"live": {"final_iterations": 1}}
    once, twice = (api.post(f"scans/{scan.id}/reconstructions", json=spec, headers=act) for _ in range(2))
    assert (once.status_code, twice.status_code) == (201, 409) and "before" in twice.json()["detail"]
    service.over(once.json()["id"])
    assert api.post("control", json={"action": "ask"}).status_code == 422, "control concerns browsers"
    missing = api.post("alarms/acknowledge", json={"alarm": "nothing"})
    assert missing.status_code == 404 and "no alarm" in missing.json()["detail"]
    api.close()
