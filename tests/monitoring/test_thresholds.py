import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

from monitoring.thresholds import ThresholdPolicy, day_distances, jensen_shannon, thresholds, wasserstein

DAYS, FLIGHTS = 90, 120


def world(seed: int, days: int = DAYS) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Columns whose values a day's flights share in part, as weather and queues are."""
    generator = np.random.default_rng(seed)
    day = np.repeat(np.arange(days), FLIGHTS)
    shared = {name: generator.normal(size=days)[day] for name in ("weather", "queue")}
    columns = {name: values + generator.normal(size=len(day)) for name, values in shared.items()}
    return columns | {"carrier": generator.integers(0, 12, len(day)).astype(float)}, day


def distances(columns: dict[str, np.ndarray], day: np.ndarray) -> dict[str, np.ndarray]:
    return {name: day_distances(values, day, name == "carrier") for name, values in columns.items()}


def test_distances_are_those_of_the_library():
    generator = np.random.default_rng(3)
    reference, current = generator.normal(size=400), generator.normal(0.4, 2.0, 90)
    expected = wasserstein_distance(reference, current) / reference.std()
    assert wasserstein(reference, current) == pytest.approx(expected, rel=1e-9)
    counts = generator.integers(1, 50, (2, 9)).astype(float)
    assert jensen_shannon(*counts) == pytest.approx(jensenshannon(*counts), rel=1e-9)


def test_undisturbed_days_are_flagged_about_as_rarely_as_stated():
    """Thresholds of one half-year, compared with the days of other half-years of the same world."""
    policy = ThresholdPolicy(false_alarm_rate=0.05)
    flagged, days = 0, 0
    for seed in range(6):
        bounds = thresholds(distances(*world(seed)), policy)
        fresh = distances(*world(seed + 100))
        worst = np.max([fresh[name] / bounds[name] for name in bounds], axis=0)
        flagged += int((worst >= 1).sum())
        days += len(worst)
    assert 0.01 < flagged / days < 0.10


def test_a_shifted_day_lies_far_beyond_its_threshold():
    columns, day = world(1)
    bounds = thresholds(distances(columns, day), ThresholdPolicy())
    columns["weather"][day == 40] += 12.0
    assert distances(columns, day)["weather"][40] > 1.5 * bounds["weather"]


def test_a_column_without_values_has_no_threshold():
    columns, day = world(2)
    columns["queue"][:] = np.nan
    assert set(thresholds(distances(columns, day), ThresholdPolicy())) == {"weather", "carrier"}


def test_too_short_a_reference_is_refused():
    with pytest.raises(ValueError, match="at least 14 days, got 10"):
        thresholds(distances(*world(0, days=10)), ThresholdPolicy())
