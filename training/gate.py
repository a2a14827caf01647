"""The gate: whether a candidate may take the next step towards serving. Pure; its policy says it all."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.bootstrap import paired_difference
from domain.flights import Floats, Ints, Strings
from domain.metrics import auc, ece, log_losses


@dataclass(frozen=True)
class GatePolicy:
    """What a candidate must show on the newest matured days, against the champion on the same rows."""

    minimum_rows: int = 1_000
    minimum_days: int = 3
    largest_probability_worse: float = 0.2
    """Share of day-bootstrap draws in which the candidate may have the larger log-loss."""
    largest_worse_than_baseline: float = 0.95
    """Share of draws in which a simple baseline may have the smaller log-loss; more is a baseline that won.

    A week is short: on some weeks a logistic regression has the smaller loss of the two by luck.
    """
    largest_slice_loss: float = 0.02
    """Log-loss a slice may lose, in nats; slices below `minimum_slice_rows` rows are not checked."""
    minimum_slice_rows: int = 300
    lowest_auc: float = 0.65
    largest_ece: float = 0.06
    largest_microseconds: float = 2_000.0
    """Median time to score one row."""
    largest_megabytes: float = 20.0


@dataclass(frozen=True)
class Check:
    """One requirement, what was measured, and whether it holds."""

    name: str
    passed: bool
    measured: float
    required: str
    where: str = ""
    """The slice it was measured on, where there are several."""

    @property
    def sentence(self) -> str:
        """Return what was measured against what was required."""
        where = f" ({self.where})" if self.where else ""
        return f"{self.name}{where} is {self.measured:.4g}, required {self.required}"


@dataclass(frozen=True)
class Comparison:
    """What the gate looks at; every array has n rows, of the newest matured days at the headline lead."""

    late: npt.NDArray[np.bool_]
    day: Ints
    candidate: Floats
    champion: Floats | None
    """None where nothing serves yet."""
    baselines: dict[str, Floats]
    slices: dict[str, Strings]
    microseconds: float
    megabytes: float


@dataclass(frozen=True)
class GateVerdict:
    """All checks; passed when each of them is."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Return whether the candidate may go on."""
        return all(check.passed for check in self.checks)

    @property
    def reason(self) -> str:
        """Return what failed, or that nothing did."""
        failed = [check.sentence for check in self.checks if not check.passed]
        return "; ".join(failed) or "every check of the gate passed"

    def evidence(self) -> dict[str, Any]:
        """Return the checks by name, as plain values."""
        return {check.name: asdict(check) for check in self.checks}


def evaluate_gate(comparison: Comparison, policy: GatePolicy) -> GateVerdict:
    """Check a candidate by the policy."""
    checks = [*_enough(comparison, policy), *_floors(comparison, policy)]
    if len(comparison.late):
        losses = log_losses(comparison.late, comparison.candidate)
        checks += _against_baselines(comparison, losses, policy)
        if comparison.champion is not None:
            others = log_losses(comparison.late, comparison.champion)
            checks += [
                *_against_champion(comparison, losses, others, policy),
                *_slices(comparison, losses - others, policy),
            ]
    return GateVerdict(tuple(checks))


def _at_least(name: str, measured: float, floor: float) -> Check:
    return Check(name, bool(measured >= floor), float(measured), f"at least {floor:g}")


def _at_most(name: str, measured: float, ceiling: float, where: str = "") -> Check:
    return Check(name, bool(measured <= ceiling), float(measured), f"at most {ceiling:g}", where)


def _enough(comparison: Comparison, policy: GatePolicy) -> list[Check]:
    return [
        _at_least("rows", len(comparison.late), policy.minimum_rows),
        _at_least("days", len(np.unique(comparison.day)), policy.minimum_days),
    ]


def _floors(comparison: Comparison, policy: GatePolicy) -> list[Check]:
    return [
        _at_least("auc", auc(comparison.late, comparison.candidate), policy.lowest_auc),
        _at_most("ece", ece(comparison.late, comparison.candidate), policy.largest_ece),
        _at_most("microseconds", comparison.microseconds, policy.largest_microseconds),
        _at_most("megabytes", comparison.megabytes, policy.largest_megabytes),
    ]


def _against_baselines(comparison: Comparison, losses: Floats, policy: GatePolicy) -> list[Check]:
    checks = []
    for name, probability in comparison.baselines.items():
        difference = paired_difference(losses, log_losses(comparison.late, probability), comparison.day)
        worse = difference.probability_worse
        checks.append(_at_most(f"worse_than_{name}", worse, policy.largest_worse_than_baseline))
    return checks


def _against_champion(
    comparison: Comparison, losses: Floats, others: Floats, policy: GatePolicy
) -> list[Check]:
    difference = paired_difference(losses, others, comparison.day)
    return [
        _at_most("log_loss_over_champion", difference.mean, 0.0),
        _at_most("probability_worse", difference.probability_worse, policy.largest_probability_worse),
    ]


def _slices(comparison: Comparison, gap: Floats, policy: GatePolicy) -> list[Check]:
    """Return the slice of each kind that loses most."""
    checks = []
    for kind, names in comparison.slices.items():
        groups, position, counts = np.unique(names, return_inverse=True, return_counts=True)
        means = np.bincount(position.reshape(-1), gap, len(groups)) / counts
        means[counts < policy.minimum_slice_rows] = -np.inf
        worst = int(means.argmax())
        if np.isfinite(means[worst]):
            limit = policy.largest_slice_loss
            checks.append(_at_most(f"worst_{kind}_loss", float(means[worst]), limit, str(groups[worst])))
    return checks
