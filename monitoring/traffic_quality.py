"""Whether the feed of flights can be believed: a day is compared with the same weekday of the four weeks before.

Traffic follows the week: a Saturday is no closed airport. Medians, so that one disturbed week does not hide the next.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt

from domain import airports
from domain.clock import NEVER, minute_floor
from domain.flights import FlightFacts, Floats, Ints
from monitoring.measures import Measure

WEEKS = 4
MINIMUM_WEEKS = 2
TRAILING_DAYS = 7 * WEEKS
USUAL_ORIGIN, USUAL_CARRIER, USUAL_DEST = 20.0, 8.0, 15.0
"""Flights a day from which an entity's own volume is measured; a third of three flights is nothing."""
OVERDUE_MINUTES = 360
"""An arrival later than this is late even for a late flight."""
NEWS_DAYS = 7
SHIFT_DAYS = 2
"""Days over which a shift of delays is measured: winds move the median of one day by ten minutes."""
NOWHERE = float("nan")


@dataclass(frozen=True)
class TrafficDays:
    """Flights by day, the last `TRAILING_DAYS` and the monitored day's own."""

    flights: FlightFacts
    position: Ints
    """Day of each flight, 0 = four weeks ago, TRAILING_DAYS = the monitored day's; -1 = outside."""

    @property
    def today(self) -> npt.NDArray[np.bool_]:
        """Return the mask of the monitored day's flights."""
        own: npt.NDArray[np.bool_] = self.position == TRAILING_DAYS
        return own

    def counts(self, group: Ints, size: int, keep: npt.NDArray[np.bool_]) -> Floats:
        """Return the flights by day and group, shape (TRAILING_DAYS + 1, size)."""
        rows = keep & (self.position >= 0)
        table = np.zeros((TRAILING_DAYS + 1, size))
        np.add.at(table, (self.position[rows], group[rows]), 1.0)
        return table


def measure_traffic(days: TrafficDays, as_of: datetime, heard: datetime | None = None) -> list[Measure]:
    """Measure the day's schedule, departures, cancellations, arrivals and codes by what was known at `as_of`.

    Parameters
    ----------
    heard : datetime, optional
        When the newest fact of a flight became known, which may be before the weeks that are looked at: a feed that
        has been dead for longer is no less stale.
    """
    now = minute_floor(as_of)
    return [
        *_volume(days, days.flights.dep_known <= now),
        *_codes(days),
        *_outcomes(days, now),
        *_staleness(days.flights, now, heard),
    ]


def positions(flights: FlightFacts, day: date) -> Ints:
    """Place each flight in the days up to `day`, see `TrafficDays`."""
    if not len(flights):
        return np.empty(0, dtype=np.int64)
    names = np.array([name[-8:] for name in flights.flight_id.tolist()])
    found, inverse = np.unique(names, return_inverse=True)
    first = day - timedelta(days=TRAILING_DAYS)
    ago = np.array([(_date(name) - first).days for name in found.tolist()], dtype=np.int64)
    ago[(ago < 0) | (ago > TRAILING_DAYS)] = -1
    return ago[inverse.reshape(-1)]


def _date(digits: str) -> date:
    return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))


def usual(table: Floats) -> Floats:
    """Return the median of each group on the same weekday of the weeks before, shape (size,).

    NaN without two such days.
    """
    weekdays = table[[TRAILING_DAYS - 7 * week for week in range(1, WEEKS + 1)]]
    days = weekdays[weekdays.sum(axis=1) > 0]
    if len(days) < MINIMUM_WEEKS:
        return np.full(table.shape[1], np.nan)
    median: Floats = np.median(days, axis=0)
    return median


def _volume(days: TrafficDays, gone: npt.NDArray[np.bool_]) -> Iterator[Measure]:
    """Return the flights scheduled and gone, overall, by airport, carrier and hour, over what is usual."""
    flights = days.flights
    airports, carriers = len(flights.network.airports.names), len(flights.network.carriers.names)
    every = np.ones(len(flights), dtype=bool)
    total = days.counts(np.zeros(len(flights), dtype=np.int64), 1, every)
    n = int(total[-1, 0])
    yield Measure("volume_ratio", _ratio(total[-1, 0], usual(total)[0]), n=n)
    groups = (
        ("volume", "origin", flights.origin, airports, USUAL_ORIGIN, every),
        ("volume", "carrier", flights.carrier, carriers, USUAL_CARRIER, every),
        ("departed", "origin", flights.origin, airports, USUAL_ORIGIN, gone),
        ("departed", "dest", flights.dest, airports, USUAL_DEST, gone),
    )
    for what, kind, codes, size, least, keep in groups:
        table = days.counts(codes, size, keep)
        before = usual(table)
        names = (flights.network.carriers if kind == "carrier" else flights.network.airports).names
        measured = np.flatnonzero(before >= least)
        ratios = {names[i]: _ratio(table[-1, i], before[i]) for i in measured.tolist()}
        for name, value in ratios.items() if kind != "dest" else ():
            yield Measure(f"{what}_ratio", value, f"{kind}={name}", n=n)
        yield Measure(f"{what}_{kind}_low", min(ratios.values(), default=NOWHERE), n=n)
        yield Measure(f"{what}_{kind}_high", max(ratios.values(), default=NOWHERE), n=n)
    hours = days.counts(_local_hours(flights), 24, every)
    yield Measure("hour_profile_gap", _profile_gap(hours[-1], usual(hours)), n=n)


