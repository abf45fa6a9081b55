"""The command line: every command shows an example, and mistakes are one line with exit code 2."""

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from service.cli import app

COMMANDS = sorted(
    command.name or command.callback.__name__  # type: ignore[union-attr]
    for group in app.registered_groups
    if group.typer_instance is not None
    for command in group.typer_instance.registered_commands
)


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "service", *map(str, arguments)], capture_output=True, text=True, timeout=120
    )


def test_words_that_scripts_rely_on() -> None:
    assert {"serve", "demo", "replay", "simulate", "reconstruct", "compare", "attach"} <= set(COMMANDS)


@pytest.mark.parametrize("command", ["realtime-vs-offline", "growing-subsets", "where-it-stops"])
def test_help_of_a_study_shows_an_example(command: str) -> None:
    shown = CliRunner().invoke(app, ["study", command, "--help"])
    assert shown.exit_code == 0
    assert f"Example: ptycholive study {command}" in shown.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example(command: str) -> None:
    shown = CliRunner().invoke(app, [command, "--help"])
    assert shown.exit_code == 0
    assert f"Example: ptycholive {command}" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("reconstruct", "nothing.h5"), "expected a file"),
        (("reconstruct", __file__), "HDF5"),
        (("replay", "nothing.cxi"), "expected a file"),
        (("replay", "nothing.cxi", "--frame-delay", "soon"), "duration"),
        (("replay", "nothing.cxi", "--drop", "150%"), "expected a share"),
        (("reconstruct", "a.h5", "--set", "rpie.object_step"), "expected engine.parameter=value"),
        (("reconstruct", "a.h5", "--set", "dm.alpha=1"), "expected a parameter of --engine rpie"),
        (("reconstruct", "a.h5", "--probe", "nothing.h5:/probe"), "nothing.h5"),
        (("serve", "--config", "nothing.yaml"), "nothing.yaml"),
        (("serve", "--ingest", "nonsense"), "expected tcp://HOST:PORT"),
        (("compare", "a.cxi", "b.cxi"), "expected a file"),
        (("study", "realtime-vs-offline", "--only", "life"), "expected some of live, offline"),
        (("study", "realtime-vs-offline", "--preset", "nothing.yaml"), "nothing.yaml"),
        (("attach", "latest", "--url", "http://127.0.0.1:9"), "ptycholive serve"),
    ],
)
def test_mistakes_are_told_in_one_line(arguments: tuple[str, ...], says: str, tmp_path: Path) -> None:
    ended = run(*arguments)
    assert ended.returncode == 2, ended.stderr
    assert says in " ".join(ended.stderr.split()) and "Traceback" not in ended.stderr


def test_what_cannot_be_reconstructed_is_told_in_one_line(tmp_path: Path) -> None:
    scan, arrays = tmp_path / "scan.h5", tmp_path / "arrays.h5"
    assert run("simulate", scan, "--positions", "20", "--size", "64", "--step-px", "20").returncode == 0
    with h5py.File(arrays, "w") as file:
        file["mask"], file["probe"] = np.zeros((64, 64)), np.ones((80, 80), np.complex64)
        file["background"] = np.zeros((64, 64))
    probe = ("--probe", f"{arrays}:/probe")
    for arguments, says in (
        (("--engine", "pie"), "expected one of dm"),
        (("--set", "rpie.object_step=7"), "object_step: Input should be less than or equal to 2, got 7"),
        (("--modes", "10000000"), "of its 10000000 modes fit"),
        (("--mask", f"{arrays}:/mask"), "expected at least 1 trusted pixel in the 64 x 64 px"),
        (("--background", f"{arrays}:/probe"), "background: expected the frame's shape (64, 64), got (80, 80)"),
        (("--probe", "round:30nm"), "overlap 0 %"),
        (probe, "expected (mode, 64, 64) or (64, 64), got (1, 80, 80); 'probe_fit: crop' (--probe-fit crop)"),
        ((*probe, "--probe-fit", "pad"), "--probe-fit crop"),
    ):
        ended = run("reconstruct", scan, "--iterations", "1", *arguments)
        assert ended.returncode == 2 and says in " ".join(ended.stderr.split()), ended.stderr
        assert "Traceback" not in ended.stderr
    background = ("--background", f"{arrays}:/background")
    assert run("reconstruct", scan, "--iterations", "1", *probe, "--probe-fit", "crop", *background).returncode == 0


def test_simulate_reconstruct_compare(tmp_path: Path) -> None:
    scan, first, second = (tmp_path / name for name in ("scan.h5", "first.cxi", "second.cxi"))
    made = run("simulate", scan, "--positions", "40", "--size", "64", "--step-px", "4", "--photons", "1e8")
    assert made.returncode == 0, made.stderr
    for out, engine in ((first, "rpie"), (second, "dm")):
        ended = run(
            "reconstruct", scan, "--engine", engine, "--iterations", "5", "--out", out, "--probe", "data,defocus=1mm"
        )
        assert ended.returncode == 0, ended.stderr
        assert "5 iterations on 40 frames" in ended.stdout and str(out) in ended.stdout.replace("\n", "")
    compared = run("compare", first, second, "--json")
    assert compared.returncode == 0 and '"correlation"' in compared.stdout
    against = run("compare", first, second, "--truth", scan)
    assert against.returncode == 0, against.stderr
    assert against.stdout.count("ring correlation meets the half-bit threshold") == 3
    listed = run("engines")
    assert "alpha" in listed.stdout and listed.returncode == 0
