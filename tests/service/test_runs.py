"""A scan takes what its own sender sends: senders of the same key are told apart by their run."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from service import wire
from service.config import Settings
from service.receptions import Receptions
from service.recording import RecordingFollower
from service.scan_commands import ScanCommands
from service.scans import armed_path, read_events, scan_folders
from tests.service.harness import (
    Ingest,
    end_message,
    frames_message,
    make_start,
    positions_message,
    wait_for,
)

OURS, THEIRS = "0a0a0a0a", "7b7b7b7b"


def events_of(ingest: Ingest, scan: str) -> list[dict[str, Any]]:
    return list(read_events(scan_folders(ingest.settings.data)[scan]))


def told(ingest: Ingest, run: str) -> wire.Recorded:
    """The first acknowledgement that refuses a run."""

    def look() -> wire.Recorded | None:
        while ingest.acknowledged.poll(0):
            recorded = wire.decode_recorded(ingest.acknowledged.recv())
            if recorded.run == run and recorded.refused:
                return recorded
        return None

    found = wait_for(look)
    assert found is not None
    return found


def test_a_sender_that_goes_on_after_its_scan_was_aborted_does_not_feed_the_next(ingest: Ingest) -> None:
    ingest.run()
    ingest.send(wire.pack_start(make_start(run=OURS)), frames_message(0, 3, run=OURS))
    old = ingest.wait_status(received=3)["id"]
    ingest.command("abort", scan=old, author="ann")
    ingest.send(wire.pack_start(make_start(run=THEIRS)), frames_message(0, 2, run=THEIRS))
    for index in range(3, 8):
        ingest.send(frames_message(index, run=OURS), positions_message(index, run=OURS))
    ingest.send((wire.encode(wire.Abort(scan="a key", run=OURS)), b""), end_message("frames", 3, run=OURS))
    ingest.send(frames_message(2, 3, run=THEIRS))
    status = ingest.wait_status(received=5)
    assert (status["state"], status["positions"], status["refused"]) == ("receiving", 0, 0)
    refusal = told(ingest, OURS)
    assert refusal.refused == f"the scan {old} is aborted: aborted by ann"
    assert refusal.ranges[0][0] == 0, "what is refused need not be kept"
    of_old = [event for event in events_of(ingest, old) if event["event"] == "sender goes on"]
    of_new = [event for event in events_of(ingest, status["id"]) if event["event"] == "another sender"]
    assert [len(of_old), len(of_new)] == [1, 1], "said once, however much comes"
    assert "expected none, the scan" in of_old[0]["message"]
    assert of_new[0]["run"] == OURS
    assert len(ingest.recorded(ingest.records()[0])[0]) == 3


def test_a_run_that_no_start_announced_is_refused_and_told(ingest: Ingest) -> None:
    ingest.run()
    ingest.send(wire.pack_start(make_start(run=OURS)), frames_message(0, 2, run=OURS))
    ingest.wait_status(received=2)
    wait_for(lambda: ingest.acknowledged.poll(10))  # connected: what is said now is heard
    ingest.send(frames_message(2, run=THEIRS), positions_message(0), frames_message(3, run=THEIRS))
    status = ingest.wait_status(refused=3)
    assert (status["received"], status["positions"]) == (2, 0)
    refusal = told(ingest, THEIRS)
    assert f"expected run '{OURS}' as in the start of scan {status['id']}, got '{THEIRS}'" in refusal.refused
    others = [event["run"] for event in events_of(ingest, status["id"]) if event["event"] == "another sender"]
    assert others == [THEIRS, ""]
    ingest.send((wire.encode(wire.Abort(scan="a key", run=THEIRS)), b""), frames_message(2, run=OURS))
    assert ingest.wait_status(received=3)["state"] == "receiving", "nobody else's abort ends it"


def test_a_start_of_an_earlier_run_that_comes_again_does_not_begin_it_anew(ingest: Ingest) -> None:
    ingest.run()
    ours = make_start(run=OURS)
    ingest.send(wire.pack_start(ours), frames_message(0, run=OURS))
    ingest.wait_status(received=1)
    ingest.send(wire.pack_start(make_start(run=THEIRS)), frames_message(0, 2, run=THEIRS))
    ingest.wait_status(received=2)
    ingest.kill()  # both senders are connected anew, and send again what they keep
    ingest.run()
    ingest.send(wire.pack_start(ours), frames_message(0, 3, run=OURS), frames_message(2, run=THEIRS))
    assert ingest.wait_status(received=3)["state"] == "receiving"
    assert told(ingest, OURS).refused.startswith("the scan ")
    assert len(ingest.records()) == 2


def test_a_scan_that_ended_is_recorded_for_a_sender_that_missed_the_acknowledgements(ingest: Ingest) -> None:
    ingest.run()
    whole = (frames_message(0, 4, run=OURS), positions_message(0, 4, run=OURS))
    ends = (end_message("frames", 4, run=OURS), end_message("positions", 4, run=OURS))
    start = wire.pack_start(make_start(run=OURS))
    ingest.send(start, *whole, *ends)
    ingest.wait_state("ended")
    ingest.kill()
    ingest.run()
    ingest.send(start, *whole, *ends)
    heard: dict[str, wire.Recorded] = {}

    def confirmed() -> bool:
        if ingest.acknowledged.poll(10):
            recorded = wire.decode_recorded(ingest.acknowledged.recv())
            heard[recorded.stream] = recorded
        return [bool(each.ranges and each.ended) for each in heard.values()] == [True, True]

    wait_for(confirmed)
    assert [each.refused for each in heard.values()] == ["", ""]
    assert ingest.records()[0].totals["refused"] == 0


SENDERS = ("", OURS, THEIRS)


def test_what_is_armed_and_cannot_be_understood_keeps_nobody_from_acting(settings: Settings) -> None:
    receptions = Receptions(settings)
    commands = ScanCommands(receptions)
    receptions.take(make_start(), memoryview(b""))
    commands.arm("other")
    armed_path(settings.data, "a scan").write_text("")  # as power loss, or another version, leaves it
    scan, other = commands.status()
    assert other["key"] == "other"
    assert commands.abort(scan["id"])["state"] == "aborted"
    assert commands.arm("a scan")["key"] == "a scan" and len(commands.status()) == 2
    receptions.close()


actions = st.one_of(
    st.tuples(st.just("start"), st.sampled_from(SENDERS), st.just(0)),
    st.tuples(st.just("frame"), st.sampled_from(SENDERS), st.integers(0, 9)),
    st.tuples(st.just("abort"), st.sampled_from(SENDERS), st.just(0)),
    st.tuples(st.just("stop"), st.just(""), st.just(0)),
)


class Model:
    """What is to become of messages: each scan's sender and frames, and which scan is in progress."""

    def __init__(self) -> None:
        self.scans: list[tuple[str, set[int]]] = []
        self.current: tuple[str, set[int]] | None = None

    def step(self, what: str, sender: str, index: int) -> None:
        ours = self.current is not None and self.current[0] == sender
        if what == "start" and sender not in [each for each, _ in self.scans]:
            self.current = (sender, set())
            self.scans.append(self.current)
        elif what == "frame" and ours and self.current:
            self.current[1].add(index)
        elif what == "stop" or (what == "abort" and ours):
            self.current = None


