"""The gate: whether a candidate may take the next step towards serving. Pure; its policy says it all."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.flights import Floats, Ints, Strings
from domain.metrics import auc, ece, log_loss, log_losses, paired_difference


@dataclass(frozen=True)
class GatePolicy:
    """What a candidate must show on the newest matured days, against the champion on the same rows."""

    minimum_rows: int = 1_000
    minimum_days: int = 3
    largest_probability_worse: float = 0.2
    """Share of day-bootstrap draws in which the candidate may have the larger log-loss."""
    largest_slice_loss: float = 0.02
    """Log-loss a slice may lose, in nats; slices below `minimum_slice_rows` rows are not judged."""
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
        """Whether the candidate may go on."""
        return all(check.passed for check in self.checks)

    @property
    def reason(self) -> str:
        """What failed, or that nothing did."""
        failed = [f"{c.name} is {c.measured:.4g}, required {c.required}" for c in self.checks if not c.passed]
        return "; ".join(failed) or "every check of the gate passed"

    def evidence(self) -> dict[str, Any]:
        """The checks by name, as plain values."""
        return {check.name: asdict(check) for check in self.checks}


def judge(comparison: Comparison, policy: GatePolicy) -> GateVerdict:
    """Hold a candidate against the policy."""
    checks = [*_enough(comparison, policy), *_floors(comparison, policy), *_against_baselines(comparison)]
    if comparison.champion is not None and len(comparison.late):
        checks += [*_against_champion(comparison, policy), *_slices(comparison, policy)]
    return GateVerdict(tuple(checks))


def _at_least(name: str, measured: float, floor: float) -> Check:
    return Check(name, bool(measured >= floor), float(measured), f"at least {floor:g}")


def _at_most(name: str, measured: float, ceiling: float) -> Check:
    return Check(name, bool(measured <= ceiling), float(measured), f"at most {ceiling:g}")


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


def _against_baselines(comparison: Comparison) -> list[Check]:
    loss = log_loss(comparison.late, comparison.candidate)
    return [
        _at_most(f"log_loss_over_{name}", loss - log_loss(comparison.late, baseline), 0.0)
        for name, baseline in comparison.baselines.items()
    ]


def _against_champion(comparison: Comparison, policy: GatePolicy) -> list[Check]:
    assert comparison.champion is not None  # noqa: S101  the caller checked
    losses = (log_losses(comparison.late, p) for p in (comparison.candidate, comparison.champion))
    difference = paired_difference(*losses, comparison.day)
    return [
        _at_most("log_loss_over_champion", difference.mean, 0.0),
        _at_most("probability_worse", difference.probability_worse, policy.largest_probability_worse),
    ]


def _slices(comparison: Comparison, policy: GatePolicy) -> list[Check]:
    """The slice of each kind that loses most."""
    assert comparison.champion is not None  # noqa: S101  the caller checked
    gap = log_losses(comparison.late, comparison.candidate) - log_losses(comparison.late, comparison.champion)
    checks = []
    for kind, names in comparison.slices.items():
        groups, position, counts = np.unique(names, return_inverse=True, return_counts=True)
        means = np.bincount(position.reshape(-1), gap, len(groups)) / counts
        judged = means[counts >= policy.minimum_slice_rows]
        if len(judged):
            checks.append(_at_most(f"worst_{kind}_loss", float(judged.max()), policy.largest_slice_loss))
    return checks
