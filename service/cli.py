"""The command line, and the one place that may import service, engines and clients.

Commands that need torch import it when they run, so that `--help` and the small processes start fast.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from service.config import Settings, load_settings
from service.logs import configure_logs
from service.supervisor import USAGE_EXIT, Supervisor, watch_parent
from service.wire import D4, ReconstructionSpec

app = typer.Typer(
    help="Live ptychography: reconstruct a scan while it is being measured, and watch it in the browser.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
out, err = Console(), Console(stderr=True)

Config = Annotated[Path | None, typer.Option("--config", help="YAML file, see configs/", dir_okay=False)]
Host = Annotated[str | None, typer.Option(help="address of REST and dashboard")]
Port = Annotated[int | None, typer.Option(help="port of REST and dashboard")]
Ingest = Annotated[str | None, typer.Option(help="where frames arrive, for example tcp://127.0.0.1:5555")]
Data = Annotated[Path | None, typer.Option(help="folder of all scans")]
Files = Annotated[list[Path] | None, typer.Option(help="folder whose files REST may replay; can be repeated")]
Device = Annotated[str | None, typer.Option(help="auto, cpu or cuda")]
Threads = Annotated[int | None, typer.Option(help="threads of the reconstruction on the CPU")]
Engine = Annotated[str | None, typer.Option(help="algorithm: rpie, dm, er or epie")]
SetOption = Annotated[list[str] | None, typer.Option("--set", help="engine.parameter=value; can be repeated")]
Modes = Annotated[int | None, typer.Option(help="probe modes")]
Probe = Annotated[
    str | None,
    typer.Option(
        "--probe",
        "--initial-probe",
        help="FILE:/dataset, or round:50nm,defocus=980um, rect:1umx2um, annulus:3um,1um, gaussian:1um, data",
    ),
]
Chunk = Annotated[int | None, typer.Option(help="frames that a live reconstruction takes in together")]
StartAfter = Annotated[int | None, typer.Option(help="frames before the first iteration")]
PerChunk = Annotated[int | None, typer.Option(help="iterations on each chunk; default: until the next one")]
Final = Annotated[int | None, typer.Option(help="iterations after the last frame")]
Orient = Annotated[D4 | None, typer.Option("--orientation", help="turn or mirror of the frames as received")]
Crop = Annotated[int | None, typer.Option(help="use the central CROP x CROP pixels of each frame")]
Seed = Annotated[int | None, typer.Option(help="of the order in which frames are visited")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]
Url = Annotated[str, typer.Option(help="where the service is")]
DEFAULT_URL = "http://127.0.0.1:8000"


# ---- the service


def _settings(process: str, config: Path | None, **given: Any) -> Settings:
    settings = load_settings(config, **{name: value for name, value in given.items() if value not in (None, [])})
    configure_logs(settings.log_level, process)
    return settings


@app.command()
def serve(
    config: Config = None,
    host: Host = None,
    port: Port = None,
    ingest: Ingest = None,
    data: Data = None,
    files: Files = None,
    device: Device = None,
    threads: Threads = None,
) -> None:
    """Start the service: ingest, worker and api, restarted when they die. Ctrl-C ends all.

    Example: ptycholive serve --data /data --files /archive --ingest tcp://0.0.0.0:5555
    """
    given = {"host": host, "port": port, "ingest": ingest, "data": data, "device": device, "threads": threads}
    settings = _settings("supervisor", config, files=files, **given)
    options = [f"--{name}={value}" for name, value in given.items() if value is not None]
    options += [f"--files={folder}" for folder in files or []] + ([f"--config={config}"] if config else [])
    supervisor = Supervisor(options)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: supervisor.stop())
    watch_parent()
    err.print(f"ptycholive: dashboard at http://{settings.host}:{settings.port}, frames to {settings.ingest}")
    raise typer.Exit(supervisor.run())


@app.command("ingest")
def ingest_command(
    config: Config = None,
    host: Host = None,
    port: Port = None,
    ingest: Ingest = None,
    data: Data = None,
    files: Files = None,
    device: Device = None,
    threads: Threads = None,
) -> None:
    """Only receive and record (serve starts this one itself; containers start it alone).

    Example: ptycholive ingest --ingest tcp://0.0.0.0:5555 --data /data
    """
    settings = _settings("ingest", config, host=host, port=port, ingest=ingest, data=data, files=files)
    from service.ingest import run_ingest

    watch_parent()
    run_ingest(settings)


@app.command()
def worker(
    config: Config = None,
    host: Host = None,
    port: Port = None,
    ingest: Ingest = None,
    data: Data = None,
    files: Files = None,
    device: Device = None,
    threads: Threads = None,
) -> None:
    """Only reconstruct (serve starts this one itself; containers start it alone).

    Example: ptycholive worker --device cuda --data /data
    """
    settings = _settings("worker", config, ingest=ingest, data=data, device=device, threads=threads)
    from service.worker import run_worker

    watch_parent()
    run_worker(settings)


@app.command()
def api(
    config: Config = None,
    host: Host = None,
    port: Port = None,
    ingest: Ingest = None,
    data: Data = None,
    files: Files = None,
    device: Device = None,
    threads: Threads = None,
) -> None:
    """Only REST, WebSocket and dashboard (serve starts this one itself; containers start it alone).

    Example: ptycholive api --host 0.0.0.0 --data /data
    """
    settings = _settings("api", config, host=host, port=port, ingest=ingest, data=data, files=files)
    from clients.web import DIST
    from service.server import run_api

    watch_parent()
    run_api(settings, DIST)


@app.command()
def demo(
    data: Annotated[Path, typer.Option(help="folder of the demo's scans")] = Path("ptycholive-data"),
    frame_delay: Annotated[str, typer.Option(help="time between two frames")] = "0.1s",
    positions: Annotated[int, typer.Option(min=25, help="frames of the scan")] = 315,
    port: Port = None,
    leave: Annotated[bool, typer.Option("--leave", help="end when the scan is reconstructed")] = False,
) -> None:
    """Simulate a scan, replay it through real sockets, reconstruct it live and show it in the browser.

    Example: ptycholive demo --frame-delay 50ms
    """
    from service.demo import DemoError, command, free_port, run_demo

    http, wire = free_port(port or 8000), free_port(5555)
    scan = data / "files" / f"siemens-star-{positions}.h5"
    if not scan.exists():
        _simulate(scan, positions=positions)
    endpoint = f"tcp://127.0.0.1:{wire}"
    serve_it = command("serve", f"--port={http}", f"--ingest={endpoint}", f"--data={data}", f"--files={scan.parent}")
    probe = ["--probe=round:50nm,defocus=980um"]
    replay_it = command("replay", str(scan), f"--to={endpoint}", f"--frame-delay={frame_delay}", "--chunk=25", *probe)
    try:
        run_demo(serve_it, replay_it, f"http://127.0.0.1:{http}", data, out.print, stay=not leave)
    except DemoError as error:
        raise _refused(error) from error


# ---- scans


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
    _simulate(path, positions=positions, step_px=step_px, photons=photons, size=size, seed=seed)
    out.print(f"{path}: {positions} frames of {size} x {size}, {photons:g} photons each")


def _simulate(
    path: Path, positions: int, step_px: float = 10.0, photons: float = 1e10, size: int = 256, seed: int = 0
) -> None:
    from engines.simulate import simulate as simulated
    from engines.simulate import spiral
    from service.formats.plain_hdf5 import write_plain
    from service.formats.scanfile import Truth
    from service.wire import ELECTRON_VOLT_J, Geometry

    scan = simulated(spiral(positions, step_px), size=size, photons=photons, seed=seed)
    geometry = Geometry(
        energy_J=8e3 * ELECTRON_VOLT_J,
        distance_m=scan.geometry.distance_m,
        detector_pixel_m=scan.geometry.detector_pixel_m,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {"title": path.stem, "sample": "Siemens star (simulated)", "photons": photons, "seed": seed}
    with _bar("simulating") as bar:
        task = bar.add_task("simulating", total=positions)

        def blocks() -> Iterator[Any]:
            for block in scan.blocks():
                yield block
                bar.advance(task, len(block))

        truth = Truth(scan.object.numpy(), scan.probe.numpy())
        write_plain(path, blocks(), scan.positions_m, geometry, truth=truth, metadata=about)


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="CXI or plain HDF5")],
    to: Annotated[str, typer.Option(help="where ingest listens")] = "tcp://127.0.0.1:5555",
    frame_delay: Annotated[str, typer.Option(help="time between two frames; 0 is as fast as it goes")] = "0.1s",
    chunk: Chunk = None,
    probe: Probe = None,
    engine: Engine = None,
    settings: SetOption = None,
    modes: Modes = None,
    start_after: StartAfter = None,
    iterations_per_chunk: PerChunk = None,
    final_iterations: Final = None,
    orientation: Orient = None,
    crop: Crop = None,
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
    from service.options import load_probe

    description, array = load_probe(probe)
    spec = _spec(
        engine, settings, modes=modes, probe=description, orientation=orientation, crop=crop, seed=seed,
        live=_live(start_after=start_after, iterations_per_chunk=iterations_per_chunk, final_iterations=final_iterations),
    )  # fmt: skip
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
    with open_scan(file) as scan, _bar("sending") as bar:
        task = bar.add_task("sending", total=scan.n)
        summary = send(scan, options, lambda sent, total: bar.update(task, completed=sent, total=total))
    if as_json:
        out.print_json(data={"scan": summary.scan, "frames": summary.frames.sent, "seconds": summary.seconds,
                             "dropped": len(summary.frames.dropped), "repeated": summary.repeated,
                             "confirmed": summary.confirmed})  # fmt: skip
    else:
        rate = f"{summary.frames_per_s:.0f} frames/s, {summary.frame_bytes / max(summary.seconds, 1e-9) / 1e6:.0f} MB/s"
        recorded = "all recorded" if summary.confirmed else "[yellow]not confirmed as recorded[/yellow]"
        err.print(f"scan {summary.scan!r}: {summary.frames.sent} frames in {summary.seconds:.1f} s, {rate}, {recorded}")


# ---- reconstructions


def _spec(engine: str | None, settings: list[str] | None, **fields: Any) -> ReconstructionSpec:
    from service.options import make_spec, parse_engine

    return make_spec(engine=parse_engine(engine, settings or []), **fields)


def _live(**fields: int | None) -> dict[str, int]:
    return {name: value for name, value in fields.items() if value is not None}


@app.command()
def reconstruct(
    file: Annotated[Path, typer.Argument(help="CXI or plain HDF5")],
    engine: Engine = "rpie",
    iterations: Annotated[int, typer.Option(min=1, help="on all frames, without --live")] = 100,
    path: Annotated[Path | None, typer.Option("--out", help="result file; default: beside FILE")] = None,
    probe: Probe = None,
    settings: SetOption = None,
    modes: Modes = None,
    live: Annotated[bool, typer.Option("--live", help="take frames in chunk by chunk, as if they arrived")] = False,
    chunk: Chunk = None,
    start_after: StartAfter = None,
    iterations_per_chunk: PerChunk = None,
    final_iterations: Final = None,
    mask: Annotated[str | None, typer.Option(help="FILE:/dataset, non-zero where pixels can be trusted")] = None,
    orientation: Orient = None,
    crop: Crop = None,
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
    from service.formats import open_scan
    from service.offline import offline_policy, reconstruct_scan
    from service.options import load_array, load_probe
    from service.setup import choose_device

    parallel.set_threads(threads)
    description, array = load_probe(probe)
    policy: dict[str, Any] = _live(
        chunk=chunk,
        start_after=start_after,
        iterations_per_chunk=iterations_per_chunk,
        final_iterations=final_iterations,
    )
    spec = _spec(
        engine, settings, modes=modes, probe=description, orientation=orientation, crop=crop, seed=seed,
        live=policy if live else offline_policy(iterations),
    )  # fmt: skip
    with open_scan(file) as scan, _bar("reconstructing") as bar:
        start, arrays = start_of(scan, ReplayOptions(reconstruction=spec, probe=array))
        if mask is not None:
            arrays["mask"] = (load_array(mask) != 0).astype(np.uint8)
        task = bar.add_task("reconstructing", total=None if live else iterations)
        assert start.reconstruction is not None
        outcome = reconstruct_scan(
            scan,
            start,
            arrays,
            start.reconstruction,
            path or file.with_name(f"{file.stem}.{engine}.cxi"),
            live=live,
            device=choose_device(device),  # type: ignore[arg-type]
            tell=lambda done: bar.update(
                task, completed=done.iteration, total=done.total_iterations, description=f"error {done.error:.4f}"
            ),
        )
    if as_json:
        out.print_json(data=vars(outcome) | {"path": str(outcome.path)})
    else:
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
    chunk: Chunk = None,
    start_after: StartAfter = None,
    iterations_per_chunk: PerChunk = None,
    final_iterations: Final = None,
    crop: Crop = None,
    label: Annotated[str | None, typer.Option(help="a name for it")] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Start another reconstruction on a scan, beside those there are, and follow it to its end.

    Example: ptycholive attach latest --engine dm --set dm.alpha=0.8 --label "DM beside rPIE"
    """
    from clients.client import Client

    policy = _live(
        chunk=chunk,
        start_after=start_after,
        iterations_per_chunk=iterations_per_chunk,
        final_iterations=final_iterations,
    )
    spec = _spec(engine, settings, modes=modes, probe=probe, crop=crop, label=label, live=policy)
    with Client(url) as client:
        name = client.scans(1)[0].id if scan == "latest" else scan
        status = client.start(name, spec)
        with _bar("reconstructing") as bar:
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
    as_json: AsJson = False,
) -> None:
    """How alike two results are where both were covered, after the constant and the phase ramp are removed.

    Example: ptycholive compare live.cxi offline.cxi
    """
    from engines.compare import likeness
    from service.formats.result import read_result

    a, b = read_result(first), read_result(second)
    if a.object.shape != b.object.shape or not np.isclose(a.pixel_m, b.pixel_m, rtol=1e-6):
        raise _refused(ValueError(
            f"compare: expected objects of equal shape and pixel, got {a.object.shape} at {a.pixel_m:.4g} m and "
            f"{b.object.shape} at {b.pixel_m:.4g} m"
        ))  # fmt: skip
    region = np.ones(a.object.shape[1:], bool)
    for result in (a, b):
        if result.coverage is not None:
            region &= result.coverage > 0.1 * np.percentile(result.coverage, 95)
    found = likeness(a.object[0], b.object[0], region)
    if as_json:
        out.print_json(data={"correlation": found.correlation, "nmse": found.nmse, "pixels": int(region.sum())})
    else:
        out.print(f"correlation {found.correlation:.6f}, NMSE {found.nmse:.3e} over {int(region.sum())} pixels")


