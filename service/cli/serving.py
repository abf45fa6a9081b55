"""serve, ingest, worker, api, demo, openapi: everything that runs processes."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from service.cli.options import Config, Data, Device, Files, Host, Ingest, Port, Threads, err, progress_bar
from service.cli.scans import simulate_to
from service.config import Settings, load_settings
from service.logs import configure_logs
from service.supervisor import Supervisor, watch_parent

app = typer.Typer()


def load(process: str, config: Path | None, files: list[Path] | None, **given: Any) -> Settings:
    """Settings of a process, and its logs set up."""
    settings = load_settings(config, files=files or None, **given)
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
    settings = load("supervisor", config, files, **given)
    options = [f"--{name}={value}" for name, value in given.items() if value is not None]
    options += [f"--files={folder}" for folder in files or []] + ([f"--config={config}"] if config else [])
    supervisor = Supervisor(options)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: supervisor.stop())
    watch_parent()
    err.print(f"ptycholive: dashboard at http://{settings.host}:{settings.port}, frames to {settings.ingest}")
    raise typer.Exit(supervisor.run())


def process_command(name: str, text: str, run: Callable[[Settings], None]) -> None:
    """Add the command that runs one of the three processes; all three take the options of serve."""

    @app.command(name, help=text)
    def command(
        config: Config = None,
        host: Host = None,
        port: Port = None,
        ingest: Ingest = None,
        data: Data = None,
        files: Files = None,
        device: Device = None,
        threads: Threads = None,
    ) -> None:
        given = {"host": host, "port": port, "ingest": ingest, "data": data, "device": device, "threads": threads}
        settings = load(name, config, files, **given)
        watch_parent()
        run(settings)


def _ingest(settings: Settings) -> None:
    from service.ingest import run_ingest

    run_ingest(settings)


def _worker(settings: Settings) -> None:
    from service.worker import run_worker

    run_worker(settings)


def _api(settings: Settings) -> None:
    from clients.web import DIST
    from service.server import run_api

    run_api(settings, DIST)


ALONE = "serve starts this one itself, containers start it alone."
process_command("ingest", f"Only receive and record; {ALONE}\n\nExample: ptycholive ingest --data /data", _ingest)
process_command("worker", f"Only reconstruct; {ALONE}\n\nExample: ptycholive worker --device cuda", _worker)
process_command("api", f"Only REST, WebSocket, dashboard; {ALONE}\n\nExample: ptycholive api --host 0.0.0.0", _api)


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
    from service.demo import command, free_port, run_demo

    http, wire = free_port(port or 8000), free_port(5555)
    scan = data / "files" / f"siemens-star-{positions}.h5"
    if not scan.exists():
        simulate_to(scan, positions=positions)
    endpoint = f"tcp://127.0.0.1:{wire}"
    serve_it = command("serve", f"--port={http}", f"--ingest={endpoint}", f"--data={data}", f"--files={scan.parent}")
    probe = ["--probe=round:50nm,defocus=980um"]
    replay_it = command("replay", str(scan), f"--to={endpoint}", f"--frame-delay={frame_delay}", "--chunk=25", *probe)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with progress_bar() as bar:
        run_demo(serve_it, replay_it, f"http://127.0.0.1:{http}", data, _Stage(bar), stay=not leave)


class _Stage:
    """Sentences, and two bars below them."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._frames = bar.add_task("frames", total=None)
        self._iterations = bar.add_task("iterations", total=None)

    def say(self, sentence: str) -> None:
        """Print above the bars, in one line however narrow the terminal is."""
        self._bar.console.print(sentence, soft_wrap=True)

    def show(self, scan: dict[str, Any], reconstruction: dict[str, Any]) -> None:
        """Frames received and iterations done."""
        self._bar.update(self._frames, completed=scan["received"], total=scan["planned"])
        total = reconstruction["total_iterations"]
        self._bar.update(self._iterations, completed=reconstruction["iteration"], total=total)


@app.command()
def openapi() -> None:
    """Print the description of REST that docs/openapi.json holds.

    Example: ptycholive openapi > docs/openapi.json
    """
    from service.api import create_app

    print(json.dumps(create_app(Settings()).openapi(), indent=1))
