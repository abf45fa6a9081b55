import numpy as np

from service import wire
from tests.service.harness import Ingest, end_message, frame, frames_message, make_start, positions_message


def test_a_scan_is_recorded_and_ends(ingest: Ingest) -> None:
    ingest.run()
    ingest.send(wire.pack_start(make_start(), plan=np.zeros((10, 2))))
    for first in range(0, 10, 5):
        ingest.send(frames_message(first, 5), positions_message(first, 5))
    ingest.send(end_message("frames", 10), end_message("positions", 10))
    record = ingest.wait_state("ended")
    refs, positions, frames = ingest.recorded(record)
    assert refs["index"].tolist() == positions.tolist() == list(range(10))
    np.testing.assert_array_equal(frames, np.stack([frame(i) for i in range(10)]))
    assert record.totals == {"received": 10, "positions": 10, "paired": 10, "lost": 0, "duplicated": 0, "refused": 0}
    assert ingest.stop()[0] == 0
