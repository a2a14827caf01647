"""Every fault of a feed pages within two days, by the nightly flow's own functions and rules, without a stack."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from adapters.settings import read_settings
from data.dataset import load_dataset
from data.events import DatasetEvents
from data.facts import facts_of
from data.site import NEW_YORK, Period
from domain.clock import minute_floor
from experiments import measured
from experiments.alert_rules.calibration import Scored
from experiments.drills import detection
from experiments.drills.detection import LADDERS, Year, in_share, lasting, near
from experiments.drills.faults import FAULTS
from monitoring.rules import NIGHTLY
from monitoring.windows import run_moment
from tests.replay.world import utc
from training.training_set import TrainingSet

ONSET = utc(9, 10)
DAY = date(2013, 4, 9)


class UnknownModel(Scored):
    """No model looks at the days: the feeds' own rules have to find a fault."""

    def of(self, day):
        return np.empty(0, dtype=bool), np.empty(0)

    def flights(self, day):
        return np.empty(0, dtype=str)


@pytest.fixture(scope="module")
def year(dataset_dir) -> Year:
    """The real events of the flights and hours that the runs look at."""
    events = near(load_dataset(dataset_dir).events, ONSET)
    return Year(NEW_YORK, Period(DAY, DAY), events, UnknownModel(None, np.empty(0)))


@pytest.fixture(scope="module")
def calm(year) -> tuple[list[set[str]], float]:
    return year.undisturbed(DAY)


def rules_of(year: Year, change) -> list[set[str]]:
    return year.disturbed(change, DAY)[0]


def test_undisturbed_days_do_not_page(calm):
    assert calm[0] == [set(), set()]


@pytest.mark.parametrize("name", sorted(FAULTS.keys() - {"none"}))
def test_a_fault_is_paged_within_two_days_by_a_rule_about_it(year, name):
    first, second = rules_of(year, FAULTS[name].change)
    assert (first | second) & set(FAULTS[name].about)


@pytest.mark.parametrize("name", FAULTS)
def test_what_a_fault_is_about_is_a_rule(name):
    assert set(FAULTS[name].about) <= {rule.name for rule in NIGHTLY}
    assert FAULTS[name].about or name == "none"


def test_every_fault_has_four_sizes_of_which_the_largest_is_the_drills_or_beyond(year):
    assert {ladder.fault.name for ladder in LADDERS} == FAULTS.keys() - {"none"}
    assert all(len(ladder.sizes) >= 4 and list(ladder.sizes) == sorted(ladder.sizes) for ladder in LADDERS)


def frames(events: DatasetEvents) -> tuple[set, set]:
    """Events as sets of rows; moments as integers, since to write them out takes most of the test."""
    return tuple(
        set(_with_integers(frame).astype(str).itertuples(index=False, name=None))
        for frame in (events.flight_events, events.weather_events)
    )


def _with_integers(frame: pd.DataFrame) -> pd.DataFrame:
    moments = frame.select_dtypes(["datetime", "datetimetz"])
    return frame.assign(**{name: column.astype("int64") for name, column in moments.items()})


@pytest.mark.parametrize("name", ["labels-late", "carrier-renamed", "weather-missing"])
def test_a_share_of_everything_is_the_fault_and_of_nothing_is_none(year, name):
    change = FAULTS[name].change
    assert frames(in_share(change, 1.0)(year.events, ONSET)) == frames(change(year.events, ONSET))
    kept = frames(in_share(change, 0.0)(year.events, ONSET))
    # Who is in the air at the onset is not spared.
    assert all(len(was - now) < 100 for was, now in zip(frames(year.events), kept, strict=True))


def test_a_share_of_the_flights_is_about_that_share(year):
    whole = year.events.flight_events
    half = in_share(FAULTS["doubled-traffic"].change, 0.5)(year.events, ONSET).flight_events
    every = FAULTS["doubled-traffic"].change(year.events, ONSET).flight_events
    assert 0.45 < (len(half) - len(whole)) / (len(every) - len(whole)) < 0.55


def test_a_fault_that_ends_leaves_what_comes_after(year):
    weather = lasting(FAULTS["weather-missing"].change, 6)(year.events, ONSET).weather_events
    known, until = weather["known_at"], pd.Timestamp(ONSET) + pd.Timedelta(hours=6)
    assert not known.between(pd.Timestamp(ONSET), until, inclusive="right").any()
    after = year.events.weather_events
    assert (known > until).sum() == (after["known_at"] > until).sum() > 0


def test_a_smaller_fault_is_found_no_sooner(year, calm):
    [ladder] = [one for one in LADDERS if one.fault.name == "weather-stuck"]
    rows = [detection._found(year, calm, ladder, size, DAY) for size in ladder.sizes]
    assert rows[-1]["run"] == 1
    assert [row["run"] or 9 for row in rows] == sorted((row["run"] or 9 for row in rows), reverse=True)


def test_losses_are_counted_by_the_arrivals_that_are_known(year):
    flights, _ = facts_of(year.events)
    own = np.char.endswith(flights.flight_id, "-20130409")
    names = np.append(np.sort(flights.flight_id[own]), "ZZ9-EWR-20130409")
    scored = Named(None, np.full(len(names), 0.2), names)
    asked = Year(NEW_YORK, Period(DAY, DAY), year.events, scored)
    late, p = asked._labelled(DAY, flights)
    flown = own & (flights.arr_known <= minute_floor(run_moment(DAY)))
    assert len(late) == len(p) == flown.sum() > 900
    assert late.sum() == (flights.arr_delay[flown] >= 15).sum()
    assert len(asked._labelled(DAY, flights.known_by(minute_floor(ONSET)))[0]) == 0


class Named(Scored):
    def __init__(self, rows: TrainingSet | None, probability, names):
        super().__init__(rows, probability)
        object.__setattr__(self, "names", names)

    def of(self, day):
        return np.zeros(len(self.names), dtype=bool), self.probability

    def flights(self, day):
        return self.names


def test_what_was_found_is_written_by_size_and_onset(year, tmp_path, monkeypatch):
    settings = read_settings({"ONTIME_STATE_DIR": str(tmp_path)})
    monkeypatch.setattr(Year, "load", classmethod(lambda *_: year))
    monkeypatch.setattr(Year, "onsets", lambda self, part: [DAY])
    monkeypatch.setattr(detection, "parts_of_year", lambda *_: {"those days": Period(DAY, DAY)})
    monkeypatch.setattr(detection, "LADDERS", LADDERS[1:2])
    said: list[str] = []
    detection.measure(settings, said.append)
    found = measured.read(settings, detection.NAME, tmp_path)
    assert found["onsets"] == {"those days": ["2013-04-09"]}
    sizes = found["faults"]["weather-missing"]["sizes"]
    assert [row["size"] for row in sizes] == [3, 6, 12, 24]
    [whole] = sizes[-1]["onsets"]
    assert whole["run"] == 1
    assert "weather is missing" in whole["rules"]
    assert "weather-missing from 2013-04-09: 3: " in said[0]
