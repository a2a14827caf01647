"""Where the champion stands: which accounts are kept against it, over which days, by the ledger and the days' losses.

The flows and the contest of retrain policies ask the same functions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from adapters.deployments import Deployment
from domain.evidence import EvidencePolicy, Losses, compare_versions, compare_with_anchor
from monitoring.policy import Standing
from monitoring.windows import run_moment

ANCHOR_EPOCH_DAYS = 56
"""The anchor's account starts again every eight weeks: its rate is one of so many days, and what was long ago neither
hides nor replaces what is now."""


@dataclass(frozen=True)
class Promotion:
    """How the champion came to serve."""

    version: int
    before: int | None
    """The champion before it, None for the first and after a rollback, which nothing watches."""
    day: date
    """The monitored day whose run promoted it; it serves from the next day on."""
    held_out_from: date | None = None
    """First day that the gate evaluated it on, or after it was promoted again; None where neither is."""


def standing_before(
    promotion: Promotion, losses: Losses, day: date, policy: EvidencePolicy
) -> Standing | None:
    """Return the champion's account against the one before it; None when it is watched no longer."""
    if promotion.before is None or (day - promotion.day).days > policy.watch_days:
        return None
    first = promotion.held_out_from or promotion.day
    account = compare_versions(losses, promotion.version, promotion.before, first, day, policy)
    return Standing(promotion.before, account)


def standing_anchor(
    champion: int,
    served: Mapping[date, int],
    losses: Losses,
    day: date,
    rolled_back: date | None,
    policy: EvidencePolicy,
) -> Standing | None:
    """Return the account of what served each day against what served weeks before; None without an anchor.

    Parameters
    ----------
    rolled_back : date, optional
        Day of the last rollback: the account starts again after it.
    """
    if not policy.anchor_days:
        return None
    then = served.get(day - timedelta(days=policy.anchor_days))
    if then is None or then == champion:
        return None
    epoch = date.fromordinal(day.toordinal() // ANCHOR_EPOCH_DAYS * ANCHOR_EPOCH_DAYS)
    first = max(epoch, rolled_back + timedelta(days=1)) if rolled_back else epoch
    return Standing(then, compare_with_anchor(losses, served, first, day, policy))


def with_held_out(losses: Losses, held_out: Losses) -> Losses:
    """Return the measured losses, with those of a candidate's gate in place of what was measured of the same days.

    Both of a day must be of the same flights: a monitoring run did not know the last arrivals of its day, the gate did.
    """
    return {day: held_out.get(day, losses.get(day, {})) for day in {*losses, *held_out}}


def champion_at(history: Sequence[Deployment], moment: datetime) -> int | None:
    """Return who served just before a moment; None before the first.

    Parameters
    ----------
    history : sequence of Deployment
        The ledger, newest first.
    """
    rows = (row for row in history if row.status == "done" and row.at < moment)
    return next((row.to_version for row in rows), None)


def served_by_day(history: Sequence[Deployment], first: date, last: date) -> dict[date, int]:
    """Return who served on each of some days when it ended, both ends included."""
    days = (first + timedelta(days=i) for i in range((last - first).days + 1))
    found = {day: champion_at(history, run_moment(day)) for day in days}
    return {day: version for day, version in found.items() if version is not None}


def versions_in_play(history: Sequence[Deployment], day: date, policy: EvidencePolicy) -> set[int]:
    """Return the versions whose loss of a day some account may ask for: who served lately, and who before them."""
    first = day - timedelta(days=max(policy.anchor_days, policy.watch_days))
    played = set(served_by_day(history, first, day).values())
    moment = run_moment(day)
    promoted = [row for row in history if row.status == "done" and row.action == "promote"]
    newest = next((row for row in promoted if row.at < moment), None)
    # Measured again, a day has the version that was promoted by its own run, and is no challenger any more.
    following = run_moment(day + timedelta(days=1))
    played |= {row.to_version for row in promoted if moment <= row.at < following}
    return played | ({newest.from_version} if newest and newest.from_version is not None else set())