def _local_hours(flights: FlightFacts) -> Ints:
    """Return the hour of each scheduled departure by its airport's clock, shape (n,); UTC where its zone is unknown.

    A schedule is kept in local time: counted in UTC, the change of the clocks moves every flight by an hour.
    """
    names, hours = flights.network.airports.names, (flights.sched_dep // 60) % 24
    for code in np.unique(flights.origin).tolist():
        rows = flights.origin == code
        local = airports.local_hours(names[code], flights.sched_dep[rows])
        if local is not None:
            hours[rows] = local
    return hours


def _ratio(today: float, before: float) -> float:
    return float(today / before) if before > 0 else NOWHERE


def _profile_gap(today: Floats, before: Floats) -> float:
    """Return the share of flights that would have to move to another hour for the day to look as usual."""
    if not today.sum() or not np.nansum(before):
        return NOWHERE
    return float(np.abs(today / today.sum() - before / before.sum()).sum() / 2)


def _codes(days: TrafficDays) -> Iterator[Measure]:
    """Return the flights whose carrier or airport no flight had until a week ago: a new code is news for a week."""
    flights, today = days.flights, days.today
    before = (days.position >= 0) & (days.position <= TRAILING_DAYS - NEWS_DAYS)
    n = int(today.sum())
    enough = len(np.unique(days.position[before])) >= 7 * MINIMUM_WEEKS
    for kind, codes in (("carrier", flights.carrier), ("origin", flights.origin), ("dest", flights.dest)):
        new = ~np.isin(codes[today], codes[before])
        yield Measure(f"new_{kind}_share", float(new.mean()) if n and enough else NOWHERE, n=n)


def _outcomes(days: TrafficDays, now: int) -> Iterator[Measure]:
    """Measure cancellations, overdue arrivals, and how much flights lost on the way."""
    flights, today = days.flights, days.today
    arrived, called_off = flights.arr_known <= now, flights.cancelled_known <= now
    due = today & ~called_off & (flights.sched_arr + OVERDUE_MINUTES <= now)
    n = int(today.sum())
    yield Measure("cancelled_share", float(called_off[today].mean()) if n else NOWHERE, n=n)
    silent = ~arrived[due]
    yield Measure("arrivals_overdue_share", float(silent.mean()) if due.any() else NOWHERE, n=int(due.sum()))
    yield from _shifts(days, arrived & (flights.dep_known <= now))


def _shifts(days: TrafficDays, flown: npt.NDArray[np.bool_]) -> Iterator[Measure]:
    """Return how many minutes flights lose on the way beyond the weeks before: in all, and on the ground alone.

    Winds move the time in the air by ten minutes from day to day; what is lost on the ground stays, until
    something has changed. The lower quartile: a storm delays some, a change delays all.
    """
    flights = days.flights
    lost = (flights.arr_delay - flights.dep_delay).astype(np.float64)
    timed = flown & (flights.air_time >= 0)
    ground = lost - (flights.air_time - _usual_air_time(days, timed))
    n = int((flown & days.today).sum())
    yield Measure("en_route_shift_minutes", _shift(days, lost, flown), n=n)
    yield Measure("ground_shift_minutes", _shift(days, ground, timed & np.isfinite(ground)), n=n)


def _shift(days: TrafficDays, minutes: Floats, rows: npt.NDArray[np.bool_]) -> float:
    quartiles = np.full(TRAILING_DAYS + 1, np.nan)
    for day in np.unique(days.position[rows & (days.position >= 0)]).tolist():
        quartiles[day] = np.quantile(minutes[rows & (days.position == day)], 0.25)
    newest, before = quartiles[-SHIFT_DAYS:], quartiles[:-SHIFT_DAYS]
    if not np.isfinite(newest).all() or np.isfinite(before).sum() < 7 * MINIMUM_WEEKS:
        return NOWHERE
    return float(newest.mean() - np.nanmedian(before))


def _usual_air_time(days: TrafficDays, timed: npt.NDArray[np.bool_]) -> Floats:
    """Return the median minutes in the air of each flight's route in the weeks before, shape (n,).

    NaN for a new route.
    """
    flights = days.flights
    route = flights.origin * len(flights.network.airports.names) + flights.dest
    rows = np.flatnonzero(timed & (days.position >= 0) & (days.position <= TRAILING_DAYS - SHIFT_DAYS))
    order = rows[np.lexsort((flights.air_time[rows], route[rows]))]
    known, start, count = np.unique(route[order], return_index=True, return_counts=True)
    found = np.full(len(flights), np.nan)
    if len(known):
        at = np.minimum(np.searchsorted(known, route), len(known) - 1)
        seen = known[at] == route
        found[seen] = flights.air_time[order][start + count // 2][at[seen]]
    return found


def _staleness(flights: FlightFacts, now: int, before: datetime | None) -> Iterator[Measure]:
    longest = NOWHERE if before is None else float(now - minute_floor(before)) / 60
    for name, known in (("departures", flights.dep_known), ("arrivals", flights.arr_known)):
        heard = known[known < min(NEVER, now + 1)]
        age = float(now - heard.max()) / 60 if len(heard) else longest
        yield Measure(f"{name}_age_hours", age, n=len(heard))
