"""Delete a stack's state, after it was named and a person agreed."""

from collections.abc import Callable

from adapters.settings import Settings
from adapters.terminal import Say
from deploy.native import selection, state
from deploy.native.manager import Stack
from deploy.native.selection import StackName
from domain.errors import OntimeError


def clean_stack(name: StackName, confirm: Callable[[], bool], say: Say) -> None:
    """Stop a stack and delete its state.

    Parameters
    ----------
    name : StackName
        The stack whose state is deleted.
    confirm : callable
        Asked after what will be deleted was named; returns whether to go on.
    say : callable
        Reports a line.

    Raises
    ------
    OntimeError
        If `confirm` returns false: then nothing is stopped or deleted.
    """
    settings = selection.settings_of(name)
    if name is StackName.DEMO and not selection.has_demo():
        say(f"no demo in {selection.where(name)}: nothing to delete")
        _report_own_state(say)
        return
    found = state.parts(settings)
    if not found:
        say(f"{selection.described(name)} has no state: nothing to delete")
    else:
        _announce(name, settings, found, say)
        if not confirm():
            raise OntimeError("nothing was deleted")
        Stack(settings).stop(lambda text: None)
        state.forget(settings)
        say(f"deleted {state.summary(found)}")
    if name is StackName.DEMO:
        _report_own_state(say)


def _announce(name: StackName, settings: Settings, found: list[state.Part], say: Say) -> None:
    say(f"to be deleted, of {selection.described(name)}:")
    for part in found:
        say(f"  {part.line()}")
    left = state.beside(settings)
    if left:
        say(f"left where they are: {', '.join(left)}")


def _report_own_state(say: Say) -> None:
    own = state.parts(selection.settings_of(StackName.OWN))
    if own:
        say(
            f"{selection.described(StackName.OWN)} is not touched, {state.summary(own)}: "
            "`ontime --stack own clean` or `make clean STACK=own` deletes it"
        )
