import numpy as np
import pytest

from experiments.benchmarks.engines import ENGINES, TICKS_A_MONTH


@pytest.fixture
def arrivals():
    generator = np.random.default_rng(1)
    low = generator.integers(-80, TICKS_A_MONTH + 20, 500)
    return {
        "carrier": generator.integers(0, 3, 500),
        "delay": generator.integers(-60, 300, 500),
        "low": low,
        "high": low + generator.integers(0, 73, 500),
    }


def one_by_one(arrivals):
    table = np.zeros((2, TICKS_A_MONTH, 3))
    for carrier, delay, low, high in zip(*arrivals.values(), strict=True):
        for tick in range(max(low, 0), min(high, TICKS_A_MONTH)):
            table[:, tick, carrier] += (1, delay)
    return table


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_gives_the_table_of_a_plain_loop(engine, arrivals):
    assert np.array_equal(ENGINES[engine](arrivals, 3), one_by_one(arrivals))
