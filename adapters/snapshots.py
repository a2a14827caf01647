"""A fixed view of the event log and the labels: what it held at a moment of its own life, whatever came later.

`known_at` alone does not fix it: a month that arrives late is reported with the moments it became known in, and the
rows of a file that is taken next week would be seen by a reader of last week. So a snapshot also holds the number of
the newest row of each table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from adapters import fact_queries
from adapters.label_store import LabelColumns, LabelStore
from adapters.postgres import Database, query
from domain.flights import FlightFacts, WeatherFacts

TABLES = ("flight_events", "weather_events", "labels")


@dataclass(frozen=True)
class Snapshot:
    """Returns facts and labels from rows up to the newest of each table at its making; reads as the stores do."""

    database: Database
    last_rows: Mapping[str, int]
    """Number of the newest row of each of `TABLES`."""

    @classmethod
    def now(cls, database: Database, reads: Database | None = None) -> "Snapshot":
        """Fix what the tables hold now.

        Parameters
        ----------
        reads : Database, optional
            Where it is read afterwards, as `adapters.standby` does; by default where it is fixed.
        """
        with database.transaction() as cursor:
            cursor.execute(query("settle_events"))
            cursor.execute(query("newest_rows"))
            newest = cursor.fetchone() or (0, 0, 0)
        return cls(reads or database, dict(zip(TABLES, newest, strict=True)))

    def facts(
        self, known_by: datetime, scheduled_from: datetime, scheduled_until: datetime | None = None
    ) -> tuple[FlightFacts, WeatherFacts]:
        """Return what was known at a moment, as `EventStore.facts` does."""
        span = fact_queries.Span(
            known_by,
            scheduled_from,
            scheduled_until or fact_queries.FOREVER,
            self.last_rows["flight_events"],
            self.last_rows["weather_events"],
        )
        return self.database.run(
            lambda cursor: (fact_queries.flight_facts(cursor, span), fact_queries.weather_facts(cursor, span))
        )

    def known_by(self, moment: datetime, flown_from: date, flown_until: date) -> LabelColumns:
        """Return what was the word at a moment on the flights of some local days, as `LabelStore.known_by` does."""
        return LabelStore(self.database).known_by(moment, flown_from, flown_until, self.last_rows["labels"])
