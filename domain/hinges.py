"""A logistic regression whose columns bend at two knots: what trees approximate in steps, it says in lines."""

import json
from bisect import bisect_left
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.flights import Floats
from domain.standardisation import Standardisation

KNOTS = 2
Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class HingeLogistic(Standardisation):
    """Log-odds as a sum of one broken line a column, for each band of lead times.

    The line of a standardised column is w0 z + w1 max(z - k1, 0) + w2 max(z - k2, 0).
    """

    lead_column: int
    """Where a vector holds its lead in minutes: it chooses the band."""
    band_until: Floats
    """Longest lead of each band in minutes, ascending, shape (n_bands,); longer leads belong to the last."""
    knots: Floats
    """Of the standardised columns, shape (KNOTS, n_features)."""
    weights: Floats
    """Shape (n_bands, 1 + KNOTS, n_features): of z and of each hinge."""
    intercept: Floats
    """Shape (n_bands,)."""
    expected: Floats
    """Mean term of each column where it was fitted, shape (n_bands, n_features): a share is what a term has over it."""

    def raw_scores(self, matrix: Floats) -> Floats:
        """Return the log-odds of vectors of shape (n, n_features); shape (n,)."""
        if len(matrix) == 1:  # the online case: without gathering weights a row takes half the time
            return np.array([self._score_of_one(matrix)])
        band = self._band(matrix)
        scores: Floats = self._terms(matrix, band).sum(axis=1) + self.intercept[band]
        return scores

    def contributions(self, matrix: Floats) -> Floats:
        """Return the signed shares of the log-odds, shape (n, n_features + 1), the constant last."""
        band = self._band(matrix)
        expected = self.expected[band]
        constant = self.intercept[band] + expected.sum(axis=1)
        return np.column_stack([self._terms(matrix, band) - expected, constant])

    def _score_of_one(self, matrix: Floats) -> float:
        band = min(bisect_left(self._bands, matrix[0, self.lead_column]), len(self._bands) - 1)
        z, weights = self.standardised(matrix)[0], self.weights[band]
        bent = z - self.knots
        np.maximum(bent, 0.0, out=bent)
        bent *= weights[1:]
        z *= weights[0]
        for number in range(KNOTS):
            z += bent[number]
        return float(np.add.reduce(z) + self.intercept[band])

    def _band(self, matrix: Floats) -> Positions:
        return np.minimum(
            np.searchsorted(self.band_until, matrix[:, self.lead_column]), len(self.band_until) - 1
        )

    def _terms(self, matrix: Floats, band: Positions) -> Floats:
        z, weights = self.standardised(matrix), self.weights[band]
        terms = z * weights[:, 0]
        for number in range(KNOTS):
            terms += np.maximum(z - self.knots[number], 0.0) * weights[:, 1 + number]
        return terms

    @cached_property
    def _bands(self) -> list[float]:
        return list(self.band_until.tolist())

    def to_json(self) -> str:
        """Write it; the same numbers always give the same text."""
        arrays = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "lead_column"}
        values = {name: array.tolist() for name, array in arrays.items()}
        return json.dumps({"lead_column": self.lead_column, **values}, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "HingeLogistic":
        """Read what `to_json` wrote."""
        values: dict[str, Any] = json.loads(text)
        lead_column = int(values.pop("lead_column"))
        arrays = {name: np.array(v, dtype=np.float64) for name, v in values.items()}
        return cls(lead_column=lead_column, **arrays)
