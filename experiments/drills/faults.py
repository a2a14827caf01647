"""What can go wrong with a feed, as pure changes of its events: from the onset on the API gets what it would send.

What became known up to the onset stays as it was. Flights that leave after it are those that a fault of the schedule
concerns; a change of the schedule is published for the days until `PUBLISHED_AHEAD`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from data.events import SCHEDULE_COLUMNS, DatasetEvents
from domain.flights import WEATHER_COLUMNS

NEW_NAME = "ZW"
LEAST_SHARE = 0.05
"""An airport with fewer of the flights can be closed without anybody's notice."""
CANCELLED_AHEAD = timedelta(hours=3)
"""A closed airport's flights are cancelled this long before they would leave."""
LABELS_LATE = timedelta(days=5)
ARRIVALS_SHIFTED = timedelta(minutes=15)
"""A flight on time becomes one that is just late: as if the line had been moved to the scheduled minute."""
SCHEDULE_SHIFTED = timedelta(hours=2)
PUBLISHED_AHEAD = timedelta(days=4)
TWIN_NUMBERS = 5_000


def station(events: DatasetEvents) -> str:
    """Return the busiest airport that has weather: in New York Newark."""
    return str(_observed(events).idxmax())


def carrier(events: DatasetEvents) -> str:
    """Return the busiest carrier: in New York United."""
    return str(_scheduled(events)["carrier"].value_counts().idxmax())


def closed(events: DatasetEvents) -> str:
    """Return the least busy airport that counts, the busiest where none has its share: in New York LaGuardia."""
    airports = _airports(events)
    return str(airports[airports >= min(LEAST_SHARE, airports.max())].idxmin())


def _scheduled(events: DatasetEvents) -> pd.DataFrame:
    return events.flight_events[events.flight_events["kind"] == "scheduled"]


def _airports(events: DatasetEvents) -> pd.Series:
    """Return the share of the flights that leave from each airport."""
    return _scheduled(events)["origin"].value_counts(normalize=True)


def _observed(events: DatasetEvents) -> pd.Series:
    """Return the share of each airport that has weather."""
    airports = _airports(events)
    return airports[airports.index.isin(events.weather_events["airport"].unique())]


Change = Callable[[DatasetEvents, datetime], DatasetEvents]


@dataclass(frozen=True)
class Fault:
    """A fault of the feed: its name on the command line, what it is, and what it makes of the events."""

    name: str
    sentence: str
    change: Change
    about: tuple[str, ...] = ()
    """The rules that are about it: what others say of the same days detects something else."""
    of_weather: bool = False

    def is_possible(self, events: DatasetEvents) -> bool:
        """Return whether a place can have it: without weather at an airport that flights leave it has none of that."""
        return not self.of_weather or len(_observed(events)) > 0


def weather_stuck(events: DatasetEvents, onset: datetime) -> DatasetEvents:
    """Have one station repeat its last observation for ever."""
    weather = events.weather_events.copy()
    here = weather["airport"] == station(events)
    new = here & (weather["known_at"] > onset)
    last = weather[here & ~new].iloc[-1]
    weather.loc[new, list(WEATHER_COLUMNS)] = last[list(WEATHER_COLUMNS)].to_numpy(dtype=float)
    return replace(events, weather_events=weather)


def weather_missing(events: DatasetEvents, onset: datetime) -> DatasetEvents:
    """Drop whatever stations send."""
    weather = events.weather_events
    return replace(events, weather_events=weather[weather["known_at"] <= onset])


def weather_celsius(events: DatasetEvents, onset: datetime) -> DatasetEvents:
    """Have every station send its temperatures in Celsius, as Fahrenheit."""
    weather = events.weather_events.copy()
    new = weather["known_at"] > onset
    for name in ("temp_f", "dewpoint_f"):
        weather.loc[new, name] = (weather.loc[new, name] - 32.0) * 5.0 / 9.0
    return replace(events, weather_events=weather)


