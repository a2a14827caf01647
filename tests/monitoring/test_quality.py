"""The detectors on real days of the dataset, with faults put in and without."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from data.dataset import load_dataset
from data.facts import facts_of
from domain.airports import AIRPORTS
from domain.clock import from_minute, minute_floor
from domain.flights import Network
from domain.monitored import ALL
from monitoring.quality import measure_quality
from monitoring.rules import NIGHTLY, evaluate
from monitoring.weather_quality import measure_weather
from monitoring.windows import run_moment
from tests.domain.worlds import NOON, Observation, weather_facts
from tests.monitoring.faults import FAULTS

DAYS = (date(2013, 2, 20), date(2013, 4, 12), date(2013, 7, 3), date(2013, 11, 14))
"""Winter, spring, the eve of a holiday in summer, autumn; a fault begins with the day."""
QUIET = (date(2013, 3, 12), date(2013, 5, 15), date(2013, 9, 25), date(2013, 10, 22))


@pytest.fixture(scope="session")
def facts(dataset_dir):
    return facts_of(load_dataset(dataset_dir).events)


def measured(flights, weather, day):
    """What the run of a day measures, from facts of the weeks around it."""
    as_of = run_moment(day)
    now = minute_floor(as_of)
    near = flights.take((flights.sched_dep > now - 31 * 1440) & (flights.sched_dep < now + 1440)).known_by(
        now
    )
    observed = weather.take((weather.known > now - 31 * 1440) & (weather.known <= now))
    labelled = near.flight_id[near.arr_known <= now]
    return measure_quality(near, observed, labelled, day, as_of)


def pages(flights, weather, days) -> set[str]:
    """Rules that page on any of some days in a row."""
    fired, history = set(), {}
    for day in days:
        for m in measured(flights, weather, day).measures:
            if m.slice == ALL:
                history.setdefault(m.name, []).insert(0, (day.isoformat(), m.value, m.n))
        fired |= {alert.rule for alert in evaluate(NIGHTLY, history) if alert.severity != "info"}
    return fired


@pytest.mark.parametrize("fault", FAULTS, ids=lambda name: name.replace(" ", "-"))
@pytest.mark.parametrize("day", DAYS, ids=str)
def test_every_fault_pages_within_two_days(facts, fault, day):
    since = minute_floor(datetime(day.year, day.month, day.day, 5, tzinfo=UTC))
    assert pages(*FAULTS[fault](*facts, since), (day, day + timedelta(days=1)))


@pytest.mark.parametrize("day", QUIET, ids=str)
def test_undisturbed_days_page_nobody(facts, day):
    assert pages(*facts, [day + timedelta(days=i) for i in range(4)]) == set()


def test_a_closed_airport_is_named(facts):
    flights, weather = FAULTS["an airport is closed"](
        *facts, minute_floor(datetime(2013, 4, 12, 5, tzinfo=UTC))
    )
    values = {(m.name, m.slice): m.value for m in measured(flights, weather, date(2013, 4, 12)).measures}
    assert values["departed_ratio", "origin=LGA"] < 0.1
    assert values["departed_ratio", "origin=EWR"] > 0.8


def test_what_became_known_after_the_run_changes_no_measure(facts):
    flights, weather = facts
    day = date(2013, 4, 12)
    now = minute_floor(run_moment(day))
    before = flights.known_by(now), weather.known_by(now)
    later = replace(flights, arr_delay=np.where(flights.arr_known > now, 999, flights.arr_delay))
    np.testing.assert_equal(
        [m.value for m in measured(*before, day).measures],
        [m.value for m in measured(later, weather, day).measures],
    )


def test_the_same_measures_come_whether_a_day_is_good_or_bad(facts):
    """A rule on a measure that is gone would never fire again."""
    day = date(2013, 4, 12)
    good = {m.name for m in measured(*facts, day).measures if m.slice == ALL}
    since = minute_floor(datetime(2013, 4, 12, 5, tzinfo=UTC))
    for fault in FAULTS.values():
        assert {m.name for m in measured(*fault(*facts, since), day).measures if m.slice == ALL} == good


def test_without_weeks_before_nothing_is_said_of_what_is_usual(facts):
    flights, weather = facts
    day = date(2013, 1, 1)
    values = {m.name: m.value for m in measured(flights, weather, day).measures if m.slice == ALL}
    assert np.isnan(
        [values["volume_ratio"], values["new_carrier_share"], values["ground_shift_minutes"]]
    ).all()
    assert pages(flights, weather, [day]) == set()


def test_a_station_in_celsius_is_seen_among_many_that_each_lose_a_tenth_of_their_reports():
    draw, network = np.random.default_rng(5), Network()
    names = sorted(AIRPORTS)[:30]
    hours = 29 * 24
    temperatures = 50 + draw.normal(0, 6, hours)[:, None] + draw.normal(0, 1, (hours, len(names)))
    temperatures[-24:, 0] = (temperatures[-24:, 0] - 32) / 1.8
    reported = draw.random(temperatures.shape) > 0.1
    observations = [
        Observation(names[at], -60 * (hours - hour), -60 * (hours - hour), {"temp_f": temperatures[hour, at]})
        for hour, at in np.argwhere(reported).tolist()
    ]
    found = measure_weather(weather_facts(observations, network), from_minute(NOON))
    gaps = {m.slice: m.value for m in found if m.name == "weather_station_gap" and "temp_f" in m.slice}
    [rule] = [rule for rule in NIGHTLY if rule.metric == "weather_station_gap"]
    assert gaps.pop(f"station={names[0]},temp_f") > rule.bound
    assert len(gaps) == len(names) - 1
    assert max(gaps.values()) < rule.bound


def age(reports) -> float:
    """How many hours older than usual the newest report is at noon; there is one where `reports` of hours ago."""
    hours = [ago for ago in range(1, 29 * 24) if reports(ago)]
    observations = [Observation("JFK", -60 * ago, 52 - 60 * ago, {"temp_f": 50.0 + ago % 7}) for ago in hours]
    found = measure_weather(weather_facts(observations, Network()), from_minute(NOON))
    [value] = [m.value for m in found if m.name == "weather_age_hours" and m.slice == "station=JFK"]
    return value


def test_a_station_that_is_closed_at_night_is_stale_only_when_it_does_not_open():
    [rule] = [rule for rule in NIGHTLY if rule.metric == "weather_age_hours"]

    def is_open(ago: int) -> bool:
        return ago % 24 >= 9

    assert age(is_open) < rule.bound
    assert age(lambda ago: is_open(ago) and ago > 24) > 20
    assert age(lambda ago: True) < rule.bound
    assert age(lambda ago: ago > 5) > rule.bound
    assert age(lambda ago: is_open(ago) and ago > 20 * 24) > 19 * 24


def test_no_weather_and_no_flights_at_all_are_no_error(facts):
    flights, weather = (table.take(slice(0, 0)) for table in facts)
    day = date(2013, 4, 12)
    assert measure_weather(weather, run_moment(day)) == []
    assert measured(flights, weather, day).scheduled == 0


def test_a_feed_that_was_dead_for_longer_than_the_weeks_looked_at_is_still_stale(facts):
    flights, weather = (table.take(slice(0, 0)) for table in facts)
    day = date(2013, 4, 12)
    as_of = run_moment(day)
    found = {
        heard: {
            m.name: m.value
            for m in measure_quality(flights, weather, flights.flight_id, day, as_of, heard).measures
            if m.name.endswith("_age_hours")
        }
        for heard in (as_of - timedelta(days=40), None)
    }
    stale, never = found.values()
    assert stale == {"departures_age_hours": 960.0, "arrivals_age_hours": 960.0}
    assert np.isnan(list(never.values())).all()
