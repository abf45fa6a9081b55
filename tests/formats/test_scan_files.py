"""Reading scans: the measured and simulated ones, files written here, and files that must be refused."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from service.cli.parsing import OptionError, with_geometry
from service.descriptions import Geometry, Orientation, probe_positions
from service.formats import ScanFileError, open_scan
from service.formats.plain_hdf5 import write_plain
from service.formats.scanfile import Truth

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
STAR = SHARED / "velociprobe_siemens"
NEAR = SHARED / "petra3_p25_nearfield" / "PETRAIII_P25_Near_Field_Ptycho.cxi"
ZONEPLATE = SHARED / "sim_zoneplate"
GEOMETRY = Geometry(energy_J=1.6e-15, distance_m=2.0, detector_pixel_m=75e-6)
RNG = np.random.default_rng(0)
FRAMES = RNG.poisson(3.0, (6, 8, 10)).astype(np.uint16)
POSITIONS = RNG.uniform(-1e-6, 1e-6, (6, 2))


def needs(path: Path) -> Path:
    if not path.exists():
        pytest.skip(f"{path} is absent: the shared scans are not on this machine")
    return path


def pixels(path: Path) -> np.ndarray:
    with open_scan(path) as scan:
        n = scan.frame_shape[0]
        pixel = scan.geometry.wavelength_m * scan.geometry.distance_m / (n * scan.geometry.detector_pixel_m)
        return probe_positions(scan.positions_m, scan.orientation, scan.motion) / pixel


def test_the_measured_star_lies_the_same_in_both_formats() -> None:
    plain, cxi = needs(STAR / "siemens.h5"), needs(STAR / "siemens_repackaged.cxi")
    with h5py.File(plain) as file:
        documented = file["positions_px"][()]
    np.testing.assert_allclose(pixels(plain), documented, atol=1e-3)
    np.testing.assert_allclose(pixels(cxi), documented, atol=1e-3)
    with open_scan(plain) as a, open_scan(cxi) as b:
        assert (a.format, b.format) == ("plain HDF5", "CXI")
        assert a.n == b.n == 516 and a.frame_shape == b.frame_shape == (128, 128)
        assert a.probe_guess is not None and a.probe_guess.shape == (1, 128, 128)
        assert b.motion == "sample" and b.mask is not None and b.mask.all()
        np.testing.assert_array_equal(a.frames(500, 16), b.frames(500, 16))
        assert a.geometry.wavelength_m == pytest.approx(b.geometry.wavelength_m)


def test_the_near_field_scan_has_the_documented_conventions() -> None:
    with open_scan(needs(NEAR)) as scan, h5py.File(NEAR) as file:
        translation = file["entry_1/sample_1/geometry_1/translation"][()]
        oriented = probe_positions(scan.positions_m, scan.orientation, scan.motion)
        np.testing.assert_allclose(oriented, translation[:, [1, 0]])  # row = +y, col = +x
        assert scan.n == 200 and scan.dtype == np.int32
        assert scan.mask is not None and (scan.mask == 0).sum() == 5
        assert scan.geometry.wavelength_m == pytest.approx(9.794912e-11, rel=1e-5)
        assert scan.geometry.distance_m == pytest.approx(1.12)


@pytest.mark.parametrize(("name", "modes"), [("sim_zp_clean.h5", 1), ("sim_zp_realistic.h5", 2)])
def test_a_simulated_scan_has_its_truth(name: str, modes: int) -> None:
    with open_scan(needs(ZONEPLATE / name)) as scan:
        assert scan.truth is not None and scan.truth.object.shape == (451, 451)
        assert scan.truth.probe.shape == (modes, 128, 128)
        assert scan.metadata["simulated"] is True
        if modes == 2:
            assert scan.mask is not None and not scan.mask[:, 90:93].any() and scan.i0 is not None
            assert scan.truth.positions_m is not None
            apart = np.linalg.norm(scan.truth.positions_m - scan.positions_m, axis=1)
            assert 0.5 < np.sqrt((apart**2).mean()) / 28.18e-9 < 4  # 0.7 px jitter and 3 px drift


def test_near_field_is_kept_and_can_be_asked_for(tmp_path: Path) -> None:
    write_plain(tmp_path / "far.h5", [FRAMES], POSITIONS, GEOMETRY)
    with open_scan(tmp_path / "far.h5") as scan:
        assert with_geometry(scan, None) is scan and scan.geometry.focus_distance_m is None
        near = with_geometry(scan, "near-field,focus=3.65mm").geometry
        assert near.focus_distance_m == pytest.approx(3.65e-3) and near.distance_m == scan.geometry.distance_m
        for wrong in ("near-field", "near-field,focus=0mm", "near-field,z=1m", "far-field,focus=1m", "cone"):
            with pytest.raises(OptionError, match="--geometry: expected"):
                with_geometry(scan, wrong)
    write_plain(tmp_path / "near.h5", [FRAMES], POSITIONS, near)
    with open_scan(tmp_path / "near.h5") as scan:
        assert scan.geometry.focus_distance_m == near.focus_distance_m
        assert with_geometry(scan, "far-field").geometry.focus_distance_m is None


def test_a_scan_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    truth = Truth(np.ones((20, 20), np.complex64), np.ones((2, 8, 10), np.complex64), POSITIONS + 1e-9)
    probe, mask = np.ones((1, 8, 10), np.complex64), np.eye(8, 10, dtype=np.uint8)
    path = tmp_path / "scan.h5"
    blocks = (FRAMES[a : a + 4] for a in (0, 4))
    write_plain(
        path, blocks, POSITIONS, GEOMETRY, mask=mask, probe_guess=probe, truth=truth, metadata={"sample": "star"}
    )
    with open_scan(path) as scan:
        np.testing.assert_array_equal(scan.frames(0, 6), FRAMES)
        np.testing.assert_array_equal(scan.positions_m, POSITIONS)
        np.testing.assert_array_equal(scan.mask, mask)
        assert scan.geometry.energy_J == pytest.approx(GEOMETRY.energy_J)
        assert scan.metadata == {"sample": "star"} and scan.title == "scan"
        assert scan.truth is not None and scan.truth.positions_m is not None
        with pytest.raises(IndexError, match="expected some of 0 to 5, got 5 to 6"):
            scan.frames(5, 2)
    assert [each.name for each in tmp_path.iterdir()] == ["scan.h5"]


@pytest.mark.parametrize("blocks", [[FRAMES[:5]], [FRAMES, FRAMES[:1]], []])
def test_a_scan_that_is_written_needs_a_frame_for_each_position(tmp_path: Path, blocks: list[Any]) -> None:
    with pytest.raises(ScanFileError, match="expected 6 frames, one for each position"):
        write_plain(tmp_path / "scan.h5", blocks, POSITIONS, GEOMETRY)
    assert not list(tmp_path.iterdir())


def write_cxi(path: Path, **changes: Any) -> Path:
    content: dict[str, Any] = {
        "entry_1/data_1/data": FRAMES,
        "entry_1/sample_1/geometry_1/translation": np.pad(POSITIONS, ((0, 0), (0, 1))),
        "entry_1/instrument_1/source_1/energy": GEOMETRY.energy_J,
        "entry_1/instrument_1/detector_1/distance": 2.0,
        "entry_1/instrument_1/detector_1/x_pixel_size": 75e-6,
        "entry_1/instrument_1/detector_1/y_pixel_size": 75e-6,
    } | {name.replace("__", "/"): value for name, value in changes.items()}
    with h5py.File(path, "w") as file:
        for name, value in content.items():
            if value is not None:
                file[name] = value
    return path


BASIS = "entry_1__instrument_1__detector_1__basis_vectors"


@pytest.mark.parametrize(
    ("basis", "expected"),
    [
        (None, Orientation(axes="col,row", signs=(-1, -1))),
        ([[0, -1], [-1, 0], [0, 0]], Orientation(axes="col,row", signs=(-1, -1))),
        ([[0, -1, 0], [-1, 0, 0]], Orientation(axes="col,row", signs=(-1, -1))),  # transposed, as some write it
        ([[0, 1], [-1, 0.02], [0, 0.02]], Orientation(axes="col,row", signs=(-1, 1))),
        ([[1, 0], [0, -1], [0, 0]], Orientation(axes="row,col", signs=(1, -1))),
    ],
)
def test_basis_vectors_orient_the_positions(tmp_path: Path, basis: Any, expected: Orientation) -> None:
    with open_scan(write_cxi(tmp_path / "a.cxi", **{BASIS: basis})) as scan:
        assert scan.orientation == expected and scan.motion == "sample"
        row, col = scan.positions_m[0] if expected.axes == "row,col" else scan.positions_m[0, ::-1]
        moved = probe_positions(scan.positions_m, scan.orientation, scan.motion)[0]
        np.testing.assert_allclose(moved, (-row * expected.signs[0], -col * expected.signs[1]))


def test_a_cxi_mask_counts_every_bit_but_that_of_signal(tmp_path: Path) -> None:
    mask = np.zeros((8, 10), np.uint32)
    mask[0, 0], mask[1, 1], mask[2, 2] = 0x1, 0x1000, 0x1004
    with open_scan(write_cxi(tmp_path / "a.cxi", entry_1__instrument_1__detector_1__mask=mask)) as scan:
        assert scan.mask is not None and scan.mask[1, 1] == 1
        assert {tuple(each) for each in np.argwhere(scan.mask == 0).tolist()} == {(0, 0), (2, 2)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"entry_1__data_1__data": None}, "expected frames at entry_1/data_1/data or"),
        ({"entry_1__sample_1__geometry_1__translation": None}, "expected positions at"),
        ({"entry_1__sample_1__geometry_1__translation": np.zeros(6)}, "expected shape .n, 3., got .6,."),
        ({"entry_1__instrument_1__source_1__energy": None}, "expected one number at .*wavelength.*, got nothing"),
        ({"entry_1__instrument_1__source_1__energy": -1.0}, "geometry: .*greater than 0"),
        ({"entry_1__instrument_1__detector_1__x_pixel_size": 50e-6}, "expected square detector pixels"),
        ({BASIS: [[0, 0.7], [1, 0.7], [0, 0]]}, "expected one along x and one along y"),
        ({BASIS: [[0, 0], [0, 1], [0, 0]]}, "expected two vectors"),
        ({"entry_1__instrument_1__detector_1__distance": "far"}, "a.cxi: .*not what its name says.*'far'"),
        ({"entry_1__data_1__data": h5py.Empty("f4")}, "a.cxi: .*not what its name says"),
    ],
)
def test_a_cxi_file_that_lacks_something_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ScanFileError, match=message):
        open_scan(write_cxi(tmp_path / "a.cxi", **changes))


def test_numbers_in_arrays_of_one_are_numbers_and_unknown_metadata_are_left_out(tmp_path: Path) -> None:
    about = {"distance_m": np.array([2.0]), "valid_max": np.array([9]), "temperature_K": np.nan, "flux": np.inf}
    with open_scan(write_broken(tmp_path / "a.h5", lambda file: file.attrs.update(about))) as scan:
        assert (scan.geometry.distance_m, scan.valid_max, scan.metadata) == (2.0, 9.0, {})


def write_broken(path: Path, change: Any) -> Path:
    write_plain(path, [FRAMES], POSITIONS, GEOMETRY)
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def replace(name: str, value: Any) -> Any:
    def change(file: h5py.File) -> None:
        del file[name]
        file[name] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda file: file.__delitem__("positions_m"), "expected positions_m .n, 2. in metres beside frames"),
        (lambda file: file.__delitem__("frames"), "plain HDF5 needs frames .*; CXI needs entry_1"),
        (replace("positions_m", POSITIONS[:4]), "expected a position for each of 6 frames, got 4 positions"),
        (replace("positions_m", np.where(np.arange(6)[:, None] == 3, np.nan, POSITIONS)), r"finite.*nan.*index \[3\]"),
        (replace("frames", FRAMES[0]), "expected frames of shape .n, h, w."),
        (replace("frames", FRAMES + 1j), "dtype: expected an integer or float"),
        (lambda file: file.create_dataset("mask_valid", data=np.ones((8, 8))), "expected a mask of shape"),
        (lambda file: file.create_dataset("i0", data=np.ones(5)), "expected i0 of shape .6,."),
        (lambda file: file.create_dataset("probe_guess", data=np.ones(5)), "expected a probe of shape .mode, y, x."),
        (lambda file: file.attrs.__delitem__("distance_m"), "missing .'distance_m'."),
        (lambda file: file.attrs.update(energy_keV=0.0), "greater than 0"),
        (lambda file: file.attrs.update(energy_keV="ten"), "expected numbers: could not convert"),
    ],
)
def test_a_plain_file_that_lacks_something_is_refused(tmp_path: Path, change: Any, message: str) -> None:
    with pytest.raises(ScanFileError, match=message):
        open_scan(write_broken(tmp_path / "a.h5", change))


def test_what_is_no_complete_hdf5_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "scan.h5"
    with pytest.raises(ScanFileError, match="expected a file, there is none"):
        open_scan(path)
    path.write_text("not HDF5 at all")
    with pytest.raises(ScanFileError, match="expected an HDF5 file"):
        open_scan(path)
    write_plain(path, [FRAMES], POSITIONS, GEOMETRY)
    whole = path.read_bytes()
    for kept in (0.3, 0.6, 0.99):
        path.write_bytes(whole[: int(kept * len(whole))])
        with pytest.raises(ScanFileError, match="truncated"):
            open_scan(path)


def test_a_damaged_frame_is_named(tmp_path: Path) -> None:
    path = tmp_path / "scan.h5"
    write_plain(path, [FRAMES], POSITIONS, GEOMETRY)
    with h5py.File(path) as file:
        chunk = file["frames"].id.get_chunk_info(4)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset : chunk.byte_offset + chunk.size] = b"\xff" * chunk.size
    path.write_bytes(content)
    with open_scan(path) as scan:
        np.testing.assert_array_equal(scan.frames(0, 4), FRAMES[:4])
        with pytest.raises(ScanFileError, match="frames 4 to 5 cannot be read"):
            scan.frames(4, 2)
