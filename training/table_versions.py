"""What a training set was built from: rows and hash of each table as it was read."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from domain.clock import NEVER
from domain.flights import Announcements, FlightFacts, Ints, Strings, WeatherFacts

FLIGHT_NUMBERS = (
    "sched_dep", "sched_arr", "scheduled_known", "dep_known", "dep_delay", "arr_known", "arr_delay", "air_time",
    "cancelled_known",
)  # fmt: skip


class Labels(Protocol):
    """The word on many flights, sorted by flight; both arrays have shape (n,)."""

    @property
    def flight_id(self) -> Strings:
        """Return the identities, each once."""
        ...

    @property
    def arr_delay_minutes(self) -> Ints:
        """Return the arrival delays, minutes."""
        ...


@dataclass(frozen=True)
class TableVersion:
    """One table as it was read: how many rows, and the sha-256 of every value of them, hex."""

    rows: int
    sha256: str


def table_versions(
    flights: FlightFacts, weather: WeatherFacts, labels: Labels | None
) -> dict[str, TableVersion]:
    """Return the rows and hash of the flights, the weather, and of announcements and labels where there are any."""
    versions = {"flights": _flights(flights), "weather": _weather(weather)}
    if len(flights.announced):
        versions["announcements"] = _announcements(flights.announced)
    if labels is not None:
        versions["labels"] = TableVersion(
            len(labels.flight_id), _sha256([labels.flight_id, labels.arr_delay_minutes])
        )
    return versions


def _flights(facts: FlightFacts) -> TableVersion:
    numbers = [getattr(facts, name) for name in FLIGHT_NUMBERS]
    # Without revisions the hash is what it was before there were any: recorded training runs can be made again.
    if (facts.superseded != NEVER).any():
        numbers.append(facts.superseded)
    columns = [
        facts.flight_id,
        # Names, not codes: a code is the order in which a process happened to meet the names.
        _names(facts.network.carriers.names, facts.carrier),
        _names(facts.network.airports.names, facts.origin),
        _names(facts.network.airports.names, facts.dest),
        *numbers,
    ]
    order = np.lexsort((facts.scheduled_known, facts.flight_id, facts.sched_dep))
    return TableVersion(len(facts), _sha256(column[order] for column in columns))


def _announcements(announced: Announcements) -> TableVersion:
    order = np.lexsort((announced.sequence, announced.known, announced.kind, announced.flight_id))
    columns = [announced.flight_id, announced.kind, announced.known, announced.tail, announced.delay]
    return TableVersion(len(announced), _sha256(column[order] for column in columns))


def _weather(facts: WeatherFacts) -> TableVersion:
    airport = _names(facts.network.airports.names, facts.airport)
    order = np.lexsort((facts.observed, airport, facts.known))
    columns = [airport, facts.observed, facts.known, facts.values]
    return TableVersion(len(facts), _sha256(column[order] for column in columns))


def _names(names: list[str], codes: Ints) -> Strings:
    return np.array(names, dtype="U3")[codes] if names else np.zeros(len(codes), dtype="U3")


def _sha256(columns: Iterable[Any]) -> str:
    digest = hashlib.sha256()
    for column in columns:
        text = column.astype("U32") if column.dtype.kind == "U" else column
        # A NaN has many bit patterns; one of them stands for all.
        if text.dtype.kind == "f":
            text = np.where(np.isnan(text), np.nan, text)
        digest.update(np.ascontiguousarray(text).data.cast("B") if len(text) else b"")
    return digest.hexdigest()
