import math
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service import wire
from service.descriptions import Geometry
from tests.service.harness import SHAPE, make_start

keys = st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=128)
runs = st.text(st.characters(categories=("L", "N", "P")), max_size=64)
whole = st.integers(0, wire.MAX_INTEGER)
dtypes = st.sampled_from(["<u2", ">u2", "|u1", "<u4", "<i4", "<f4"])
shapes = st.tuples(st.integers(1, 64), st.integers(1, 64))
amounts = st.floats(1e-12, 1e12)


@st.composite
def frames_headers(draw: st.DrawFn) -> wire.Frames:
    n = draw(st.integers(1, 20))
    enc = draw(st.sampled_from(["raw", "bslz4", "lz4"]))
    sizes = () if enc == "raw" else tuple(draw(st.lists(st.integers(1, 10_000), min_size=n, max_size=n)))
    return wire.Frames(
        scan=draw(keys),
        run=draw(runs),
        seq=draw(whole),
        i0=draw(whole),
        n=n,
        shape=draw(shapes),
        dtype=draw(dtypes),
        enc=enc,
        sizes=sizes,
        ts_ns=draw(whole),
    )


geometries = st.builds(Geometry, energy_J=amounts, distance_m=amounts, detector_pixel_m=amounts)
messages = st.one_of(
    frames_headers(),
    st.builds(wire.Positions, scan=keys, run=runs, seq=whole, i0=whole, n=st.integers(1, 1000), ts_ns=whole),
    st.builds(wire.End, scan=keys, run=runs, stream=st.sampled_from(["frames", "positions"]), count=whole),
    st.builds(wire.Abort, scan=keys, run=runs, reason=st.text(max_size=500)),
    st.builds(wire.Start, scan=keys, run=runs, frame_shape=shapes, dtype=dtypes, geometry=geometries, ts_ns=whole),
)


@given(messages)
def test_a_message_comes_back_as_it_was(message: wire.Message) -> None:
    header = wire.encode(message)
    assert wire.decode(header) == message
    assert wire.decode(memoryview(header)) == message
    assert wire.buffer_bytes(message) >= 0


def understood(header: bytes) -> bool:
    """Whether bytes are a message whose buffer may come, or a `WireError` that says why not; all else is raised."""
    try:
        return wire.buffer_bytes(wire.decode(header)) <= wire.MAX_BUFFER_BYTES
    except wire.WireError as error:
        return bool(str(error))


@given(st.binary(max_size=300))
def test_any_bytes_are_a_message_or_a_wire_error(header: bytes) -> None:
    assert understood(header)


@given(messages, st.data())
def test_damaged_headers_are_a_message_or_a_wire_error(message: wire.Message, data: st.DataObject) -> None:
    header = bytearray(wire.encode(message))
    for _ in range(data.draw(st.integers(1, 4))):
        header[data.draw(st.integers(0, len(header) - 1))] = data.draw(st.integers(0, 255))
    assert understood(bytes(header))
    assert understood(bytes(header[: data.draw(st.integers(0, len(header)))]))


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(messages, st.data())
def test_wrong_values_are_a_message_or_a_wire_error(message: wire.Message, data: st.DataObject) -> None:
    fields: dict[str, Any] = msgpack.unpackb(wire.encode(message))
    for name in data.draw(st.lists(st.sampled_from(sorted(fields)), min_size=1, max_size=3)):
        fields[name] = data.draw(anything)
    assert understood(msgpack.packb(fields))


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (b"", "msgpack"),
        (b"\xc1", "msgpack"),
        (msgpack.packb([1]), "expected a map, got list"),
        (msgpack.packb({"v": 2, "t": "end"}), "expected version 1, got 2"),
        (msgpack.packb({"t": "end"}), "expected version 1, got None"),
        (msgpack.packb({"v": 1, "t": "stop"}), "stop"),
        (bytes(wire.MAX_HEADER_BYTES + 1), f"at most {wire.MAX_HEADER_BYTES} bytes, got {wire.MAX_HEADER_BYTES + 1}"),
        (wire.encode(wire.Abort(scan="a"))[:-1], "msgpack"),
        (msgpack.packb({"v": 1, "t": "abort", "scan": "a\nb"}), "printable"),
        (msgpack.packb({"v": 1, "t": "abort", "scan": "a", "run": "\n"}), "run: .*printable"),
        (msgpack.packb({"v": 1, "t": "abort", "scan": "a", "run": "r" * 65}), "run: .*at most 64"),
        (msgpack.packb({"v": 1, "t": "abort", "scan": "a", "colour": 1}), "colour"),
        (msgpack.packb({"v": 1, "t": "end", "scan": "a", "stream": "frames", "count": -1}), "count"),
    ],
)
def test_what_is_wrong_is_said(header: bytes, said: str) -> None:
    with pytest.raises(wire.WireError, match=said):
        wire.decode(header)


