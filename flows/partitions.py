"""Partitions of the log of predictions: made before their month, dropped when the policy keeps them no longer."""

import logging
from contextlib import suppress

from prefect import flow

from adapters.deletion_store import DeletionStore
from domain.errors import OntimeError
from flows.alerts import close_alert, raise_alert
from flows.parts import parts
from flows.retention import expired_months
from flows.tasks.defaults import task
from monitoring.rules import MONTHS_NOT_KEPT

WHO = "partitions"
REASON = "ONTIME_KEEP_PREDICTION_MONTHS"
logger = logging.getLogger(__name__)


@flow(name="partitions")
def partitions() -> list[str]:
    """Make the partitions of this month and the next, drop and return those that are kept no longer."""
    try:
        make_ahead()
        dropped = [drop(name) for name in find_expired_months()]
    except Exception as error:
        # A backup, or a transaction that somebody left open, may hold the log at the same minute every day.
        with suppress(OntimeError):
            report_failure(f"{type(error).__name__}: {error}")
        raise
    resolve_failure()
    return dropped


@task
def make_ahead() -> None:
    """Make the partitions of this month and the next, by the stack's clock."""
    parts().log.make_ahead()


@task
def find_expired_months() -> list[str]:
    """Return the partitions that the settings keep no longer, oldest first."""
    own = parts()
    store, months = DeletionStore(own.database), own.settings.keep_prediction_months
    return [found.name for found in expired_months(store, own.clock.read().now, months)]


@task
def drop(name: str) -> str:
    """Drop a partition, and record it with that; NotReady while somebody reads the log for long."""
    own = parts()
    number = DeletionStore(own.database).drop_recorded(
        name, WHO, f"{REASON}={own.settings.keep_prediction_months}"
    )
    logger.info("a month of predictions is dropped", extra={"partition": name, "deletion": number})
    return name


@task
def report_failure(reason: str) -> None:
    """Open and deliver the alert of a run that failed: nobody looks at a flow that only keeps order."""
    raise_alert(MONTHS_NOT_KEPT, reason, {"error": reason})


@task
def resolve_failure() -> None:
    """Resolve that alert."""
    close_alert(MONTHS_NOT_KEPT)


if __name__ == "__main__":
    partitions()