def carrier_renamed(events: DatasetEvents, onset: datetime) -> DatasetEvents:
    """Rename a carrier; the flights published under its old code are never heard of again."""
    flights, old_name = _leaving_after(events, onset), carrier(events)
    renamed = flights[flights["flight_id"].str.match(rf"{old_name}\d")].copy()
    others = events.flight_events.drop(index=renamed.index)
    renamed["flight_id"] = NEW_NAME + renamed["flight_id"].str.removeprefix(old_name)
    renamed.loc[renamed["kind"] == "scheduled", "carrier"] = NEW_NAME
    return _with_flights(events, others, _published(renamed, onset))


def airport_closed(events: DatasetEvents, onset: datetime) -> DatasetEvents:
    """Cancel every flight from an airport, three hours before it would leave; clients ask about it no more."""
    flights = _leaving_after(events, onset)
    here = flights[flights["flight_id"].str.contains(f"-{closed(events)}-")]
    scheduled = here[here["kind"] == "scheduled"]
    cancelled = scheduled.assign(kind="cancelled", event_time=scheduled["scheduled_departure"])
    known = _not_before(scheduled["scheduled_departure"] - CANCELLED_AHEAD, onset)
    cancelled = cancelled.assign(known_at=known, **dict.fromkeys(SCHEDULE_COLUMNS))
    never = here[here["kind"] != "scheduled"]
    return _with_flights(events, events.flight_events.drop(index=never.index), cancelled)


def doubled_traffic(events: DatasetEvents, onset: datetime) -> DatasetEvents:
    """Double every flight: a twin with another number leaves and arrives with it."""
    flights = _leaving_after(events, onset)
    scheduled = flights[flights["kind"] == "scheduled"]
    number = scheduled["flight_number"].astype("int64").to_numpy()
    twin = np.where(number + TWIN_NUMBERS <= 9999, number + TWIN_NUMBERS, number + TWIN_NUMBERS - 9999)
    names = scheduled["carrier"] + pd.Series(twin, scheduled.index).astype(str)
    names = names + "-" + scheduled["flight_id"].str.split("-", n=1).str[1]
    taken = names.isin(events.flight_events["flight_id"])
    new_names = dict(zip(scheduled["flight_id"][~taken], names[~taken], strict=True))
    new_numbers = dict(zip(names, twin.tolist(), strict=True))
    twins = flights[flights["flight_id"].isin(new_names)].copy()
    twins["flight_id"] = twins["flight_id"].map(new_names)
    own = twins["kind"] == "scheduled"
    twins.loc[own, "flight_number"] = twins.loc[own, "flight_id"].map(new_numbers).astype("Int64")
    return _with_flights(events, events.flight_events, _published(twins, onset))


def labels_late(events: DatasetEvents, onset: datetime) -> DatasetEvents:
    """Make arrivals known five days late, and with them the labels."""
    flights = events.flight_events.copy()
    late = (flights["kind"] == "arrived") & (flights["known_at"] > onset)
    flights.loc[late, "known_at"] += LABELS_LATE
    return _with_flights(events, flights)


