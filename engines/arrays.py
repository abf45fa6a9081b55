"""Names for the shapes that travel between functions; jaxtyping and beartype check them under pytest."""

from __future__ import annotations

from jaxtyping import Bool, Complex, Float, Int, Integer
from numpy import ndarray
from torch import Tensor

Object = Complex[Tensor, "row col"]
"""Transmission of the sample."""
Probe = Complex[Tensor, "mode y x"]
"""Incoherent modes of the illumination; sum |probe|^2 is the counts of a frame."""
Waves = Complex[Tensor, "frame mode y x"]
"""Exit waves, or their Fourier transforms."""
Views = Complex[Tensor, "frame y x"]
"""What each frame's window cuts from the object."""
Magnitudes = Float[Tensor, "frame y x"]
"""Square roots of counts, -1 where a pixel is not trusted; the beam's axis lies where the propagator has it."""
Positions = Int[Tensor, "frame 2"]
"""Row and column of the top-left corner of each frame's window on the object, on the CPU."""
Counts = Float[Tensor, "frame"]
"""One number for each frame, such as its total trusted counts."""

Metres = Float[ndarray, "frame 2"]
"""Positions of the probe's centre, (row, col) in metres, oriented and with their signs put right."""
Corners = Int[ndarray, "frame 2"]
"""Top-left corners (row, col) of the frames' windows, in pixels of the canvas."""
ExactCorners = Float[ndarray, "frame 2"]
"""The same, not rounded."""
Rows = Integer[ndarray, "frame"]
"""One integer for each frame: rows of a dataset, indices in a scan, times in ns."""
Chosen = Bool[ndarray, "frame"]
"""One truth for each frame."""
Readings = Float[ndarray, "frame"]
"""One number for each frame."""
