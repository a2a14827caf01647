"""`clean`: forgetting a stack's state, after it was named and somebody said yes."""

import sys
from collections.abc import Callable

import typer

from adapters.settings import Settings
from deploy.native import selection, state
from deploy.native.manager import Stack
from deploy.native.selection import StackName
from domain.errors import OntimeError

Say = Callable[[str], None]


def clean_stack(name: StackName, yes: bool, say: Say) -> None:
    """Stop a stack and delete its state.

    Raises
    ------
    OntimeError
        If nobody says yes: then nothing is stopped or deleted.
    """
    settings = selection.settings_of(name)
    if name is StackName.DEMO and not selection.has_demo():
        say(f"no demo in {selection.where(name)}: nothing to delete")
        _tell_of_own(say)
        return
    found = state.parts(settings)
    if not found:
        say(f"{selection.described(name)} has no state: nothing to delete")
    else:
        _announce(name, settings, found, say)
        _require_yes(yes)
        Stack(settings).stop(lambda text: None)
        state.forget(settings)
        say(f"deleted {state.summary(found)}")
    if name is StackName.DEMO:
        _tell_of_own(say)


def _announce(name: StackName, settings: Settings, found: list[state.Part], say: Say) -> None:
    say(f"to be deleted, of {selection.described(name)}:")
    for part in found:
        say(f"  {part.line()}")
    left = state.beside(settings)
    if left:
        say(f"left where they are: {', '.join(left)}")


def _require_yes(yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise OntimeError("nothing was deleted: without a terminal to ask on, say --yes (`make clean YES=1`)")
    if not typer.confirm("Delete it?", default=False):
        raise OntimeError("nothing was deleted")


def _tell_of_own(say: Say) -> None:
    own = state.parts(selection.settings_of(StackName.OWN))
    if own:
        say(
            f"{selection.described(StackName.OWN)} is left alone, {state.summary(own)}: "
            "`ontime --stack own clean` or `make clean STACK=own` forgets it"
        )
