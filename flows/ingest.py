"""Ingest: the dataset's events up to the stack's clock."""

from datetime import datetime

from prefect import flow

from flows.parts import parts


@flow(name="ingest")
def ingest(until: datetime | None = None) -> int:
    """Append what became known and is not there yet; safe to run again. Gives the number of new events.

    Args:
        until: Take what was known by this moment; empty = the stack's clock.
    """
    from data.ingest import ingest as ingest_dataset

    own = parts()
    moment = until or own.clock.read().now
    report = ingest_dataset(own.events, moment, cache_dir=own.settings.state_dir / "data")
    report.write(own.settings.reports_dir / "ingest.json")
    return report.accepted


if __name__ == "__main__":
    ingest()
