"""One account of evidence for each candidate: whether it loses to another version, valid although it is read every day.

Each day adds the candidate's mean log-loss less the other's. The account is a self-scaled mixture martingale: under
"it loses at most the margin" its evidence exceeds 1 / alpha with probability alpha at most, over all days together,
so that looking daily costs nothing and there is no number of days to wait for (Howard, Ramdas, McAuliffe and Sekhon,
"Time-uniform, nonparametric, nonasymptotic confidence sequences"). The scale of a day's difference is estimated from
the days before it; that makes the rate approximate, and `make error-curves` measures what it is on real days.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from domain.errors import InvalidInput
from domain.flights import Floats, Ints


@dataclass(frozen=True)
class EvidencePolicy:
    """What an operator chooses: the error rate, the harm worth acting on, and how far back the anchor lies."""

    alpha: float = 0.05
    """Probability that a candidate which loses no more than the margin is ever removed."""
    margin: float = 0.002
    """Log-loss a candidate may lose to the other, in nats a day."""
    clip: float = 0.05
    """A day counts at most this much, in nats: one storm decides nothing."""
    anchor_days: int = 28
    """The version that serves is also compared with the one that served this many days ago; 0 = it is not."""
    watch_days: int = 28
    """Days after its promotion for which a candidate's account is kept; the next promotion ends it before."""
    typical_deviation: float = 0.012
    """Standard deviation of a day's difference between two refits, in nats; days soon speak for themselves."""
    typical_days: int = 7
    """How many days' word that deviation has."""
    horizon_days: int = 14
    """Number of days at which the account is most sensitive."""
    minimum_rows: int = 600
    """Labelled flights a step of the account needs; days with fewer are taken together: a mean of few flights
    scatters more than the typical deviation, and the rate would not hold."""

    def __post_init__(self) -> None:
        """Refuse what cannot be an error rate or a harm.

        Raises
        ------
        InvalidInput
            Names the field.
        """
        if not 0 < self.alpha < 1:
            raise InvalidInput("alpha", "a probability above 0 and below 1", str(self.alpha))
        if not 0 <= self.margin < self.clip:
            raise InvalidInput("margin", f"at least 0 and below the clip of {self.clip}", str(self.margin))
        if self.anchor_days < 0:
            raise InvalidInput("anchor_days", "a number of days, or 0 for none", str(self.anchor_days))


@dataclass(frozen=True)
class DayLoss:
    """What a version lost, or would have lost, on the labelled flights of a day."""

    rows: int
    log_loss: float
    """Mean, in nats."""


Losses = Mapping[date, Mapping[int, DayLoss]]
"""By day and version."""


@dataclass(frozen=True)
class Account:
    """What the days so far say against a candidate."""

    days: int
    """Steps of the account: a day each, or several that have the rows together."""
    mean: float
    """Mean difference of a step, not clipped; positive = the candidate loses."""
    evidence: float
    """Largest value of the martingale so far; 1 before the first day."""
    convicted: bool
    """Whether the evidence ever reached 1 / alpha."""
    convicted_after: int | None
    """The step at which it did."""
    bound: float
    """Evidence that convicts: 1 / alpha."""
    compared_days: int = 0
    """Calendar days on which both were scored."""

    def sentence(self, other: str) -> str:
        """Return what the account says, for a decision's reason."""
        if not self.days:
            return f"no labelled day yet to compare with {other} on"
        return (
            f"log-loss {self.mean:+.4f} against {other} over {self.days} days, evidence {self.evidence:.3g}"
        )


def day_losses(day: Ints, losses: dict[int, Floats]) -> dict[date, dict[int, DayLoss]]:
    """Return the mean loss of each version on each day.

    Parameters
    ----------
    day : int64, shape (n,)
        YYYYMMDD.
    losses : dict of float64, shape (n,)
        By version.
    """
    days, position, counts = np.unique(day, return_inverse=True, return_counts=True)
    means = {
        version: np.bincount(position.reshape(-1), values) / counts for version, values in losses.items()
    }
    return {
        date(number // 10_000, number // 100 % 100, number % 100): {
            version: DayLoss(int(counts[i]), float(values[i])) for version, values in means.items()
        }
        for i, number in enumerate(days.tolist())
    }


def martingale(differences: Floats, policy: EvidencePolicy) -> Floats:
    """Return the evidence after each day that the mean difference exceeds the margin.

    Parameters
    ----------
    differences : float64, shape (..., n_days)
        Candidate's loss less the other's, in nats; several accounts are kept at once along the first axes.

    Returns
    -------
    float64, of the same shape
        Non-negative; a supermartingale that begins at 1 while the mean is at most the margin.

    Examples
    --------
    >>> martingale(np.array([0.05, 0.05]), EvidencePolicy()).round(1).tolist()
    [28.6, 6738.6]
    """
    x = np.clip(differences, -policy.clip, policy.clip)
    variance = np.cumsum(_predicted_variance(x, policy), axis=-1)
    total = np.cumsum(x - policy.margin, axis=-1)
    rho = _mixture_scale(policy)
    # Beyond 30 deviations the exponential overflows, on either side, and nothing is left to decide.
    z = np.clip(total / np.sqrt(variance + rho), -30.0, 30.0)
    grown = np.exp(z**2 / 2)
    evidence: Floats = 2 * _normal_cdf(z) * np.sqrt(rho / (variance + rho)) * grown
    return evidence


