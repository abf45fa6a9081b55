import itertools
import json
import struct
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import bitshuffle
import h5py
import msgpack
import numpy as np
import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st

from service import wire
from service.config import Settings
from service.descriptions import ReconstructionSpec
from service.master import MASTER_FILE
from service.scans import armed_path, read_events, read_start_arrays, scan_folders
from service.tally import Ranges
from tests.service.harness import (
    RUN,
    SHAPE,
    WAIT_S,
    Ingest,
    end_message,
    frame,
    frames_message,
    make_start,
    positions_message,
    wait_for,
)

ENDS = (end_message("frames", 10), end_message("positions", 10))
WHOLE = {"received": 10, "positions": 10, "paired": 10, "lost": 0, "duplicated": 0, "refused": 0}


def check_whole(ingest: Ingest, state: str = "ended") -> None:
    """The newest scan ended with frames and positions 0 to 9, each recorded once."""
    record = ingest.wait_state(state)
    refs, positions, frames = ingest.recorded(record)
    assert sorted(refs["index"].tolist()) == sorted(positions.tolist()) == list(range(10))
    np.testing.assert_array_equal(frames, np.stack([frame(index) for index in refs["index"]]))
    assert record.totals["paired"] == 10
    assert record.totals["lost"] == 0


def test_a_scan_is_recorded_and_ends(ingest: Ingest) -> None:
    ingest.run()
    start = make_start(metadata={"sample": "star"})
    plan = np.arange(20.0).reshape(10, 2)
    ingest.send(wire.pack_start(start, plan=plan))
    for first in range(0, 10, 5):
        ingest.send(frames_message(first, 5), positions_message(first, 5))
    ingest.send(*ENDS)
    check_whole(ingest)
    record = ingest.records()[0]
    assert record.totals == WHOLE
    assert (record.start, record.key, record.metadata) == (
        start.model_copy(update={"arrays": record.start.arrays}) if record.start else None,
        "a key",
        {"sample": "star"},
    )
    folder = scan_folders(ingest.settings.data)[record.id]
    np.testing.assert_array_equal(read_start_arrays(folder)["plan"], plan)
    code, log = ingest.stop()
    assert code == 0
    ours = [line for line in map(json.loads, log.splitlines()) if record.key in str(line) or record.id in str(line)]
    assert ours
    assert all(line["scan"] == record.id for line in ours if "endpoint" not in line)
    assert [event["event"] for event in read_events(folder)][0::3] == ["start", "ended"]
    with h5py.File(folder / MASTER_FILE, locking=False) as master:
        assert master["frame_index"][()].tolist() == list(range(10))


def test_any_order_loss_and_duplicates_are_counted_and_stop_nothing(ingest: Ingest) -> None:
    ingest.run()
    ingest.send(wire.pack_start(make_start()))
    for index in (7, 2, 9, 2, 0, 7, 1, 5, 8, 4):
        ingest.send(frames_message(index), positions_message((index * 3) % 10))
    ingest.send(*ENDS)
    status = ingest.wait_status(lost=2, duplicated=4)
    assert status["state"] == "receiving"
    assert ingest.command("missing", scan=status["id"])["frames"] == [[3, 3], [6, 6]]
    record = ingest.wait_state("ended")
    assert record.message == "2 frames and 2 positions never came"
    assert (record.totals["received"], record.totals["positions"]) == (8, 8)
    refs, positions, _ = ingest.recorded(record)
    assert sorted(refs["index"].tolist()) == [0, 1, 2, 4, 5, 7, 8, 9]
    assert len(set(positions.tolist())) == len(positions) == 8
    assert ingest.command("missing", scan=record.id)["frames"] == [[3, 3], [6, 6]]


def test_missing_ones_are_taken_after_the_end_and_others_refused(ingest: Ingest) -> None:
    ingest.run()
    ingest.send(wire.pack_start(make_start()), frames_message(0, 9), positions_message(0, 10), *ENDS)
    ingest.send(frames_message(10, 2), frames_message(9))
    check_whole(ingest)
    assert ingest.records()[0].totals["refused"] == 2

    def refused() -> bool:
        ingest.send(frames_message(4), frames_message(11))
        return "expected none, the scan" in "".join(ingest_problems(ingest))

    wait_for(refused)
    check_whole(ingest)


def ingest_problems(ingest: Ingest) -> list[str]:
    """Messages of the statuses that were published."""
    said = []
    while ingest.events.poll(0):
        topic, body = ingest.events.recv_multipart()
        if topic == b"status":
            said.append(msgpack.unpackb(body)["message"])
    return said


def buffer_of(n: int) -> bytes:
    return bytes(n * SHAPE[0] * SHAPE[1] * 2)


