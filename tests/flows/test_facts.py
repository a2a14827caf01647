"""One read of the event log serves the measures of the feeds and the vectors that are computed again."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from adapters.prediction_columns import PredictionColumns
from adapters.prediction_lines import to_copy_line
from domain.features.catalogue import CONTRACT_HASH
from flows import parts as flow_parts
from flows import tasks
from flows.parts import Parts, make_parts
from flows.tasks import measure
from flows.tasks.measure import Facts, recompute_vectors
from monitoring import quality
from tests.builders import arrived, departed, observation, prediction, scheduled

pytestmark = pytest.mark.integration
DAY = date(2013, 4, 11)
NOON = datetime(2013, 4, 11, 16, tzinfo=UTC)
FIRST, LAST = NOON.replace(hour=0) - timedelta(days=29), NOON.replace(hour=0) + timedelta(days=2)


@pytest.fixture
def own(postgres, stack_settings, monkeypatch) -> Iterator[Parts]:
    """Five weeks of flights and weather, a flight that was retimed, and predictions of the last day."""
    own = make_parts(stack_settings)
    monkeypatch.setattr(flow_parts, "make_parts", lambda _: own)
    flow_parts.parts.cache_clear()
    own.clock.set_simulated(NOON + timedelta(days=1))
    for ago in range(36):
        departure = NOON - timedelta(days=ago)
        events = [scheduled(i, departure) for i in (1, 2, 3)]
        events += [e for i in (1, 2) for e in (departed(i, departure, 5 + i), arrived(i, departure, 9 * i))]
        own.events.append(events, [observation("JFK", departure, temp_f=50.0 + ago)])
    retimed = replace(
        scheduled(3, NOON),
        scheduled_departure=NOON + timedelta(hours=1),
        scheduled_arrival=NOON + timedelta(hours=4),
        known_at=NOON - timedelta(hours=3),
    )
    own.events.append([retimed], [])
    own.log.ship(
        "api", 0, b"".join(to_copy_line(prediction(i, NOON, contract_hash=CONTRACT_HASH)) for i in (1, 2, 3))
    )
    yield own
    flow_parts.parts.cache_clear()
    own.database.close()


@pytest.fixture
def run(own) -> tasks.RunContext:
    return tasks.begin.fn(DAY)


@pytest.fixture
def predictions(own) -> PredictionColumns:
    return own.log.fetch(DAY)


def empty(facts: Facts) -> Facts:
    """The same span without a fact: whoever used it would find something else."""
    return replace(facts, flights=facts.flights.take(slice(0)), weather=facts.weather.take(slice(0)))


def test_vectors_are_the_same_to_the_bit_as_of_a_read_of_their_own(own, run, predictions):
    rows = np.arange(len(predictions))
    facts = tasks.fetch_facts.fn(run)
    apart = recompute_vectors(predictions, rows, replace(empty(facts), since=NOON))
    assert np.isfinite(apart).mean() > 0.3
    assert recompute_vectors(predictions, rows, facts).tobytes() == apart.tobytes()


def test_a_state_older_than_any_that_is_served_gets_a_read_of_its_own(own, run, predictions):
    old, rows = (
        replace(predictions, state_tick=predictions.state_tick - 4 * 1440),
        np.arange(len(predictions)),
    )
    since = FIRST - timedelta(days=30)
    wide = Facts(since, run.as_of, *own.events.facts(run.as_of, since))
    expected = recompute_vectors(old, rows, wide)
    assert recompute_vectors(old, rows, empty(tasks.fetch_facts.fn(run))).tobytes() == expected.tobytes()
    assert recompute_vectors(old, rows, empty(wide)).tobytes() != expected.tobytes()


def test_feeds_are_measured_by_the_same_weeks_as_before(own, run):
    flights, weather = own.events.facts(run.as_of, FIRST, LAST)
    labels = own.labels.known_by(run.as_of, DAY, DAY)
    heard, _ = own.events.newest(run.as_of)
    expected = quality.measure_quality(flights.latest(), weather, labels.flight_id, DAY, run.as_of, heard)
    found = tasks.measure_quality.fn(run, tasks.fetch_facts.fn(run))
    assert len(tasks.fetch_facts.fn(run).flights) > len(flights)
    assert repr(found) == repr(expected)


def test_of_more_flights_than_a_day_reads_a_sample_is_read_and_the_week_whole(own, run, monkeypatch):
    totals, week = tasks.count_predictions.fn(run), tasks.count_predictions.fn(run, 7)
    every, _ = tasks.sample_predictions.fn(run, totals, week, 7)
    assert (every.share, len(every.predictions)) == (1.0, 3)
    monkeypatch.setattr(measure, "DAY_SAMPLE", 2)
    monkeypatch.setattr(own.analysis.sampler, "_share", lambda *asked: 0.7 if asked[2] == 2 else 1.0)
    newest, window = tasks.sample_predictions.fn(run, totals, week, 7)
    assert newest.share == 0.7
    assert (window.share, len(window.predictions)) == (1.0, 3)
