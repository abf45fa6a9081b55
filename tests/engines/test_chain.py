from __future__ import annotations

import pytest
import torch

from engines.chain import Chain, Stage
from engines.dataset import GrowingDataset
from engines.dm import DM
from engines.er import ER
from engines.live import LiveRun
from engines.ml import ML
from engines.offline import Chunk, drive, offline_run
from engines.pie import RPIE
from engines.policy import LivePolicy
from engines.probes import initial_probe
from engines.simulate import Scan
from engines.state import Engine


@pytest.fixture
def probe(scan: Scan, dataset: GrowingDataset) -> torch.Tensor:
    mean = dataset.mean_magnitudes()
    return initial_probe("data,defocus=2.8mm", scan.geometry, float(dataset.counts().mean()), mean)


def who(chain: Chain, last: int | None, count: int) -> list[type[Engine]]:
    return [type(chain.at(iteration, last)) for iteration in range(count)]


def test_engines_take_over_and_the_last_closes_the_run() -> None:
    rpie, dm, ml = RPIE(), DM(), ML()
    assert who(Chain((Stage(rpie, 2), Stage(dm, None))), None, 4) == [RPIE, RPIE, DM, DM]
    three = Chain((Stage(rpie, 1), Stage(dm, 2), Stage(ml, 2)))
    assert who(three, 5, 5) == [RPIE, DM, DM, ML, ML]
    assert who(three, None, 6) == [RPIE, DM, DM, DM, DM, DM], "frames still arrive"
    assert who(three, 8, 8)[5:] == [DM, ML, ML]
    assert who(Chain((Stage(dm, 2), Stage(ml, None))), 4, 4) == [DM, DM, ML, ML]


def test_the_last_engine_closes_a_run_that_is_too_short_for_those_before() -> None:
    three = Chain((Stage(RPIE(), 3), Stage(DM(), 100), Stage(ML(), 2)))
    assert who(three, 7, 7) == [RPIE, RPIE, RPIE, DM, DM, ML, ML]
    assert who(three, 4, 4) == [RPIE, RPIE, ML, ML]


def test_only_the_last_engine_may_go_uncounted() -> None:
    with pytest.raises(ValueError, match="expected iterations for each but the last"):
        Chain((Stage(DM(), None), Stage(ML(), 3)))


def test_a_chain_offline(scan: Scan, dataset: GrowingDataset, probe: torch.Tensor) -> None:
    chain = Chain((Stage(RPIE(), 5), Stage(DM(metrics_every=1), 20), Stage(ML(), 10)))
    errors = [p.error for p in drive(offline_run(chain, 35, dataset, scan.canvas, probe))]
    assert len(errors) == 35
    assert errors[-1] < 1.05 * min(errors[:25])


def test_a_chain_live(scan: Scan, feed: list[Chunk], probe: torch.Tensor) -> None:
    chain = Chain((Stage(RPIE(), 4), Stage(ER(), 100), Stage(ML(), 7)))
    policy = LivePolicy(start_after=20, chunk=10, iterations_per_chunk=3, final_iterations=2)
    run = LiveRun(chain, policy, GrowingDataset(64), scan.canvas, probe)
    history = list(drive(run, feed))
    assert run.turn == 2
    assert len(history) == 3 * 4 + 7, "the closing engine has its iterations after the last frame, whatever the policy"
    assert [p.frames for p in history[12:]] == [60] * 7
    assert history[-1].error < history[11].error
