"""The model of late flights: trees, hinge logistic regression, perceptrons, the map of categories, the contract."""

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Protocol

import numpy as np

from domain.errors import ContractMismatch
from domain.flights import Floats
from domain.hinges import HingeLogistic
from domain.perceptrons import Perceptrons


class Part(Protocol):
    """Turns rows into log-odds."""

    @property
    def n_features(self) -> int:
        """Return the number of columns of its rows."""
        ...

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
    """Of the log-odds that the hinge logistic regression gives, 0 to 1; the trees give what no other part does."""
    perceptron_share: float = 0.0
    """Of the log-odds that the perceptrons give, 0 to 1."""
    parameters: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    """Quality on days after its training, at the headline lead."""

    @property
    def tree_share(self) -> float:
        """Return what the trees give of the log-odds, 0 to 1."""
        return 1.0 - self.logistic_share - self.perceptron_share

    def to_json(self) -> str:
        """Write it; the same manifest always has the same text."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "ModelManifest":
        """Read what `to_json` wrote.

        Raises
        ------
        ContractMismatch
            If it says more than this code knows: a newer release made the model, and it would be scored in part.
        """
        values = json.loads(text)
        unknown = sorted(values.keys() - {f.name for f in fields(cls)})
        if unknown:
            raise ContractMismatch(
                f"the model was made by a newer release: its manifest has {', '.join(unknown)}"
            )
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
    booster : Part
        The trees: of rows whose categories are encoded.
    hinges : HingeLogistic, optional
        Gives the manifest's `logistic_share` of the log-odds.
    perceptrons : Perceptrons, optional
        Give its `perceptron_share`.

    Raises
    ------
    ContractMismatch
        If a part does not have as many features as the manifest names, or is missing though it has a share.
    """

    def __init__(
        self,
        manifest: ModelManifest,
        booster: Part,
        hinges: HingeLogistic | None = None,
        perceptrons: Perceptrons | None = None,
    ):
        if booster.n_features != len(manifest.feature_names):
            raise ContractMismatch(
                f"the trees have {booster.n_features} features, "
                f"the manifest names {len(manifest.feature_names)}"
            )
        self.manifest = manifest
        self.encode = CategoryEncoder(manifest.feature_names, manifest.categories)
        self._booster, self._hinges, self._perceptrons = booster, hinges, perceptrons
        self._beside = (
            *self._part("a logistic regression", manifest.logistic_share, hinges),
            *self._part("perceptrons", manifest.perceptron_share, perceptrons),
        )

    def _part(self, name: str, share: float, part: Part | None) -> list[tuple[float, Part]]:
        if not share:
            return []
        if part is None or part.n_features != self._booster.n_features:
            raise ContractMismatch(
                f"the manifest gives {name} of {self._booster.n_features} features a share of "
                f"{share}: there is {'none' if part is None else part.n_features}"
            )
        return [(share, part)]

    def with_manifest(self, manifest: ModelManifest) -> "FlightModel":
        """Return the same parts under another manifest."""
        return FlightModel(manifest, self._booster, self._hinges, self._perceptrons)

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
        """Return the log-odds as all parts give them, before calibration, shape (n,)."""
        of_trees = self._booster.raw_scores(self.encode(vectors))
        if not self._beside:
            return of_trees
        mixed: Floats = self.manifest.tree_share * of_trees
        for share, part in self._beside:
            mixed += share * part.raw_scores(vectors)
        return mixed

    def contributions(self, vectors: Floats) -> Floats:
        """Return the signed shares of the calibrated log-odds, shape (n, n_features + 1), the constant last.

        Each row sums to the log-odds of `probability`.
        """
        calibration = self.manifest.calibration
        shares = self.manifest.tree_share * self._booster.contributions(self.encode(vectors))
        for share, part in self._beside:
            shares += share * part.contributions(vectors)
        shares = calibration.slope * shares
        shares[:, -1] += calibration.intercept
        return shares