def arrivals_shifted(
    events: DatasetEvents, onset: datetime, by: timedelta = ARRIVALS_SHIFTED
) -> DatasetEvents:
    """Delay every arrival by a quarter of an hour: what the model learned holds no more."""
    flights = events.flight_events.copy()
    shifted = (flights["kind"] == "arrived") & (flights["known_at"] > onset)
    flights.loc[shifted, ["event_time", "known_at"]] += by
    flights.loc[shifted, "delay_minutes"] += int(by.total_seconds() // 60)
    return _with_flights(events, flights)


def schedule_shifted(
    events: DatasetEvents, onset: datetime, by: timedelta = SCHEDULE_SHIFTED
) -> DatasetEvents:
    """Have whatever is said of coming flights lie some hours later, as if its zone were read wrongly."""
    flights = _leaving_after(events, onset)
    said = ["event_time", "scheduled_departure", "scheduled_arrival"]
    shifted = flights.assign(**{name: flights[name] + by for name in said})
    shifted["known_at"] += by * (shifted["kind"] != "scheduled").astype("int64")
    return _with_flights(events, events.flight_events.drop(index=flights.index), _published(shifted, onset))


def undisturbed(events: DatasetEvents, onset: datetime) -> DatasetEvents:
    """Change nothing: the control that the others are compared with."""
    return events


FAULTS = {
    fault.name: fault
    for fault in (
        Fault("none", "nothing goes wrong: the control that the others are compared with", undisturbed),
        Fault(
            "weather-stuck", "the busiest airport's station repeats its last values", weather_stuck,
            ("a weather sensor is stuck", "a weather station repeats itself", "a station contradicts its neighbours"),
            of_weather=True,
        ),
        Fault(
            "weather-missing", "no weather is sent any more", weather_missing,
            ("weather is missing", "weather pressure is missing", "weather is stale", "values are missing"),
            of_weather=True,
        ),
        Fault(
            "weather-celsius", "temperatures come in Celsius, as Fahrenheit", weather_celsius,
            ("weather contradicts itself", "the weather jumped"),
            of_weather=True,
        ),
        Fault(
            "carrier-renamed", f"the carrier with most flights flies as {NEW_NAME}", carrier_renamed,
            ("an unknown carrier appeared", "a carrier vanished"),
        ),
        Fault(
            "airport-closed", "the least busy airport is closed: all its flights are cancelled", airport_closed,
            ("an airport is closed", "an airport has hardly a flight", "many cancellations"),
        ),
        Fault(
            "doubled-traffic", "every flight has a twin", doubled_traffic,
            ("traffic is doubled", "an airport's traffic is doubled", "requests are doubled"),
        ),
        Fault(
            "schedule-shifted", "the schedule comes two hours late, as if its zone were read wrongly", schedule_shifted,
            ("hours have moved",),
        ),
        Fault(
            "labels-late", "arrivals are reported five days late", labels_late,
            ("labels are overdue", "arrivals are overdue", "arrivals are stale"),
        ),
        Fault(
            "concept-change", "every flight arrives 15 minutes later than it would have", arrivals_shifted,
            (
                "flights lose time on the way", "flights lose time on the ground", "later than estimated",
                "losing more than expected", "ranking is poor",
            ),
        ),
    )
}  # fmt: skip


def _leaving_after(events: DatasetEvents, onset: datetime) -> pd.DataFrame:
    """Return all events of the flights that are scheduled to leave after the onset, within the published days."""
    flights = events.flight_events
    scheduled = flights[flights["kind"] == "scheduled"]
    until = pd.Timestamp(onset + PUBLISHED_AHEAD)
    concerned = scheduled["scheduled_departure"].between(pd.Timestamp(onset), until, inclusive="right")
    return flights[flights["flight_id"].isin(scheduled.loc[concerned, "flight_id"])]


def _published(flights: pd.DataFrame, onset: datetime) -> pd.DataFrame:
    """Publish right after the onset a schedule that would have been known before."""
    return flights.assign(known_at=_not_before(flights["known_at"], onset))


def _not_before(known_at: pd.Series, onset: datetime) -> pd.Series:
    first = _first_moment(onset)
    return known_at.mask(known_at < first, first)


def _first_moment(onset: datetime) -> pd.Timestamp:
    return pd.Timestamp(onset + timedelta(seconds=1))


def _with_flights(events: DatasetEvents, *parts: pd.DataFrame) -> DatasetEvents:
    dtypes = events.flight_events.dtypes.to_dict()
    return replace(events, flight_events=together(*(part.astype(dtypes) for part in parts)))


def together(*parts: pd.DataFrame) -> pd.DataFrame:
    """Return the events of some frames in the order in which they became known."""
    return pd.concat(parts, ignore_index=True).sort_values("known_at", kind="stable", ignore_index=True)
