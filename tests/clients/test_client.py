"""The Python client against a small service made here; the real one comes in the end-to-end tests."""

import io
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response, WebSocket

from clients.client import Client, ServiceError, layers_of, rows_of
from service.browser import (
    Credit,
    Hello,
    Image,
    ImageRequest,
    Layer,
    ReconstructionUpdate,
    Series,
    Subscribe,
    decode_client,
    encode,
)
from service.descriptions import EngineSpec, ReconstructionSpec
from service.statuses import ReconstructionStatus, ScanStatus

SCAN = ScanStatus(id="s", key="star", state="receiving", created_ns=1, reconstructions=("s.1",))
RUN = ReconstructionStatus(id="s.1", scan="s", state="running", created_ns=2, engine="rpie")
OBJECT = (np.arange(12).reshape(3, 4) * (1 + 2j)).astype(np.complex64)
LAYER = Layer(
    quantity="phase", bits=16, low=-1.0, high=1.0, histogram=None, data=np.array([0, 1, 65535], "<u2").tobytes()
)
IMAGE = Image(
    reconstruction="s.1",
    name="object",
    snapshot=1,
    iteration=5,
    frames=25,
    newest_index=24,
    data_ns=1,
    now_ns=2,
    shape=(1, 1, 3),
    origin=(0, 0),
    step=1,
    full_shape=(1, 3),
    pixel_m=1e-8,
    origin_m=(0.0, 0.0),
    ramp=(0.0, 0.0),
    distance_m=0.0,
    powers=(),
    layers=(LAYER,),
)
SERIES = Series(
    t="metrics", reconstruction="s.1", start=0, columns=("a", "b"), data=np.arange(4.0).astype("<f8").tobytes()
)


def fake_service(requests: list[tuple[str, str, Any]]) -> FastAPI:
    """Answers every request with something of the right form, and writes it down."""
    app = FastAPI()

    @app.websocket("/api/v1/live")
    async def live(web: WebSocket) -> None:
        await web.accept()
        await web.send_bytes(encode(Hello(version="1", now_ns=1, scans=(SCAN,), reconstructions=(RUN,))))
        subscribe = decode_client(await web.receive_bytes())
        assert isinstance(subscribe, Subscribe)
        requests.append(("WS", "subscribe", subscribe))
        await web.send_bytes(encode(SERIES))
        for _ in range(2):
            await web.send_bytes(encode(IMAGE))
            credit = decode_client(await web.receive_bytes())
            assert isinstance(credit, Credit)
            requests.append(("WS", "credit", credit))
        over = RUN.model_copy(update={"state": "finished"})
        await web.send_bytes(encode(ReconstructionUpdate(now_ns=3, reconstruction=over)))
        await web.close()

    @app.api_route("/api/v1/{path:path}", methods=["GET", "POST", "PATCH"])
    async def anything(path: str, request: Request) -> Any:
        body = await request.body()
        requests.append((request.method, path, await request.json() if body else None))
        parts = path.split("/")
        if parts[-1] == "unknown":
            raise HTTPException(404, "no scan 'unknown'")
        if parts[-1] == "broken":
            return Response("not JSON", 500)
        if parts[-1] == "malformed":
            raise HTTPException(422, [{"loc": ["body", "key"], "msg": "Field required"}])
        if parts[-1] in ("object", "probe"):
            buffer = io.BytesIO()
            np.save(buffer, OBJECT)
            return Response(buffer.getvalue())
        if parts[-1] == "result":
            return Response(b"CXI")
        fixed = {
            "metrics": {"columns": ["iteration", "error"], "rows": [[1, 0.5], [2, None]]},
            "missing": {"frames": [[3, 5]], "positions": []},
            "events": [{"event": "start"}],
            "health": {"status": "ok"},
            "engines": {"engines": {}},
        }
        if parts[-1] == "s.9":  # is over when it is asked for again
            asked = sum(each[1] == path for each in requests)
            return RUN.model_copy(update={"state": "finished" if asked == 2 else "running"}).model_dump(mode="json")
        if parts[-1] in fixed:
            return fixed[parts[-1]]
        if parts[0] == "replays":
            return {"id": "1"}
        answer = (RUN if "reconstructions" in parts else SCAN).model_dump(mode="json")
        return [answer] if request.method == "GET" and parts[-1] in ("scans", "reconstructions") else answer

    return app


@pytest.fixture(scope="module")
def service() -> Iterator[tuple[str, list[tuple[str, str, Any]]]]:
    requests: list[tuple[str, str, Any]] = []
    config = uvicorn.Config(fake_service(requests), log_level="error", ws="websockets-sansio", lifespan="off")
    server = uvicorn.Server(config)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", requests
        server.should_exit = True
        thread.join()


