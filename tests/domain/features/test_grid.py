import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from domain.features.grid import DAY_MINUTES, GRID_MINUTES, slow_boundary, tick_of

MINUTES = st.integers(0, 40_000_000)


@given(MINUTES)
def test_a_moment_belongs_to_the_tick_at_or_just_before_it(minute):
    tick = tick_of(minute)
    assert tick % GRID_MINUTES == 0
    assert 0 <= minute - tick < GRID_MINUTES


@given(MINUTES)
def test_the_slow_boundary_is_the_last_eight_in_the_morning_utc(minute):
    boundary = slow_boundary(minute)
    assert boundary % DAY_MINUTES == 8 * 60
    assert 0 <= minute - boundary < DAY_MINUTES
    assert boundary % GRID_MINUTES == 0


def test_arrays_and_single_minutes_agree():
    minutes = np.array([4, 5, 479, 480, 22_616_820])
    assert tick_of(minutes).tolist() == [tick_of(m) for m in minutes.tolist()]
    assert slow_boundary(minutes).tolist() == [slow_boundary(m) for m in minutes.tolist()]
