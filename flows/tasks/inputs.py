"""Which day is monitored, which version serves, and what was answered."""

import logging
import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from adapters.model_registry import CHAMPION
from domain.errors import InvalidInput, NotFound, SignatureInvalid
from domain.model import FlightModel
from flows.parts import parts
from flows.tasks.defaults import task
from monitoring import windows
from monitoring.standing import champion_at

LEDGER_ROWS = 1_000
"""Newest changes of the champion a run looks at."""
MISSED_DAYS = 14
"""How far back a run looks for days that were missed."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunContext:
    """The local day that a run monitors, and by what was known."""

    day: date
    as_of: datetime
    """What became known later is not seen: monitored again, the day measures the same."""
    started: float
    is_newest: bool
    """Whether it is the last whole day by the clock: only then is anything decided."""


@dataclass(frozen=True)
class Champion:
    """A version of the model and what it was trained on."""

    version: int
    model: FlightModel


@task
def begin(day: date | None) -> RunContext:
    """Settle which day is monitored: by default the last complete one.

    Raises
    ------
    InvalidInput
        If the day is not over by the stack's clock.
    """
    now = parts().clock.read().now
    newest = windows.last_complete_day(now)
    chosen = day or newest
    if chosen > newest:
        raise InvalidInput("day", f"a day that is over by the stack's clock, at most {newest}", str(chosen))
    return RunContext(chosen, windows.run_moment(chosen), time.monotonic(), chosen == newest)


@task
def missed_runs(run: RunContext) -> list[RunContext]:
    """Return the days of the weeks before that have predictions and were not monitored."""
    first = run.day - timedelta(days=MISSED_DAYS)
    missed = parts().monitoring.missed_days(first, run.day - timedelta(days=1))
    return [RunContext(day, windows.run_moment(day), time.monotonic(), False) for day in missed]


@task
def load_champion() -> Champion | None:
    """Load the version that serves now, None where none does or its artifact is refused: the run goes on."""
    return _loaded(parts().registry.alias(CHAMPION))


@task
def load_champion_of(run: RunContext) -> Champion | None:
    """Load the version that served when the run's day ended, whichever serves now."""
    own = parts()
    # What a person moved by hand is in the ledger only when somebody has looked.
    serving = own.deployments.reconcile(own.championship.champion)
    history = own.deployments.history(LEDGER_ROWS)
    version = champion_at(history, run.as_of)
    if version is None and run.is_newest:
        version = serving  # the first champion was promoted after the day, and nothing served before
    return _loaded(version)


def _loaded(version: int | None) -> Champion | None:
    try:
        return Champion(version, parts().registry.load(version)) if version is not None else None
    except (SignatureInvalid, NotFound) as error:
        logger.warning("the champion's artifact is refused", extra={"version": version, "reason": str(error)})
        return None


def trained_days(champion: Champion) -> tuple[date, date]:
    """Return the first and last day of the flights a version was fitted on."""
    manifest = champion.model.manifest
    return date.fromisoformat(manifest.trained_from), date.fromisoformat(manifest.trained_until)
