"""Run every benchmark: ``python -m benchmarks``. Each prints its figures and asserts the bounds it promises."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


def main() -> int:
    """Run all, and say in the end which missed a bound."""
    missed = []
    for path in sorted(Path(__file__).parent.glob("bench_*.py")):
        print(f"== {path.stem}", flush=True)
        try:
            importlib.import_module(f"benchmarks.{path.stem}").main()
        except AssertionError as bound:
            missed.append(f"{path.stem}: {bound}")
    for each in missed:
        print(f"MISSED {each}", file=sys.stderr)
    return bool(missed)


if __name__ == "__main__":
    raise SystemExit(main())
