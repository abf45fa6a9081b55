"""Pictures are what the arrays say, and come back from bytes and from disk as they were."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Picture

from engines.freespace import propagated
from service.browser import ImageRequest
from service.pictures import clamp_crop, histogram_of, make_image, png, shrink
from service.snapshot import Snapshot


def snapshot(rows: int = 40, cols: int = 60, modes: int = 2) -> Snapshot:
    random = np.random.default_rng(0)
    field = np.exp(0.4j * random.standard_normal((rows, cols))) * 1.5 * np.exp(2j)
    probe = random.standard_normal((modes, 16, 16)) + 1j * random.standard_normal((modes, 16, 16))
    covered = np.zeros((rows, cols), bool)
    covered[5:-5, 5:-5] = True
    return Snapshot(
        number=7,
        iteration=31,
        frames=25,
        newest_index=24,
        data_ns=5,
        pixel_m=3e-8,
        origin_m=(1e-6, -2e-6),
        wavelength_m=1.5e-10,
        object=field.astype(np.complex64),
        probe=probe.astype(np.complex64),
        covered=covered,
        positions=random.uniform(0, 40, (25, 3)),
    )


def same(a: Snapshot, b: Snapshot) -> bool:
    arrays = all(
        np.array_equal(getattr(a, name), getattr(b, name)) for name in ("object", "probe", "covered", "positions")
    )
    names = ("number", "iteration", "frames", "newest_index", "data_ns", "pixel_m", "origin_m")
    return arrays and all(getattr(a, name) == getattr(b, name) for name in names)


def test_comes_back_from_bytes_and_from_disk(tmp_path: Path) -> None:
    before = snapshot()
    assert same(Snapshot.from_parts([bytes(part) for part in before.to_parts()]), before)
    before.save(tmp_path / "folder" / "checkpoint.h5")
    assert same(Snapshot.load(tmp_path / "folder" / "checkpoint.h5"), before)
    with pytest.raises(OSError, match=r"No such file|[Uu]nable to"):
        Snapshot.load(tmp_path / "nothing.h5")


@pytest.mark.parametrize("bits", [8, 16])
def test_codes_give_the_values_back(bits: int) -> None:
    taken = snapshot()
    asked = {"name": "object", "quantities": ("phase", "amplitude"), "bits": bits, "flat": False}
    request = ImageRequest.model_validate(asked)
    image = make_image(taken, request, "r.1", now_ns=9)
    assert (image.shape, image.step, image.origin, image.full_shape) == ((1, 40, 60), 1, (0, 0), (40, 60))
    for layer in image.layers:
        codes = np.frombuffer(layer.data, "u1" if bits == 8 else "<u2").reshape(40, 60)
        assert np.array_equal(codes > 0, taken.covered), "0 says not covered, and only that"
        values = layer.low + (codes - 1.0) / (2**bits - 2) * (layer.high - layer.low)
        mean = taken.object[taken.covered].mean()
        expected = np.angle(taken.object * np.conj(mean)) if layer.quantity == "phase" else np.abs(taken.object)
        inside = taken.covered & (expected >= layer.low) & (expected <= layer.high)
        step = (layer.high - layer.low) / (2**bits - 2)
        assert inside.sum() > 0.97 * taken.covered.sum()
        assert np.abs(values - expected)[inside].max() <= 0.51 * step + 1e-6


def test_weak_phase_is_resolved_in_16_bits() -> None:
    """0.01 rad of contrast over a phase of full range reads right to 1e-4 rad."""
    taken = snapshot()
    weak = np.where(np.arange(60) % 2, 0.01, 0.0)[None, :] * np.ones((40, 1))
    weak[6, 6], weak[6, 7] = 3.0, -3.0
    taken = Snapshot(**{**vars(taken), "object": np.exp(1j * weak).astype(np.complex64)})
    layer = make_image(taken, ImageRequest(name="object"), "r.1", 0).layers[0]
    codes = np.frombuffer(layer.data, "<u2").reshape(40, 60)
    values = layer.low + (codes - 1.0) / 65534 * (layer.high - layer.low)
    assert values[20, 21] - values[20, 20] == pytest.approx(0.01, abs=1.5e-4)


def test_ramp_is_taken_off_for_the_eye_in_the_whole_and_in_a_crop() -> None:
    taken = snapshot(200, 120)
    weak = np.where(np.indices((200, 120)).sum(axis=0) // 6 % 2, 0.01, 0.0)
    ramp = 0.3 * np.arange(200)[:, None] - 0.11 * np.arange(120)
    tilted = Snapshot(**{**vars(taken), "object": np.exp(1j * (weak + ramp + 1)).astype(np.complex64)})
    for crop in (None, (50, 40, 60, 30)):
        image = make_image(tilted, ImageRequest(name="object", crop=crop), "r.1", 0)
        layer = image.layers[0]
        assert image.ramp == pytest.approx((0.3, -0.11), abs=1e-5)
        codes = np.frombuffer(layer.data, "<u2").reshape(image.shape[1:])
        values = layer.low + (codes - 1.0) / 65534 * (layer.high - layer.low)
        row, col = image.origin
        own = weak[row : row + values.shape[0], col : col + values.shape[1]]
        inside = codes > 0
        contrast = values[inside & (own > 0)].mean() - values[inside & (own == 0)].mean()
        assert contrast == pytest.approx(0.01, abs=2e-4)


def test_levels_come_from_the_whole_object_whatever_the_crop() -> None:
    taken = snapshot(200, 120)
    whole, part = (
        make_image(taken, ImageRequest(name="object", crop=crop), "r.1", 0).layers[0].histogram
        for crop in (None, (50, 40, 8, 8))
    )
    assert whole is not None and part == whole
    phases = np.angle(taken.object * np.conj(taken.object[taken.covered].mean()))[taken.covered]
    assert (whole.auto_low, whole.auto_high) == pytest.approx(tuple(np.percentile(phases, (1, 99))), abs=0.01)
    assert sum(whole.counts) == taken.covered.sum()
    assert whole.low < whole.auto_low < whole.auto_high < whole.high


def test_a_few_wild_pixels_do_not_take_the_histogram() -> None:
    values = np.append(np.linspace(-0.005, 0.005, 5000), [3.1, -3.1])
    made = histogram_of(values)
    assert made.high - made.low < 0.03 and sum(made.counts) == 5002


def test_probe_is_propagated_before_it_is_shown() -> None:
    taken = snapshot()
    there = make_image(taken, ImageRequest(name="probe", quantities=("amplitude",), distance_m=1e-5), "r.1", 0)
    here = make_image(taken, ImageRequest(name="probe", quantities=("amplitude",)), "r.1", 0)
    assert (here.distance_m, there.distance_m) == (0, 1e-5) and here.layers[0].data != there.layers[0].data
    back = Snapshot(**{**vars(taken), "probe": propagated(taken.probe, 1e-5, taken.wavelength_m, taken.pixel_m)})
    again = make_image(back, ImageRequest(name="probe", quantities=("amplitude",)), "r.1", 0)
    assert again.layers[0].data == there.layers[0].data


def test_probe_modes_and_their_powers() -> None:
    image = make_image(snapshot(), ImageRequest(name="probe", quantities=("amplitude",)), "r.1", 0)
    assert image.shape == (2, 16, 16) and sum(image.powers) == pytest.approx(1)


def test_large_objects_are_averaged_down_and_cropped() -> None:
    taken = snapshot(300, 200)
    small = make_image(taken, ImageRequest(name="object", max_px=100), "r.1", 0)
    assert (small.shape, small.step, small.full_shape) == ((1, 100, 66), 3, (300, 200))
    crop = make_image(taken, ImageRequest(name="object", max_px=100, crop=(250, 150, 90, 90)), "r.1", 0)
    assert (crop.shape, crop.step, crop.origin) == ((1, 50, 50), 1, (250, 150))


def test_nothing_covered_is_a_picture_too() -> None:
    taken = snapshot()
    empty = Snapshot(**{**vars(taken), "covered": np.zeros((40, 60), bool)})
    assert set(make_image(empty, ImageRequest(name="object"), "r.1", 0).layers[0].data) == {0}
    assert png(empty.object[None], empty.covered[None], "phase").startswith(b"\x89PNG")


@pytest.mark.parametrize("quantity", ["phase", "amplitude", "complex"])
def test_png_is_transparent_where_not_covered(quantity: str) -> None:
    taken = snapshot()
    picture = Picture.open(io.BytesIO(png(taken.object[None], taken.covered[None], quantity)))  # type: ignore[arg-type]
    assert picture.size == (60, 40)
    assert np.array_equal(np.asarray(picture)[..., 3] > 0, taken.covered)


@given(st.tuples(*[st.integers(-(2**40), 2**40)] * 4), st.integers(1, 50), st.integers(1, 50))
def test_any_crop_lies_in_the_picture(crop: tuple[int, int, int, int], rows: int, cols: int) -> None:
    row, col, height, width = clamp_crop(crop, (rows, cols))
    assert 0 <= row < row + height <= rows and 0 <= col < col + width <= cols


def test_shrinking_averages() -> None:
    array = np.arange(24.0).reshape(1, 4, 6)
    assert np.array_equal(shrink(array, 2)[0], [[3.5, 5.5, 7.5], [15.5, 17.5, 19.5]])
