"""LightGBM's own C interface: score a text model with numpy alone.

Importing the `lightgbm` package pulls in SciPy, and pandas and scikit-learn where they are installed:
seconds at every start and 100 MB a worker. Its shared library alone loads at once, and its single-row call
saves most of the cost of one prediction.

Source: LightGBM's `include/LightGBM/c_api.h`, 4.7.
"""

import ctypes
import importlib.util
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from domain.errors import NotReady

Floats = npt.NDArray[np.float64]

_FLOAT64 = 1
_ROW_MAJOR = 1
_RAW_SCORE = 1
_CONTRIBUTIONS = 3
# One thread: a worker is a process, and OpenMP's threads do not survive a fork.
_PARAMETERS = b"num_threads=1 verbosity=-1"


@lru_cache(maxsize=1)
def _library() -> Any:
    spec = importlib.util.find_spec("lightgbm")
    if spec is None or not spec.submodule_search_locations:
        raise NotReady("the lightgbm package is not installed")
    path = Path(spec.submodule_search_locations[0]) / "lib" / "lib_lightgbm.so"
    library = ctypes.cdll.LoadLibrary(str(path))
    library.LGBM_GetLastError.restype = ctypes.c_char_p
    return library


def _call(function: str, *arguments: Any) -> None:
    _require_success(getattr(_library(), function)(*arguments))


def _require_success(status: int) -> None:
    if status != 0:
        raise ValueError(f"LightGBM: {_library().LGBM_GetLastError().decode(errors='replace')}")


def _pointer(array: Floats) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


class LightGBMBooster:
    """A loaded text model; scores float64 rows. Not for use by two threads at once.

    The text must have been verified first: LightGBM's parser crashes the process on a truncated model.

    Raises
    ------
    ValueError
        If LightGBM refuses the text.
    """

    def __init__(self, model_text: str):
        self._handle = ctypes.c_void_p()
        iterations = ctypes.c_int()
        _call(
            "LGBM_BoosterLoadModelFromString",
            ctypes.c_char_p(model_text.encode()),
            ctypes.byref(iterations),
            ctypes.byref(self._handle),
        )
        self.n_trees = iterations.value
        self.n_features = self._count_features()
        self._row = np.empty(self.n_features)
        self._score = np.empty(1)
        self._length = ctypes.c_int64()
        self._fast = self._single_row_config()
        self._score_row = self._bound_call()

    def _count_features(self) -> int:
        count = ctypes.c_int()
        _call("LGBM_BoosterGetNumFeature", self._handle, ctypes.byref(count))
        return count.value

    def _single_row_config(self) -> ctypes.c_void_p:
        config = ctypes.c_void_p()
        _call(
            "LGBM_BoosterPredictForMatSingleRowFastInit",
            self._handle,
            ctypes.c_int(_RAW_SCORE),
            ctypes.c_int(0),
            ctypes.c_int(-1),
            ctypes.c_int(_FLOAT64),
            ctypes.c_int32(self.n_features),
            ctypes.c_char_p(_PARAMETERS),
            ctypes.byref(config),
        )
        return config

    def _bound_call(self) -> Callable[[], int]:
        """Return the call that scores the row buffer into the score buffer: its arguments never change."""
        return partial(
            _library().LGBM_BoosterPredictForMatSingleRowFast,
            self._fast,
            _pointer(self._row),
            ctypes.byref(self._length),
            _pointer(self._score),
        )

    def raw_scores(self, matrix: Floats) -> Floats:
        """Sum the trees' outputs (log-odds) for each row.

        Parameters
        ----------
        matrix : float64, shape (n, n_features)
            NaN is missing.

        Returns
        -------
        float64, shape (n,)

        Raises
        ------
        ValueError
            If the number of columns is not the model's.
        """
        self._check(matrix)
        if len(matrix) == 1:
            return self._raw_score_of_one(matrix)
        return self._predict(matrix, _RAW_SCORE, 1)[:, 0]

    def contributions(self, matrix: Floats) -> Floats:
        """Return each feature's signed share of the raw score, the expected score last.

        Returns
        -------
        float64, shape (n, n_features + 1)
            Each row sums to the raw score.
        """
        self._check(matrix)
        return self._predict(matrix, _CONTRIBUTIONS, self.n_features + 1)

    def _check(self, matrix: Floats) -> None:
        if matrix.ndim != 2 or matrix.shape[1] != self.n_features:
            raise ValueError(f"expected {self.n_features} columns, got an array of shape {matrix.shape}")

    def _raw_score_of_one(self, matrix: Floats) -> Floats:
        self._row[:] = matrix[0]
        _require_success(self._score_row())
        return self._score.copy()

    def _predict(self, matrix: Floats, kind: int, width: int) -> Floats:
        rows = np.ascontiguousarray(matrix, dtype=np.float64)
        result = np.empty((len(rows), width))
        if not len(rows):
            return result
        _call(
            "LGBM_BoosterPredictForMat",
            self._handle,
            _pointer(rows),
            ctypes.c_int(_FLOAT64),
            ctypes.c_int32(rows.shape[0]),
            ctypes.c_int32(rows.shape[1]),
            ctypes.c_int(_ROW_MAJOR),
            ctypes.c_int(kind),
            ctypes.c_int(0),
            ctypes.c_int(-1),
            ctypes.c_char_p(_PARAMETERS),
            ctypes.byref(self._length),
            _pointer(result),
        )
        return result

    def close(self) -> None:
        """Free the library's memory; the booster is of no use afterwards."""
        if self._handle:
            _library().LGBM_FastConfigFree(self._fast)
            _library().LGBM_BoosterFree(self._handle)
            self._handle = ctypes.c_void_p()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self.close()
