"""Training sets: questions about flown flights, asked before their departure, with what came of them.

Point in time twice over: no label and no fact known after the set's own `as_of`, and no vector with a fact
known after its question's.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from adapters.engine import LOCAL, Engine
from adapters.matrix_file import rows_of
from domain.clock import NEVER, minute_floor
from domain.features.catalogue import CONTRACT_HASH
from domain.features.grid import DAY_MINUTES
from domain.features.state import LOOKBACK_MINUTES
from domain.flights import FlightFacts, Floats, Ints, Queries, Strings, WeatherFacts, flight_numbers
from domain.labels import has_label, is_late
from training.table_versions import Labels, TableVersion, table_versions
from training.vectors import vectors_on

HEADLINE_LEAD = 60
"""Minutes before departure; every flight is asked about once at this lead."""
LEADS = (5, 15, 30, 60, 90, 120, 180, 360, 720, 1440)
EXTRA_LEADS = 1
"""Questions beside the headline's that a flight is asked, in the first champion, a retrain and the evaluation alike."""
MAX_LEADS = 16


class EventStore(Protocol):
    """Where facts come from."""

    def facts(self, known_by: datetime, scheduled_from: datetime) -> tuple[FlightFacts, WeatherFacts]:
        """Return what was known by a moment of flights scheduled from another on."""
        ...


class LabelStore(Protocol):
    """Where labels come from when arrivals are not the last word: corrections, labels sent on their own."""

    def known_by(self, moment: datetime, flown_from: date, flown_until: date) -> Labels:
        """Return what was the word at a moment on the flights of some local days, both included."""
        ...


@dataclass(frozen=True)
class TrainingSet:
    """Rows sorted by scheduled departure, flight and lead; every array has n rows."""

    X: Floats
    """Shape (n, n_features), in the order of `FEATURE_NAMES`."""
    y: npt.NDArray[np.bool_]
    """Whether the flight arrived 15 minutes late or more."""
    lead: Ints
    """Minutes from the question to the scheduled departure."""
    flight_id: Strings
    day: Ints
    """Local date of the scheduled departure at the origin, YYYYMMDD."""
    queries: Queries
    as_of: datetime
    contract_hash: str = CONTRACT_HASH
    tables: Mapping[str, TableVersion] = field(default_factory=dict)
    """What was read to build it, by table."""

    def __len__(self) -> int:
        return len(self.y)

    @property
    def carrier(self) -> Strings:
        """Return the carriers, shape (n,)."""
        return self.queries.carrier

    @property
    def origin(self) -> Strings:
        """Return the origins, shape (n,)."""
        return self.queries.origin

    @property
    def dest(self) -> Strings:
        """Return the destinations, shape (n,)."""
        return self.queries.dest

    @cached_property
    def data_hash(self) -> str:
        """Hash of the contract, the questions, the labels and every bit of the vectors: sha-256, hex."""
        digest = hashlib.sha256(self.contract_hash.encode())
        digest.update("\n".join(self.flight_id.tolist()).encode())
        for column in (self.queries.as_of, self.y, self.X):
            digest.update(np.ascontiguousarray(column).data)
        return digest.hexdigest()

    def take(self, rows: npt.NDArray[np.bool_] | Ints | slice) -> Self:
        """Keep some rows."""
        arrays = {f.name: getattr(self, f.name) for f in fields(self)}
        kept: dict[str, Any] = {
            name: rows_of(a, rows) if name == "X" else a[rows]
            for name, a in arrays.items()
            if isinstance(a, np.ndarray)
        }
        return replace(self, queries=self.queries.take(rows), **kept)


def build(
    event_store: EventStore,
    flown_from: date,
    flown_until: date,
    as_of: datetime,
    leads: tuple[int, ...] = LEADS,
    extra_leads: int = EXTRA_LEADS,
    label_store: LabelStore | None = None,
    engine: Engine = LOCAL,
) -> TrainingSet:
    """Build the training set of the flights of some local days, as it could be built at `as_of`.

    Every labelled flight is a row at the headline lead, where `leads` has it, and `extra_leads` rows at
    others, chosen by a hash of its identity: the same flights always give the same questions. A retimed flight is asked
    about by the schedule that was known at the question's moment.

    Parameters
    ----------
    flown_from, flown_until : date
        First and last local day of the scheduled departure, both included.
    as_of : datetime
        Aware; later facts, labels included, are not seen.
    leads : tuple of int
        Minutes before departure, at most 16, each in [0, 1440].
    label_store : LabelStore, optional
        Returns the labels, corrections included; without it they are the arrivals of the event store.
    engine : Engine
        Computes the vectors, the same bits on every engine.

    Raises
    ------
    ValueError
        If there are too many leads, or one is out of range.
    """
    if len(leads) > MAX_LEADS or any(not 0 <= lead <= DAY_MINUTES for lead in leads):
        raise ValueError(f"expected at most {MAX_LEADS} leads of 0 to {DAY_MINUTES} minutes, got {leads}")
    flights, weather = event_store.facts(known_by=as_of, scheduled_from=facts_from(flown_from))
    day = np.array([int(name[-8:]) for name in flights.flight_id.tolist()], dtype=np.int64)
    flown = (day >= _day_number(flown_from)) & (day <= _day_number(flown_until))
    labels = label_store.known_by(as_of, flown_from, flown_until) if label_store else None
    tables = table_versions(flights, weather, labels)
    labelled, arr_delay = _labels(flights, minute_floor(as_of), labels)
    row, lead = _questions(flights, np.flatnonzero(flown & labelled), leads, extra_leads)
    queries = queries_of(flights, row, lead)
    return TrainingSet(
        X=vectors_on(engine, queries, flights, weather),
        y=is_late(arr_delay[row]),
        lead=lead,
        flight_id=flights.flight_id[row],
        day=day[row],
        queries=queries,
        as_of=as_of,
        tables=tables,
    )


