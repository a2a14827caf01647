"""What computes the pieces that a heavy piece of work is cut into: this process, or the workers of a Dask cluster."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol, TypeVar

from adapters.settings import Settings

Result = TypeVar("Result")
DASK = "dask"


class Engine(Protocol):
    """Computes pieces of work; what it returns depends on the pieces alone."""

    def keep(self, value: Any) -> Any:
        """Return what stands for a value among the arguments of pieces: it is sent to workers once, not by piece."""
        ...

    def map(self, work: Callable[..., Result], pieces: Iterable[tuple[Any, ...]]) -> Iterator[Result]:
        """Call a function of a module with the arguments of each piece; yield the results in the order of pieces."""
        ...


class LocalEngine:
    """Computes one piece after another, in this process."""

    def keep(self, value: Any) -> Any:
        """Return the value."""
        return value

    def map(self, work: Callable[..., Result], pieces: Iterable[tuple[Any, ...]]) -> Iterator[Result]:
        """Yield the results in the order of pieces, each computed when it is asked for."""
        return (work(*piece) for piece in pieces)


LOCAL = LocalEngine()


def engine_of(settings: Settings) -> AbstractContextManager[Engine]:
    """Return the engine that the settings name, for the length of a block.

    Raises
    ------
    ConfigurationError
        If Dask is asked for and its libraries, its scheduler or its workers are not there, or run other code.
    """
    if settings.engine != DASK:
        return nullcontext(LOCAL)
    # Whoever computes here pays nothing for Dask.
    from adapters.dask_cluster import connected

    return connected(settings.dask_scheduler)
