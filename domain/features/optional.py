"""Optional events: which of them the site's feed gives. A family of features of each is part of the contract then.

Chosen once a process, where it begins: the contract is a constant of the running code, like every feature in it.
"""

import os
from collections.abc import Mapping

from domain.errors import ConfigurationError
from domain.features import aircraft, estimate, turns

VARIABLE = "ONTIME_OPTIONAL_EVENTS"
FAMILIES = {family.EVENT: family for family in (aircraft, estimate)}


def chosen(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the optional events that are switched on, always in the same order.

    Raises
    ------
    ConfigurationError
        If one is unknown.

    Examples
    --------
    >>> chosen({}), chosen({VARIABLE: "departure_estimated, aircraft_assigned"})
    ((), ('aircraft_assigned', 'departure_estimated'))
    """
    names = {name.strip() for name in environment.get(VARIABLE, "").split(",")} - {""}
    if unknown := sorted(names - set(FAMILIES)):
        raise ConfigurationError(
            f"{VARIABLE}: expected some of {', '.join(FAMILIES)}, separated by commas; got {unknown[0]}"
        )
    return tuple(name for name in FAMILIES if name in names)


CHOSEN = chosen(os.environ)
KINDS = (turns.KIND,) if CHOSEN else ()