def facts_from(flown_from: date) -> datetime:
    """Return since when flights are scheduled whose facts count in a training set from a local day on."""
    # A local day begins up to a day before the UTC day of the same date.
    margin = timedelta(days=1, minutes=DAY_MINUTES + LOOKBACK_MINUTES)
    return datetime(flown_from.year, flown_from.month, flown_from.day, tzinfo=UTC) - margin


def _labels(flights: FlightFacts, as_of: int, labels: Labels | None) -> tuple[npt.NDArray[np.bool_], Ints]:
    """Return whether each flight has a label, and its arrival delay where it has; both of shape (n_flights,)."""
    if labels is None:
        last = flights.last_rows()
        return has_label(flights, as_of)[last], flights.arr_delay[last]
    delay_of = dict(zip(labels.flight_id.tolist(), labels.arr_delay_minutes.tolist(), strict=True))
    found = [delay_of.get(name) for name in flights.flight_id.tolist()]
    labelled = np.array([delay is not None for delay in found], dtype=bool)
    return labelled, np.array([delay or 0 for delay in found], dtype=np.int64)


def choose_leads(flight_ids: Strings, leads: tuple[int, ...], extra_leads: int) -> npt.NDArray[np.bool_]:
    """Choose the leads each flight is asked about, by a hash of its identity alone.

    Returns
    -------
    array of bool, shape (n_flights, n_leads)
    """
    digests = b"".join(
        hashlib.blake2b(name.encode(), digest_size=64).digest() for name in flight_ids.tolist()
    )
    words = (
        np.frombuffer(digests, dtype="<u4")
        .reshape(len(flight_ids), MAX_LEADS)[:, : len(leads)]
        .astype(np.int64)
    )
    headline = np.array(leads) == HEADLINE_LEAD
    words[:, headline] = -1
    rank = np.argsort(np.argsort(words, axis=1, kind="stable"), axis=1)
    return rank < extra_leads + int(headline.sum())


def _questions(
    flights: FlightFacts, rows: Ints, leads: tuple[int, ...], extra_leads: int
) -> tuple[Ints, Ints]:
    """Return the rows and leads of all questions, sorted by scheduled departure, flight and lead."""
    chosen, which = np.nonzero(choose_leads(flights.flight_id[rows], leads, extra_leads))
    row, lead = rows[chosen], np.array(leads, dtype=np.int64)[which]
    asked = _askable(flights, row, lead)
    row, lead = row[asked], lead[asked]
    order = np.lexsort((lead, flights.flight_id[row], flights.sched_dep[row]))
    return row[order], lead[order]


def _askable(flights: FlightFacts, row: Ints, lead: Ints) -> Ints:
    """Return the questions that somebody could ask: of a flight's rows, by the newest that counted at the moment."""
    if (flights.superseded == NEVER).all():
        return np.arange(len(row))
    as_of, known = flights.sched_dep[row] - lead, flights.scheduled_known[row]
    first = flights.first_rows()[row] == row
    asked = np.flatnonzero((first | (known <= as_of)) & (flights.superseded[row] > as_of))
    order = asked[np.lexsort((-known[asked], lead[asked], flights.flight_id[row[asked]]))]
    names, leads = flights.flight_id[row[order]], lead[order]
    newest = np.ones(len(order), dtype=bool)
    newest[1:] = (names[1:] != names[:-1]) | (leads[1:] != leads[:-1])
    return order[newest]


def queries_of(flights: FlightFacts, row: Ints, lead: Ints) -> Queries:
    """Return questions about flights of some rows, each asked so many minutes before its departure."""
    carriers = np.array(flights.network.carriers.names, dtype=str)
    airports = np.array(flights.network.airports.names, dtype=str)
    return Queries(
        carrier=carriers[flights.carrier[row]],
        number=flight_numbers(flights.flight_id[row]),
        origin=airports[flights.origin[row]],
        dest=airports[flights.dest[row]],
        sched_dep=flights.sched_dep[row],
        sched_arr=flights.sched_arr[row],
        as_of=flights.sched_dep[row] - lead,
    )


def _day_number(day: date) -> int:
    return day.year * 10_000 + day.month * 100 + day.day
