"""Dockerfile and compose files held against the code: no Docker engine runs where these tests do."""

import re
import shlex
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer
import yaml

from service.api import create_app
from service.cli import app
from service.config import MAX_IPC_PATH, Settings, load_settings
from service.formats.units import duration_s
from service.wire import acknowledge_endpoint

ROOT = Path(__file__).resolve().parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
GPU: dict[str, Any] = yaml.safe_load((ROOT / "configs" / "docker-compose.gpu.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
COMMANDS = typer.main.get_command(app)
DEFAULTS = Settings.model_construct()


class Instruction(NamedTuple):
    """One instruction of a Dockerfile."""

    word: str
    rest: str

    @property
    def words(self) -> list[str]:
        return yaml.safe_load(self.rest) if self.rest.startswith("[") else shlex.split(self.rest)


def stages() -> list[list[Instruction]]:
    """The Dockerfile's instructions, stage by stage; comments left out and continued lines joined."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.lstrip().startswith("#")]
    found: list[list[Instruction]] = []
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            found.append([])
        if word:
            found[-1].append(Instruction(word, rest.strip()))
    return found


def last(word: str) -> Instruction:
    """The last instruction of a kind in the stage that runs."""
    return [each for each in stages()[-1] if each.word == word][-1]


def image_environment() -> dict[str, str]:
    return {name: value for name, _, value in (each.partition("=") for each in last("ENV").words)}


def parsed(command: list[str]) -> dict[str, Any]:
    """What the command line understands; raises what a person would read."""
    name, *arguments = map(str, command)
    chosen = COMMANDS.commands[name]  # type: ignore[attr-defined]  # it is a group
    parameters: dict[str, Any] = chosen.make_context(name, arguments).params
    return parameters


@pytest.fixture(autouse=True)
def the_images_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"PTYCHOLIVE_{name.upper()}", raising=False)


def test_instructions_are_those_that_docker_knows() -> None:
    known = {"FROM", "ARG", "ENV", "RUN", "COPY", "WORKDIR", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT"}
    assert {each.word for stage in stages() for each in stage} <= known | {"CMD"}


def test_what_is_copied_is_there_and_reaches_the_builder() -> None:
    lines = (ROOT / ".dockerignore").read_text().split("\n")
    sent = [line[1:] for line in lines if line.startswith("!")]
    names = [re.split(r"(?i) as ", stage[0].rest)[-1] for stage in stages()]
    for stage in stages():
        for copy in (each for each in stage if each.word == "COPY"):
            *sources, _ = [word for word in copy.words if not word.startswith("--")]
            origin = re.search(r"--from=(\S+)", copy.rest)
            if origin:
                assert origin[1] in names
                continue
            for source in sources:
                assert (ROOT / source).exists(), source
                assert any(fnmatch(source.rstrip("/"), f"{each}*") for each in sent), f"{source} is ignored"


def test_the_build_makes_a_choice_of_torch_without_naming_a_host() -> None:
    text = (ROOT / "Dockerfile").read_text()
    arguments = {each.rest for stage in stages() for each in stage if each.word == "ARG"}
    assert arguments == {"TORCH=cpu", "TORCH_INDEX="}
    assert not re.findall(r"https?://(?!127\.0\.0\.1)", text)
    assert set(re.findall(r"--extra-index-url \"(\S+)\"", text)) == {"$TORCH_INDEX"}
    build = SERVICES["api"]["build"]
    assert {f"{name}={default_of(value)}" for name, value in build["args"].items()} == arguments


def default_of(text: str) -> str:
    """What compose puts in for ``${NAME:-default}`` when the variable is not set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(text))


def test_the_image_runs_the_service_as_nobody_special() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert last("ENTRYPOINT").words == [next(iter(scripts))]
    parsed(last("CMD").words)
    assert last("USER").rest not in ("root", "0")
    made = [each.rest for each in stages()[-1] if each.word == "RUN"]
    assert any(f"--uid 1000 {last('USER').rest}" in each and f"-o {last('USER').rest}" in each for each in made)


def test_the_images_environment_is_settings_that_load(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = {name: value for name, value in image_environment().items() if name.startswith("PTYCHOLIVE_")}
    assert {name.removeprefix("PTYCHOLIVE_").lower() for name in ours} <= set(Settings.model_fields)
    for torch in ("cpu", "cuda"):
        for name, value in ours.items():
            monkeypatch.setenv(name, value.replace("$TORCH", torch))
        settings = load_settings()
        assert settings.device == torch
        assert str(settings.data) == last("VOLUME").rest
        assert settings.runtime is not None and settings.runtime.is_relative_to(settings.data)
        assert all(folder.is_relative_to(settings.data) for folder in settings.files)
        assert len(f"{settings.runtime}/worker-commands") < MAX_IPC_PATH
        assert port_of(settings.ingest) == port_of(DEFAULTS.ingest)


def port_of(endpoint: str) -> int:
    return int(endpoint.rpartition(":")[2])


def service_ports() -> set[int]:
    return {DEFAULTS.port, port_of(DEFAULTS.ingest), port_of(acknowledge_endpoint(DEFAULTS.ingest))}


def test_ports_are_the_services() -> None:
    assert {int(each) for each in last("EXPOSE").words} == service_ports()
    published = [default_of(each).split(":") for name in SERVICES for each in SERVICES[name].get("ports", [])]
    assert {int(inside) for _, _, inside in published} == service_ports()
    assert all(address == "127.0.0.1" and outside == inside for address, outside, inside in published)
    assert parsed(SERVICES["api"]["command"])["port"] == DEFAULTS.port


def test_the_healthcheck_asks_for_what_there_is() -> None:
    url = re.search(r"http://127\.0\.0\.1:(\d+)(/[^']*)", last("HEALTHCHECK").rest)
    assert url is not None and int(url[1]) == DEFAULTS.port
    assert url[2] in create_app(DEFAULTS).openapi()["paths"]
    asked = {name for name, service in SERVICES.items() if not service.get("healthcheck", {}).get("disable")}
    assert asked == {"api"}


@pytest.mark.parametrize("name", [*SERVICES, "worker on a GPU"])
def test_a_containers_command_is_understood(name: str) -> None:
    command = GPU["services"]["worker"]["command"] if name == "worker on a GPU" else SERVICES[name]["command"]
    parameters = parsed(command)
    for option in ("ingest", "to"):
        if endpoint := parameters.get(option):
            host = endpoint.removeprefix("tcp://").rpartition(":")[0]
            assert host == ("0.0.0.0" if name == "ingest" else "ingest") and host in {"0.0.0.0", *SERVICES}
            assert port_of(endpoint) == port_of(DEFAULTS.ingest)
    if name == "replay":
        assert duration_s(parameters["frame_delay"]) == pytest.approx(0.1)
        assert str(parameters["file"]) == SERVICES["simulate"]["command"][1]


def test_the_three_processes_share_one_volume_and_its_sockets() -> None:
    environment = image_environment()
    assert list(COMPOSE["volumes"]) == ["data"]
    for name, service in SERVICES.items():
        assert service["volumes"] == [f"data:{environment['PTYCHOLIVE_DATA']}"], name
        assert service["environment"].items() <= environment.items(), name
    running = {name for name, service in SERVICES.items() if "profiles" not in service}
    assert running == {"ingest", "worker", "api"}
    assert all(SERVICES[name]["restart"] == "unless-stopped" for name in running)
    assert all(SERVICES[name]["restart"] == "no" for name in set(SERVICES) - running)


def test_who_waits_for_whom_can_come_true() -> None:
    for service in SERVICES.values():
        for other, how in service.get("depends_on", {}).items():
            assert other in SERVICES
            if how["condition"] == "service_healthy":
                assert "healthcheck" not in SERVICES[other]
            if how["condition"] == "service_completed_successfully":
                assert SERVICES[other]["restart"] == "no"


def test_the_gpu_file_only_changes_services_that_there_are() -> None:
    assert set(GPU) == {"services"} and set(GPU["services"]) <= set(SERVICES)
    assert parsed(GPU["services"]["worker"]["command"])["device"] == "cuda"
