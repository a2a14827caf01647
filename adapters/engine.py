"""What computes the pieces that a heavy piece of work is cut into: this process, or the workers of a Dask cluster."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol, TypeVar

from adapters.settings import Settings
from domain.flights import Floats

Result = TypeVar("Result")
DASK = "dask"
Share = tuple[Floats, Floats, Floats]
"""Rows that trees are fitted on: the matrix, labels and weights."""
Deal = Callable[[int], Iterator[Sequence[Share]]]
"""Yields rows in pieces for so many workers: of each piece, every worker's share of it."""


class TreeWorkers(Protocol):
    """Fits trees on workers, where a fit outgrows one machine."""

    def room(self, rows: int, columns: int) -> Floats:
        """Return room for a matrix that need not fit into memory."""
        ...

    def fit(
        self,
        deal: Deal,
        n_trees: int,
        settings: Mapping[str, Any],
        names: Sequence[str],
        categorical: Sequence[int],
    ) -> tuple[str, int]:
        """Return the text model, and how many workers fitted it."""
        ...


class Engine(Protocol):
    """Computes pieces of work; what it returns depends on the pieces alone."""

    @property
    def trees(self) -> TreeWorkers | None:
        """Return what fits trees on workers; None where the process that asks fits them."""
        ...

    def keep(self, value: Any) -> Any:
        """Return what stands for a value among the arguments of pieces: it is sent to workers once, not by piece."""
        ...

    def map(self, work: Callable[..., Result], pieces: Iterable[tuple[Any, ...]]) -> Iterator[Result]:
        """Call a function of a module with the arguments of each piece; yield the results in the order of pieces."""
        ...


class LocalEngine:
    """Computes one piece after another, in this process."""

    trees = None

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

    if settings.fit_engine != DASK:
        return connected(settings.dask_scheduler)
    from adapters.dask_trees import DaskTrees

    trees = DaskTrees(settings.dask_scheduler, settings.state_dir / "data")
    return connected(settings.dask_scheduler, trees)
