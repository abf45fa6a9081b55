"""Options, most of them of several commands, and the two consoles that they print to."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from service.cli.parsing import make_spec, parse_engines, parse_positions
from service.descriptions import D4, ReconstructionSpec

out, err = Console(), Console(stderr=True)

Config = Annotated[Path | None, typer.Option("--config", help="YAML file, see configs/", dir_okay=False)]
Host = Annotated[str | None, typer.Option(help="address of REST and dashboard")]
Port = Annotated[int | None, typer.Option(help="port of REST and dashboard")]
Ingest = Annotated[str | None, typer.Option(help="where frames arrive, for example tcp://127.0.0.1:5555")]
Data = Annotated[Path | None, typer.Option(help="folder of all scans")]
Files = Annotated[list[Path] | None, typer.Option(help="folder whose files REST may replay; can be repeated")]
Device = Annotated[str | None, typer.Option(help="auto, cpu or cuda")]
Threads = Annotated[int | None, typer.Option(help="threads of the reconstruction on the CPU")]
Engine = Annotated[
    str | None, typer.Option(help="rpie, epie, opr, lsqml, dm, raar, er or ml; or a chain such as rpie:20,dm:200,ml:50")
]
SetOption = Annotated[list[str] | None, typer.Option("--set", help="engine.parameter=value; can be repeated")]
Modes = Annotated[int | None, typer.Option(help="probe modes")]
Probe = Annotated[
    str | None,
    typer.Option(
        "--probe",
        "--initial-probe",
        help="FILE:/dataset, or round:50nm,defocus=980um, rect:1umx2um, annulus:3um,1um, gaussian:1um, data, auto",
    ),
]
ProbeFit = Annotated[
    Literal["crop", "pad"] | None,
    typer.Option(help="cut a given probe that is larger than the window, or pad a smaller one with darkness"),
]
Iterations = Annotated[int, typer.Option(min=1, help="on all frames, without --live; of a chain, the last engine's")]
Mask = Annotated[str | None, typer.Option(help="FILE:/dataset, non-zero where pixels can be trusted")]
Background = Annotated[
    str | None, typer.Option(help="FILE:/dataset, counts of every frame that are not the sample's light")
]
Chunk = Annotated[int | None, typer.Option(help="frames that a live reconstruction takes in together")]
StartAfter = Annotated[int | None, typer.Option(help="frames before the first iteration")]
PerChunk = Annotated[
    int | None, typer.Option("--iterations-per-chunk", help="iterations on each chunk; default: until the next one")
]
Final = Annotated[int | None, typer.Option("--final-iterations", help="iterations after the last frame")]
Orient = Annotated[D4 | None, typer.Option("--orientation", help="turn or mirror of the frames as received")]
Refine = Annotated[bool, typer.Option("--refine-positions", help="find where the frames really were")]
Setting = Annotated[str | None, typer.Option("--geometry", help="far-field, or near-field,focus=3.65mm")]
Crop = Annotated[int | None, typer.Option(help="use the central CROP x CROP pixels of each frame")]
Binning = Annotated[int | None, typer.Option(help="add up squares of so many by so many detector pixels")]
Seed = Annotated[int | None, typer.Option(help="of the order in which frames are visited")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]
Url = Annotated[str, typer.Option(help="where the service is")]
DEFAULT_URL = "http://127.0.0.1:8000"


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A progress bar on standard error, with the time gone and the time left."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=err, transient=not sys.stderr.isatty()) as bar:
        yield bar


def spec_of(engine: str | None, settings: list[str] | None, refine: bool, **fields: Any) -> ReconstructionSpec:
    """A specification of what was given on the command line."""
    positions, others = parse_positions(refine, settings or [])
    engines = parse_engines(engine, others)
    spec = make_spec(engine=next(iter(engines), None), then=tuple(engines[1:]) or None, **fields)
    return spec.model_copy(update={"positions": positions})


def live_of(**fields: int | None) -> dict[str, Any]:
    """The fields of the live policy that were given."""
    return {name: value for name, value in fields.items() if value is not None}