@effort(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(actions, max_size=25))
def test_every_scan_holds_exactly_what_its_own_sender_sent_while_it_was_in_progress(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, int]]
) -> None:
    folder = tmp_path_factory.mktemp("runs")
    settings, model = Settings(data=folder / "data", runtime=folder / "run"), Model()
    receptions = Receptions(settings)
    for step in steps:
        model.step(*step)
        _do(receptions, *step)
    receptions.close()
    assert [each.start.run for each in receptions.runs.by_id.values()] == [sender for sender, _ in model.scans]
    for scan, (_, indices) in zip(receptions.runs.by_id, model.scans, strict=True):
        assert set(_recorded(settings, scan)) == indices


def _do(receptions: Receptions, what: str, sender: str, index: int) -> None:
    if what == "stop":
        commands = ScanCommands(receptions)
        for status in commands.status():
            commands.abort(status["id"])
        return
    header, buffer = {
        "start": wire.pack_start(make_start(run=sender, ts_ns=1)),
        "frame": frames_message(index, run=sender),
        "abort": (wire.encode(wire.Abort(scan="a key", run=sender)), b""),
    }[what]
    receptions.take(wire.decode(header), memoryview(buffer))


def _recorded(settings: Settings, scan: str) -> list[int]:
    follower = RecordingFollower(scan_folders(settings.data)[scan])
    indices: list[int] = follower.poll().frames["index"].tolist()
    follower.close()
    return indices
