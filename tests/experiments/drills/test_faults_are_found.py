"""Every fault of a feed pages within two days, by the nightly flow's own functions and rules, without a stack."""

from dataclasses import replace
from datetime import date, timedelta

import pandas as pd
import pytest

from data.dataset import load_dataset
from data.events import DatasetEvents
from data.facts import facts_of
from domain.clock import minute_floor
from domain.flights import FlightFacts, WeatherFacts
from experiments.drills.faults import FAULTS
from monitoring.quality import TRAILING_DAYS, measure_quality
from monitoring.rules import NIGHTLY, evaluate
from monitoring.windows import run_moment
from tests.replay.world import utc

ONSET = utc(9, 10)
EVE, DAYS = date(2013, 4, 8), (date(2013, 4, 9), date(2013, 4, 10))
WINDOW = timedelta(days=TRAILING_DAYS + 3)
PAGES = ("warning", "critical")


@pytest.fixture(scope="module")
def events(dataset_dir) -> DatasetEvents:
    """The real events of the flights and hours that the runs look at."""
    whole = load_dataset(dataset_dir).events
    flown = pd.to_datetime(whole.flight_events["flight_id"].str[-8:])
    near = flown.between(pd.Timestamp(EVE - WINDOW), pd.Timestamp(DAYS[-1] + timedelta(days=1)))
    known = whole.weather_events["known_at"]
    hours = known.between(pd.Timestamp(ONSET - WINDOW - timedelta(days=1)), pd.Timestamp(ONSET + WINDOW))
    return DatasetEvents(
        whole.flight_events[near].reset_index(drop=True), whole.weather_events[hours].reset_index(drop=True)
    )


def pages(flights: FlightFacts, weather: WeatherFacts, days) -> list[set[str]]:
    """Rules that page on each day."""
    history: dict[str, list[tuple[str, float, int | None]]] = {}
    found = []
    for day in days:
        as_of = run_moment(day)
        now = minute_floor(as_of)
        known = flights.known_by(now)
        labelled = known.flight_id[known.arr_known <= now]
        seen = weather.known_by(now)
        for measure in measure_quality(known, seen, labelled, day, as_of).measures:
            if measure.slice == "all":
                history.setdefault(measure.name, []).insert(0, (day.isoformat(), measure.value, measure.n))
        found.append({alert.rule for alert in evaluate(NIGHTLY, history) if alert.severity in PAGES})
    return found


def published(events: DatasetEvents, name: str) -> DatasetEvents:
    """What the log holds: what a fault takes off the schedule was published before its onset."""
    broken = FAULTS[name].change(events, ONSET)
    before = events.flight_events[events.flight_events["known_at"] <= ONSET]
    lost = before[~before["flight_id"].isin(broken.flight_events["flight_id"])]
    return replace(broken, flight_events=pd.concat([broken.flight_events, lost], ignore_index=True))


@pytest.mark.parametrize("name", sorted(FAULTS.keys() - {"none"}))
def test_a_fault_pages_within_two_days_and_not_before(events, name):
    eve, *days = pages(*facts_of(published(events, name)), (EVE, *DAYS))
    assert eve == set()
    assert set.union(*days)


def test_undisturbed_days_do_not_page(events):
    assert pages(*facts_of(events), (EVE, *DAYS)) == [set(), set(), set()]
