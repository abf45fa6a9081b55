"""The figure for the logbook."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageFont

from service.figure import UNCOVERED, figure_png, length_text, nice_length, value_text
from service.lettering import FONTS, font, letters
from service.snapshot import Snapshot
from service.statuses import ReconstructionStatus


def make(covered: bool = True) -> Snapshot:
    y, x = np.mgrid[:60, :80]
    seen = np.zeros((60, 80), bool)
    seen[10:50, 10:70] = covered
    return Snapshot(
        number=1,
        iteration=20,
        frames=100,
        newest_index=99,
        data_ns=1_700_000_000_000_000_000,
        pixel_m=2e-8,
        origin_m=(0.0, 0.0),
        wavelength_m=1.5e-10,
        object=(np.exp(0.01j * (x + y)) * (1 + 0.01 * x)).astype(np.complex64),
        probe=np.ones((2, 16, 16), np.complex64),
        covered=seen,
    )


STATUS = ReconstructionStatus(id="s.1", scan="s", state="running", created_ns=0, engine="rpie", error=0.02)


@pytest.mark.parametrize("quantity", ["phase", "amplitude", "complex"])
def test_figure_is_a_picture_with_the_object_in_it(quantity: str) -> None:
    picture = Image.open(io.BytesIO(figure_png(make(), STATUS, quantity, "key")))  # type: ignore[arg-type]
    assert picture.format == "PNG" and picture.width > picture.height > 500
    panel = np.asarray(picture)[60:400, 30:600]
    assert len(np.unique(panel.reshape(-1, 3), axis=0)) > 10
    assert not (panel == UNCOVERED).all(axis=-1).any(), "what is not covered is cut away"


def test_figure_of_nothing_is_drawn_too() -> None:
    assert figure_png(make(covered=False), STATUS, "phase", "key").startswith(b"\x89PNG")


@pytest.mark.parametrize(("room", "length"), [(1e-6, 1e-6), (9.9e-7, 5e-7), (3e-6, 2e-6), (4.9e-9, 2e-9)])
def test_scale_bars_have_lengths_that_can_be_said(room: float, length: float) -> None:
    assert nice_length(room) == pytest.approx(length)


def test_lengths_have_their_unit() -> None:
    assert [length_text(m) for m in (2e-3, 5e-6, 2e-8)] == ["2 mm", "5 µm", "20 nm"]


@pytest.mark.parametrize(
    ("value", "span", "text"),
    [
        (0.4567, 1.2, "0.46"),
        (0.4567, 0.9, "0.457"),
        (-0.001, 1.0, "0.00"),
        (123.4, 200.0, "123"),
        (2e-9, 1e-8, "2.0e-09"),
    ],
)
def test_values_of_a_scale_have_the_digits_that_it_needs(value: float, span: float, text: str) -> None:
    assert value_text(value, span) == text


def test_letters_that_a_font_lacks_are_written_plainly() -> None:
    assert letters("5 µm · 3 × 4, 2π, 雪", ImageFont.load_default(15)) == "5 um · 3 x 4, 2pi, ?"


@pytest.mark.skipif(not isinstance(font(15), ImageFont.FreeTypeFont), reason="Pillow is built without FreeType")
def test_units_are_written_right_where_the_system_has_a_font() -> None:
    found = font(15)
    if found.getname()[0] == "Aileron":  # type: ignore[union-attr]
        pytest.skip(f"none of {', '.join(FONTS)} is installed")
    assert letters("5 µm × 2π", found) == "5 µm × 2π"