@pytest.mark.parametrize("dtype", ["<u3", "<u2\n", "O", "<c8", "float", "f1", ""])
def test_a_dtype_that_no_detector_sends_is_refused(dtype: str) -> None:
    with pytest.raises(wire.WireError, match="dtype: expected"):
        wire.frame_dtype(dtype)


@pytest.mark.parametrize("energy", [0.0, -1.0, math.nan, math.inf])
def test_geometry_must_be_real(energy: float) -> None:
    fields = msgpack.unpackb(wire.encode(make_start()))
    fields["geometry"]["energy_J"] = energy
    with pytest.raises(wire.WireError, match="energy_J"):
        wire.decode(msgpack.packb(fields))


def test_too_large_a_buffer_is_refused_by_its_header() -> None:
    frames = wire.Frames(scan="a", seq=0, i0=0, n=1 << 20, shape=(4096, 4096), dtype="<u4")
    with pytest.raises(wire.WireError, match="at most"):
        wire.buffer_bytes(frames)


def test_compressed_frames_say_their_sizes() -> None:
    frames = wire.Frames(scan="a", seq=0, i0=0, n=3, shape=(4, 4), dtype="<u2", enc="bslz4", sizes=(5, 6))
    with pytest.raises(wire.WireError, match="expected 3 of them, got 2"):
        wire.buffer_bytes(frames)


FLAT = ("background", np.ones((2, 2), "<f4"))


def test_arrays_of_a_start_come_back_and_must_fit() -> None:
    given = {"plan": np.arange(6.0).reshape(3, 2), "probe": np.ones((1, 4, 4), "<c8"), "mask": np.ones(SHAPE, "|u1")}
    given["background"] = np.ones(SHAPE, "<f4")
    header, buffer = wire.pack_start(make_start(), **given)
    start = wire.decode(header)
    assert isinstance(start, wire.Start)
    assert wire.buffer_bytes(start) == len(buffer)
    for name, array in wire.start_arrays(start, buffer).items():
        np.testing.assert_array_equal(array, given[name])
    for name, bad in (("plan", np.zeros((3, 3))), ("plan", np.zeros(4)), ("mask", np.ones((2, 2), "|u1")), FLAT):
        header, buffer = wire.pack_start(make_start(), **{name: bad})
        start = wire.decode(header)
        assert isinstance(start, wire.Start)
        with pytest.raises(wire.WireError, match=f"{name}: expected"):
            wire.start_arrays(start, buffer)


@given(st.binary(max_size=100) | anything.map(msgpack.packb))
def test_any_acknowledgement_is_one_or_a_wire_error(data: bytes) -> None:
    try:
        said: wire.Recorded | str = wire.decode_recorded(data)
    except wire.WireError as error:
        said = str(error)
    assert said


def test_an_acknowledgement_comes_back() -> None:
    recorded = wire.Recorded(
        scan="a", stream="frames", ranges=((0, 4), (6, 6)), start_ns=5, ended=True, run="a1", refused="over"
    )
    assert wire.decode_recorded(wire.encode(recorded)) == recorded