BAD: dict[str, tuple[list[bytes], str]] = {
    "one part": ([frames_message(3)[0]], "expected 2 parts, got 1"),
    "three parts": ([*frames_message(3), b"more"], "expected 2 parts, got 3"),
    "short buffer": ([frames_message(3)[0], buffer_of(1)[:-1]], "expected 768 bytes by its header, got 767"),
    "long buffer": ([frames_message(3)[0], bytes(3_000_000)], "got 3000000"),
    "shape": ([*frames_message(3, shape=(24, 16))], r"expected <u2 (16, 24) as in start, got <u2 (24, 16)"),
    "dtype": ([frames_message(3, dtype="<u4")[0], bytes(2 * 768)], "got <u4"),
    "huge": ([frames_message(3, shape=(1 << 20, 1 << 20))[0], b""], "buffer: expected at most"),
    "sizes": ([frames_message(3, enc="bslz4", sizes=(5, 5))[0], bytes(10)], "expected 1 of them, got 2"),
    "index": ([*frames_message(3, i0=1 << 40)], "expected indices up to"),
    "positions": ([positions_message(3)[0], bytes(15)], "expected 16 bytes"),
    "end": ([wire.encode(wire.End(scan="a key", stream="frames", count=1 << 40)), b""], "end of frames: expected"),
}
HOMELESS: dict[str, tuple[list[bytes], str]] = {
    "no msgpack": ([b"\xc1 what", b""], "expected msgpack"),
    "nothing": ([b""], "expected msgpack"),
    "cut off": ([frames_message(3)[0][:-3], buffer_of(1)], "expected msgpack"),
    "oversized": ([bytes(100_000), b""], "at most 65536 bytes, got 100000"),
    "version": ([msgpack.packb({"v": 2}), b""], "expected version 1, got 2"),
    "never started": ([*frames_message(3, key="other")], "other: frames: expected a start of this scan before"),
    "bad start": ([*wire.pack_start(make_start("third"), plan=np.zeros((3, 3)))], "plan: expected shape (n, 2)"),
    "unknown abort": ([wire.encode(wire.Abort(scan="other")), b""], "other: abort: expected a start"),
}


def test_what_does_not_fit_is_refused_with_a_reason_and_the_scan_goes_on(ingest: Ingest) -> None:
    ingest.run()
    ingest.send(wire.pack_start(make_start()), frames_message(0, 3), positions_message(0, 10))
    ingest.wait_status(received=3)
    for count, (name, (parts, said)) in enumerate(BAD.items(), 1):
        ingest.push.send_multipart(parts)
        status = ingest.wait_status(refused=count)
        assert said in status["message"], name
    for count, (name, (parts, said)) in enumerate(HOMELESS.items(), 1):
        ingest.push.send_multipart(parts)
        reply = wait_for(lambda count=count: (r := ingest.command("ping"))["refused"] == count and r)
        assert said in reply["problem"], name
    ingest.send(frames_message(3, 7), *ENDS)
    check_whole(ingest)
    assert len(ingest.records()) == 1
    assert ingest.stop()[0] == 0


def test_positions_that_are_no_numbers_are_refused_and_may_come_again(ingest: Ingest) -> None:
    ingest.run()
    bad = np.full((10, 2), 1e-6)
    bad[4, 1] = np.nan
    ingest.send(wire.pack_start(make_start()), frames_message(0, 10), (positions_message(0, 10)[0], bad.tobytes()))
    status = ingest.wait_status(refused=1)
    assert "position 4: expected finite metres" in status["message"]
    ingest.send(positions_message(4), *ENDS)
    check_whole(ingest)


def test_a_new_start_of_the_same_key_is_a_new_scan_and_a_repeated_one_is_not(ingest: Ingest) -> None:
    ingest.run()
    start = make_start()
    ingest.send(wire.pack_start(start), frames_message(0, 4), wire.pack_start(start), frames_message(4))
    ingest.wait_status(received=5)
    ingest.send(wire.pack_start(make_start()), frames_message(0, 10), positions_message(0, 10), *ENDS)
    check_whole(ingest)
    old, new = ingest.records()
    assert (old.state, old.totals["received"]) == ("aborted", 5)
    assert new.id in old.message
    assert len(ingest.recorded(old)[0]) == 5


def test_a_start_that_comes_again_after_the_end_begins_nothing(ingest: Ingest) -> None:
    ingest.run()
    whole = (wire.pack_start(make_start()), frames_message(0, 10), positions_message(0, 10), *ENDS)
    ingest.send(*whole)
    check_whole(ingest)
    ingest.kill()
    ingest.run()
    ingest.send(*whole, wire.pack_start(make_start("other")))
    wait_for(lambda: ingest.status("other"))
    assert [record.key for record in ingest.records()] == ["a key", "other"]
    assert ingest.records()[0].totals == WHOLE


