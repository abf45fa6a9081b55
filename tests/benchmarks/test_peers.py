import numpy as np
import pytest

from benchmarks.peers.report import ROUNDS, Bound, Curve, table, time_to
from benchmarks.peers.scan import error

NMSE = [0.1, 2e-3, 9e-4, 5e-4]


@pytest.mark.parametrize(("limit", "expected"), [(1e-3, 6.0), (2e-3, 3.0), (0.5, 1.0), (1e-4, None)])
def test_time_to_an_error_counts_every_iteration_up_to_the_first_that_is_as_good(limit, expected):
    assert time_to(limit, NMSE, [1.0, 2.0, 3.0, 4.0]) == expected


def test_a_curve_that_rises_again_was_there_when_it_first_was():
    assert time_to(1e-3, [1e-3, 0.5, 1e-4], [1.0, 1.0, 1.0]) == 1.0


def test_the_first_iteration_sets_up_and_is_left_out_of_the_median():
    curve = Curve("x 1", "dm", wall_s=[90.0, 5.0, 7.0], cpu_s=[80.0, 1.0, 2.0], nmse=[1.0, 1.0, 1.0])
    assert curve.iteration_s() == (1.5, 6.0)
    assert curve.mean_s(2) == 2.0


def test_medians_are_over_the_rounds_that_all_programs_shared():
    seconds = [9.0] + [2.0] * (ROUNDS - 1)
    longer = Curve("x 1", "rpie", wall_s=[*seconds, *[1.0] * 50], cpu_s=[*seconds, *[1.0] * 50], nmse=[1.0] * 57)
    assert longer.iteration_s() == (2.0, 2.0)


def test_the_table_has_a_line_a_curve_and_says_where_the_limit_was_not_reached():
    reached = Curve("x 1.2", "rpie", wall_s=[2.0, 4.0, 6.0, 8.0], cpu_s=[1.0, 2.0, 3.0, 4.0], nmse=NMSE)
    missed = Curve("y 3", "dm", wall_s=[2.0, 2.0], cpu_s=[1.0, 1.0], nmse=[0.5, 0.25])
    lines = table([reached, missed], 1e-3).splitlines()
    assert lines[2] == "| x 1.2 | rpie | 3.000 | 6.000 | 3 | 6.00 | 12.00 |"
    assert lines[3] == "| y 3 | dm | 1.000 | 2.000 | not in 2 (2.5e-01) |  |  |"
    assert len({line.count("|") for line in lines}) == 1


@pytest.mark.parametrize(
    ("bound", "holds"),
    [
        (Bound("faster", 4.0, least=4), True),
        (Bound("faster", 3.99, least=4), False),
        (Bound("adds", 0.59, below=0.6), True),
        (Bound("adds", 0.6, below=0.6), False),
    ],
)
def test_bounds(bound, holds):
    assert bound.holds is holds
    assert str(bound).startswith("kept" if holds else "MISSED")


def test_the_error_forgives_constant_and_ramp_but_nothing_else():
    rng = np.random.default_rng(0)
    truth = np.exp(1j * rng.uniform(0, 1, (24, 20)))
    scan = {"truth": truth, "region": np.ones(truth.shape, bool)}
    rows, cols = np.indices(truth.shape)
    assert error(truth * 3j * np.exp(0.01j * rows - 0.02j * cols), scan) < 1e-12
    assert error(np.ones_like(truth), scan) > 0.01
    assert error(np.full_like(truth, np.nan), scan) == np.inf
