"""The dashboard: TypeScript in src/, built into dist/ when the package is installed."""

from pathlib import Path

DIST = Path(__file__).parent / "dist"
"""Folder of the built dashboard."""
