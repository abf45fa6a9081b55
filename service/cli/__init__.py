"""The command line, and the one place that may import service, engines and clients.

Commands that need torch import it when they run, so that `--help` and the small processes start fast.
"""

from __future__ import annotations

import sys

import typer

from service.cli import reconstructions, scans, serving, studies
from service.cli.options import err
from service.supervisor import USAGE_EXIT

app = typer.Typer(
    help="Live ptychography: reconstruct a scan while it is being measured, and watch it in the browser.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for group in (serving.app, scans.app, reconstructions.app, studies.app):
    app.add_typer(group)


def main() -> None:
    """Run a command; what a person can put right is one line and exit code 2."""
    try:
        app()
    except (ValueError, LookupError, OSError) as error:
        err.print(f"[red]ptycholive:[/red] {error}", soft_wrap=True)
        sys.exit(USAGE_EXIT)
