"""Initial probes: from a specification, from an array, or from the data."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Complex, Float
from numpy.typing import NDArray
from torch import Tensor

from engines.arrays import Probe
from engines.optics import FarField, ifft2, intensity, propagate
from engines.propagation import Geometry, propagator

Wave = Complex[Tensor, "y x"]

UNITS_M = {"nm": 1e-9, "um": 1e-6, "µm": 1e-6, "mm": 1e-3, "m": 1.0}
_LENGTH = re.compile(r"^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?) ?(nm|um|µm|mm|m)$")
_SIZES = {
    "round": ("DIAMETER",),
    "rect": ("HEIGHT", "WIDTH"),
    "annulus": ("OUTER", "INNER"),
    "gaussian": ("FWHM",),
    "data": (),
}
OVERSAMPLING = 8
"""Sub-pixels along an edge, by which an aperture's rim is drawn."""
NARROW_PX = 0.1
"""What spreads less than this along an axis is a single pixel there."""
EXTRA_MODE_POWER = 0.05
"""Share of the first mode's power that each further mode starts with."""


def parse_length(text: str) -> float:
    """Metres from text such as ``50nm``, ``-1.2 mm``."""
    match = _LENGTH.match(text.strip())
    if not match:
        raise ValueError(f"length: expected a number with nm, um, mm or m such as '50nm', got {text!r}")
    return float(match[1]) * UNITS_M[match[2]]


@dataclass(frozen=True, kw_only=True)
class ProbeSpec:
    """What a specification says."""

    kind: str
    """round, rect, annulus, gaussian or data."""
    sizes_m: tuple[float, ...] = ()
    """Diameter; height and width; outer and inner diameter; full width at half maximum of the intensity; nothing."""
    defocus_m: float = 0.0
    """How far the wave travels from there to the sample."""

    @classmethod
    def parse(cls, text: str) -> ProbeSpec:
        """From ``round:50nm,defocus=980um``, ``rect:1umx2um``, ``annulus:3um,1um``, ``gaussian:1um``, ``data``."""
        kind, *rest = re.split(r"[:,]", text.strip(), maxsplit=1)
        if kind not in _SIZES:
            raise ValueError(f"probe: expected one of {', '.join(_SIZES)}, got {text!r}")
        words = [word.strip() for word in rest[0].split(",")] if rest else []
        options = dict(word.split("=", 1) for word in words if "=" in word)
        if unknown := options.keys() - {"defocus"}:
            raise ValueError(f"probe: expected no option but defocus=LENGTH, got {sorted(unknown)[0]!r} in {text!r}")
        separator = r"x(?=[\d.])" if kind == "rect" else r"$^"
        sizes = [size for word in words if "=" not in word for size in re.split(separator, word)]
        if len(sizes) != len(_SIZES[kind]):
            form = kind + (":" if _SIZES[kind] else "") + ("x" if kind == "rect" else ",").join(_SIZES[kind])
            raise ValueError(f"probe: expected {form}[,defocus=LENGTH], got {text!r}")
        lengths = tuple(parse_length(size) for size in sizes)
        if any(length < 0 for length in lengths) or (lengths and lengths[0] == 0):
            raise ValueError(f"probe: expected sizes above 0, got {text!r}")
        if kind == "annulus" and lengths[1] >= lengths[0]:
            raise ValueError(f"probe: expected an inner diameter below the outer one, got {text!r}")
        return cls(kind=kind, sizes_m=lengths, defocus_m=parse_length(options.get("defocus", "0m")))


