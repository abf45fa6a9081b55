"""Replay through real sockets to a small receiver."""

import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dectris.compression import decompress
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpy_st

from clients.replay import ReplayOptions, compress_bslz4, replay, start_of
from clients.schedule import Faults
from clients.sender import RefusedError, Sender, SendError
from service.descriptions import EngineSpec, Geometry, ReconstructionSpec
from service.formats import ScanFile, open_scan
from service.wire import Abort, Frames, Positions, Start
from tests.clients.receiver import Receiver, free_endpoint

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
RNG = np.random.default_rng(0)
GEOMETRY = Geometry(energy_J=1.6e-15, distance_m=2.0, detector_pixel_m=75e-6)
PROBE = np.ones((1, 8, 10), np.complex64)
SCAN = ScanFile(
    path=Path("memory"),
    format="memory",
    store=RNG.poisson(3.0, (60, 8, 10)).astype("<u2"),
    geometry=GEOMETRY,
    positions_m=RNG.uniform(-1e-6, 1e-6, (60, 2)),
    motion="sample",
    mask=np.eye(8, 10, dtype=np.uint8),
    title="star",
    metadata={"sample": "a", "user": "b"},
)


def check_rows(scan: ScanFile, receiver: Receiver, options: ReplayOptions, summary: Any) -> None:
    """Everything that came is what was in the scan, and what is missing or double is what the summary says."""
    for stream, stored, told in (
        (receiver.frames, scan.frames(0, scan.n), summary.frames),
        (receiver.positions, scan.positions_m, summary.positions),
    ):
        assert set(range(scan.n)) - set(stream) == set(told.dropped)
        assert {index for index, rows in stream.items() if len(rows) == 2} == set(told.duplicated)
        assert sum(map(len, stream.values())) == told.sent
        for index, rows in stream.items():
            for row in rows:
                np.testing.assert_array_equal(row, stored[index])


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("faults", [Faults(), Faults(drop=0.1, duplicate=0.1, reorder=5, delay_positions=7, seed=3)])
def test_a_scan_arrives_as_it_is(compress: bool, faults: Faults) -> None:
    endpoint = free_endpoint()
    options = ReplayOptions(to=endpoint, compress=compress, faults=faults, metadata={"user": "c"})
    told: list[tuple[int, int]] = []
    with Receiver(endpoint) as receiver:
        summary = replay(SCAN, options, lambda sent, total: told.append((sent, total)))
    check_rows(SCAN, receiver, options, summary)
    assert summary.confirmed and summary.repeated == 0 and summary.frames_per_s > 0
    assert told[-1] == (summary.frames.sent, summary.frames.sent)
    (start, arrays), ends = receiver.starts[0], receiver.messages[-2:]
    assert (start.scan, start.planned, start.motion, start.dtype) == ("star", 60, "sample", "<u2")
    assert start.metadata == {"sample": "a", "user": "c"} and start.reconstruction is None
    np.testing.assert_array_equal(arrays["plan"], SCAN.positions_m)
    np.testing.assert_array_equal(arrays["mask"], SCAN.mask)
    assert {(end.t, end.stream, end.count) for end in ends} == {("end", "frames", 60), ("end", "positions", 60)}
    for kind in (Frames, Positions):
        assert [each.seq for each in receiver.all(kind)] == list(range(len(receiver.all(kind))))
    assert len(start.run) == 8 and {each.run for each in receiver.messages} == {start.run}


def test_frames_are_due_by_the_clock_and_not_by_their_predecessors() -> None:
    endpoint = free_endpoint()
    with Receiver(endpoint) as receiver:
        summary = replay(SCAN, ReplayOptions(to=endpoint, frame_delay_s=0.01))
    assert summary.seconds >= 0.59  # the last of 60 frames is due 59 delays after the first
    frames = receiver.all(Frames)
    assert [each.n for each in frames] == [6] * 10  # what comes within 50 ms
    steps = np.diff([each.ts_ns for each in frames])
    np.testing.assert_array_equal(steps, 60_000_000)