def test_scans_of_different_keys_are_received_side_by_side(ingest: Ingest) -> None:
    ingest.run()
    names = ("one", "two", "three")
    ingest.send(*(wire.pack_start(make_start(key)) for key in names))
    for index in range(10):
        for key in names:
            ingest.send(frames_message(index, key=key), positions_message(9 - index, key=key))
    for key in names:
        ingest.send(end_message("frames", 10, key), end_message("positions", 10, key))
    wait_for(lambda: [record.state for record in ingest.records()] == ["ended"] * 3)
    assert all(record.totals == WHOLE for record in ingest.records())


def test_a_scan_that_stalls_says_so_goes_on_and_can_end(ingest: Ingest) -> None:
    ingest.settings = ingest.settings.model_copy(update={"stall_after_s": 0.3})
    ingest.run()
    ingest.send(wire.pack_start(make_start()), frames_message(0, 5))
    assert "nothing came for 0.3 s" in ingest.wait_status(state="stalled")["message"]
    ingest.send(frames_message(5, 5), positions_message(0, 10))
    wait_for(lambda: ingest.records()[0].totals.get("received") == 10)
    ingest.wait_status(state="stalled")
    ingest.send(*ENDS)
    check_whole(ingest)
    folder = scan_folders(ingest.settings.data)[ingest.records()[0].id]
    states = [event["event"] for event in read_events(folder) if event["event"] in ("stalled", "receiving", "ended")]
    assert states[:2] == ["stalled", "receiving"]
    assert states[-1] == "ended"


@pytest.mark.parametrize("stop", [Ingest.kill, Ingest.stop])
def test_a_restarted_ingest_goes_on_where_the_recording_ends(ingest: Ingest, stop: Callable[[Ingest], Any]) -> None:
    ingest.run()
    start = wire.pack_start(make_start())
    ingest.send(start, frames_message(0, 4), positions_message(0, 6), ENDS[1])
    ingest.wait_status(received=4, positions=6)
    stop(ingest)
    ingest.run()
    assert ingest.status()["received"] == 4
    # a sender repeats all that was not acknowledged, and may have missed acknowledgements
    ingest.send(start, frames_message(2), frames_message(3), frames_message(4, 6), positions_message(5, 5), *ENDS)
    check_whole(ingest)
    assert len(ingest.records()) == 1
    assert ingest.records()[0].totals["duplicated"] == 3


def test_what_is_recorded_is_acknowledged_by_message_until_the_end(ingest: Ingest) -> None:
    ingest.run()
    start = make_start()
    ingest.send(wire.pack_start(start))
    heard: dict[str, wire.Recorded] = {}

    def until(enough: Callable[[], bool]) -> None:
        def look() -> bool:
            if ingest.acknowledged.poll(10):
                recorded = wire.decode_recorded(ingest.acknowledged.recv())
                assert (recorded.scan, recorded.start_ns) == ("a key", start.ts_ns)
                heard[recorded.stream] = recorded
            return enough()

        wait_for(look)

    until(lambda: len(heard) == 2)  # which releases the start
    ingest.send(frames_message(0, seq=0), frames_message(2, seq=2), frames_message(5, seq=3, shape=(1, 1)))
    until(lambda: heard["frames"].ranges == ((0, 0), (2, 3)))  # what was refused need not come again
    ingest.send(frames_message(1, seq=1), positions_message(0, 10), *ENDS)
    until(lambda: heard["frames"].ranges == ((0, 3),) and heard["frames"].ended)
    until(lambda: heard["positions"].ranges == ((0, 0),) and heard["positions"].ended)


def test_compressed_frames_are_recorded_as_they_came(ingest: Ingest) -> None:
    ingest.run()
    packed = [
        struct.pack(">QI", frame(index).nbytes, 8192) + bitshuffle.compress_lz4(frame(index), 4096).tobytes()
        for index in range(10)
    ]
    header, _ = frames_message(0, 10, enc="bslz4", sizes=tuple(map(len, packed)))
    ingest.send(wire.pack_start(make_start()), (header, b"".join(packed)), positions_message(0, 10), *ENDS)
    check_whole(ingest)


