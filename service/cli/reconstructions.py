"""reconstruct, attach, compare, engines: reconstructions of files and of scans that the service has."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from service.cli.options import (
    DEFAULT_URL,
    AsJson,
    Background,
    Binning,
    Chunk,
    Crop,
    Engine,
    Final,
    Iterations,
    Mask,
    Modes,
    Orient,
    PerChunk,
    Probe,
    ProbeFit,
    Refine,
    Seed,
    SetOption,
    Setting,
    StartAfter,
    Threads,
    Url,
    err,
    live_of,
    out,
    progress_bar,
    spec_of,
)
from service.cli.parsing import load_detector, load_probe, with_geometry

if TYPE_CHECKING:
    from rich.progress import Progress as ProgressBar

    from engines.evaluation import Box, Evaluation
    from engines.live import Progress
    from service.offline import Outcome

app = typer.Typer()


@app.command()
def reconstruct(
    file: Annotated[Path, typer.Argument(help="CXI or plain HDF5")],
    engine: Engine = "rpie",
    iterations: Iterations = 100,
    path: Annotated[Path | None, typer.Option("--out", help="result file; default: beside FILE")] = None,
    probe: Probe = None,
    probe_fit: ProbeFit = None,
    settings: SetOption = None,
    modes: Modes = None,
    live: Annotated[bool, typer.Option("--live", help="take frames in chunk by chunk, as if they arrived")] = False,
    chunk: Chunk = None,
    start_after: StartAfter = None,
    per_chunk: PerChunk = None,
    final: Final = None,
    mask: Mask = None,
    background: Background = None,
    orientation: Orient = None,
    geometry: Setting = None,
    refine_positions: Refine = False,
    crop: Crop = None,
    binning: Binning = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    threads: Threads = None,
    seed: Seed = None,
    as_json: AsJson = False,
) -> None:
    """Reconstruct a file offline, with the engines, the policy and the result file of the live service.

    Example: ptycholive reconstruct scan.cxi --engine dm --iterations 200 --set dm.alpha=0.8 --out result.cxi
    """
    from clients.replay import ReplayOptions, start_of
    from engines import parallel
    from engines.offline import offline_policy
    from service.formats import open_scan
    from service.offline import iterations_of, reconstruct_scan
    from service.setup import choose_device

    parallel.set_threads(threads)
    description, array = load_probe(probe)
    policy = live_of(chunk=chunk, start_after=start_after, iterations_per_chunk=per_chunk, final_iterations=final)
    frames = {"orientation": orientation, "crop": crop, "binning": binning}
    beam = {"modes": modes, "probe": description, "probe_fit": probe_fit}
    spec = spec_of(engine, settings, refine_positions, seed=seed, **frames, **beam)
    iterations = iterations_of(spec, iterations)
    refine = spec.positions is not None
    spec = spec.model_copy(update={"live": policy if live else asdict(offline_policy(iterations, refine))})
    with open_scan(file) as scan, progress_bar() as bar:
        scan = with_geometry(scan, geometry)
        start, arrays = start_of(scan, ReplayOptions(reconstruction=spec, probe=array))
        outcome = reconstruct_scan(
            scan,
            start,
            arrays | load_detector(mask, background),
            path or file.with_name(f"{file.stem}.{'-'.join(re.findall('[a-z]+', engine or ''))}.cxi"),
            live=live,
            device=choose_device(device),  # type: ignore[arg-type]
            warn=lambda warning: err.print(f"[yellow]{warning}[/yellow]"),
            tell=_shown_on(bar, None if live or refine else iterations),
        )
    _tell(outcome, as_json)


def _shown_on(bar: ProgressBar, iterations: int | None) -> Callable[[Progress], None]:
    """Shows how far a reconstruction is, of `iterations` until more is known."""
    task = bar.add_task("reconstructing", total=iterations)
    return lambda done: bar.update(
        task, completed=done.iteration, total=done.total_iterations, description=f"error {done.error:.4f}"
    )


def _tell(outcome: Outcome, as_json: bool) -> None:
    """Print what a reconstruction came to."""
    if as_json:
        out.print_json(data=vars(outcome) | {"path": str(outcome.path)})
        return
    error = "" if outcome.error is None else f", relative amplitude error {outcome.error:.4f}"
    out.print(f"{outcome.iterations} iterations on {outcome.frames} frames in {outcome.seconds:.1f} s{error}")
    out.print(f"result: {outcome.path}")


@app.command()
def attach(
    scan: Annotated[str, typer.Argument(help="id of a running or finished scan; 'latest' for the newest")],
    engine: Engine = None,
    settings: SetOption = None,
    modes: Modes = None,
    probe: Annotated[str | None, typer.Option(help="specification such as round:50nm,defocus=980um, or given")] = None,
    probe_fit: ProbeFit = None,
    chunk: Chunk = None,
    start_after: StartAfter = None,
    per_chunk: PerChunk = None,
    final: Final = None,
    crop: Crop = None,
    binning: Binning = None,
    refine_positions: Refine = False,
    label: Annotated[str | None, typer.Option(help="a name for it")] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Start another reconstruction on a scan, beside those there are, and follow it to its end.

    Example: ptycholive attach latest --engine dm --set dm.alpha=0.8 --label "DM beside rPIE"
    """
    from clients.client import Client

    policy = live_of(chunk=chunk, start_after=start_after, iterations_per_chunk=per_chunk, final_iterations=final)
    frames, beam = {"crop": crop, "binning": binning}, {"modes": modes, "probe": probe, "probe_fit": probe_fit}
    spec = spec_of(engine, settings, refine_positions, label=label, live=policy, **frames, **beam)
    with Client(url) as client:
        begun = [each.id for each in client.scans() if each.state != "armed"] if scan == "latest" else [scan]
        if not begun:
            raise LookupError(f"attach: expected a scan that has begun at {url}, there is none yet")
        name = begun[0]
        status = client.start(name, spec)
        with progress_bar() as bar:
            task = bar.add_task(status.id, total=None)
            status = client.wait(
                status.id, lambda now: bar.update(task, completed=now.iteration, total=now.total_iterations)
            )
    if as_json:
        out.print_json(status.model_dump_json())
    else:
        out.print(f"{status.id} is {status.state} after {status.iteration} iterations {status.message}".rstrip())
    if status.state != "finished":
        raise typer.Exit(1)


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(help="result file")],
    second: Annotated[Path, typer.Argument(help="result file it is held against")],
    truth: Annotated[
        Path | None, typer.Option(help="simulated scan with its truth, or a result: both are held against it too")
    ] = None,
    crop: Annotated[int | None, typer.Option(min=8, help="edge in pixels; default: the largest square covered")] = None,
    as_json: AsJson = False,
) -> None:
    """How alike two results are where both were covered, after constant, ramp and shift are removed.

    Example: ptycholive compare live.cxi offline.cxi --truth scan.h5
    """
    from service.comparison import compare_pictures, picture, truth_picture

    a, b = picture(first), picture(second)
    if a.object.shape != b.object.shape:
        raise ValueError(f"compare: expected objects of equal shape, got {a.object.shape} and {b.object.shape}")
    pairs = [(first, second, *compare_pictures(a, b, crop))]
    if truth is not None:
        known = truth_picture(truth)
        pairs += [(path, truth, *compare_pictures(each, known, crop)) for path, each in ((first, a), (second, b))]
    told = [_comparison(str(one), str(other), found, box, a.pixel_m) for one, other, found, box in pairs]
    if as_json:
        out.print_json(data=told[0] | {"against_truth": told[1:]})
        return
    for each in told:
        out.print(COMPARED.format(**each), soft_wrap=True, highlight=False)