# ---- facts


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
    for name, schema in [*found["engines"].items(), ("live policy", found["live"])]:
        table = Table(title=f"{name}: {schema.get('description', '').splitlines()[0]}", title_justify="left")
        for column in ("parameter", "default", "bounds", "meaning"):
            table.add_column(column)
        for parameter, field in schema.get("properties", {}).items():
            bounds = {word: field[word] for word in ("minimum", "exclusiveMinimum", "maximum") if word in field}
            default, meaning = json.dumps(field.get("default")), field.get("description", "")
            table.add_row(parameter, default, " ".join(f"{key} {value}" for key, value in bounds.items()), meaning)
        out.print(table)


@app.command()
def openapi() -> None:
    """Print the description of REST that docs/openapi.json holds.

    Example: ptycholive openapi > docs/openapi.json
    """
    from service.api import create_app

    print(json.dumps(create_app(Settings()).openapi(), indent=1))


# ---- how they end


@contextmanager
def _bar(what: str) -> Iterator[Progress]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=err, transient=not sys.stderr.isatty()) as bar:
        yield bar


def _refused(error: Exception) -> typer.Exit:
    err.print(f"[red]ptycholive:[/red] {error}", soft_wrap=True)
    return typer.Exit(USAGE_EXIT)


def main() -> None:
    """Run a command; what a person can put right is one line and exit code 2."""
    try:
        app()
    except (ValueError, LookupError, OSError) as error:
        sys.exit(_refused(error).exit_code)
