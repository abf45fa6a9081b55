"""Figures of the study: as those of Lexelius et al. (2025), with what this software found. Needs matplotlib."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.evaluation import Evaluation
from studies.outcome import TRUTH, CaseOutcome
from studies.sample import MissingPackageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 110


def canvas(width: float, height: float) -> Figure:
    """An empty figure in inches that needs no display; raises `MissingPackageError`."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingPackageError(
            "figures: expected the package matplotlib: pip install 'ptycholive[plot]'; or leave them out: --no-figures"
        ) from error
    return Figure(figsize=(width, height), dpi=DPI, layout="constrained")


def as_png(figure: Figure) -> bytes:
    """The figure as a file's content."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def frames_figure(outcomes: Sequence[CaseOutcome]) -> Figure:
    """Frames that each iteration saw (the paper's figure 3)."""
    figure = canvas(6.5, 3.6)
    axes = figure.add_subplot()
    for outcome in outcomes:
        if "live" in outcome.records:
            record = outcome.records["live"]
            axes.step(record.column("iteration"), record.column("frames"), where="mid", label=_label(outcome))
    axes.set(xlabel="iteration", ylabel="frames in the reconstruction", title="Live: frames at each iteration")
    axes.legend(fontsize="small")
    return figure


def error_figure(outcomes: Sequence[CaseOutcome]) -> Figure:
    """Error against the truth in each tenth iteration (the paper's supplementary figure 3)."""
    figure = canvas(4.2 * max(1, len(outcomes)), 3.8)
    names = {"live": "live", "offline": "offline", "control": "offline, another start", "small-chunks": "live, small",
             "rpie-then-dm": "rPIE, then DM"}  # fmt: skip
    for axes, outcome in zip(_row(figure, len(outcomes)), outcomes, strict=True):
        for kind, name in names.items():
            record = outcome.records.get(kind)  # type: ignore[call-overload]
            if record is not None:
                errors = record.column("nmse")
                known = np.isfinite(errors)
                axes.semilogy(
                    record.column("iteration")[known], errors[known], ".-", label=name, linewidth=1, markersize=2
                )
        axes.axhline(outcome.floor, color="grey", linestyle=":", label="shot noise")
        axes.set(xlabel="iteration", ylabel="NMSE against the truth", title=_label(outcome))
        axes.legend(fontsize="x-small")
    return figure


def rings_figure(outcomes: Sequence[CaseOutcome]) -> Figure:
    """Fourier ring correlation with the half-bit threshold."""
    figure = canvas(4.2 * max(1, len(outcomes)), 3.4)
    for axes, outcome in zip(_row(figure, len(outcomes)), outcomes, strict=True):
        for (first, second), pair in outcome.pairs.items():
            if (first, second) in (("live", TRUTH), ("offline", TRUTH), ("live", "offline")):
                axes.plot(pair.rings.frequency, pair.rings.correlation, label=f"{first} - {second}", linewidth=1)
        rings = next(iter(outcome.pairs.values())).rings
        axes.plot(rings.frequency, rings.threshold, color="grey", linestyle=":", label="half bit")
        axes.set(xlabel="spatial frequency / (1 / px)", ylabel="ring correlation", ylim=(-0.1, 1.05))
        axes.set_title(_label(outcome))
        axes.legend(fontsize="x-small")
    return figure


def differences_figure(outcome: CaseOutcome) -> Figure:
    """OD and phase differences to the truth, and between live and offline (the paper's figures 4 and 5)."""
    wanted = (("offline", TRUTH), ("live", TRUTH), ("live", "offline"), ("control", "offline"))
    pairs = [(pair, outcome.pairs[pair]) for pair in wanted if pair in outcome.pairs]
    figure = canvas(3.1 * max(1, len(pairs)), 6.0)
    grid = np.atleast_2d(figure.subplots(2, max(1, len(pairs)), squeeze=False))
    for column, ((first, second), pair) in enumerate(pairs):
        for axes, picture, what in zip(grid[:, column], _maps(pair), ("OD", "phase / rad"), strict=True):
            limit = float(np.percentile(np.abs(picture), 99)) or 1.0
            shown = axes.imshow(picture, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
            axes.set_title(f"{what}: {second} - {first}", fontsize="small")
            axes.set_xticks([])
            axes.set_yticks([])
            figure.colorbar(shown, ax=axes, shrink=0.8)
    figure.suptitle(_label(outcome))
    return figure


def objects_figure(outcome: CaseOutcome, truth: Any, box: tuple[slice, slice]) -> Figure:
    """Phase of the object: the truth, live, offline; and the probe's amplitude."""
    figure = canvas(12.4, 3.4)
    panels = [("truth", np.angle(truth[box]))]
    for kind in ("live", "offline"):
        if kind in outcome.records:
            object = outcome.records[kind].object[box]
            panels.append((kind, np.angle(object * np.exp(-1j * np.angle(np.vdot(truth[box], object))))))
    if "live" in outcome.records:
        panels.append(("probe, live", np.abs(outcome.records["live"].probe[0])))
    for axes, (name, picture) in zip(_row(figure, len(panels)), panels, strict=True):
        axes.imshow(picture, cmap="magma" if "probe" in name else "gray", interpolation="nearest")
        axes.set_title(name if "probe" in name else f"{name}: phase", fontsize="small")
        axes.set_axis_off()
    figure.suptitle(_label(outcome))
    return figure


def _maps(pair: Evaluation) -> tuple[Any, Any]:
    return pair.optical_density_map, pair.phase_map


def _row(figure: Figure, count: int) -> list[Axes]:
    return [] if not count else list(figure.subplots(1, count, squeeze=False)[0])


def _label(outcome: CaseOutcome) -> str:
    case = outcome.case
    return f"{case.step_px:g} px, overlap {outcome.overlap:.0%}, {case.photons:.0e} photons"