COMPARED = """{first} - {second}: {pixels} pixels, moved by {shift_px[0]:g}, {shift_px[1]:g} px
  correlation {correlation:.6f}
  NMSE {nmse:.3e}, with a fitted relative ramp {nmse_relative_ramp:.3e}
  OD difference {od_difference:.3e} ± {od_standard_error:.1e}
  phase difference {phase_difference_rad:.3e} ± {phase_standard_error_rad:.1e} rad
  ring correlation meets the half-bit threshold down to {resolution_nm:.1f} nm"""


def _comparison(first: str, second: str, found: Evaluation, box: Box, pixel_m: float) -> dict[str, Any]:
    """What a comparison found, by names with units."""
    edge = box[0].stop - box[0].start
    return {
        "first": first,
        "second": second,
        "pixels": edge**2,
        "crop": [[each.start, each.stop] for each in box],
        "shift_px": list(found.shift_px),
        "correlation": found.correlation,
        "nmse": found.nmse,
        "nmse_relative_ramp": found.nmse_relative,
        "od_difference": found.optical_density.mean,
        "od_standard_error": found.optical_density.error,
        "phase_difference_rad": found.phase.mean,
        "phase_standard_error_rad": found.phase.error,
        "resolution_nm": found.rings.resolution_m(pixel_m) * 1e9,
    }


@app.command()
def engines(as_json: AsJson = False) -> None:
    """List the algorithms with every parameter, its bounds and its default.

    Example: ptycholive engines --json
    """
    from service.specs import schemas

    found = schemas()
    if as_json:
        out.print_json(data=found)
        return
    others = [("live policy", found["live"]), ("positions", found["positions"])]
    for name, schema in [*found["engines"].items(), *others]:
        table = Table(title=f"{name}: {schema.get('description', '').splitlines()[0]}", title_justify="left")
        for column in ("parameter", "default", "bounds", "meaning"):
            table.add_column(column)
        for parameter, field in schema.get("properties", {}).items():
            bounds = {word: field[word] for word in ("minimum", "exclusiveMinimum", "maximum") if word in field}
            default, meaning = json.dumps(field.get("default")), field.get("description", "")
            table.add_row(parameter, default, " ".join(f"{key} {value}" for key, value in bounds.items()), meaning)
        out.print(table)
