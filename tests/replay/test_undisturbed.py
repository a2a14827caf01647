from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from domain.clock import NEVER, minute_floor
from domain.flights import FlightFacts, Network, Queries, WeatherFacts
from monitoring import windows
from monitoring.measures import Measure
from monitoring.rules import Alert
from replay import undisturbed
from replay.undisturbed import FIRST_DAY, WEEK, Months
from training.training_set import TrainingSet

MONDAY = date(2013, 1, 7)
WEEKS = [MONDAY + WEEK * i for i in range(3)]
MARCH = date(2013, 3, 11)
"""The Monday after the clocks of New York went forward."""


def minute(day: date, hour: int) -> int:
    return minute_floor(datetime(day.year, day.month, day.day, tzinfo=UTC)) + hour * 60


def months(first: date = MONDAY, days: int = 21, hour: int = 17) -> Months:
    """A flight a day that leaves at `hour` UTC and arrives an hour later, and an observation a day, its number."""
    dates = [first + timedelta(days=i) for i in range(days)]
    gone = np.array([minute(day, hour) for day in dates], dtype=np.int64)
    names = np.array([f"UA1-EWR-{day:%Y%m%d}" for day in dates])
    network = Network()
    codes = np.zeros(days, dtype=np.int64)
    network.carriers.code("UA")
    network.airports.code("EWR")
    flights = FlightFacts(
        network, names, codes, codes, codes + network.airports.code("IAH"), gone, gone + 60, gone - 40_000, gone,
        codes, gone + 60, codes, codes + 50, np.full(days, NEVER),
    )  # fmt: skip
    weather = WeatherFacts(network, codes, gone - 60, gone, np.arange(days * 9.0).reshape(days, 9))
    text = names.astype(str)
    rows = TrainingSet(
        X=np.zeros((days, 1)), y=np.arange(days) % 2 == 0, lead=codes + 60, flight_id=names,
        day=np.array([int(f"{day:%Y%m%d}") for day in dates]),
        queries=Queries(text, text, text, gone, gone + 60, gone - 60), as_of=datetime(2013, 4, 1, tzinfo=UTC),
    )  # fmt: skip
    return Months(flights, weather, rows, np.full(days, 0.5))


def test_drawn_weeks_lie_one_after_another_with_their_weekdays():
    laid = undisturbed.lay(months(), [WEEKS[1], WEEKS[1], WEEKS[0]])
    expected = [FIRST_DAY + timedelta(days=i) for i in range(21)]
    assert [name[-8:] for name in laid.flights.flight_id.tolist()] == [f"{day:%Y%m%d}" for day in expected]
    assert all(day.weekday() == source.weekday() for day, source in laid.source.items())
    assert laid.source[FIRST_DAY + WEEK] == WEEKS[1]
    # The weather is that of the drawn days: the second and the first week's numbers.
    assert (laid.weather.values[:, 0] / 9).tolist() == [*range(7, 14), *range(7, 14), *range(7)]


def test_every_moment_of_a_flight_moves_with_it_and_what_never_happened_still_never_did():
    source = months()
    laid = undisturbed.lay(source, [WEEKS[2]]).flights
    moved = laid.sched_dep - source.flights.sched_dep[14:]
    assert set(moved.tolist()) == {minute(FIRST_DAY, 0) - minute(WEEKS[2], 0)}
    for name in ("sched_arr", "dep_known", "arr_known", "scheduled_known"):
        np.testing.assert_array_equal(getattr(laid, name) - getattr(source.flights, name)[14:], moved)
    assert set(laid.cancelled_known.tolist()) == {NEVER}


def test_a_summer_hour_keeps_its_local_time():
    laid = undisturbed.lay(months(MARCH, 7, hour=16), [MARCH])  # noon in New York in summer
    assert laid.flights.sched_dep[0] == minute(FIRST_DAY, 17)  # noon in winter


def test_the_same_seed_draws_the_same_weeks_enough_for_the_nights_and_those_before():
    assert undisturbed.drawn(WEEKS, 1) == undisturbed.drawn(WEEKS, 1)
    assert len(undisturbed.drawn(WEEKS, 1, nights=60)) == 4 + 9


def test_a_night_is_measured_on_the_drawn_day_and_on_what_was_known_then():
    source = months()
    laid = undisturbed.lay(source, [WEEKS[0]] * 5)
    day = FIRST_DAY + WEEK * 4
    measured = {m.name: m for m in undisturbed.measures_of(laid, source, lambda features, p: [], day)}
    assert measured["labels_missing_share"].value == 0.0
    assert measured["realised_late_rate"].value == 1.0  # the seventh of January is the first day: late

    never = replace(laid, flights=replace(laid.flights, arr_known=np.full(len(laid.flights), NEVER)))
    measured = {m.name: m for m in undisturbed.measures_of(never, source, lambda features, p: [], day)}
    assert measured["labels_missing_share"].value == 1.0
    assert windows.night_of(day).hour == 10


def test_each_night_is_judged_with_the_history_of_those_before(monkeypatch):
    source = months()
    laid = undisturbed.lay(source, [WEEKS[0]] * 6)

    def drift(features, probability):
        return [Measure("missing_excess", 0.5, n=1)]

    nights = list(undisturbed.nights_of(laid, source, drift, nights=3))
    assert [[a.rule for a in night if a.rule == "values are missing"] for night in nights] == [
        ["values are missing"]
    ] * 3
    assert [a.rule for a in undisturbed.openings(nights)].count("values are missing") == 1


@pytest.mark.parametrize(
    ("severities", "pages"), [(["warning", None, "warning"], 2), (["critical"] * 3, 1), (["info"] * 3, 0)]
)
def test_a_page_is_an_alert_that_opens_and_is_more_than_an_info(severities, pages):
    nights = [[Alert("rule", s, "message", {})] if s else [] for s in severities]
    said = undisturbed.summary([nights, []])
    assert said["pages"] == [pages, 0]
    assert said["pages_in_60_nights"] == pages / 2