def change_evidence(values: Floats, policy: EvidencePolicy) -> float:
    """Return the evidence after the newest day that the mean has exceeded the margin since some earlier day.

    The sum of an account begun on every day: an e-detector, which reaches a bound of c while nothing has changed once
    in c days at most, in the mean (Shin, Ramdas and Rinaldo, "E-detectors").

    Parameters
    ----------
    values : float64, shape (n_days,)
        Oldest first; days that are not finite are passed over.

    Returns
    -------
    float
        NaN without a day.
    """
    x = np.asarray(values, dtype=np.float64)
    x = x[np.isfinite(x)]
    if not len(x):
        return float("nan")
    return float(sum(martingale(x[begun:], policy)[-1] for begun in range(len(x))))


def keep_account(differences: Floats, policy: EvidencePolicy) -> Account:
    """Read the account of one candidate after some days; differences that are not finite are passed over."""
    x = np.asarray(differences, dtype=np.float64)
    x = x[np.isfinite(x)]
    bound = 1 / policy.alpha
    if not len(x):
        return Account(0, float("nan"), 1.0, False, None, bound)
    evidence = martingale(x, policy)
    over = np.flatnonzero(evidence >= bound)
    after = int(over[0]) + 1 if len(over) else None
    largest = float(max(1.0, evidence.max()))
    return Account(len(x), float(x.mean()), largest, after is not None, after, bound, len(x))


def compare_versions(
    losses: Losses, candidate: int, other: int, first: date, last: date, policy: EvidencePolicy
) -> Account:
    """Keep the account of a candidate against another version over some days, both ends included."""
    steps = [
        (day[candidate], day[other])
        for when, day in sorted(losses.items())
        if first <= when <= last and candidate in day and other in day
    ]
    return _account_of(steps, policy)


def compare_with_anchor(
    losses: Losses, served: Mapping[date, int], first: date, last: date, policy: EvidencePolicy
) -> Account:
    """Keep the account of what served each day against what served `anchor_days` before it.

    Parameters
    ----------
    served : mapping of date to int
        Version that served on a day.
    """
    steps = []
    for when, day in sorted(losses.items()):
        now, then = served.get(when), served.get(date.fromordinal(when.toordinal() - policy.anchor_days))
        if first <= when <= last and now in day and then in day and now != then:
            steps.append((day[now], day[then]))  # type: ignore[index]  # not None: they are in the day
    return _account_of(steps, policy)


def _account_of(steps: Sequence[tuple[DayLoss, DayLoss]], policy: EvidencePolicy) -> Account:
    account = keep_account(_differences(steps, policy.minimum_rows), policy)
    return replace(account, compared_days=len(steps))


def _differences(steps: Sequence[tuple[DayLoss, DayLoss]], minimum_rows: int) -> Floats:
    """Return the mean differences, days taken together until they have the rows."""
    return taken_together([(now.rows, now.log_loss - then.log_loss) for now, then in steps], minimum_rows)


def taken_together(days: Sequence[tuple[int, float]], minimum_rows: int) -> Floats:
    """Return the means of days that have the rows, and of those that have them only together with the next.

    Parameters
    ----------
    days : sequence of (int, float)
        Rows of each day and their mean; what is left at the end without the rows is no step yet.

    Examples
    --------
    >>> taken_together([(600, 0.1), (200, 0.2), (600, 0.4), (10, 0.9)], 600).round(2).tolist()
    [0.1, 0.35]
    """
    found, rows, total = [], 0, 0.0
    for n, mean in days:
        rows += n
        total += n * mean
        if rows >= minimum_rows:
            found.append(total / rows)
            rows, total = 0, 0.0
    return np.array(found, dtype=np.float64)


def _mixture_scale(policy: EvidencePolicy) -> float:
    """Return the variance of the mixture that makes the boundary lowest at the horizon."""
    doubt = math.log(1 / policy.alpha)
    return policy.typical_deviation**2 * policy.horizon_days / (2 * doubt + math.log(1 + 2 * doubt))


def _predicted_variance(x: Floats, policy: EvidencePolicy) -> Floats:
    """Return the variance expected of each day from the days before it; the first days' is the typical one."""
    before = np.arange(x.shape[-1])
    sums, squares = (np.cumsum(v, axis=-1) - v for v in (x, x**2))
    scatter = np.maximum(squares - sums**2 / np.maximum(before, 1), 0.0)
    predicted: Floats = (policy.typical_days * policy.typical_deviation**2 + scatter) / (
        policy.typical_days + np.maximum(before - 1, 0)
    )
    return predicted


def _normal_cdf(z: Floats) -> Floats:
    """Return the standard normal distribution function of each value."""
    values: Floats = 0.5 * np.vectorize(math.erfc, otypes=[np.float64])(-z / math.sqrt(2.0))
    return values
