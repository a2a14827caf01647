"""The gate: whether a candidate may take the next step towards serving. Pure; its policy says it all.

A candidate fitted on more days than the champion is refused for what it is shown to do wrong, not for what it could
not yet show to do better: on a handful of held-out days an equal candidate and one that is 0.005 nats better look the
same. What the days cannot settle, its account settles while it serves.
"""

from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.bootstrap import paired_difference
from domain.evidence import Account, DayLoss, EvidencePolicy, compare_versions, day_losses
from domain.flights import Floats, Ints, Strings
from domain.metrics import auc, ece, log_losses


@dataclass(frozen=True)
class GatePolicy:
    """What a candidate must show on the newest matured days, against the champion on the same rows."""

    minimum_rows: int = 1_000
    minimum_days: int = 3
    largest_worse_than_baseline: float = 0.95
    """Share of draws in which a simple baseline may have the smaller log-loss; more is a baseline that won.

    A week is short: on some weeks a logistic regression has the smaller loss of the two by luck.
    """
    lowest_auc: float = 0.65
    largest_microseconds: float = 2_000.0
    """Median time to score one row."""
    largest_megabytes: float = 20.0
    evidence: EvidencePolicy = field(default_factory=EvidencePolicy)
    """Of the account against the champion: refused is who is convicted on the held-out days already."""
    largest_slice_loss: float = 0.02
    """Log-loss a slice may be shown to lose, in nats, at the lower end of its 90% interval; above it warns.
    Slices below `minimum_slice_rows` rows are not evaluated."""
    minimum_slice_rows: int = 300
    largest_ece: float = 0.06
    """Above it warns: a few days' calibration error is mostly their weather."""


@dataclass(frozen=True)
class Check:
    """One requirement, what was measured, and whether it holds."""

    name: str
    passed: bool
    measured: float
    required: str
    where: str = ""
    """The slice it was measured on, where there are several."""
    refuses: bool = True
    """Whether it refuses the candidate where it does not hold, or only warns."""

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


CANDIDATE, CHAMPION = 1, 0
"""The two versions of the held-out days' account, whatever their numbers."""


@dataclass(frozen=True)
class GateVerdict:
    """All checks; passed when none refuses."""

    checks: tuple[Check, ...]
    account: Account | None = None
    """Against the champion; None where nothing serves yet."""
    held_out: dict[date, dict[int, DayLoss]] = field(default_factory=dict)
    """What both lost on each held-out day: the beginning of the candidate's account."""

    @property
    def passed(self) -> bool:
        """Return whether the candidate may go on."""
        return all(check.passed for check in self.checks if check.refuses)

    @property
    def reason(self) -> str:
        """Return what failed, or that nothing did."""
        failed = [check.sentence for check in self.checks if check.refuses and not check.passed]
        warned = [
            f"warning: {check.sentence}" for check in self.checks if not (check.refuses or check.passed)
        ]
        return "; ".join([*(failed or ["every check of the gate passed"]), *warned])

    def evidence(self) -> dict[str, Any]:
        """Return the checks by name, as plain values."""
        return {check.name: asdict(check) for check in self.checks}


def evaluate_gate(comparison: Comparison, policy: GatePolicy) -> GateVerdict:
    """Check a candidate by the policy."""
    checks = _enough(comparison, policy)
    if not len(comparison.late):
        return GateVerdict(tuple(checks))
    checks += _floors(comparison, policy)
    losses = log_losses(comparison.late, comparison.candidate)
    checks += _against_baselines(comparison, losses, policy)
    if comparison.champion is None:
        return GateVerdict(tuple(checks))
    others = log_losses(comparison.late, comparison.champion)
    held_out = day_losses(comparison.day, {CANDIDATE: losses, CHAMPION: others})
    account = compare_versions(held_out, CANDIDATE, CHAMPION, min(held_out), max(held_out), policy.evidence)
    checks += [
        _at_most("evidence_against", account.evidence, _unconvicted(policy.evidence)),
        *_slices(comparison, losses - others, policy),
    ]
    return GateVerdict(tuple(checks), account, held_out)


def _unconvicted(policy: EvidencePolicy) -> float:
    """Return the largest evidence that does not convict."""
    return float(np.nextafter(1 / policy.alpha, 0))


def _at_least(name: str, measured: float, floor: float) -> Check:
    return Check(name, bool(measured >= floor), float(measured), f"at least {floor:g}")


def _at_most(name: str, measured: float, ceiling: float, where: str = "") -> Check:
    return Check(name, bool(measured <= ceiling), float(measured), f"at most {ceiling:g}", where)


def _warning(name: str, measured: float, ceiling: float, where: str = "") -> Check:
    return Check(name, bool(measured <= ceiling), float(measured), f"at most {ceiling:g}", where, False)


def _enough(comparison: Comparison, policy: GatePolicy) -> list[Check]:
    return [
        _at_least("rows", len(comparison.late), policy.minimum_rows),
        _at_least("days", len(np.unique(comparison.day)), policy.minimum_days),
    ]


def _floors(comparison: Comparison, policy: GatePolicy) -> list[Check]:
    return [
        _at_least("auc", auc(comparison.late, comparison.candidate), policy.lowest_auc),
        _warning("ece", ece(comparison.late, comparison.candidate), policy.largest_ece),
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


def _slices(comparison: Comparison, gap: Floats, policy: GatePolicy) -> list[Check]:
    """Return the slice of each kind that is shown to lose most."""
    checks = []
    for kind, names in comparison.slices.items():
        groups, position, counts = np.unique(names, return_inverse=True, return_counts=True)
        shown = {}
        for i in np.flatnonzero(counts >= policy.minimum_slice_rows):
            rows = position.reshape(-1) == i
            difference = paired_difference(gap[rows], np.zeros(int(rows.sum())), comparison.day[rows])
            shown[str(groups[i])] = difference.low
        if shown:
            worst = max(shown, key=lambda name: shown[name])
            checks.append(_warning(f"worst_{kind}_loss", shown[worst], policy.largest_slice_loss, worst))
    return checks
