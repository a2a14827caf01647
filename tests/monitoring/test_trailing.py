import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

from monitoring.drift import measure_drift
from monitoring.reference import COLUMNS, PREDICTION, is_categorical, make_reference
from monitoring.trailing import distance, measure_trailing, prediction_drift

FLIGHTS, DAYS = 80, 28
WEATHER = COLUMNS.index("weather_temp_f")


def table(days: int, seed: int) -> np.ndarray:
    draw = np.random.default_rng(seed)
    values = draw.normal(size=(days * FLIGHTS, len(COLUMNS)))
    for i, name in enumerate(COLUMNS):
        if is_categorical(name):
            values[:, i] = draw.integers(0, 6, len(values))
    values[:, -1] = draw.beta(2, 6, len(values))
    return values


@pytest.fixture(scope="module")
def weeks():
    return make_reference(COLUMNS, table(DAYS, 1), np.repeat(np.arange(DAYS), FLIGHTS))


def found(measures, name):
    return {m.slice: m for m in measures if m.name == name}


def test_a_day_like_the_weeks_before_has_not_drifted(weeks):
    measures = measure_trailing(table(2, 7), weeks)
    assert found(measures, "drift_trailing_columns")["all"].value == 0
    [m] = prediction_drift(measures, "drift_trailing", "prediction_drift_trailing")
    assert m.value < 1


def test_a_shifted_column_and_shifted_predictions_have_each_their_measure(weeks):
    current = table(2, 7)
    current[:, WEATHER] += 2.0
    current[:, -1] = np.clip(current[:, -1] + 0.4, 0, 1)
    measures = measure_trailing(current, weeks)
    assert found(measures, "drift_trailing_columns")["all"].value == 1
    by_column = found(measures, "drift_trailing")
    assert by_column["weather_temp_f"].value > by_column["weather_temp_f"].high
    [m] = prediction_drift(measures, "drift_trailing", "prediction_drift_trailing")
    assert m.value > 1
    assert by_column[PREDICTION].value == pytest.approx(m.value * by_column[PREDICTION].high)


def test_distances_are_those_of_the_library():
    before, today = table(3, 1), table(1, 2)
    for i, name in enumerate(COLUMNS[:8]):
        x, y = before[:, i], today[:, i]
        if is_categorical(name):
            counts = [np.bincount(v.astype(int), minlength=6) for v in (x, y)]
            assert distance(x, y, name) == pytest.approx(jensenshannon(*counts))
        else:
            assert distance(x, y, name) == pytest.approx(wasserstein_distance(x, y) / x.std())


def test_a_column_without_values_today_is_left_out(weeks):
    current = table(2, 7)
    current[:, WEATHER] = np.nan
    assert "weather_temp_f" not in found(measure_trailing(current, weeks), "drift_trailing")


@pytest.mark.parametrize("flights", [0, 1, 99])
def test_of_a_day_of_few_flights_nobody_knows_whether_it_drifted(weeks, flights):
    current = table(2, 7)[:flights]
    for measures, name in (
        (measure_trailing(current, weeks), "drift_trailing_columns"),
        (measure_drift(current, weeks, None).measures, "drift_columns"),
    ):
        counted = found(measures, name)["all"]
        assert np.isnan(counted.value), name
        assert counted.n == 0
