"""simulate, replay: scans into files and onto the wire."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.options import (
    AsJson,
    Binning,
    Chunk,
    Crop,
    Engine,
    Final,
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
    err,
    live_of,
    out,
    progress_bar,
    spec_of,
)
from service.cli.parsing import load_probe, with_geometry
from service.supervisor import watch_parent

if TYPE_CHECKING:
    from clients.replay import ReplaySummary

app = typer.Typer()


@app.command()
def simulate(
    path: Annotated[Path, typer.Argument(metavar="OUT", help="file to write (plain HDF5)")],
    positions: Annotated[int, typer.Option(min=1, help="frames on an Archimedean spiral")] = 315,
    step_px: Annotated[float, typer.Option(min=0.1, help="pixels of the object between positions")] = 10.0,
    photons: Annotated[float, typer.Option(min=1, help="in each frame")] = 1e10,
    size: Annotated[int, typer.Option(min=16, help="pixels of a frame's edge")] = 256,
    seed: Annotated[int, typer.Option(help="of the noise")] = 0,
) -> None:
    """Simulate a scan of a Siemens star: 8 keV, zone-plate-like probe out of focus, Poisson noise, with the truth.

    Example: ptycholive simulate star.h5 --step-px 27 --photons 1e8
    """
    simulate_to(path, positions=positions, step_px=step_px, photons=photons, size=size, seed=seed)
    out.print(f"{path}: {positions} frames of {size} x {size}, {photons:g} photons each")


def simulate_to(
    path: Path, positions: int, step_px: float = 10.0, photons: float = 1e10, size: int = 256, seed: int = 0
) -> None:
    """Simulate the demo's scan into a file."""
    from engines.simulate import simulate as simulated
    from engines.simulate import spiral
    from service.descriptions import Metadata
    from service.simulated import write_simulated

    scan = simulated(spiral(positions, step_px), size=size, photons=photons, seed=seed)
    about: Metadata = {"title": path.stem, "sample": "Siemens star (simulated)", "photons": photons, "seed": seed}
    with progress_bar() as bar:
        task = bar.add_task("simulating", total=positions)
        write_simulated(path, scan, about, lambda frames: bar.advance(task, frames))


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="CXI or plain HDF5")],
    to: Annotated[str, typer.Option(help="where ingest listens")] = "tcp://127.0.0.1:5555",
    frame_delay: Annotated[str, typer.Option(help="time between two frames; 0 is as fast as it goes")] = "0.1s",
    chunk: Chunk = None,
    probe: Probe = None,
    probe_fit: ProbeFit = None,
    engine: Engine = None,
    settings: SetOption = None,
    modes: Modes = None,
    start_after: StartAfter = None,
    per_chunk: PerChunk = None,
    final: Final = None,
    orientation: Orient = None,
    geometry: Setting = None,
    refine_positions: Refine = False,
    crop: Crop = None,
    binning: Binning = None,
    key: Annotated[str, typer.Option(help="name of the scan; default: the file's title")] = "",
    compress: Annotated[bool, typer.Option("--compress", help="send frames as bslz4")] = False,
    drop: Annotated[str, typer.Option(help="share of rows to lose on purpose, for tests")] = "0%",
    duplicate: Annotated[str, typer.Option(help="share of rows to send twice")] = "0%",
    reorder: Annotated[int, typer.Option(min=0, help="places by which rows come too early or late")] = 0,
    delay_positions: Annotated[int, typer.Option(min=0, help="frames by which positions come late")] = 0,
    seed: Seed = None,
    as_json: AsJson = False,
) -> None:
    """Send a recorded scan as if it were measured now: frame i at t0 + i x delay.

    Example: ptycholive replay scan.cxi --frame-delay 0.02 --chunk 25 --probe guess.h5:/probe
    """
    from clients.replay import ReplayOptions
    from clients.replay import replay as send
    from clients.schedule import Faults
    from service.formats import open_scan
    from service.formats.units import duration_s, fraction

    description, array = load_probe(probe)
    policy = live_of(start_after=start_after, iterations_per_chunk=per_chunk, final_iterations=final)
    frames = {"orientation": orientation, "crop": crop, "binning": binning}
    beam = {"modes": modes, "probe": description, "probe_fit": probe_fit}
    spec = spec_of(engine, settings, refine_positions, live=policy, seed=seed, **frames, **beam)
    options = ReplayOptions(
        to=to,
        frame_delay_s=duration_s(frame_delay),
        scan=key,
        reconstruction=spec if spec.model_fields_set else None,
        chunk=chunk,
        probe=array,
        compress=compress,
        faults=Faults(fraction(drop), fraction(duplicate), reorder, delay_positions, seed or 0),
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    watch_parent()
    with open_scan(file) as scan, progress_bar() as bar:
        task = bar.add_task("sending", total=scan.n)
        summary = send(
            with_geometry(scan, geometry), options, lambda sent, total: bar.update(task, completed=sent, total=total)
        )
    _tell(summary, as_json)


def _tell(summary: ReplaySummary, as_json: bool) -> None:
    """Print what a replay came to."""
    if as_json:
        out.print_json(data={"scan": summary.scan, "frames": summary.frames.sent, "seconds": summary.seconds,
                             "dropped": len(summary.frames.dropped), "repeated": summary.repeated,
                             "confirmed": summary.confirmed})  # fmt: skip
    else:
        rate = f"{summary.frames_per_s:.0f} frames/s, {summary.frame_bytes / max(summary.seconds, 1e-9) / 1e6:.0f} MB/s"
        recorded = "all recorded" if summary.confirmed else "[yellow]not confirmed as recorded[/yellow]"
        err.print(f"scan {summary.scan!r}: {summary.frames.sent} frames in {summary.seconds:.1f} s, {rate}, {recorded}")
