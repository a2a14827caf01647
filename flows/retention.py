"""What is kept no longer: predictions, feature states, refused lines, models' copies, references, reports."""

import os
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

from adapters.clock_store import ClockStore
from adapters.deletion_store import DeletionStore, Partition
from adapters.deployments import Deployments
from adapters.feature_store import KEPT_DAYS, FeatureStore
from adapters.model_registry import CHALLENGER, CHAMPION, ModelRegistry
from adapters.postgres import Database
from adapters.settings import Settings
from adapters.spool import REFUSED_SUFFIX
from domain.clock import minute_floor
from domain.features.catalogue import CONTRACT_HASH
from flows import references

DAY_SECONDS = 86_400.0
KEPT_CHAMPIONS = 3
"""How many champions one would go back through keep their copies; one further back is fetched again."""


@dataclass(frozen=True)
class RetentionPolicy:
    """How long things are kept; 0 = for ever."""

    prediction_months: int
    report_days: int
    """Of a monitored day's files; the figures are in the database."""
    leftover_days: int
    """Of lines that the log refused, copies of models that no rollback goes to, and references of drift."""
    state_days: int = KEPT_DAYS
    """More are left where the refresher did not run."""

    @classmethod
    def from_settings(cls, settings: Settings) -> "RetentionPolicy":
        """Take it from the settings."""
        return cls(settings.keep_prediction_months, settings.keep_report_days, settings.keep_leftover_days)


@dataclass(frozen=True)
class Expired:
    """Something that the policy keeps no longer."""

    kind: str
    name: str
    bytes: int
    delete: Callable[[], object]


def find_expired(settings: Settings, database: Database, policy: RetentionPolicy) -> list[Expired]:
    """Return what the policy keeps no longer, by the stack's clock; files without a day of their own by their age."""
    now = ClockStore(database).read().now
    return [
        *_partitions(DeletionStore(database), now, policy.prediction_months),
        *_states(database, now - timedelta(days=policy.state_days)),
        *_reports(settings.reports_dir / "monitoring", now, policy.report_days),
        *_refused(settings.spool_dir, policy.leftover_days),
        *_files_of_models(settings, database, policy.leftover_days),
    ]


def delete_expired(database: Database, expired: list[Expired], who: str, reason: str) -> int:
    """Delete what was found and record it; return the number of the ledger's row.

    What is deleted is recorded also where a later deletion fails.
    """
    done: dict[str, list[str]] = {}
    try:
        for thing in expired:
            thing.delete()
            done.setdefault(thing.kind, []).append(thing.name)
    except BaseException:
        if done:
            DeletionStore(database).record(who, reason, done)
        raise
    return DeletionStore(database).record(who, reason, done)


def _partitions(store: DeletionStore, now: datetime, months: int) -> Iterable[Expired]:
    for found in expired_months(store, now, months):
        yield Expired("predictions", found.name, found.bytes, partial(store.drop, found.name))


def expired_months(store: DeletionStore, now: datetime, months: int) -> list[Partition]:
    """Return the months of predictions before the newest ones and the month of a moment; 0 = none.

    A moment after the newest prediction counts as that: a clock that is years ahead would make every month an old one.
    """
    newest = store.newest_prediction()
    if not months or newest is None:
        return []
    until = min(now, newest)
    month = until.year * 12 + until.month - 1 - months
    return store.partitions(until.replace(year=month // 12, month=month % 12 + 1, day=1))


def _states(database: Database, before: datetime) -> Iterable[Expired]:
    count, size = DeletionStore(database).states(before)
    if count:
        prune = partial(FeatureStore(database).prune, minute_floor(before))
        yield Expired("feature states", f"{count} before {before:%Y-%m-%d}", size, prune)


def _reports(folder: Path, now: datetime, days: int) -> Iterable[Expired]:
    before = (now - timedelta(days=days)).date()
    for found in reports_before(folder, before) if days else []:
        yield Expired("reports", found.name, _size(found), partial(shutil.rmtree, found))


def reports_before(folder: Path, day: date) -> list[Path]:
    """Return the folders of monitored days before a day, oldest first."""
    return [found for found in sorted(folder.glob("????-??-??")) if found.name < day.isoformat()]


def _refused(folder: Path, days: int) -> Iterable[Expired]:
    # Under Compose the operator's container sees the spool and cannot write to it.
    if days and os.access(folder, os.W_OK):
        for found in sorted(folder.glob("*" + REFUSED_SUFFIX)):
            if _is_older(found, days):
                yield Expired("refused lines", found.name, _size(found), found.unlink)


def _files_of_models(settings: Settings, database: Database, days: int) -> Iterable[Expired]:
    if not days:
        return
    registry = ModelRegistry.from_settings(settings)
    in_use = {registry.alias(CHAMPION), registry.alias(CHALLENGER), registry.last_served()}
    near = Deployments(database).champions(CONTRACT_HASH)[:KEPT_CHAMPIONS]
    for found in registry.copies_beside(in_use | set(near)):
        if _is_older(found, days):
            yield Expired("copies of models", found.name, _size(found), partial(shutil.rmtree, found))
    # Whoever a rollback brings back has one made again.
    for found in sorted(references.folder(settings).glob("*.npz")):
        version = references.version_of(found)
        if _is_older(found, days) and (version is None or version not in in_use):
            yield Expired("references", found.name, _size(found), found.unlink)


def _is_older(path: Path, days: int) -> bool:
    return time.time() - path.stat().st_mtime > days * DAY_SECONDS


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in [path, *path.rglob("*")] if file.is_file())
