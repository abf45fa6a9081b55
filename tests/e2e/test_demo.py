"""`ptycholive demo`, as `make demo` runs it, on a shorter scan."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.e2e.conftest import command, wait_for


def test_demo_shows_the_scan_says_where_the_result_is_and_leaves_nothing_behind(tmp_path: Path) -> None:
    said = tmp_path / "said"
    options = ("--data", tmp_path / "data", "--positions", "60", "--frame-delay", "50ms")
    with said.open("wb") as out:
        demo = subprocess.Popen(command("demo", *options), stdout=out, stderr=out, start_new_session=True)
    family: dict[int, psutil.Process] = {}

    def text() -> str:
        assert demo.poll() is None, said.read_text()
        family.update({each.pid: each for each in psutil.Process(demo.pid).children(recursive=True)})
        return re.sub(r"\s+", " ", said.read_text())

    try:
        wait_for("the URL", lambda: "http://127.0.0.1:" in text())
        wait_for("the end", lambda: "is finished" in text() and "stays at" in text())
        where = re.search(r"the result is in (\S+result\.cxi)", text())
        assert where is not None and Path(where[1]).is_file(), text()
        time.sleep(0.5)
        assert demo.poll() is None, "the dashboard stays until Ctrl-C"
    finally:
        demo.send_signal(signal.SIGINT)
        demo.wait(60)
    _, alive = psutil.wait_procs(list(family.values()), timeout=20)
    assert len(family) >= 4 and not alive


def test_second_demo_in_the_same_folder_tells_of_its_own_scan(tmp_path: Path) -> None:
    found = []
    for _ in range(2):
        options = ("--data", tmp_path / "data", "--positions", "30", "--frame-delay", "10ms", "--leave")
        said = subprocess.run(command("demo", *options), capture_output=True, text=True, timeout=120).stderr
        where = re.search(r"the result is in (\S+result\.cxi)", re.sub(r"\s+", " ", said))
        assert where is not None and Path(where[1]).is_file(), said
        found.append(where[1])
    assert found[0] != found[1]


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_demo_that_is_ended_in_the_middle_leaves_nothing_behind(tmp_path: Path, ending: signal.Signals) -> None:
    options = ("--data", tmp_path / "data", "--positions", "60", "--frame-delay", "1s")
    demo = subprocess.Popen(command("demo", *options), stderr=subprocess.DEVNULL, start_new_session=True)
    family = psutil.Process(demo.pid).children
    wait_for("service and replay", lambda: len(family(recursive=True)) >= 5)
    children = family(recursive=True)
    demo.send_signal(ending)
    demo.wait(60)
    _, alive = psutil.wait_procs(children, timeout=30)
    assert not alive
