"""Partitions of the log of predictions: made before their month, dropped when the policy keeps them no longer."""

import logging

from prefect import flow

from adapters.deletion_store import DeletionStore
from flows.parts import parts
from flows.retention import expired_months
from flows.tasks.defaults import task

WHO = "partitions"
REASON = "ONTIME_KEEP_PREDICTION_MONTHS"
logger = logging.getLogger(__name__)


@flow(name="partitions")
def partitions() -> list[str]:
    """Make the partitions of this month and the next, drop and return those that are kept no longer."""
    make_ahead()
    return [drop(name) for name in find_expired_months()]


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


if __name__ == "__main__":
    partitions()
