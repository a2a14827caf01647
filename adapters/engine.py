"""What computes the pieces that a heavy piece of work is cut into: this process, or the workers of a Dask cluster."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from typing import Any, Protocol, TypeVar

from adapters.kept_arrays import GIGABYTE, KeptArrays
from adapters.settings import Settings
from domain.flights import Floats

Result = TypeVar("Result")
DASK = "dask"
KEPT_FOLDER = "vectors"
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

    @property
    def kept(self) -> KeptArrays | None:
        """Return what keeps vectors from one training set to the next; None where nothing does."""
        ...

    def keep(self, value: Any) -> Any:
        """Return what stands for a value among the arguments of pieces: it is sent to workers once, not by piece."""
        ...

    def map(self, work: Callable[..., Result], pieces: Iterable[tuple[Any, ...]]) -> Iterator[Result]:
        """Call a function of a module with the arguments of each piece; yield the results in the order of pieces."""
        ...


class LocalEngine:
    """Computes pieces in this process: one after another, or a few beside each other on threads of its own.

    NumPy lets go of the interpreter while it computes: two threads make a year of vectors in two thirds of the time.
    Two processes did no better, as each result had to be sent.

    Parameters
    ----------
    threads : int
        As many pieces as are computed at once. Who already spreads work over processes has one.
    kept : KeptArrays, optional
        Keeps vectors from one training set to the next.
    """

    trees = None

    def __init__(self, threads: int = 1, kept: KeptArrays | None = None):
        self._threads, self.kept = threads, kept

    def keep(self, value: Any) -> Any:
        """Return the value."""
        return value

    def map(self, work: Callable[..., Result], pieces: Iterable[tuple[Any, ...]]) -> Iterator[Result]:
        """Yield the results in the order of pieces, each computed when it is asked for, or just before."""
        if self._threads == 1:
            return (work(*piece) for piece in pieces)
        return self._on_threads(work, pieces)

    def _on_threads(self, work: Callable[..., Result], pieces: Iterable[tuple[Any, ...]]) -> Iterator[Result]:
        rest = iter(pieces)
        with ThreadPoolExecutor(self._threads) as pool:
            # No more ahead than threads: results that wait take memory.
            begun = deque(pool.submit(work, *piece) for piece in islice(rest, self._threads))
            while begun:
                result = begun.popleft().result()
                begun.extend(pool.submit(work, *piece) for piece in islice(rest, 1))
                yield result


LOCAL = LocalEngine()
RETRAIN_THREADS = 2
"""Of a retrain and a first champion, for vectors and for the fit. More would take the cores of what serves."""


def engine_of(settings: Settings) -> AbstractContextManager[Engine]:
    """Return the engine that the settings name, for the length of a block.

    Raises
    ------
    ConfigurationError
        If Dask is asked for and its libraries, its scheduler or its workers are not there, or run other code.
    """
    if settings.engine != DASK:
        return nullcontext(LocalEngine(RETRAIN_THREADS, kept_by(settings)))
    # Whoever computes here pays nothing for Dask.
    from adapters.dask_cluster import connected

    if settings.fit_engine != DASK:
        return connected(settings.dask_scheduler, kept=kept_by(settings))
    from adapters.dask_trees import DaskTrees

    trees = DaskTrees(settings.dask_scheduler, settings.state_dir / "data")
    return connected(settings.dask_scheduler, trees, kept_by(settings))


def kept_by(settings: Settings) -> KeptArrays | None:
    """Return what keeps vectors by the settings, in the folder of the data; None where they keep none."""
    folder = settings.state_dir / "data" / KEPT_FOLDER
    return KeptArrays(folder, settings.keep_vectors_gb * GIGABYTE) if settings.keep_vectors_gb else None
