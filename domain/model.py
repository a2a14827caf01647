"""The model of late flights: trees, the map of its categories, calibration and the features' contract."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np

from domain.errors import ContractMismatch
from domain.flights import Floats


class Booster(Protocol):
    """Trees that turn rows into log-odds."""

    n_features: int

    def raw_scores(self, matrix: Floats) -> Floats:
        """Return log-odds, shape (n,)."""
        ...

    def contributions(self, matrix: Floats) -> Floats:
        """Return the signed shares of the log-odds, shape (n, n_features + 1), the expected score last."""
        ...


@dataclass(frozen=True)
class Calibration:
    """Platt's map of raw log-odds to calibrated ones: slope times score plus intercept."""

    slope: float = 1.0
    intercept: float = 0.0

    def apply(self, raw: Floats) -> Floats:
        """Turn raw log-odds into probabilities, shape (n,)."""
        probability: Floats = 1.0 / (1.0 + np.exp(-(self.slope * raw + self.intercept)))
        return probability


@dataclass(frozen=True)
class ModelManifest:
    """What a model is, was made of and promises; travels with its trees under one signature."""

    contract_hash: str
    feature_names: tuple[str, ...]
    categories: dict[str, tuple[float, ...]]
    """Values of each categorical feature seen in training, ascending; its position is the trees' code."""
    calibration: Calibration
    trained_from: str
    """First local day of the flights it was fitted on, ISO."""
    trained_until: str
    """Last local day of the flights it was fitted and calibrated on, ISO."""
    as_of: str
    """What had become known by this UTC moment could be used."""
    data_hash: str
    git_commit: str
    seed: int
    parameters: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    """Quality on days after its training, at the headline lead."""

    def to_json(self) -> str:
        """Write it; the same manifest always has the same text."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "ModelManifest":
        """Read what `to_json` wrote."""
        values = json.loads(text)
        values["feature_names"] = tuple(values["feature_names"])
        values["categories"] = {name: tuple(codes) for name, codes in values["categories"].items()}
        values["calibration"] = Calibration(**values["calibration"])
        return cls(**values)


class CategoryEncoder:
    """Replaces the codes of categorical features by a model's own, what it never saw by NaN.

    Parameters
    ----------
    feature_names : tuple of str
        Of the columns.
    categories : dict of tuple of float
        Codes seen in training, ascending; a code's position is the model's own.
    """

    def __init__(self, feature_names: tuple[str, ...], categories: dict[str, tuple[float, ...]]):
        # The sentinel takes every code beyond all seen ones; no code equals it.
        self._columns = [
            (feature_names.index(name), np.array([*seen, np.inf])) for name, seen in categories.items()
        ]

    def __call__(self, matrix: Floats) -> Floats:
        """Encode rows of shape (n, n_features); a copy."""
        encoded = matrix.copy()
        for column, seen in self._columns:
            codes = matrix[:, column]
            position = np.minimum(np.searchsorted(seen, codes), len(seen) - 1)
            known = (seen[position] == codes) & (position < len(seen) - 1)
            encoded[:, column] = np.where(known, position, np.nan)
        return encoded


class FlightModel:
    """Scores vectors of the catalogue's features.

    Raises
    ------
    ContractMismatch
        If the trees do not have as many features as the manifest names.
    """

    def __init__(self, manifest: ModelManifest, booster: Booster):
        if booster.n_features != len(manifest.feature_names):
            raise ContractMismatch(
                f"the trees have {booster.n_features} features, "
                f"the manifest names {len(manifest.feature_names)}"
            )
        self.manifest = manifest
        self.encode = CategoryEncoder(manifest.feature_names, manifest.categories)
        self._booster = booster

    def with_manifest(self, manifest: ModelManifest) -> "FlightModel":
        """Return the same trees under another manifest."""
        return FlightModel(manifest, self._booster)

    def require_contract(self, contract_hash: str) -> None:
        """Refuse to serve features other than those the model was trained on.

        Raises
        ------
        ContractMismatch
            If the hash is not the manifest's.
        """
        if self.manifest.contract_hash != contract_hash:
            raise ContractMismatch(
                f"the model needs feature contract {self.manifest.contract_hash[:12]}, "
                f"this code computes {contract_hash[:12]}"
            )

    def probability(self, vectors: Floats) -> Floats:
        """Return the probability of arriving 15 minutes late or more.

        Parameters
        ----------
        vectors : float64, shape (n, n_features)
            In the order of `manifest.feature_names`.

        Returns
        -------
        float64, shape (n,)
            In (0, 1).
        """
        return self.manifest.calibration.apply(self.raw_scores(vectors))

    def raw_scores(self, vectors: Floats) -> Floats:
        """Return the log-odds as the trees give them, before calibration, shape (n,)."""
        return self._booster.raw_scores(self.encode(vectors))

    def contributions(self, vectors: Floats) -> Floats:
        """Return the signed shares of the calibrated log-odds, shape (n, n_features + 1), the constant last.

        Each row sums to the log-odds of `probability`.
        """
        calibration = self.manifest.calibration
        shares = calibration.slope * self._booster.contributions(self.encode(vectors))
        shares[:, -1] += calibration.intercept
        return shares
