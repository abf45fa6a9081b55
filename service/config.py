"""Configuration: defaults, then a YAML file, then the environment (``PTYCHOLIVE_*``), then the command line.

configs/*.yaml are commented examples, each loaded by a test.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from annotated_types import Ge, Gt, Le
from pydantic import ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.descriptions import EngineSpec, ReconstructionSpec, explain
from service.wire import acknowledge_endpoint

ENVIRONMENT = "ptycholive_"
"""What the names of environment variables begin with, in any case."""
MAX_IPC_PATH = 100
"""Characters that a socket's path may have (the system's limit is 107)."""


class ConfigError(ValueError):
    """A configuration that cannot be used; says what was expected and what came."""


class Settings(BaseSettings):
    """Everything a site sets."""

    model_config = SettingsConfigDict(
        extra="forbid",
        env_prefix=ENVIRONMENT,
        env_nested_delimiter="__",
        frozen=True,
        use_attribute_docstrings=True,
    )

    data: Path = Path("ptycholive-data")
    """Folder of all scans: recordings, reconstructions, results."""
    runtime: Path | None = None
    """Folder of the sockets between the processes; default: one under the system's temporary folder."""
    host: str = "127.0.0.1"
    """Address of REST and dashboard; there is no password yet, so think before opening it."""
    port: Annotated[int, Ge(0), Le(65535)] = 8000
    """Port of REST and dashboard."""
    ingest: str = "tcp://127.0.0.1:5555"
    """Where frames and positions arrive (PULL); acknowledgements leave one port higher (PUB)."""
    scan_directory: str = "{scan}"
    """Folder of a scan under `data`; {scan}, {key}, {date} and the metadata sent with `start` can be used."""
    files: tuple[Path, ...] = ()
    """Folders from which REST may replay files; nothing outside them is ever opened."""
    stall_after_s: Annotated[float, Gt(0)] = 60.0
    """A scan without a frame or position for so many seconds is declared stalled."""
    segment_frames: Annotated[int, Gt(0)] = 4000
    """Frames in one file of the recording."""
    segment_seconds: Annotated[float, Gt(0)] = 10.0
    """Seconds after which a new file of the recording is begun."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where reconstructions run; auto takes a GPU if there is one."""
    threads: Annotated[int, Ge(1)] | None = None
    """Threads for the sums over frames on the CPU; default: all cores but one."""
    memory_fraction: Annotated[float, Gt(0), Le(1)] = 0.8
    """Share of the device's free memory that reconstructions may take."""
    default_reconstruction: ReconstructionSpec | None = ReconstructionSpec(engine=EngineSpec(name="rpie"))
    """What runs on a scan that says nothing; null for nothing."""
    presets: dict[str, ReconstructionSpec] = {}
    """Geometries, probes and engines by a name that people choose in the dashboard when they arm or start by hand."""
    snapshot_hz: Annotated[float, Gt(0), Le(20)] = 5.0
    """How often object and probe are shown at most."""
    checkpoint_s: Annotated[float, Gt(0)] = 10.0
    """How often a running reconstruction is saved, so that a killed worker goes on from there."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Lines below this are not written."""

    @field_validator("scan_directory")
    @classmethod
    def _names_scan(cls, value: str) -> str:
        if value.split("/")[-1] != "{scan}":
            raise ValueError("the template must end in {scan}, so that no two scans share a folder")
        return value

    @field_validator("ingest")
    @classmethod
    def _endpoint(cls, value: str) -> str:
        acknowledge_endpoint(value)
        return value

    @property
    def acknowledge(self) -> str:
        """Where ingest says what is recorded."""
        return acknowledge_endpoint(self.ingest)

    def socket(self, name: Literal["ingest-events", "ingest-commands", "worker-events", "worker-commands"]) -> str:
        """Endpoint between two processes of this service."""
        digest = hashlib.sha256(str(self.data.resolve()).encode()).hexdigest()[:10]
        folder = (self.runtime or Path(tempfile.gettempdir()) / f"ptycholive-{digest}").resolve()
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / name
        if len(str(path)) > MAX_IPC_PATH:
            raise ConfigError(f"runtime: expected a path of at most {MAX_IPC_PATH} characters, got {path}")
        return f"ipc://{path}"


def load_settings(path: Path | None = None, **overrides: Any) -> Settings:
    """Settings from a YAML file (if any) and what the command line says; raises `ConfigError`."""
    fields: dict[str, Any] = {}
    if path is not None:
        try:
            fields = yaml.safe_load(path.read_text()) or {}
        except (OSError, yaml.YAMLError) as error:
            raise ConfigError(f"configuration {path}: {error}") from error
        if not isinstance(fields, dict):
            raise ConfigError(f"configuration {path}: expected a map of settings, got {type(fields).__name__}")
    ours = [name.lower().removeprefix(ENVIRONMENT) for name in os.environ if name.lower().startswith(ENVIRONMENT)]
    set_outside = {name.partition("__")[0] for name in ours}
    fields = {name: value for name, value in fields.items() if name not in set_outside}
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**(fields | given))
    except ValidationError as error:
        raise ConfigError(f"configuration {path or ''}: {explain(error)}") from error
