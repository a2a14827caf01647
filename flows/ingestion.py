"""Take in what was known by a moment: the dataset's events and the files of the inbox."""

from datetime import datetime

from adapters.clock_store import ClockStore
from adapters.event_store import EventStore
from adapters.postgres import Database
from adapters.settings import Settings
from adapters.terminal import Say, events_told
from data.inbox import take_inbox
from data.ingest import ingest


def ingest_dataset(settings: Settings, until: datetime | None, say: Say) -> None:
    """Append the dataset's events known by a moment, the clock's by default, and the inbox; write the report."""
    database = Database.from_settings(settings)
    try:
        moment = until or ClockStore(database).read().now
        report = ingest(
            EventStore(database), moment, cache_dir=settings.state_dir / "data", progress=events_told(say)
        )
        files = take_inbox(EventStore(database), settings.inbox_dir, events_told(say))
    finally:
        database.close()
    report.write(settings.reports_dir / "ingest.json")
    for line in [*report.lines(), *(file.line() for file in files)]:
        say(line)
