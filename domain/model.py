"""The model of late flights: trees and a hinge logistic regression, the map of its categories, the contract."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np

from domain.errors import ContractMismatch
from domain.flights import Floats
from domain.hinges import HingeLogistic


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
    """A map of raw log-odds to those that count: slope times score plus intercept. As trained, it changes nothing."""

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
    trained_from: str
    """First local day of the flights it was fitted on, ISO."""
    trained_until: str
    """Last local day of the flights it was fitted on, ISO."""
    as_of: str
    """What had become known by this UTC moment could be used."""
    data_hash: str
    git_commit: str
    seed: int
    calibration: Calibration = field(default_factory=Calibration)
    logistic_share: float = 0.0
    """Of the log-odds that the hinge logistic regression gives, 0 to 1; the trees give the rest."""
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
        self._own = [
            (feature_names.index(name), {code: float(own) for own, code in enumerate(seen)})
            for name, seen in categories.items()
        ]

    def __call__(self, matrix: Floats) -> Floats:
        """Encode rows of shape (n, n_features); a copy."""
        encoded = matrix.copy()
        if len(matrix) == 1:  # the online case: looking up single codes takes a fifth of the time
            for column, own in self._own:
                encoded[0, column] = own.get(matrix.item(0, column), np.nan)
            return encoded
        for column, seen in self._columns:
            codes = matrix[:, column]
            position = np.minimum(np.searchsorted(seen, codes), len(seen) - 1)
            known = (seen[position] == codes) & (position < len(seen) - 1)
            encoded[:, column] = np.where(known, position, np.nan)
        return encoded


class FlightModel:
    """Scores vectors of the catalogue's features.

    Parameters
    ----------
    hinges : HingeLogistic, optional
        Gives the manifest's `logistic_share` of the log-odds.

    Raises
    ------
    ContractMismatch
        If the trees or the logistic regression do not have as many features as the manifest names, or the regression
        is missing though it has a share.
    """

    def __init__(self, manifest: ModelManifest, booster: Booster, hinges: HingeLogistic | None = None):
        if booster.n_features != len(manifest.feature_names):
            raise ContractMismatch(
                f"the trees have {booster.n_features} features, "
                f"the manifest names {len(manifest.feature_names)}"
            )
        if manifest.logistic_share and (hinges is None or hinges.n_features != booster.n_features):
            raise ContractMismatch(
                f"the manifest gives a logistic regression of {booster.n_features} features a share of "
                f"{manifest.logistic_share}: there is {'none' if hinges is None else hinges.n_features}"
            )
        self.manifest = manifest
        self.encode = CategoryEncoder(manifest.feature_names, manifest.categories)
        self._booster = booster
        self._hinges = hinges if manifest.logistic_share else None

    def with_manifest(self, manifest: ModelManifest) -> "FlightModel":
        """Return the same trees and lines under another manifest."""
        return FlightModel(manifest, self._booster, self._hinges)

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
        """Return the log-odds as trees and lines give them, before calibration, shape (n,)."""
        of_trees = self._booster.raw_scores(self.encode(vectors))
        if self._hinges is None:
            return of_trees
        share = self.manifest.logistic_share
        mixed: Floats = (1.0 - share) * of_trees + share * self._hinges.raw_scores(vectors)
        return mixed

    def contributions(self, vectors: Floats) -> Floats:
        """Return the signed shares of the calibrated log-odds, shape (n, n_features + 1), the constant last.

        Each row sums to the log-odds of `probability`.
        """
        calibration = self.manifest.calibration
        shares = self._booster.contributions(self.encode(vectors))
        if self._hinges is not None:
            share = self.manifest.logistic_share
            shares = (1.0 - share) * shares + share * self._hinges.contributions(vectors)
        shares = calibration.slope * shares
        shares[:, -1] += calibration.intercept
        return shares
