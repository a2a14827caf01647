"""What "late" means, and which flights have a label at all.

The line is the US Department of Transportation's own: an arrival 15 minutes or more after schedule.
"""

import numpy as np
import numpy.typing as npt

from domain.clock import NEVER
from domain.flights import FlightFacts, Ints

LATE_MINUTES = 15


def is_late(arr_delay: Ints) -> npt.NDArray[np.bool_]:
    """Return whether arrivals are late, shape (n,); minutes, negative = early, never winsorised.

    Examples
    --------
    >>> is_late(np.array([-3, 14, 15])).tolist()
    [False, False, True]
    """
    return arr_delay >= LATE_MINUTES


def has_label(flights: FlightFacts, as_of: int) -> npt.NDArray[np.bool_]:
    """Return whether each flight's arrival is known by `as_of`; cancelled and diverted flights never have one."""
    return flights.arr_known <= min(as_of, NEVER - 1)
