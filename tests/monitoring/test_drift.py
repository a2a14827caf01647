"""The distances that a run measures without Evidently's page are those that Evidently reports."""

import resource

import numpy as np
import pytest

from domain.flights import Floats
from monitoring.drift import measure_drift
from monitoring.reference import COLUMNS, Reference, is_categorical, make_reference


def watched_days() -> tuple[Floats, Reference]:
    """A day that drifted a little, and thirty days before it."""
    draw = np.random.default_rng(0)
    codes = [i for i, name in enumerate(COLUMNS) if is_categorical(name)]
    values = draw.normal(size=(6_000, len(COLUMNS)))
    values[:, codes] = draw.integers(100, 112, (6_000, len(codes)))
    reference = make_reference(COLUMNS, values, np.repeat(20130101 + np.arange(30), 200))
    current = draw.normal(0.1, 1.0, (900, len(COLUMNS)))
    current[:, codes] = draw.integers(100, 113, (900, len(codes)))
    return current, reference


@pytest.mark.filterwarnings("ignore")  # importing Evidently uses names that NumPy is about to drop
def test_without_the_page_the_distances_are_those_that_evidently_reports(tmp_path):
    current, reference = watched_days()
    with_page, without = measure_drift(current, reference, tmp_path), measure_drift(current, reference, None)
    assert with_page.html is not None
    assert with_page.html.exists()
    assert without.html is None
    assert [(m.name, m.slice) for m in without.measures] == [(m.name, m.slice) for m in with_page.measures]
    assert [m.value for m in without.measures] == pytest.approx(
        [m.value for m in with_page.measures], nan_ok=True
    )


@pytest.mark.filterwarnings("ignore")  # as above
def test_a_page_that_cannot_be_written_to_its_end_leaves_the_one_before(tmp_path):
    """As on a full disk."""
    current, reference = watched_days()
    measure_drift(current, reference, tmp_path)
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            measure_drift(current, reference, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


@pytest.mark.parametrize(("flights", "excess"), [(1, None), (29, None), (30, 0.9)])
def test_a_handful_of_flights_without_a_value_is_no_column_that_went_missing(flights, excess):
    draw = np.random.default_rng(0)
    values = draw.normal(size=(1_500, len(COLUMNS)))
    values[::10, 3] = np.nan
    reference = make_reference(COLUMNS, values, np.repeat(20130101 + np.arange(30), 50))
    current = draw.normal(size=(flights, len(COLUMNS)))
    current[:, 3] = np.nan
    [found] = [m for m in measure_drift(current, reference, None).measures if m.name == "missing_excess"]
    assert np.isnan(found.value) if excess is None else found.value == pytest.approx(excess)
