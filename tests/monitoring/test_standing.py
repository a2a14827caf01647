"""Who served when by the ledger, and which accounts that begins."""

from datetime import UTC, date, datetime, timedelta

from adapters.deployments import Deployment
from domain.evidence import DayLoss, EvidencePolicy
from monitoring.standing import (
    Promotion,
    champion_at,
    served_by_day,
    standing_anchor,
    standing_before,
    versions_in_play,
)
from monitoring.windows import run_moment

POLICY = EvidencePolicy()
APRIL = date(2013, 4, 1)


def change(
    number: int, day: int, before: int | None, after: int, action: str = "promote", status: str = "done"
):
    """A row of the ledger, made by the run of a day of April."""
    at = run_moment(date(2013, 4, day))
    return Deployment(number, action, before, after, "test", "test", {}, "c", status, at, at)


LEDGER = [
    change(4, 22, 3, 2, "rollback"), change(3, 15, 2, 3), change(9, 9, 2, 8, status="void"), change(2, 8, 1, 2),
    change(1, 1, None, 1),
]  # fmt: skip


def test_a_day_is_of_who_served_when_it_ended_not_of_who_serves_now():
    served = served_by_day(LEDGER, APRIL, date(2013, 4, 24))
    assert APRIL not in served  # the run of that day promoted the first
    assert [served[date(2013, 4, day)] for day in (2, 8, 9, 15, 16, 22, 23)] == [1, 1, 2, 2, 3, 3, 2]


def test_before_the_first_nobody_served():
    assert champion_at(LEDGER, datetime(2013, 4, 2, 10, tzinfo=UTC)) is None


def test_in_play_is_who_served_lately_and_the_one_before():
    assert versions_in_play(LEDGER, date(2013, 4, 16), POLICY) == {1, 2, 3}
    late = versions_in_play(LEDGER, date(2013, 5, 30), POLICY)
    assert late == {2}


def test_measured_again_a_day_has_the_version_that_its_own_run_promoted():
    assert 3 in versions_in_play(LEDGER, date(2013, 4, 15), POLICY)
    assert 3 not in versions_in_play(LEDGER, date(2013, 4, 14), POLICY)


def losses(days: int, **versions: float):
    return {
        APRIL + timedelta(days=i): {int(v[1:]): DayLoss(900, loss) for v, loss in versions.items()}
        for i in range(days)
    }


def test_a_champions_account_begins_with_its_held_out_days_and_ends_after_four_weeks():
    known = losses(60, v3=0.44, v2=0.44)
    promotion = Promotion(3, 2, date(2013, 4, 15), date(2013, 4, 10))
    standing = standing_before(promotion, known, date(2013, 4, 16), POLICY)
    assert (standing.other, standing.account.days) == (2, 7)
    assert standing_before(promotion, known, date(2013, 5, 14), POLICY) is None
    assert standing_before(Promotion(3, None, APRIL), known, date(2013, 4, 16), POLICY) is None


def test_the_anchor_is_who_served_four_weeks_ago_and_begins_again_after_a_rollback():
    known = losses(60, v1=0.44, v2=0.46)
    served = {APRIL + timedelta(days=i): 1 if i < 5 else 2 for i in range(60)}
    day = date(2013, 5, 1)  # 30 days on: day 2 was version 1's
    standing = standing_anchor(2, served, known, day, None, POLICY)
    assert standing.other == 1
    assert standing.account.days == 3
    again = standing_anchor(2, served, known, day, date(2013, 4, 30), POLICY)
    assert again.account.days == 1
    assert standing_anchor(2, served, known, date(2013, 5, 20), None, POLICY) is None
