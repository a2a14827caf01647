"""What a worker needs to answer a prediction: one list of checks for the proxy, and for the people who look."""

from collections.abc import Callable

from app.parts import Parts
from domain.errors import NotReady, OntimeError

WELL = "ok"


def readiness(p: Parts) -> dict[str, str]:
    """Return each check by its name: "ok", or what is wrong."""
    return {
        "champion": _check(p.models.require_champion),
        "spool": _check(p.spool.check),
        "state": _check(lambda: _require_state(p)),
    }


def _require_state(p: Parts) -> None:
    age, limit = p.cache.newest_age(), p.settings.state_limit_minutes
    if age is None:
        raise NotReady("no feature state is loaded yet")
    if age > limit:
        raise NotReady(f"the newest feature state is {age} minutes old, more than {limit}")


def _check(check: Callable[[], object]) -> str:
    try:
        check()
    except OntimeError as error:
        return str(error)
    return WELL