@pytest.mark.parametrize(
    ("spec", "chunk", "probe", "expected_spec", "sent"),
    [
        (None, None, None, None, False),
        (None, None, PROBE, None, True),
        (None, 25, PROBE, ReconstructionSpec(live={"chunk": 25}, probe="given"), True),
        (
            ReconstructionSpec(engine=EngineSpec(name="dm"), live={"start_after": 5}),
            5,
            None,
            ReconstructionSpec(engine=EngineSpec(name="dm"), live={"start_after": 5, "chunk": 5}),
            False,
        ),
        (ReconstructionSpec(probe="data"), None, PROBE, ReconstructionSpec(probe="data"), False),
    ],
)
def test_start_says_what_is_to_run(
    spec: ReconstructionSpec | None,
    chunk: int | None,
    probe: np.ndarray | None,
    expected_spec: ReconstructionSpec | None,
    sent: bool,
) -> None:
    start, arrays = start_of(replace(SCAN, probe_guess=probe), ReplayOptions(reconstruction=spec, chunk=chunk))
    assert start.reconstruction == expected_spec
    assert ("probe" in arrays) == sent


def test_a_probe_that_is_given_goes_before_the_files_own() -> None:
    other = 2 * PROBE
    spec = ReconstructionSpec(engine=EngineSpec(name="rpie"))
    start, arrays = start_of(replace(SCAN, probe_guess=PROBE), ReplayOptions(probe=other, reconstruction=spec))
    assert arrays["probe"] is other and start.reconstruction == spec.model_copy(update={"probe": "given"})


def test_nothing_is_lost_when_ingest_is_restarted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clients.sender.REPEAT_S", 0.2)
    endpoint = free_endpoint()
    options = ReplayOptions(to=endpoint, frame_delay_s=0.02)
    summaries: list[Any] = []
    sending = threading.Thread(target=lambda: summaries.append(replay(SCAN, options)))
    with Receiver(endpoint, acknowledge=False) as first:  # takes messages and dies before it has recorded them
        sending.start()
        while len(first.frames) < 20:
            assert sending.is_alive()
            threading.Event().wait(0.01)
    with Receiver(endpoint) as second:
        sending.join()
    assert set(second.frames) == set(second.positions) == set(range(60))
    assert isinstance(second.messages[0], Start) and second.starts[0][0] == first.starts[0][0]
    assert summaries[0].confirmed and summaries[0].repeated > 0


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clients.sender.REPEAT_S", 0.2)  # the restarted one may acknowledge before it is heard
    endpoint = free_endpoint()
    frames = np.zeros((1, 100, 100), np.uint8)
    kept: list[int] = []

    def send() -> None:
        with Sender(endpoint, keep_bytes=25_000) as sender:
            sender.start(start_of(SCAN, ReplayOptions())[0])
            for seq in range(6):
                sender.send(Frames(scan="star", seq=seq, i0=seq, n=1, shape=(100, 100), dtype="|u1"), frames)
                kept.append(sender.kept_bytes)
            assert sender.drain()

    sending = threading.Thread(target=send)
    with Receiver(endpoint, acknowledge=False):
        sending.start()
        sending.join(0.5)
        assert sending.is_alive() and len(kept) == 2  # the third is on its way and waits to be acknowledged
    with Receiver(endpoint) as second:
        sending.join()
    assert len(kept) == 6 and max(kept) <= 25_000
    assert set(second.frames) == set(range(6))


def test_an_ingest_that_never_confirms_the_ends_is_told_from_one_that_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clients.sender.REPEAT_S", 0.2)
    endpoint = free_endpoint()
    with Receiver(endpoint, ends=False):
        assert not replay(SCAN, ReplayOptions(to=endpoint)).confirmed


def test_a_replay_whose_scan_is_over_stops_and_says_why() -> None:
    endpoint = free_endpoint()
    with Receiver(endpoint, refuse_from=20) as receiver:
        with pytest.raises(RefusedError, match="takes nothing more of 'star': the scan is aborted"):
            replay(SCAN, ReplayOptions(to=endpoint, frame_delay_s=0.01))
    assert 20 <= len(receiver.frames) < 60
    assert not receiver.all(Abort), "what is over is not given up"


