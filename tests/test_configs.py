"""Every example of a configuration can be loaded, says what it means, and the defaults are the defaults."""

import re
from pathlib import Path

import pytest
import yaml

from service.config import Settings, load_settings
from service.specs import schemas

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
EXAMPLES = sorted(CONFIGS.glob("*.yaml"))


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"PTYCHOLIVE_{name.upper()}", raising=False)


def test_there_are_examples() -> None:
    assert {path.name for path in EXAMPLES} >= {"default.yaml", "laptop.yaml", "beamline-gpu.yaml"}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_loads_and_each_setting_is_taken(path: Path) -> None:
    settings = load_settings(path)
    assert settings.model_fields_set == set(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_reconstructs_with_what_there_is(path: Path) -> None:
    wanted = load_settings(path).default_reconstruction
    assert wanted is not None and wanted.engine is not None
    known = schemas()
    properties = known["engines"][wanted.engine.name]["properties"]
    assert set(wanted.engine.parameters) <= set(properties)
    assert set(wanted.live) <= set(known["live"]["properties"])


def test_the_defaults_are_complete_and_true() -> None:
    path = CONFIGS / "default.yaml"
    assert set(yaml.safe_load(path.read_text())) == set(Settings.model_fields)
    assert load_settings(path).model_dump() == load_settings().model_dump()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_each_setting_that_is_a_time_or_rate_has_its_unit_beside_it(path: Path) -> None:
    comment = ""
    for line in path.read_text().splitlines():
        if line.startswith("#"):
            comment += line
        elif match := re.match(r"(\w+(?:_s|_seconds|_hz|_fraction)):", line):
            assert re.search(r"\[(s|1/s|0 to 1)\]", comment) or match[1] == "memory_fraction", line
            comment = ""
        elif line:
            comment = ""


def test_environment_wins_over_the_file_and_the_command_line_over_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "site.yaml"
    path.write_text("port: 8100\nstall_after_s: 5\n")
    monkeypatch.setenv("PTYCHOLIVE_PORT", "9000")
    assert (load_settings(path).port, load_settings(path).stall_after_s) == (9000, 5)
    assert load_settings(path, port=9100).port == 9100
