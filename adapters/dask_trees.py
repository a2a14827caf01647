"""Trees that the workers of a Dask cluster fit together: LightGBM's own estimator for Dask, each on its rows.

LightGBM connects the workers to each other by sockets of its own, and none of them goes on when one is lost: the fit
is done again with the workers that are there. What is lost with a worker is dealt again by the process that asks.
"""

import logging
import operator
import os
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightgbm
import numpy as np
from lightgbm.basic import LightGBMError

from adapters.dask_cluster import ATTEMPTS, UNREACHABLE, leave, new_client, worker_addresses
from adapters.engine import Deal
from adapters.matrix_file import matrix_in
from adapters.waiting import retry, wait_until
from domain.errors import ConfigurationError, NotReady
from domain.flights import Floats

if TYPE_CHECKING:
    from distributed import Client

logger = logging.getLogger(__name__)
LOOK_SECONDS = 1.0
"""Between two looks at whether every worker is still there."""
GONE_SECONDS = 60.0
"""Without an answer, after which a scheduler counts as gone."""
GRACE_SECONDS = 5.0
"""For LightGBM to notice by itself that a worker is lost: it may, or wait for ever."""
REPLACED_SECONDS = 60.0
"""For what manages workers to start others in place of those that are lost."""
ESTIMATOR = {
    "min_data_in_leaf": "min_child_samples",
    "feature_fraction": "colsample_bytree",
    "bagging_fraction": "subsample",
    "bagging_freq": "subsample_freq",
    "lambda_l2": "reg_lambda",
    "seed": "random_state",
}
"""LightGBM's parameters that its estimator has under names of its own, with defaults of their own."""
ADDRESSES = re.compile(r"^\[machines: .*\]$", re.MULTILINE)
PORT = re.compile(r"^\[local_listen_port: .*\]$", re.MULTILINE)
"""Where workers were: other places each time, and nobody's business who reads the model."""
WORKERS = re.compile(r"^\[num_machines: (\d+)\]$", re.MULTILINE)


class LostWorkerError(Exception):
    """A worker went away during a fit."""


class DaskTrees:
    """Fits trees on the workers of a cluster; keeps what they are dealt from in a file."""

    def __init__(self, address: str, folder: Path):
        self._address, self._folder = address, folder

    def room(self, rows: int, columns: int) -> Floats:
        """Return a matrix in a file.

        Raises
        ------
        NotReady
            If the folder has no room for it.
        """
        return matrix_in(self._folder, rows, columns)

    def fit(
        self,
        deal: Deal,
        n_trees: int,
        settings: Mapping[str, Any],
        names: Sequence[str],
        categorical: Sequence[int],
    ) -> tuple[str, int]:
        """Fit trees; return the text model and how many workers fitted it.

        Parameters
        ----------
        deal : callable
            Yields the rows in pieces for so many workers: of each piece, every worker's share of it.
        settings : mapping
            LightGBM's parameters, without threads: a worker uses as many as it has.
        names, categorical : sequence
            Of the columns; positions of those that are codes.

        Raises
        ------
        NotReady
            If no worker is left, the scheduler went away, or workers were lost again and again.
        """
        estimator = {ESTIMATOR.get(name, name): value for name, value in settings.items()} | {
            "n_estimators": n_trees
        }
        columns = {"feature_name": list(names), "categorical_feature": list(categorical)}
        lost: LostWorkerError | None = None
        for _ in range(ATTEMPTS):
            workers = self._workers()
            try:
                text = self._watched(workers, partial(_fit, workers, deal, estimator, columns))
                return _without_addresses(text), int(WORKERS.findall(text)[-1])
            except LostWorkerError as error:
                lost = error
                logger.warning("a fit lost a worker", extra={"workers": len(workers), "error": str(error)})
                self._recover(workers)
        raise NotReady(f"ONTIME_DASK_SCHEDULER: {ATTEMPTS} fits lost a worker: {lost}") from lost

    def _workers(self) -> list[str]:
        workers = sorted(self._there())
        if not workers:
            raise NotReady(
                "ONTIME_DASK_SCHEDULER: the cluster has no worker any more, and trees are not fitted"
            )
        return workers

    def _there(self) -> set[str]:
        try:
            # One that is busy is not gone.
            return retry(lambda: worker_addresses(self._address), UNREACHABLE, GONE_SECONDS, LOOK_SECONDS)
        except UNREACHABLE as error:
            raise NotReady(f"ONTIME_DASK_SCHEDULER: the scheduler went away during a fit: {error}") from error

    def _client(self) -> "Client":
        return retry(lambda: new_client(self._address), ConfigurationError, GONE_SECONDS, LOOK_SECONDS)

    def _watched(self, workers: Sequence[str], work: Callable[["Client"], str]) -> str:
        """Return what the work returns; give it up when a worker is lost, as the others may then wait for ever."""
        from distributed import CancelledError, KilledWorker

        client = self._client()
        try:
            outcome = _in_a_thread(partial(_as_current, client, work))
            while not wait([outcome], LOOK_SECONDS).done:
                self._require(workers)
            try:
                return outcome.result()
            except (LightGBMError, CancelledError, KilledWorker) as error:
                self._require(workers)
                if isinstance(error, LightGBMError) and "ocket" not in str(error):
                    raise
                raise LostWorkerError(str(error)) from error
        finally:
            leave(client)

    def _require(self, workers: Sequence[str]) -> None:
        gone = set(workers) - self._there()
        if gone:
            raise LostWorkerError(f"{', '.join(sorted(gone))} went away")

    def _recover(self, workers: Sequence[str]) -> None:
        """End workers that still wait for one that is lost, as nothing else ends a call of LightGBM; await others."""
        client = self._client()
        try:
            there = [worker for worker in workers if worker in self._there()]
            if not wait_until(lambda: not _busy(client, there), GRACE_SECONDS, LOOK_SECONDS):
                client.run(os._exit, 1, workers=_busy(client, there), on_error="ignore")
        finally:
            leave(client)
        wait_until(lambda: len(self._there()) >= len(workers), REPLACED_SECONDS, LOOK_SECONDS)