def initial_probe(
    spec: ProbeSpec | str,
    geometry: Geometry,
    mean_counts: float,
    mean_magnitudes: Float[Tensor, "y x"] | None = None,
    modes: int = 1,
) -> Probe:
    """The probe that a specification asks for, with the power of a mean frame.

    An aperture stands `defocus` upstream of the sample. ``data`` is the mean magnitudes brought back from the detector,
    propagated by `defocus`: in far field, the focus of a lens whose pupil they show; in near field, the illumination
    as the detector sees it without the sample, but for its phase. Raises ValueError where this is dark everywhere.
    """
    parsed = ProbeSpec.parse(spec) if isinstance(spec, str) else spec
    if parsed.kind == "data":
        if mean_magnitudes is None:
            raise ValueError("probe: expected the mean magnitudes of the data for 'data', got none")
        back = propagator(geometry, mean_magnitudes.device)
        wave = back.adjoint(mean_magnitudes.to(torch.complex64))
        wave = torch.fft.fftshift(wave) if back.corner else wave
    else:
        wave = aperture(parsed, geometry).to(torch.complex64)
    if not wave.any():
        least = "frames with counts" if parsed.kind == "data" else f"more than a pixel of {geometry.pixel_m:.3g} m"
        raise ValueError(f"probe: expected {least}, got {spec!r}, which lets no light through")
    wave = propagate(wave, parsed.defocus_m, geometry.wavelength_m, geometry.pixel_m)
    return scaled(with_modes(wave[None], modes), mean_counts)


def probe_from_array(array: NDArray[Any], size: int, mean_counts: float, modes: int = 1) -> Probe:
    """A given probe, (y, x) or (mode, y, x), scaled to the power of a mean frame; its shape must fit."""
    given = array[None] if array.ndim == 2 else array
    if given.ndim != 3 or given.shape[1:] != (size, size):
        raise ValueError(f"probe: expected (mode, {size}, {size}) or ({size}, {size}), got {array.shape}")
    probe = torch.from_numpy(np.array(given, dtype=np.complex64))
    if not torch.isfinite(torch.view_as_real(probe)).all() or not probe.abs().any():
        raise ValueError("probe: expected finite values that are not all 0")
    return scaled(with_modes(probe[:modes], modes), mean_counts)


def fitted(array: NDArray[Any], size: int, fit: Literal["crop", "pad"] | None = None) -> NDArray[Any]:
    """A given probe (mode, y, x) of the frames' size: as it is, or if that was asked for cut, or padded with darkness,
    about its centre [n // 2, n // 2]; its pixels stay what they are. Raises ValueError for any other shape.
    """
    y, x = shape = array.shape[-2:]
    if shape == (size, size):
        return array
    way: str | None = {(True, True): "crop", (False, False): "pad"}.get((min(shape) >= size, max(shape) > size))
    if fit is None or fit != way:
        offer = f"; 'probe_fit: {way}' (--probe-fit {way}) makes it fit about its centre" if way else ""
        raise ValueError(f"probe: expected (mode, {size}, {size}) or ({size}, {size}), got {array.shape}{offer}")
    if fit == "crop":
        top, left = y // 2 - size // 2, x // 2 - size // 2
        return array[:, top : top + size, left : left + size]
    top, left = size // 2 - y // 2, size // 2 - x // 2
    return np.pad(array, ((0, 0), (top, size - y - top), (left, size - x - left)))


