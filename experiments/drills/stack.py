"""The stack of the drills, beside the first one: own state, own ports; a base state that every drill begins from."""

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from adapters.settings import PREFIX, PROJECT_ROOT, Settings, read_settings
from adapters.terminal import Say
from data.site import Period, Site, site_of
from data.site_files import copy_site
from deploy.native import layout, state
from deploy.native.manager import Stack
from domain.errors import OntimeError
from domain.features.catalogue import CONTRACT_HASH
from replay.driver import morning_after
from replay.session import Pace, replay_window, running

PORTS_ABOVE = 20
"""Between a port of the user's own stack and that of the drills; the demo's lie between them."""
UNDISTURBED, DISTURBED = timedelta(days=8), timedelta(days=2)
WATCHED_CODE = ("monitoring", "flows")
MARK = "prepared-by"


@dataclass(frozen=True)
class DrillPlan:
    """Undisturbed days, and those in whose runs every fault is to be found."""

    base: Period
    drilled: Period

    @classmethod
    def of(cls, site: Site) -> "DrillPlan":
        """Take the first days of a site that are replayed."""
        onset = site.replay_from + UNDISTURBED
        one = timedelta(days=1)
        return cls(site.replayed(None, onset - one), site.replayed(onset, onset + DISTURBED - one))

    @classmethod
    def in_folder(cls, settings: Settings) -> "DrillPlan":
        """Return that of the site whose events the drills' stack has."""
        return cls.of(site_of(settings.state_dir / "data"))

    @property
    def onset(self) -> datetime:
        """Return the morning on which a fault begins."""
        return morning_after(self.base.last)


@dataclass(frozen=True)
class Place:
    """Another site that is drilled: the data folder that has it, and its first undisturbed day."""

    data_dir: Path
    first: date | None = None


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment of the drills' own stack: everything follows its state folder."""
    own = ("ONTIME_", "PREFECT_", "MLFLOW_TRACKING_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    return kept | layout.variables_beside(settings, folder(settings) / "stack", PORTS_ABOVE)


def folder(settings: Settings) -> Path:
    """Return where the drills keep their stack and its base state."""
    return settings.state_dir / "drills"


def run_apart(settings: Settings, fault: str, place: Place | None = None) -> int:
    """Run the drills in a process whose environment is that of their own stack; return its exit status.

    Parameters
    ----------
    place : Place, optional
        Where they are replayed instead of New York.
    """
    command = [sys.executable, "-m", "experiments.drills.drill", fault, str(settings.reports_dir)]
    variables = environment(settings)
    own = {name: value for name, value in variables.items() if name.startswith(PREFIX)}
    drilled = read_settings(own)
    if place is not None:
        copy_site(place.data_dir, drilled.state_dir / "data", place.first)
    return subprocess.call(command, cwd=PROJECT_ROOT, env=variables | _stack_variables(drilled, own))


def _stack_variables(drilled: Settings, own: dict[str, str]) -> dict[str, str]:
    return layout.environment(drilled) | own


def ensure_base(settings: Settings, say: Say) -> None:
    """Prepare the state that drills begin from, unless this code has: a champion, and undisturbed days."""
    base, site = _base(settings), site_of(settings.state_dir / "data")
    days, mark = DrillPlan.of(site).base, base / MARK
    if mark.exists() and mark.read_text() == fingerprint(site):
        return
    say(f"preparing the base state: a first champion and {len(days)} undisturbed days, about five minutes")
    stack = Stack(settings)
    stack.stop(say)
    state.forget(settings, keep=("data",))
    with running(settings, say) as (database, guard, dataset):
        replay_window(settings, database, guard, dataset, days, Pace(say, len(days)))
    stack.stop(say)
    shutil.rmtree(base, ignore_errors=True)
    _copy(settings.state_dir, base)
    mark.write_text(fingerprint(site))


def restore(settings: Settings) -> None:
    """Put the base state in place of whatever the last drill left.

    Raises
    ------
    OntimeError
        If there is none.
    """
    if not (_base(settings) / MARK).exists():
        raise OntimeError("the drills have no base state: run `make drill FAULT=none` first")
    Stack(settings).stop(lambda text: None)
    shutil.rmtree(settings.state_dir, ignore_errors=True)
    _copy(_base(settings), settings.state_dir)


def fingerprint(site: Site) -> str:
    """Return what the base state depends on: the site, the features, and the code that watches and decides."""
    digest = hashlib.sha256(f"{CONTRACT_HASH} {site}".encode())
    for package in WATCHED_CODE:
        for path in sorted((PROJECT_ROOT / package).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _base(settings: Settings) -> Path:
    return settings.state_dir.with_name("base")


def _copy(source: Path, target: Path) -> None:
    """Copy with owners and times: PostgreSQL's files are not this user's where this is root."""
    done = subprocess.run(
        ["cp", "-a", "--reflink=auto", str(source), str(target)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise OntimeError(f"the state of the drills could not be copied: {done.stderr.strip()}")
