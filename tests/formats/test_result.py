"""The result file: read back as it was, found by h5py alone and by a reader of CXI."""

from dataclasses import fields, replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from service.descriptions import Geometry
from service.formats import ScanFileError, open_scan
from service.formats.result import Result, read_result, write_result

RNG = np.random.default_rng(1)


def complex_array(*shape: int) -> np.ndarray:
    return (RNG.normal(size=shape) + 1j * RNG.normal(size=shape)).astype(np.complex64)


RESULT = Result(
    object=complex_array(1, 30, 40),
    probe=complex_array(2, 8, 8),
    pixel_m=2e-8,
    origin_m=(-1e-6, -2e-6),
    positions_m=RNG.uniform(0, 1e-6, (5, 2)),
    positions_px=RNG.uniform(0, 20, (5, 2)),
    frame_index=np.array([0, 1, 3, 4, 7]),
    metrics=RNG.uniform(size=(3, 2)),
    metric_columns=("iteration", "error"),
    geometry=Geometry(energy_J=1.6e-15, distance_m=2.0, detector_pixel_m=75e-6),
    configuration={"engine": {"name": "rpie", "alpha": 0.1}, "list": [1, None, "µ"]},
    version="0.1.0",
    started_ns=1_700_000_000_123_456_789,
    ended_ns=1_700_000_100_000_000_001,
    metadata={"sample": "star", "title": "t", "dose": 1.5, "good": True},
    coverage=np.abs(RNG.normal(size=(30, 40))).astype(np.float32),
)


NEAR = RESULT.geometry.model_copy(update={"focus_distance_m": 3.65e-3})


@pytest.mark.parametrize(
    "result",
    [RESULT, replace(RESULT, coverage=None, metadata={}, configuration={}), replace(RESULT, geometry=NEAR)],
)
def test_a_result_is_read_back_as_it_was(tmp_path: Path, result: Result) -> None:
    path = tmp_path / "deep" / "result.cxi"
    write_result(path, result)
    back = read_result(path)
    for each in fields(Result):
        written, came = getattr(result, each.name), getattr(back, each.name)
        if isinstance(written, np.ndarray):
            assert came.dtype == written.dtype
            np.testing.assert_array_equal(came, written, err_msg=each.name)
        else:
            assert came == written, each.name
    assert [each.name for each in path.parent.iterdir()] == ["result.cxi"]


def test_a_reader_of_cxi_finds_everything(tmp_path: Path) -> None:
    write_result(tmp_path / "result.cxi", RESULT)
    with h5py.File(tmp_path / "result.cxi") as file:
        assert file["cxi_version"][()] == 160 and file["number_of_entries"][()] == 1
        np.testing.assert_array_equal(file["entry_1/image_1/data"], RESULT.object)
        np.testing.assert_array_equal(file["entry_1/image_1/instrument_1/source_1/illumination"], RESULT.probe)
        assert file["entry_1/instrument_1/source_1/energy"][()] == RESULT.geometry.energy_J
        assert file["entry_1/sample_1/name"].asstr()[()] == "star"
        assert file["entry_1/start_time"].asstr()[()].startswith("2023-11-14T22:13:20")
        translation = file["entry_1/sample_1/geometry_1/translation"][()]
        basis = file["entry_1/instrument_1/detector_1/basis_vectors"][()]
        toward = -translation @ (basis / np.linalg.norm(basis, axis=0))  # the probe moves against the sample
        np.testing.assert_allclose(toward, RESULT.positions_m)


def test_a_half_written_result_never_takes_the_place_of_a_good_one(tmp_path: Path) -> None:
    path = tmp_path / "result.cxi"
    write_result(path, RESULT)
    with pytest.raises(TypeError, match="JSON serializable"):
        write_result(path, replace(RESULT, configuration={"bad": object()}))
    assert read_result(path).version == "0.1.0"
    assert [each.name for each in tmp_path.iterdir()] == ["result.cxi"]


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"positions_px: expected shape \(5, 2\), got \(4, 2\)"):
        replace(RESULT, positions_px=np.zeros((4, 2)))
    with pytest.raises(ValueError, match="object: expected axes 3, got 2"):
        replace(RESULT, object=RESULT.object[0])


def test_a_result_is_no_scan_and_a_scan_is_no_result(tmp_path: Path) -> None:
    path = tmp_path / "result.cxi"
    write_result(path, RESULT)
    with pytest.raises(ScanFileError, match="this is a result, which holds no frames"):
        open_scan(path)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["frames"] = 1
    with pytest.raises(ScanFileError, match="expected a result of ptycholive, found frames"):
        read_result(tmp_path / "other.h5")
