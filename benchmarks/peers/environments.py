"""An environment of its own for each peer, under build/peers, with what was measured pinned."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "peers"
TORCH = "torch==2.13.0"
PEERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "ptylab": ("ptylab==0.3.7", ("h5py", "ipywidgets", "matplotlib", "numpy", "scikit-image", "scikit-learn", "tqdm")),
    "cdtools": ("cdtools-py==0.3.2", (TORCH, "h5py", "matplotlib", "numpy", "python-dateutil", "scipy")),
    "ptychi": (
        "ptychi==2.2.0",
        (TORCH, "h5py", "matplotlib", "numpy", "pandas", "pydantic", "scikit-image", "scikit-learn", "scipy", "tqdm"),
    ),
}
"""Of each peer its package, and of what that asks for the part that runs; versions come from constraints.txt."""


def python_of(peer: str) -> Path:
    """The peer's own Python; its environment is made where there is none yet."""
    package, needed = PEERS[peer]
    folder = FOLDER / peer
    python, done = folder / "bin" / "python", folder / package
    if not done.exists():
        print(f"installing {package} into {folder.relative_to(ROOT)}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--constraint", str(ROOT / "constraints.txt"), *needed], check=True)
        subprocess.run([*pip, "--no-deps", package], check=True)
        done.touch()
    return python