def of_part(array: NDArray[Any], crop: int, binning: int) -> NDArray[Any]:
    """A far-field probe (mode, n, n) for whole frames, as it is where their central `crop` x `crop` pixels are used and
    added up in squares of `binning`: what is cut off the detector makes pixels on the sample larger, what is added up
    there makes the window smaller.
    """
    if crop < array.shape[-1]:
        wave = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(array, axes=(1, 2))), axes=(1, 2))
        wave = np.fft.ifft2(np.fft.ifftshift(fitted(wave, crop, "crop"), axes=(1, 2)))
        array = np.fft.fftshift(wave, axes=(1, 2)).astype(array.dtype)
    return fitted(array, crop // binning, "crop")


def scaled(probe: Probe, mean_counts: float) -> Probe:
    """The same probe with sum |P|^2 = `mean_counts`, so that a frame's counts come out right behind an empty sample."""
    power = float(intensity(probe).sum())
    return probe * math.sqrt(mean_counts / power) if power > 0 else probe


def with_modes(probe: Probe, modes: int) -> Complex[Tensor, "more y x"]:
    """Add modes until there are so many: the first one times orthogonal-ish polynomials about its centre of mass, or
    moved by whole pixels along an axis on which it is a single pixel, where every polynomial is dark.
    """
    first = probe[0]
    weight = intensity(first) / intensity(first).sum()
    axes = []
    for axis, length in enumerate(first.shape):
        coordinate = torch.arange(length, device=probe.device, dtype=torch.float32)
        coordinate = coordinate[:, None] if axis == 0 else coordinate[None, :]
        centred = coordinate - (coordinate * weight).sum()
        spread = (centred**2 * weight).sum().sqrt()
        axes.append(centred / spread if spread > NARROW_PX else torch.zeros_like(centred))
    extra = []
    for number in range(len(probe), modes):
        order = int((math.sqrt(8 * number + 1) - 1) / 2)  # 1, x; y; then x^2, xy, y^2 ...
        power = number - order * (order + 1) // 2
        shape = axes[0] ** (order - power) * axes[1] ** power
        mode = first * shape
        if not mode.any():
            mode = torch.roll(first, (order - power, power), dims=(0, 1))
        extra.append(mode * (EXTRA_MODE_POWER * intensity(first).sum() / intensity(mode).sum()).sqrt())
    return torch.cat([probe, torch.stack(extra)]) if extra else probe


def aperture(spec: ProbeSpec, geometry: Geometry) -> Complex[Tensor, "y x"]:
    """A plane wave behind an aperture, or a Gaussian waist, centred at [n // 2, n // 2]."""
    n, s = geometry.size, OVERSAMPLING if spec.kind != "gaussian" else 1
    offsets = (torch.arange(n * s, dtype=torch.float64) + 0.5) / s - 0.5 - n // 2
    y, x = offsets[:, None] * geometry.pixel_m, offsets[None, :] * geometry.pixel_m
    match spec.kind:
        case "round":
            inside = y**2 + x**2 <= (spec.sizes_m[0] / 2) ** 2
        case "rect":
            inside = (y.abs() <= spec.sizes_m[0] / 2) & (x.abs() <= spec.sizes_m[1] / 2)
        case "annulus":
            squared = y**2 + x**2
            inside = (squared <= (spec.sizes_m[0] / 2) ** 2) & (squared >= (spec.sizes_m[1] / 2) ** 2)
        case _:
            return torch.exp(-2 * math.log(2) * (y**2 + x**2) / spec.sizes_m[0] ** 2).to(torch.complex128)
    return inside.double().reshape(n, s, n, s).mean(dim=(1, 3)).to(torch.complex128)


def pupil(geometry: FarField, radius_per_m: float, stop: float = 0.0) -> Complex[Tensor, "y x"]:
    """A disc in Fourier space (zero frequency at the corner) up to a spatial frequency, dark below `stop` of it."""
    f = torch.fft.fftfreq(geometry.size, geometry.pixel_m, dtype=torch.float64)
    radius = torch.hypot(f[:, None], f[None, :])
    step = 1 / (geometry.size * geometry.pixel_m)
    rim = ((radius_per_m - radius) / step + 0.5).clamp(0, 1)
    hole = ((radius - stop * radius_per_m) / step + 0.5).clamp(0, 1) if stop else 1.0
    return (rim * hole).to(torch.complex128)


def zone_plate(geometry: FarField, outermost_zone_m: float, stop: float, defocus_m: float) -> Wave:
    """A zone plate's wave `defocus` behind its focus; its pupil, with a stop, reaches to 1 / (2 outermost zone)."""
    focus = torch.fft.fftshift(ifft2(pupil(geometry, 1 / (2 * outermost_zone_m), stop)))
    return propagate(focus, defocus_m, geometry.wavelength_m, geometry.pixel_m)