def test_armed_scans_are_taken_up_by_their_start(ingest: Ingest) -> None:
    ingest.run()
    spec = {"engine": {"name": "dm"}, "label": "mine"}
    armed = ingest.command("arm", key="a key", reconstruction=spec, metadata={"sample": "ours", "user": "me"})
    assert (armed["state"], armed["key"]) == ("armed", "a key")
    assert ingest.status()["id"] == armed["id"]
    assert ingest.command("arm", key="a/key", metadata={})["status"] == 409  # the same file name
    assert ingest.command("arm", key="other")["state"] == "armed"
    assert ingest.command("disarm", key="other")["state"] == "aborted"
    assert ingest.command("disarm", key="other")["status"] == 404
    assert ingest.command("arm", key="x", reconstruction={"engin": {}})["status"] == 422
    assert ingest.command("arm", key="a\nb")["status"] == 422
    ingest.send(wire.pack_start(make_start(metadata={"sample": "theirs", "energy": 8.0})))
    ingest.wait_status(state="receiving")
    (record,) = ingest.records()
    assert record.id == armed["id"]
    assert record.metadata == {"sample": "ours", "user": "me", "energy": 8.0}
    assert record.reconstruction == ReconstructionSpec.model_validate(spec)
    assert not armed_path(ingest.settings.data, "a key").exists()


def test_scans_are_aborted_by_their_sender_and_by_command(ingest: Ingest) -> None:
    ingest.run()
    ingest.send(wire.pack_start(make_start()), frames_message(0, 3))
    ingest.send((wire.encode(wire.Abort(scan="a key", reason="beam lost")), b""))
    assert ingest.wait_state("aborted").message == "aborted by the sender: beam lost"
    ingest.send(wire.pack_start(make_start()), frames_message(0, 3))
    status = ingest.wait_status(received=3)
    assert ingest.command("abort", scan=status["id"], author="rest")["state"] == "aborted"
    assert ingest.command("abort", scan=status["id"])["status"] == 409
    assert ingest.command("abort", scan="nothing")["status"] == 404
    assert ingest.command("missing", scan="nothing")["status"] == 404
    armed = ingest.command("arm", key="next")
    assert ingest.command("abort", scan=armed["id"])["state"] == "aborted"
    assert ingest.command("status") == []
    assert len(ingest.recorded(ingest.records()[1])[0]) == 3


def test_readers_are_woken_and_clients_told(ingest: Ingest) -> None:
    ingest.run()
    wait_for(lambda: ingest.command("disarm", key=ingest.command("arm", key="x")["key"]) and ingest.events.poll(50))
    ingest.send(wire.pack_start(make_start()), frames_message(0, 10), positions_message(0, 10), *ENDS)
    heard: list[list[bytes]] = []

    def ended() -> bool:
        if ingest.events.poll(10):
            heard.append(ingest.events.recv_multipart())
        return any(topic == b"status" and msgpack.unpackb(body)["state"] == "ended" for topic, body in heard)

    wait_for(ended)
    assert [b"recorded", ingest.records()[0].id.encode()] in heard


FULL = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY)); "


def test_a_disk_that_takes_no_more_is_said_and_ends_neither_process_nor_scan(ingest: Ingest) -> None:
    ingest.run(FULL)
    shape = (200, 200)
    ingest.send(wire.pack_start(make_start(frame_shape=shape)), positions_message(0, 10))
    header, _ = frames_message(0, 2, shape=shape)
    ingest.send((header, bytes(2 * 80_000)))
    status = ingest.wait_status(refused=2)
    assert "recording: expected to write under" in status["message"]
    assert status["received"] == 0
    ingest.send(end_message("frames", 2), ENDS[1])
    assert ingest.wait_state("ended").message == "2 frames and 0 positions never came"
    ingest.send(wire.pack_start(make_start()), frames_message(0, 10), positions_message(0, 10), *ENDS)
    wait_for(lambda: len(ingest.records()) == 2)
    check_whole(ingest)
    assert ingest.stop()[0] == 0


def run_to_its_end(settings: Settings) -> tuple[int, str]:
    command = [sys.executable, "-c", RUN, settings.model_dump_json()]
    run = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=False)
    return run.returncode, run.stderr


def test_a_port_in_use_is_named(settings: Settings) -> None:
    with zmq.Context() as context, context.socket(zmq.PULL) as other:
        other.bind(settings.ingest)
        code, said = run_to_its_end(settings)
        assert code != 0
        assert f"expected to listen at {settings.ingest}" in said
    with zmq.Context() as context, context.socket(zmq.PULL) as other:
        other.bind(settings.acknowledge)
        assert f"expected to listen at {settings.acknowledge}" in run_to_its_end(settings)[1]


def test_two_do_not_share_a_folder(ingest: Ingest) -> None:
    ingest.run()
    code, said = run_to_its_end(ingest.settings)
    assert code != 0
    assert "another ingest process works in" in said


@given(st.lists(st.integers(0, 30)))
def test_ranges_hold_what_was_put_in(numbers: list[int]) -> None:
    ranges = Ranges()
    for number in numbers:
        ranges.add(number)
    found = ranges.newest()
    assert [n for first, last in found for n in range(first, last + 1)] == sorted(set(numbers))
    assert all(a[1] + 1 < b[0] for a, b in itertools.pairwise(found))
