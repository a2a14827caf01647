"""Which stack a command about a whole one acts on: a native one here, or that of Compose.

What speaks to the engine is imported where it is used: no image has it.
"""

from typing import TYPE_CHECKING

from deploy.native.selection import StackName
from deploy.status import NOTHING_RUNS
from domain.errors import OntimeError

if TYPE_CHECKING:
    from deploy.compose.deployments import Deployments


def is_compose(asked: StackName | None, running: list[StackName]) -> bool:
    """Return whether it is that of Compose: where no stack is named, and your own native one does not run."""
    if asked is not None or StackName.OWN in running:
        return False
    from deploy.compose import inside

    return inside.worker() is not None


def native(asked: StackName | None, running: list[StackName]) -> StackName:
    """Return the native one: that which is named, else that which runs.

    Raises
    ------
    OntimeError
        If it does not run.
    """
    if not running or (asked and asked not in running):
        raise OntimeError(NOTHING_RUNS)
    return asked or running[0]


def deployments() -> "Deployments":
    """Return what was deployed under Compose."""
    from deploy.compose.deployments import Deployments
    from deploy.compose.engine import Compose

    return Deployments(Compose())
