"""Memory that this process has freed: the C library keeps it for later, and gives it back when it is asked to."""

import ctypes
import ctypes.util

_trim = getattr(ctypes.CDLL(ctypes.util.find_library("c")), "malloc_trim", None)
"""Of glibc; other C libraries give memory back by themselves."""


def give_back() -> None:
    """Return freed memory to the system; takes some milliseconds."""
    if _trim is not None:
        _trim(0)
