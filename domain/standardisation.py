"""Columns of vectors on one scale: clipped to the bounds that a fit saw, in standard deviations from its mean."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from domain.flights import Floats


@dataclass(frozen=True, kw_only=True)
class Standardisation:
    """Bounds, mean and scale of every column; missing counts as the mean."""

    low: Floats
    """Lower bound of each column, shape (n_features,)."""
    high: Floats
    mean: Floats
    scale: Floats

    @property
    def n_features(self) -> int:
        """Return the number of columns."""
        return len(self.mean)

    def standardised(self, matrix: Floats) -> Floats:
        """Return the columns clipped and standardised, missing as 0; shape (n, n_features)."""
        z: Floats = np.maximum(matrix, self.low)
        np.minimum(z, self.high, out=z)
        z -= self.mean
        z *= self._inverse
        np.copyto(z, 0.0, where=np.isnan(z))
        return z

    @cached_property
    def _inverse(self) -> Floats:
        inverse: Floats = 1.0 / self.scale
        return inverse
