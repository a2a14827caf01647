"""What a native stack keeps in its state folder: whose it is, how much, and how it is forgotten."""

import json
import os
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from adapters.atomic_write import atomic_write
from adapters.settings import Settings
from domain.errors import ConfigurationError

STATE = (
    "postgres", "postgres.unfinished", "mlflow", "prefect", "spool", "models", "reference", "reports", "replay.json",
    "run", "log", "cache", "data", "dask",
)  # fmt: skip
"""What the stack makes. Everything else in the folder, secrets and backups before all, is out of reach."""
FORGOTTEN = "forgotten"
"""Folder that the state is moved into before it is deleted: whoever is killed meanwhile leaves no half of it."""
MARK_FILE = "made-by.json"


@dataclass(frozen=True)
class Part:
    """A file or folder of a state."""

    path: Path
    size: int
    oldest: float
    """When the oldest of its files was last written, as a time stamp."""
    newest: float
    target: Path | None = None
    """Where it leads to, if it is a link: of that nothing is deleted."""

    def line(self, now: float | None = None) -> str:
        """Describe it: name, size, age."""
        now = time.time() if now is None else now
        if self.target:
            return f"{self.path.name:12} {_megabytes(self.size):>10}   a link to {self.target}, which stays"
        return f"{self.path.name:12} {_megabytes(self.size):>10}   {_written(self.oldest, self.newest, now)}"


def parts(settings: Settings, keep: Iterable[str] = ()) -> list[Part]:
    """Measure what `forget` would delete."""
    names = [name for name in (*STATE, FORGOTTEN) if name not in keep]
    return [_measure(path) for name in names if os.path.lexists(path := settings.state_dir / name)]


def beside(settings: Settings) -> list[str]:
    """Return the names in the folder that `forget` leaves where they are."""
    if not settings.state_dir.exists():
        return []
    return sorted(
        p.name for p in settings.state_dir.iterdir() if p.name not in (*STATE, FORGOTTEN, MARK_FILE)
    )


def forget(settings: Settings, keep: Iterable[str] = ()) -> None:
    """Delete the state of a stopped stack, some of its parts kept; whatever the stack did not make stays."""
    aside = settings.state_dir / FORGOTTEN
    _delete(aside)
    for part in parts(settings, keep):
        aside.mkdir(exist_ok=True)
        part.path.rename(aside / part.path.name)
    _delete(aside)


def claim(settings: Settings, maker: str) -> None:
    """Mark the state folder as made by `maker`, unless it is marked so already.

    Raises
    ------
    ConfigurationError
        If the folder holds something and carries no mark, or that of another maker.
    """
    folder = settings.state_dir
    if made_by(settings) == maker:
        return
    if folder.exists() and any(folder.iterdir()):
        raise ConfigurationError(
            f"{folder} was not made by `ontime {maker}`, which replaces only what it made: "
            "move it away, or set ONTIME_STATE_DIR to another folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    mark = {"made_by": maker, "at": datetime.now(UTC).isoformat(timespec="seconds")}
    with atomic_write(folder / MARK_FILE) as unfinished:
        unfinished.write_text(json.dumps(mark) + "\n")


def made_by(settings: Settings) -> str | None:
    """Return whose mark the state folder carries; None = the user's own, or nobody's."""
    try:
        maker = json.loads((settings.state_dir / MARK_FILE).read_text())["made_by"]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return str(maker)


def summary(found: list[Part]) -> str:
    """Describe parts in one phrase."""
    oldest, newest = min(part.oldest for part in found), max(part.newest for part in found)
    linked = ", ".join(str(part.target) for part in found if part.target)
    stays = f"; left where they are, links led there: {linked}" if linked else ""
    return f"{_megabytes(sum(part.size for part in found))}, {_written(oldest, newest, time.time())}{stays}"


def _measure(path: Path) -> Part:
    if path.is_symlink():
        made = path.lstat().st_mtime
        return Part(path, 0, made, made, path.readlink())
    files = [path]
    for folder, _, names in os.walk(path):
        files += [Path(folder, name) for name in names]
    stats = [stat for file in files if (stat := _lstat(file)) is not None]
    times = [s.st_mtime for s in stats] or [time.time()]
    return Part(path, sum(s.st_size for s in stats), min(times), max(times))


def _lstat(file: Path) -> os.stat_result | None:
    try:
        return file.lstat()
    except FileNotFoundError:  # a stack that runs removes files meanwhile
        return None


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def _written(oldest: float, newest: float, now: float) -> str:
    first, last = _ago(now - oldest), _ago(now - newest)
    return f"written {first}" if first == last else f"written from {first} to {last}"


def _ago(seconds: float) -> str:
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit} ago"
    return f"{max(seconds, 0):.0f} seconds ago"
