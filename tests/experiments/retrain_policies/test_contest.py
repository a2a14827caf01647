from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from domain.clock import minute_floor
from domain.metrics import log_loss
from experiments.retrain_policies.contest import Contest, Record
from experiments.retrain_policies.contestants import Calendar, Ours
from experiments.retrain_policies.year import Year, day_number
from monitoring.policy import RetrainPolicy
from monitoring.windows import run_moment
from tests.experiments.retrain_policies import worlds
from training.gate import GatePolicy
from training.retraining import RetrainPlan

FROM, UNTIL = date(2013, 4, 1), date(2013, 4, 30)
PLAN = RetrainPlan(gate=GatePolicy(minimum_rows=200, minimum_slice_rows=10_000))
PER_DAY = 320


@pytest.fixture(scope="module")
def turned() -> Year:
    """A year whose law turns on the 11th of April."""
    return worlds.year(days=130, per_day=PER_DAY, turns=100)


def replay(year: Year, contestant, first_noise: float = 0.0, later=None, ends: date = UNTIL) -> Record:
    first = worlds.candidate(year, FROM - timedelta(days=1), worlds.truth(year, noise=first_noise))
    fit = later or (lambda day: worlds.candidate(year, day, worlds.truth(year, sign=-1.0)))
    return Contest(year, first, fit, contestant, PLAN).replay(FROM, ends)


@pytest.fixture(scope="module")
def ours(turned: Year) -> Record:
    """What our policy does in that year: two tests compare another replay with it."""
    return replay(turned, Ours(RetrainPolicy()))


def on_days(*days: int, gated: bool = True) -> Calendar:
    return Calendar("some days", [date(2013, 4, d) for d in days], gated)


def test_without_a_retrain_the_first_champion_answers_everything(turned):
    record = replay(turned, on_days())
    assert len(record.rows) == 30 * PER_DAY
    assert np.array_equal(record.probability[record.rows], worlds.truth(turned)[record.rows])
    assert (record.retrains, record.changes) == ([], [])


def test_a_promoted_candidate_answers_from_the_minute_of_its_promotion_and_not_before(turned):
    record = replay(turned, on_days(17, gated=False))
    asked = turned.rows.queries.as_of[record.rows]
    new = record.probability[record.rows] == worlds.truth(turned, sign=-1.0)[record.rows]
    assert np.array_equal(new, asked >= minute_floor(run_moment(date(2013, 4, 17))))


def test_a_better_candidate_passes_the_gate_and_serves_the_same_evening(turned):
    record = replay(turned, on_days(18))
    assert [r["passed"] for r in record.retrains] == [True]
    assert [(c["action"], c["day"]) for c in record.changes] == [("promote", "2013-04-18")]
    before = record.rows[turned.rows.day[record.rows] <= 20130418]
    assert np.array_equal(record.probability[before], worlds.truth(turned)[before])


def test_a_candidate_that_learnt_the_new_law_too_early_is_refused(turned):
    record = replay(turned, on_days(9))
    assert [r["passed"] for r in record.retrains] == [False]
    assert "evidence_against" in record.retrains[0]["gate"]
    assert record.changes == []


def replay_with_one_who_learns(year: Year, day: int) -> tuple[Record, np.ndarray]:
    """The first champion is a little noisy and then learns the turn of the law; the candidate is exact and does not."""
    turns = year.rows.day >= 20130411
    first = np.where(turns, worlds.truth(year, sign=-1.0), worlds.truth(year, noise=0.15))
    contest = Contest(
        year,
        worlds.candidate(year, FROM - timedelta(days=1), first),
        lambda day: worlds.candidate(year, day, worlds.truth(year)),
        on_days(day),
        PLAN,
    )
    return contest.replay(FROM, UNTIL), first


def test_a_champion_that_is_clearly_worse_than_the_one_before_is_taken_back(turned):
    record, first = replay_with_one_who_learns(turned, 6)
    assert [c["action"] for c in record.changes] == ["promote", "rollback"]
    last = record.rows[turned.rows.day[record.rows] >= 20130420]
    assert np.array_equal(record.probability[last], first[last])


def test_ours_retrains_every_week_and_the_day_after_the_law_turns(turned):
    record = replay(turned, Ours(RetrainPolicy()), ends=date(2013, 5, 8))
    assert [r["day"] for r in record.retrains] == [
        "2013-04-08", "2013-04-12", "2013-04-19", "2013-04-26", "2013-05-03",
    ]  # fmt: skip
    assert record.retrains[1]["asked"].startswith("losing more than expected since 2013-04-12")
    # The first knows the new law before it holds and is refused; one that was evaluated on the new days serves.
    assert not record.retrains[0]["passed"]
    assert record.count("promote") >= 1
    never = replay(turned, on_days(), ends=date(2013, 5, 8))
    late = turned.rows.y[record.rows]
    assert (
        log_loss(late, record.probability[record.rows]) < log_loss(late, never.probability[record.rows]) - 0.1
    )


def test_no_decision_and_no_answer_depends_on_what_was_not_known_yet(turned):
    """Labels and vectors of later days are shuffled away: everything up to then stays as it was."""
    until = date(2013, 4, 20)
    changed = turned.rows.day > day_number(until)
    generator = np.random.default_rng(0)
    y, vectors = turned.rows.y.copy(), turned.rows.X.copy()
    y[changed] = generator.random(changed.sum()) < 0.5
    vectors[changed] = generator.normal(size=vectors[changed].shape)
    other = replace(turned, questions=replace(turned.rows, y=y, X=vectors))
    one, two = (replay(year, Ours(RetrainPolicy()), ends=until) for year in (turned, other))
    assert one.retrains == two.retrains
    assert one.changes == two.changes
    assert one.alarms == two.alarms
    assert np.array_equal(one.probability[one.rows], two.probability[two.rows])


def test_a_label_counts_from_the_minute_it_was_known(turned, ours):
    """No file comes for ten days of the contest: nothing new, no retrain; what then comes is new, whenever it flew."""
    came = turned.label_known + 10 * 1440 * (turned.rows.day >= day_number(FROM))
    later = replay(replace(turned, question_known=came), Ours(RetrainPolicy()))
    assert later.retrains[0]["day"] > ours.retrains[0]["day"]


def test_labels_that_always_come_late_hold_no_retrain_up(turned, ours):
    later = replay(replace(turned, question_known=turned.label_known + 10 * 1440), Ours(RetrainPolicy()))
    assert later.retrains[0]["day"] == ours.retrains[0]["day"]


def test_the_same_year_is_replayed_the_same_way_again(turned, ours):
    again = replay(turned, Ours(RetrainPolicy()))
    assert (again.retrains, again.changes, again.alarms) == (ours.retrains, ours.changes, ours.alarms)
