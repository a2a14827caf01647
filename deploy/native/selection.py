"""Which stack of this checkout a command acts on: the user's own, or the demo's beside it."""

import importlib.util
import os
import sys
from enum import StrEnum
from pathlib import Path

from adapters.settings import PREFIX, PROJECT_ROOT, Settings, read_settings, settings
from deploy.native import layout, state
from deploy.native.manager import Stack
from domain.errors import OntimeError

PORTS_ABOVE = 10
"""Between a port of the user's own stack and that of the demo's."""


class StackName(StrEnum):
    """The stacks of a checkout."""

    OWN = "own"
    DEMO = "demo"


def settings_of(name: StackName) -> Settings:
    """Read the settings of a stack; those of the demo's derive from the user's own."""
    own = read_settings(os.environ)
    return own if name is StackName.OWN else read_settings(_demo_variables(own))


def _demo_variables(own: Settings) -> dict[str, str]:
    return layout.variables_beside(own, own.state_dir / "demo", PORTS_ABOVE)


def enter(name: StackName) -> Settings:
    """Make this process one of a stack's: its environment and `settings()` are those of the stack from now on."""
    own = read_settings(os.environ)
    if name is StackName.DEMO:
        return _become(_demo_variables(own))
    # What runs in this process writes and sends no more outside than the stack's processes do.
    for variable, value in layout.environment(own).items():
        os.environ.setdefault(variable, value)
    settings.cache_clear()
    return settings()


def enter_beside(folder: Path, home_airport: str, optional_events: str = "") -> Settings:
    """Make this process one of a stack with a state folder and a home of its own, on the ports of the user's own."""
    variables = layout.variables_beside(read_settings(os.environ), folder, ports_above=0)
    own = {f"{PREFIX}HOME_AIRPORT": home_airport, f"{PREFIX}OPTIONAL_EVENTS": optional_events}
    return _become(variables | own)


def _become(variables: dict[str, str]) -> Settings:
    for variable in [variable for variable in os.environ if variable.startswith(PREFIX)]:
        del os.environ[variable]
    os.environ.update(variables)
    os.environ.update(layout.environment(read_settings(os.environ)))
    settings.cache_clear()
    return settings()


def require_native() -> None:
    """Check that the programs of a native stack are installed.

    Raises
    ------
    OntimeError
        If they are not, as in the images.
    """
    if importlib.util.find_spec("supervisor") is None:
        raise OntimeError(
            "there is no native stack here: `make status`, beside docker-compose.yml, shows what runs"
        )


def require_demo() -> None:
    """Check that a demo has run.

    Raises
    ------
    OntimeError
        If there is no state of one.
    """
    if not has_demo():
        raise OntimeError(f"there is no demo in {where(StackName.DEMO)} yet: `make demo` makes one")


def has_demo() -> bool:
    """Return whether a demo has left its state folder."""
    return state.made_by(settings_of(StackName.DEMO)) == StackName.DEMO


def names_postgres() -> bool:
    """Return whether the environment names a PostgreSQL: it has chosen a stack then, as it has in an image."""
    return any(name.startswith("ONTIME_POSTGRES_") for name in os.environ)


def running() -> list[StackName]:
    """Return the stacks that run, the user's own first."""
    there = [StackName.OWN, StackName.DEMO] if has_demo() else [StackName.OWN]
    return [name for name in there if Stack(settings_of(name)).is_managed()]


def the_running_one() -> StackName:
    """Choose the stack that runs, of two the user's own; say so where it is the demo's."""
    chosen = (running() or [StackName.OWN])[0]
    if chosen is StackName.DEMO:
        print(f"on {described(chosen)}: no other runs", file=sys.stderr)
    return chosen


def described(name: StackName) -> str:
    """Return the name a stack and its folder."""
    return f"{'your own stack' if name is StackName.OWN else 'the stack of the demo'} ({where(name)})"


def where(name: StackName) -> str:
    """Return a stack's folder as a person would write it."""
    folder = settings_of(name).state_dir
    return str(folder.relative_to(PROJECT_ROOT) if folder.is_relative_to(PROJECT_ROOT) else folder)