@pytest.fixture
def client(service: tuple[str, list[tuple[str, str, Any]]]) -> Iterator[Client]:
    service[1].clear()
    with Client(service[0]) as each:
        yield each


def test_every_method_asks_for_its_own_path(
    client: Client, service: tuple[str, list[tuple[str, str, Any]]], tmp_path: Path
) -> None:
    spec = ReconstructionSpec(engine=EngineSpec(name="dm"), modes=2)
    said = {"engine": {"name": "dm"}, "modes": 2}
    assert client.health()["status"] == "ok" and "engines" in client.engines()
    assert client.scans(limit=5) == [SCAN] and client.scan("s") == SCAN
    assert client.arm("star", spec, {"user": "a"}) == client.stop_scan("s") == client.abort_scan("s") == SCAN
    assert client.missing("s") == {"frames": [(3, 5)], "positions": []}
    assert client.events("s") == [{"event": "start"}]
    assert client.reconstructions("s") == [RUN]
    assert client.start("s", spec) == client.start("s") == client.reconstruction("s.1") == RUN
    assert client.change("s.1", {"alpha": 0.5}) == RUN
    assert client.pause("s.1") == client.resume("s.1") == client.stop("s.1") == client.restart("s.1", spec) == RUN
    assert client.save_result("s.1", tmp_path / "r.cxi").read_bytes() == b"CXI"
    client.start_replay("star.cxi", frame_delay_s=0.1)
    client.stop_replay("1")
    assert [each for each in service[1] if each[0] != "GET"] == [
        ("POST", "scans", {"key": "star", "reconstruction": said, "metadata": {"user": "a"}}),
        ("POST", "scans/s/stop", None),
        ("POST", "scans/s/abort", None),
        ("POST", "scans/s/reconstructions", said),
        ("POST", "scans/s/reconstructions", {}),
        ("PATCH", "reconstructions/s.1", {"parameters": {"alpha": 0.5}, "live": {}, "engine": None}),
        ("POST", "reconstructions/s.1/pause", None),
        ("POST", "reconstructions/s.1/resume", None),
        ("POST", "reconstructions/s.1/stop", None),
        ("POST", "reconstructions/s.1/restart", said),
        ("POST", "replays", {"file": "star.cxi", "frame_delay_s": 0.1}),
        ("POST", "replays/1/stop", None),
    ]


def test_waiting_tells_how_it_stands_until_it_is_over(client: Client) -> None:
    told: list[str] = []
    assert client.wait("s.9", lambda status: told.append(status.state), every_s=0.01).state == "finished"
    assert told == ["running", "finished"]


def test_arrays_come_as_numpy(client: Client) -> None:
    np.testing.assert_array_equal(client.object("s.1"), OBJECT)
    assert client.probe("s.1").dtype == np.complex64
    columns, rows = client.metrics("s.1")
    assert columns == ("iteration", "error")
    np.testing.assert_array_equal(rows, [[1, 0.5], [2, np.nan]])


@pytest.mark.parametrize(
    ("scan", "status", "message"),
    [
        ("unknown", 404, "^no scan 'unknown'$"),
        ("broken", 500, "GET http.*/scans/broken: 500 Internal Server Error"),
        ("malformed", 422, "^body.key: Field required$"),
    ],
)
def test_the_services_own_words_are_the_error(client: Client, scan: str, status: int, message: str) -> None:
    with pytest.raises(ServiceError, match=message) as error:
        client.scan(scan)
    assert error.value.status == status


def test_without_a_service_the_error_says_what_to_start() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: refuses every connection
        with Client(f"http://127.0.0.1:{held.getsockname()[1]}") as client:
            with pytest.raises(ServiceError, match=r"no service at http.*start `ptycholive serve`"):
                client.scans()
            with pytest.raises(ServiceError, match="no live view at ws://"):
                next(client.watch("s.1"))


def test_watching_credits_an_image_when_the_next_message_is_asked_for(
    client: Client, service: tuple[str, list[tuple[str, str, Any]]]
) -> None:
    watching = client.watch("s.1", images=[ImageRequest(name="object")], max_hz=2)
    messages = [next(watching) for _ in range(3)]
    assert [each.t for each in messages] == ["hello", "metrics", "image"]
    assert messages[1:] == [SERIES, IMAGE]
    assert [what for _, what, _ in service[1]] == ["subscribe"]
    assert service[1][0][2].max_hz == 2
    rest = list(watching)  # the service says goodbye, and the iterator ends
    assert [each.t for each in rest] == ["image", "reconstruction"]
    assert [what for _, what, _ in service[1]] == ["subscribe", "credit", "credit"]


def test_series_and_layers_become_arrays() -> None:
    np.testing.assert_array_equal(rows_of(SERIES), [[0, 1], [2, 3]])
    np.testing.assert_array_equal(layers_of(IMAGE)["phase"], [[[np.nan, -1.0, 1.0]]])
