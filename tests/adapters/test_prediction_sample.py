from dataclasses import fields
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from adapters.label_store import LabelStore
from adapters.prediction_lines import to_copy_line
from adapters.prediction_log import PredictionLog
from adapters.prediction_sample import HeadlineLead, PredictionSampler
from monitoring.windows import HEADLINE_LEAD, LEAD_TOLERANCE, headline
from tests.builders import flight_id, prediction

DAY = date(2013, 4, 11)
DEPARTURE = datetime(2013, 4, 11, 16, tzinfo=UTC)
NOW = datetime(2013, 4, 12, 10, tzinfo=UTC)
CONTRACT = "c" * 64
LEADS = (60, 55, 65, 60, 20, 700, 89, 91, 31)


@pytest.fixture
def log(postgres):
    """Forty flights, each asked about at several leads, some twice at once, with latencies of 1 to 360 ms."""
    lines = []
    for number in range(1, 41):
        for i, lead in enumerate(LEADS[: 1 + number % len(LEADS)]):
            as_of = DEPARTURE - timedelta(minutes=lead)
            lines.append(to_copy_line(prediction(
                number, DEPARTURE, as_of=as_of, lead_minutes=lead, state_tick=as_of - timedelta(minutes=number % 7),
                latency_us=1000 * (number * 9 + i), probability=number / 100,
            )))  # fmt: skip
    log = PredictionLog(postgres)
    log.ship("api-1", 0, b"".join(lines))
    LabelStore(postgres).append(flight_id(3, DEPARTURE), 40, DEPARTURE, "test")
    LabelStore(postgres).append(flight_id(4, DEPARTURE), 1, NOW + timedelta(days=1), "test")
    return log


@pytest.fixture
def sampler(postgres, log):
    return PredictionSampler(postgres, HeadlineLead(HEADLINE_LEAD, LEAD_TOLERANCE))


def test_one_prediction_a_flight_is_the_one_that_python_would_choose(sampler, log):
    every = log.fetch(DAY, known_by=NOW, contract_hash=CONTRACT)
    expected = every.take(headline(every))
    found = sampler.sample(DAY, DAY, NOW, CONTRACT, 1000, len(every))
    assert found.share == 1
    for name in ("flight_id", "as_of", "lead_minutes", "probability", "is_late", "features"):
        np.testing.assert_array_equal(getattr(found.predictions, name), getattr(expected, name))


def test_labels_are_those_that_were_known(sampler):
    found = sampler.sample(DAY, DAY, NOW, CONTRACT, 1000, 1000).predictions
    late = dict(zip(found.flight_id.tolist(), found.is_late.tolist(), strict=True))
    assert late[flight_id(3, DEPARTURE)] == 1
    assert np.isnan(late[flight_id(4, DEPARTURE)])


def test_totals_count_every_prediction_and_give_its_latency(sampler, log):
    every = log.fetch(DAY)
    totals = sampler.totals(DAY, DAY)
    assert totals.predictions == len(every)
    assert totals.near_headline == (np.abs(every.lead_minutes - 60) <= 30).sum()
    assert totals.oldest_state_minutes == 6
    for share in (0.5, 0.95, 0.99):
        exact = np.quantile(every.latency_us, share, method="inverted_cdf")
        assert totals.latency_quantile(share) == pytest.approx(exact, rel=0.01)


def test_of_many_flights_a_share_is_given_the_same_every_time(sampler, monkeypatch):
    monkeypatch.setattr(sampler, "_share", lambda *_: 0.4)
    first = sampler.sample(DAY, DAY, NOW, CONTRACT, 16, 40)
    again = sampler.sample(DAY, DAY, NOW, CONTRACT, 16, 40)
    assert 4 < len(first.predictions) < 30
    assert first.predictions.flight_id.tolist() == again.predictions.flight_id.tolist()
    assert first.scaled(len(first.predictions)) == round(len(first.predictions) / 0.4)


def test_without_features_none_are_read(sampler):
    assert sampler.sample(DAY, DAY, NOW, CONTRACT, 99, 99, with_features=False).predictions.features.size == 0


def test_one_read_finds_the_last_day_and_the_window_as_two_reads_do(sampler, log):
    before = [
        to_copy_line(prediction(n, DEPARTURE - timedelta(days=ago), probability=n / 50))
        for ago in (1, 6, 7)
        for n in range(1, 21)
    ]
    log.ship("api-2", 0, b"".join(before))
    first = DAY - timedelta(days=6)
    newest, window = sampler.newest_and_window(first, DAY, NOW, CONTRACT)
    assert (len(newest), len(window)) == (40, 80)
    for found, days, with_features in ((newest, (DAY, DAY), True), (window, (first, DAY), False)):
        expected = sampler.sample(*days, NOW, CONTRACT, 1000, 1000, with_features=with_features).predictions
        for field in fields(found):
            np.testing.assert_array_equal(getattr(found, field.name), getattr(expected, field.name))


def test_another_days_flights_and_another_contracts_are_left_out(sampler):
    other = DAY + timedelta(days=1)
    assert sampler.totals(other, other).predictions == 0
    assert np.isnan(sampler.totals(other, other).latency_quantile(0.5))
    assert len(sampler.sample(other, other, NOW, CONTRACT, 99, 0).predictions) == 0
    assert len(sampler.sample(DAY, DAY, NOW, "d" * 64, 99, 99).predictions) == 0