def _in_a_thread(work: Callable[[], str]) -> "Future[str]":
    """Begin work that may never return, in a thread that does not keep the process alive."""
    outcome: Future[str] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return outcome


def _as_current(client: "Client", work: Callable[["Client"], str]) -> str:
    with client.as_current():  # LightGBM waits by the client of its thread
        return work(client)


def _busy(client: "Client", workers: Sequence[str]) -> list[str]:
    found = client.run(_executing, workers=list(workers), on_error="ignore") if workers else {}
    return [worker for worker, tasks in found.items() if tasks]


def _executing(dask_worker: Any) -> int:
    return int(dask_worker.state.executing_count)


def _fit(
    workers: Sequence[str],
    deal: Deal,
    estimator: Mapping[str, Any],
    columns: Mapping[str, Any],
    client: "Client",
) -> str:
    matrix, labels, weights = _dealt(client, workers, deal, len(columns["feature_name"]))
    _rank_in_order(client)
    _keep_sockets(client)
    lightgbm.register_logger(_quiet_logger())
    fitted = lightgbm.DaskLGBMClassifier(client=client, **estimator).fit(
        matrix, labels, sample_weight=weights, **columns
    )
    text: str = fitted.booster_.model_to_string()
    return text


def _rank_in_order(client: "Client") -> None:
    """Let LightGBM rank workers in the order of their arrays, not in that of a set: a rank decides bins and sums."""
    who_has = client.who_has

    def in_order(futures: Sequence[Any]) -> dict[str, Any]:
        found = who_has(futures)
        return {future.key: found[future.key] for future in futures}

    setattr(client, "who_has", in_order)  # noqa: B010  of this connection alone


def _keep_sockets(client: "Client") -> None:
    """Let a worker keep the socket that LightGBM has it open: a task of one part of a pair goes where the pair is.

    Free to go elsewhere it is given to whichever worker is idle, where no socket can be sent.
    """
    submit = client.submit
    places: dict[str, Any] = {}

    def submit_in_place(work: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        if isinstance(work, operator.itemgetter):
            options["workers"] = places[arguments[0].key]
        future = submit(work, *arguments, **options)
        places[future.key] = options.get("workers")
        return future

    setattr(client, "submit", submit_in_place)  # noqa: B010  of this connection alone


def _quiet_logger() -> logging.Logger:
    """Return a logger of errors alone: LightGBM warns of a parameter that its estimator passes itself."""
    quiet = logging.getLogger("lightgbm")
    quiet.setLevel(logging.ERROR)
    return quiet


def _without_addresses(text: str) -> str:
    return PORT.sub("[local_listen_port: 12400]", ADDRESSES.sub("[machines: ]", text))


def _dealt(client: "Client", workers: Sequence[str], deal: Deal, width: int) -> list[Any]:
    """Send each worker its rows; return Dask's arrays of matrix, labels and weights: a block a worker, in order."""
    import dask.array

    shapes = ((np.nan, width), (np.nan,), (np.nan,))
    held: list[list[list[Any]]] = [[[] for _ in shapes] for _ in workers]
    for shares in deal(len(workers)):
        for worker, share, pieces in zip(workers, shares, held, strict=True):
            for piece, sent in zip(
                pieces, client.scatter(list(share), workers=[worker], hash=False), strict=True
            ):
                piece.append(sent)

    def block(i: int, worker: str, pieces: list[list[Any]]) -> Any:
        whole = client.submit(np.concatenate, pieces[i], workers=[worker], pure=False)
        return dask.array.from_delayed(whole, shapes[i], np.float64)

    return [
        dask.array.concatenate([block(i, *of) for of in zip(workers, held, strict=True)])
        for i in range(len(shapes))
    ]
