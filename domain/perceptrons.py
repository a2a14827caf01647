"""Perceptrons of one hidden layer, averaged: what trees find in steps and lines in sums, they find in directions."""

import json
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.flights import Floats
from domain.standardisation import Standardisation

Positions = npt.NDArray[np.int64]
Singles = npt.NDArray[np.float32]
LOG_LEADS = 3.0
"""Natural logarithms of minutes that the scale of a lead spans."""


@dataclass(frozen=True, kw_only=True)
class Perceptrons(Standardisation):
    """Log-odds as the mean of several perceptrons with rectified units, side by side as one hidden layer.

    Inputs are the standardised columns, one for each frequent value of a categorical feature, the logarithm of the
    lead, and whether the lead is beyond each of some bounds.
    """

    lead_column: int
    """Where a vector holds its lead in minutes."""
    lead_bounds: Floats
    """Minutes, ascending."""
    value_column: Positions
    """Of each frequent value of a categorical feature: where a vector holds the feature, shape (n_values,)."""
    value: Floats
    """Shape (n_values,)."""
    weights: Singles
    """From every input to every unit, shape (n_inputs, n_units)."""
    bias: Singles
    """Of every unit, shape (n_units,)."""
    out: Singles
    """From every unit to the log-odds, shape (n_units,)."""
    intercept: float
    expected: Floats
    """Mean of every input where it was fitted, shape (n_inputs,): a share is what an input adds on the way from it."""

    @property
    def n_inputs(self) -> int:
        """Return the number of inputs."""
        return self.n_features + len(self.value) + 1 + len(self.lead_bounds)

    def inputs(self, matrix: Floats) -> Singles:
        """Return the inputs of vectors of shape (n, n_features); shape (n, n_inputs)."""
        lead = matrix[:, self.lead_column]
        lead = np.where(lead > 0.0, lead, 0.0)
        n, values = self.n_features, self.n_features + len(self.value)
        inputs = np.empty((len(matrix), self.n_inputs), dtype=np.float32)
        inputs[:, :n] = self.standardised(matrix)
        inputs[:, n:values] = matrix[:, self.value_column] == self.value
        inputs[:, values] = np.log1p(lead) / LOG_LEADS - 1.0
        for number, bound in enumerate(self.lead_bounds, values + 1):
            inputs[:, number] = lead > bound
        return inputs

    def raw_scores(self, matrix: Floats) -> Floats:
        """Return the log-odds of vectors of shape (n, n_features); shape (n,)."""
        # A row at a time: one product of many rows adds up in another order, and a row must score as it does alone.
        scores = np.array([self._score(row) for row in self.inputs(matrix)], dtype=np.float64)
        return scores + self.intercept

    def _score(self, inputs: Singles) -> np.float32:
        units = inputs @ self.weights
        units += self.bias
        np.maximum(units, 0.0, out=units)
        return np.float32(units @ self.out)

    def contributions(self, matrix: Floats) -> Floats:
        """Return the signed shares of the log-odds, shape (n, n_features + 1), the constant last.

        Integrated gradients (Sundararajan, Taly and Yan 2017) along the line from the expected inputs: a rectified unit
        bends once on it, so that its mean slope is known without a sum over steps. The shares of a row add up to its
        log-odds.
        """
        inputs, weights = self.inputs(matrix).astype(np.float64), self.weights.astype(np.float64)
        before, after = self.expected @ weights + self.bias, inputs @ weights + self.bias
        risen = np.maximum(after, 0.0) - np.maximum(before, 0.0)
        way = after - before
        slope = np.divide(risen, way, out=np.zeros_like(way), where=np.abs(way) > 1e-12)
        by_input = (inputs - self.expected) * ((slope * self.out) @ weights.T)
        n = self.n_features
        shares = np.zeros((len(matrix), n + 1))
        shares[:, :n] = by_input[:, :n]
        for number, column in enumerate(self.value_column.tolist(), n):
            shares[:, column] += by_input[:, number]
        shares[:, self.lead_column] += by_input[:, n + len(self.value) :].sum(axis=1)
        shares[:, -1] = self.raw_scores(matrix) - shares.sum(axis=1)
        return shares

    def to_json(self) -> str:
        """Write them; the same numbers always give the same text."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        plain = {name: _plain(v) if isinstance(v, np.ndarray) else v for name, v in values.items()}
        return json.dumps(plain, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Perceptrons":
        """Read what `to_json` wrote."""
        values: dict[str, Any] = json.loads(text)
        kinds = {"value_column": np.int64} | dict.fromkeys(("weights", "bias", "out"), np.float32)
        arrays = {
            name: np.array(value, dtype=kinds.get(name, np.float64))
            for name, value in values.items()
            if isinstance(value, list)
        }
        return cls(**(values | arrays))


def _plain(array: npt.NDArray[Any]) -> Any:
    """Return lists of an array's numbers, those of single precision with no more digits than they have."""
    if array.dtype != np.float32:
        return array.tolist()
    digits = np.array([float(str(number)) for number in array.ravel()])
    return digits.reshape(array.shape).tolist()
