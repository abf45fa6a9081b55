"""Quantities as people write them."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.formats.units import LENGTHS, duration_s, energy_J, fraction, length_m


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (length_m, "50nm", 50e-9),
        (length_m, "-980 um", -980e-6),
        (length_m, "980µm", 980e-6),
        (length_m, "3.65mm", 3.65e-3),
        (length_m, "1e-6m", 1e-6),
        (energy_J, "8.8keV", 8800 * 1.602176634e-19),
        (energy_J, "710 eV", 710 * 1.602176634e-19),
        (duration_s, "20ms", 0.02),
        (duration_s, "0.6", 0.6),
        (duration_s, ".5s", 0.5),
        (fraction, "1%", 0.01),
        (fraction, "0.25", 0.25),
    ],
)
def test_values(parse: Callable[[str], float], text: str, value: float) -> None:
    assert parse(text) == pytest.approx(value)


@pytest.mark.parametrize(
    ("parse", "text", "expected"),
    [
        (length_m, "50", "a length such as 50nm"),
        (length_m, "50 parsec", "units: pm, nm, um, mm, cm, m"),
        (length_m, "", "a length"),
        (length_m, "nannm", "a length"),
        (energy_J, "8.8nm", "an energy such as 8.8keV"),
        (fraction, "110%", "a share from 0 to 1"),
        (fraction, "-1%", "a share from 0 to 1"),
    ],
)
def test_refusals_say_what_was_expected_and_what_came(parse: Callable[[str], float], text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected) as error:
        parse(text)
    assert repr(text) in str(error.value)


@given(st.floats(-1e6, 1e6), st.sampled_from(sorted(LENGTHS)))
def test_any_length_is_read(value: float, unit: str) -> None:
    assert length_m(f"{value!r}{unit}") == pytest.approx(value * LENGTHS[unit])


@given(st.text(max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        length_m(text)
    except ValueError as error:
        assert "expected a length" in str(error)