def test_every_replay_is_a_run_of_its_own() -> None:
    endpoint = free_endpoint()
    with Receiver(endpoint) as receiver:
        for _ in range(2):
            replay(SCAN, ReplayOptions(to=endpoint))
    assert len({start.run for start, _ in receiver.starts}) == 2


def test_an_ingest_that_is_gone_for_good_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clients.sender.PATIENCE_S", 0.3)
    endpoint = free_endpoint()
    with Receiver(endpoint, acknowledge=False), pytest.raises(SendError, match=r"nothing for 0.3 s; \d+ messages may"):
        replay(SCAN, ReplayOptions(to=endpoint))


def test_without_ingest_the_error_says_what_to_start() -> None:
    with pytest.raises(SendError, match=r"nothing listens at tcp://127.0.0.1:\d+ .*start `ptycholive serve`"):
        replay(SCAN, ReplayOptions(to=free_endpoint(), connect_timeout_s=0.2))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError("disk")])
def test_a_replay_that_ends_early_aborts_the_scan(error: BaseException) -> None:
    class Failing:
        shape, dtype = (60, 8, 10), np.dtype("<u2")

        def __getitem__(self, rows: slice) -> np.ndarray:
            if rows.start > 20:
                raise error
            return SCAN.store[rows]

    endpoint = free_endpoint()
    with Receiver(endpoint) as receiver:
        with pytest.raises((KeyboardInterrupt, ValueError)):
            replay(replace(SCAN, store=Failing()), ReplayOptions(to=endpoint, frame_delay_s=0.001))
        while not receiver.all(Abort):
            threading.Event().wait(0.01)
    assert "the replay ended early" in receiver.all(Abort)[0].reason


def test_a_start_that_cannot_be_is_refused_at_once_with_the_reason() -> None:
    endpoint = free_endpoint()
    with Receiver(endpoint), pytest.raises(ValueError, match="printable"):
        replay(SCAN, ReplayOptions(to=endpoint, scan="two\nlines"))
    with Receiver(endpoint), pytest.raises(ValueError, match="at most 65536 bytes with its metadata"):
        replay(replace(SCAN, metadata={"beamline": "x" * 70_000}), ReplayOptions(to=endpoint))


def test_any_title_gives_a_key() -> None:
    for title, key in (("two\nlines\n", "two lines"), ("x" * 200, "x" * 128), ("\x00", "scan"), ("", "memory")):
        assert start_of(replace(SCAN, title=title), ReplayOptions())[0].scan == key


DTYPES = st.sampled_from(["|u1", "<u2", "<u4", "<i4", "<f4", "<f8", ">u2"])


@given(DTYPES.flatmap(lambda d: numpy_st.arrays(np.dtype(d), numpy_st.array_shapes(min_dims=2, max_dims=2))))
def test_compressed_frames_are_what_hdf5_and_detectors_write(frame: np.ndarray) -> None:
    raw = decompress(compress_bslz4(frame), "bslz4", elem_size=frame.itemsize)
    assert raw == frame.tobytes()


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [("frame_delay_s", -1.0, "expected 0 to 3600"), ("chunk", 0, "expected at least 1 frame")],
)
def test_impossible_options_are_refused(field: str, value: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ReplayOptions(**{field: value})


def test_a_measured_scan_is_replayed() -> None:
    path = SHARED / "velociprobe_siemens" / "siemens_repackaged.cxi"
    if not path.exists():
        pytest.skip(f"{path} is absent: the shared scans are not on this machine")
    endpoint = free_endpoint()
    options = ReplayOptions(to=endpoint, chunk=25, compress=True)
    with open_scan(path) as scan, Receiver(endpoint) as receiver:
        check_rows(scan, receiver, options, replay(scan, options))
    assert receiver.starts[0][0].reconstruction == ReconstructionSpec(live={"chunk": 25})


@pytest.mark.parametrize("module", ["clients.client", "clients.replay", "service.wire", "service.formats"])
def test_clients_load_no_torch(module: str) -> None:
    program = f"import sys, {module}; print([m for m in sys.modules if m.split('.')[0] in ('torch', 'engines')])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
