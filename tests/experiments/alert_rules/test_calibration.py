from datetime import date, timedelta

import numpy as np
import pytest

from data.site import Period
from experiments.alert_rules import calibration
from monitoring.measures import Measure

FIRST = date(2024, 3, 1)
DAYS = Period(FIRST, FIRST + timedelta(days=3))


@pytest.fixture
def measured(monkeypatch):
    """A measure of every day, and one that the second and the third have not."""

    def of_day(flights, weather, day: date) -> list[Measure]:
        always = Measure("flights", float(day.day))
        return [always] if day.day in (2, 3) else [always, Measure("weather_age", 10.0 * day.day)]

    monkeypatch.setattr(calibration, "feed_measures", of_day)


def test_a_measure_that_a_day_lacks_is_unknown_on_that_day_and_stays_where_it_is_on_the_others(measured):
    found = calibration._feeds(None, None, DAYS, lambda text: None)
    np.testing.assert_array_equal(found["flights"], [1, 2, 3, 4])
    np.testing.assert_array_equal(found["weather_age"], [10, np.nan, np.nan, 40])


def test_on_a_day_without_flights_the_models_performance_is_unknown(monkeypatch):
    class Scored:
        def of(self, day: date):
            n = 0 if day.day == 2 else 4_000
            return np.arange(n) % 4 == 0, np.full(n, 0.25)

    monkeypatch.setattr(calibration, "score", lambda *given: Scored())
    found = calibration._performance(None, None, DAYS, lambda text: None)
    for name in ("realised_auc", "log_loss_gap", "late_rate_gap"):
        np.testing.assert_array_equal(np.isnan(found[name]), [False, True, False, False])
    assert np.isfinite(found["performance_evidence"]).all()
