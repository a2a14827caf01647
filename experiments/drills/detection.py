"""How small a fault of the feeds the alert rules find, and how soon: `ontime detection-curves`.

Each fault of the drills is made smaller, to a share of the flights, some hours or some minutes, and begins on eight
mornings: of either part of the year two on which most flights were late, and two like most. The two days after it are
measured as the flow measures them. It is found by a run in which a rule that is about it pages, and does not page on
the same day undisturbed.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from adapters.settings import Settings
from adapters.terminal import Say
from data.dataset import load_dataset
from data.events import DatasetEvents
from data.facts import FactsInMemory, facts_of
from data.site import Period, Site, site_of
from domain.clock import minute_floor
from domain.flights import FlightFacts, Floats
from domain.labels import is_late
from domain.metrics import Labels, log_loss_gap
from experiments import measured
from experiments.alert_rules.calibration import (
    ALL_KNOWN,
    Scored,
    feed_measures,
    parts_of_year,
    performance_measures,
    score,
)
from experiments.drills.faults import (
    FAULTS,
    Change,
    Fault,
    arrivals_shifted,
    schedule_shifted,
    together,
)
from monitoring.calibration import PAGES
from monitoring.performance import PERFORMANCE_DAYS, measure_evidence
from monitoring.quality import TRAILING_DAYS
from monitoring.rules import NIGHTLY, evaluate
from monitoring.windows import run_moment

NAME = "detection-curves"
COMMAND = "make detection-curves"
DAY = timedelta(days=1)
WINDOW = timedelta(days=TRAILING_DAYS + 3)
RUNS = 2
SHARES = (0.1, 0.25, 0.5, 1.0)
LASTING = (3, 6, 12, 24)
OF_A_KIND = 2
"""Days of a part of the year that are stormy, and as many that are like most."""
History = dict[str, list[tuple[str, float, int | None]]]


@dataclass(frozen=True)
class Ladder:
    """A fault in several sizes, the largest last."""

    fault: Fault
    unit: str
    sizes: tuple[float, ...]
    change: Callable[[float], Change]
    """Returns the fault in a size."""


def in_share(change: Change, share: float) -> Change:
    """Return a fault of a share of what comes after its onset; which flights and hours is settled by their names."""

    def changed(events: DatasetEvents, onset: datetime) -> DatasetEvents:
        flights, weather = events.flight_events, events.weather_events
        names = pd.util.hash_array(flights["flight_id"].to_numpy(dtype=object))
        hours = pd.util.hash_pandas_object(weather[["airport", "observed_at"]], index=False).to_numpy()
        return _in_part(change, events, onset, _drawn(names) < share, _drawn(hours) < share)

    return changed


def lasting(change: Change, hours: float) -> Change:
    """Return a fault that ends some hours after its onset."""

    def changed(events: DatasetEvents, onset: datetime) -> DatasetEvents:
        until = pd.Timestamp(onset + timedelta(hours=hours))
        leaves = _leaves(events.flight_events)
        known = events.weather_events["known_at"]
        return _in_part(change, events, onset, (leaves <= until).to_numpy(), (known <= until).to_numpy())

    return changed


def _of(name: str, unit: str, sizes: tuple[float, ...], change: Callable[[Change, float], Change]) -> Ladder:
    return Ladder(FAULTS[name], unit, sizes, partial(change, FAULTS[name].change))


def _by(shift: Callable[..., DatasetEvents], unit: str, size: float) -> Change:
    return partial(shift, by=timedelta(**{unit: size}))


LADDERS = (
    _of("weather-stuck", "hours", LASTING, lasting),
    _of("weather-missing", "hours", LASTING, lasting),
    _of("weather-celsius", "hours", LASTING, lasting),
    _of("airport-closed", "hours", LASTING, lasting),
    _of("carrier-renamed", "of its flights", SHARES, in_share),
    _of("doubled-traffic", "of the flights", SHARES, in_share),
    _of("labels-late", "of the flights", SHARES, in_share),
    Ladder(
        FAULTS["schedule-shifted"], "hours later", (1, 2, 3, 6), partial(_by, schedule_shifted, "hours")
    ),
    Ladder(
        FAULTS["concept-change"], "minutes", (2, 5, 10, 15), partial(_by, arrivals_shifted, "minutes")
    ),
)  # fmt: skip


def measure(settings: Settings, say: Say) -> Path:
    """Do every fault in every size on every onset, and write var/reports/detection-curves.json; return its path."""
    year = Year.load(settings, say)
    onsets = {name: year.onsets(part) for name, part in parts_of_year(year.site, year.days).items()}
    days = [day for chosen in onsets.values() for day in chosen]
    calm = {day: year.undisturbed(day) for day in days}
    cases = list(product(LADDERS, days))
    found: dict[str, Any] = {ladder.fault.name: _empty(ladder) for ladder in LADDERS}
    started = time.monotonic()
    for done, (ladder, day) in enumerate(cases, 1):
        for size, row in zip(ladder.sizes, found[ladder.fault.name]["sizes"], strict=True):
            row["onsets"].append(_found(year, calm[day], ladder, size, day))
        left = (time.monotonic() - started) / done * (len(cases) - done)
        say(f"  {ladder.fault.name} from {day}: {_by_run(found[ladder.fault.name], day)}; {left:.0f} s left")
    return measured.write(
        settings,
        NAME,
        {
            "onsets": {name: [day.isoformat() for day in chosen] for name, chosen in onsets.items()},
            "runs": RUNS,
            "faults": found,
        },
        COMMAND,
    )


def _empty(ladder: Ladder) -> dict[str, Any]:
    return {
        "fault": ladder.fault.sentence,
        "about": list(ladder.fault.about),
        "unit": ladder.unit,
        "sizes": [{"size": size, "onsets": []} for size in ladder.sizes],
    }


def _by_run(found: Mapping[str, Any], day: date) -> str:
    runs = [o["run"] for row in found["sizes"] for o in row["onsets"] if o["day"] == day.isoformat()]
    return ", ".join(
        f"{row['size']:g}: {f'run {run}' if run else 'no'}"
        for row, run in zip(found["sizes"], runs, strict=True)
    )


def _found(
    year: "Year", calm: tuple[list[set[str]], float], ladder: Ladder, size: float, day: date
) -> dict[str, Any]:
    pages, gap = year.disturbed(ladder.change(size), day)
    undisturbed, calm_gap = calm
    own = [
        sorted((said - quiet) & set(ladder.fault.about))
        for said, quiet in zip(pages, undisturbed, strict=True)
    ]
    run = next((i for i, rules in enumerate(own, 1) if rules), None)
    return {
        "day": day.isoformat(), "run": run, "rules": own[run - 1] if run else [],
        "loss_added": round(gap - calm_gap, 4) if np.isfinite(gap - calm_gap) else None,
    }  # fmt: skip


@dataclass(frozen=True)
class Year:
    """A place's events, and what models say that did not see the day."""

    site: Site
    days: Period
    """Those that may be measured."""
    events: DatasetEvents
    scored: Scored

    @classmethod
    def load(cls, settings: Settings, say: Say) -> "Year":
        """Load the place whose dataset the settings name."""
        site = site_of(settings.state_dir / "data")
        days = Period(site.replay_from, site.last_day - ALL_KNOWN)
        events = load_dataset(settings.state_dir / "data").events
        return cls(site, days, events, score(FactsInMemory(*facts_of(events)), site, days, say))

    def onsets(self, part: Period) -> list[date]:
        """Return the days of a part on which most flights were late, and those on which as many as on most."""
        within = [day for day in part if self.days.first + WINDOW <= day <= self.days.last - RUNS * DAY]
        late = np.array([self.scored.of(day)[0].mean() for day in within])
        ranked = np.argsort(late, kind="stable").tolist()
        middle = len(ranked) // 2
        chosen = ranked[-OF_A_KIND:] + ranked[middle : middle + OF_A_KIND]
        return sorted(within[i] for i in chosen)

    def undisturbed(self, day: date) -> tuple[list[set[str]], float]:
        """Return what `disturbed` returns of a day from which on nothing goes wrong."""
        return self.disturbed(FAULTS["none"].change, day)

    def disturbed(self, change: Change, day: date) -> tuple[list[set[str]], float]:
        """Return the rules that page when a fault begins on a day's morning, and how much more is lost than expected.

        Returns
        -------
        list of set of str, float
            Of each run; and the realised less the expected log-loss of the last one's day, in nats.
        """
        onset = run_moment(day - DAY)
        whole = near(self.events, onset)
        flights, weather = facts_of(as_logged(whole, change(whole, onset), onset))
        measured_days = [day + (i - 1) * DAY for i in range(RUNS + 1)]
        gaps = [_gap(*self.scored.of(d)) for d in self._before(measured_days[0])]
        history: History = {}
        pages = []
        for d in measured_days:
            late, p = self._labelled(d, flights)
            gaps.append(_gap(late, p))
            model = performance_measures(late, p)
            values = {m.name: (m.value, m.n) for m in feed_measures(flights, weather, d)}
            values |= {name: (value, len(late)) for name, value in model.items()}
            values |= {m.name: (m.value, m.n) for m in measure_evidence(gaps)}
            for name, (value, n) in values.items():
                history.setdefault(name, []).insert(0, (d.isoformat(), value, n))
            pages.append({alert.rule for alert in evaluate(NIGHTLY, history) if alert.severity in PAGES})
        return pages[1:], gaps[-1][1]

    def _before(self, day: date) -> Iterator[date]:
        return (d for n in range(PERFORMANCE_DAYS, 0, -1) if (d := day - n * DAY) >= self.days.first)

    def _labelled(self, day: date, flights: FlightFacts) -> tuple[Labels, Floats]:
        """Return outcomes and probabilities of a day's flights that are known to have arrived when it is measured."""
        _, p = self.scored.of(day)
        names = self.scored.flights(day)
        order = np.argsort(flights.flight_id)
        place = np.minimum(np.searchsorted(flights.flight_id[order], names), len(order) - 1)
        at = order[place]
        known = (flights.flight_id[at] == names) & (flights.arr_known[at] <= minute_floor(run_moment(day)))
        return is_late(flights.arr_delay[at])[known], p[known]


def _gap(late: Labels, p: Floats) -> tuple[int, float]:
    return len(late), log_loss_gap(late, p)


def near(events: DatasetEvents, onset: datetime) -> DatasetEvents:
    """Return the events that the runs after an onset look at, and the one before it."""
    leaves = _leaves(events.flight_events)
    since, until = pd.Timestamp(onset - WINDOW - DAY), pd.Timestamp(onset + (RUNS + 1) * DAY)
    known = events.weather_events["known_at"]
    return DatasetEvents(
        events.flight_events[leaves.between(since, until).to_numpy()].reset_index(drop=True),
        events.weather_events[known.between(since, until)].reset_index(drop=True),
    )


def as_logged(whole: DatasetEvents, changed: DatasetEvents, onset: datetime) -> DatasetEvents:
    """Return a broken feed's events as the log has them: what is taken off the schedule was published before."""
    before = whole.flight_events[whole.flight_events["known_at"] <= onset]
    lost = before[~before["flight_id"].isin(changed.flight_events["flight_id"])]
    return replace(changed, flight_events=pd.concat([changed.flight_events, lost], ignore_index=True))


def _leaves(flights: pd.DataFrame) -> pd.Series:
    """Return when the flight of each event is scheduled to leave."""
    scheduled = flights[flights["kind"] == "scheduled"].set_index("flight_id")["scheduled_departure"]
    return flights["flight_id"].map(scheduled)


def _in_part(
    change: Change, events: DatasetEvents, onset: datetime, flights: np.ndarray, weather: np.ndarray
) -> DatasetEvents:
    """Change a part of what comes after the onset, and leave the rest: masks of events, True = changed."""
    after = pd.Timestamp(onset)
    spared = ~flights & (_leaves(events.flight_events) > after).to_numpy()
    unharmed = ~weather & (events.weather_events["known_at"] > after).to_numpy()
    changed = change(DatasetEvents(events.flight_events[~spared], events.weather_events[~unharmed]), onset)
    rest = events.flight_events[spared]
    own = changed.flight_events[~changed.flight_events["flight_id"].isin(rest["flight_id"])]
    return DatasetEvents(
        together(own, rest), together(changed.weather_events, events.weather_events[unharmed])
    )


def _drawn(hashed: np.ndarray) -> Floats:
    drawn: Floats = hashed / 2.0**64
    return drawn
