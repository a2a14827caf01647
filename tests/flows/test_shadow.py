"""Champion and challenger on logged days: accounts, promotion, rollback, by the flow's own steps over real stores."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from prefect import flow

from adapters import championship, model_artifact
from adapters.deployments import ANY
from adapters.model_keys import ModelKeys
from adapters.model_registry import CHALLENGER, CHAMPION
from adapters.monitoring_store import Measured, MonitoringRun
from adapters.prediction_lines import to_copy_line
from domain.account_record import known_accounts
from domain.errors import NotFound, StaleVersion
from domain.features.catalogue import CONTRACT_HASH, FEATURE_NAMES
from flows import parts as flow_parts
from flows import tasks
from flows.nightly_monitoring import check_challenger, check_guardrail, decide
from flows.promote import promote
from flows.rollback import rollback
from flows.tasks import measure
from monitoring.measures import Measure
from monitoring.rules import NIGHTLY, evaluate
from monitoring.windows import run_moment
from tests.app import worlds
from tests.builders import arrived, prediction

pytestmark = pytest.mark.integration
DAY = date(2013, 4, 10)
GATE_DAY = date(2013, 4, 10)
FLIGHTS = 900
LATE_MINUTES = 40
SOUND, WORSE = -1.0, 3.0
"""Intercepts: a model of the first says what comes, of the second that nearly every flight is late."""


@pytest.fixture
def tried(stack, tmp_path):
    """Version 1 serves; versions 2 and 3 are registered, 3 plainly worse; a day of flights was answered and flown."""
    stack.clock.set_simulated(datetime(2013, 4, 2, 10, tzinfo=UTC))
    register(stack, tmp_path, [SOUND, SOUND, WORSE])
    stack.championship.promote(1, ANY, "test", "the first")
    stack.clock.set_simulated(run_moment(DAY))
    answered(stack, DAY)
    # A retrain of these few days could not be fitted: the cadence keeps it away.
    stack.monitoring.record_decision("retrain", DAY, False, "not due", {}, run_moment(DAY))
    return stack


def register(stack, folder: Path, intercepts: list[float]) -> None:
    text = worlds.trees()
    for i, intercept in enumerate(intercepts):
        artifact = folder / str(i)
        model_artifact.write(artifact, text, worlds.manifest(intercept), ModelKeys.of_trainer(stack.settings))
        with stack.registry.runs.open(str(i)) as run:
            stack.registry.register(
                run.run_id, artifact, {"contract_hash": CONTRACT_HASH, "data_hash": "b" * 64}
            )


def answered(stack, day: date) -> None:
    """Log a day's answers, and let its flights arrive: a quarter of them late."""
    departure = datetime(day.year, day.month, day.day, 18, tzinfo=UTC)
    late = np.random.default_rng(day.toordinal()).random(FLIGHTS) < 0.25
    lines = [
        to_copy_line(prediction(
            i, departure, features=np.zeros(len(FEATURE_NAMES)), contract_hash=CONTRACT_HASH,
            model_version=1, probability=0.25,
        ))
        for i in range(FLIGHTS)
    ]  # fmt: skip
    stack.log.ship(f"api-{day}", 0, b"".join(lines))
    stack.events.append([arrived(i, departure, LATE_MINUTES * int(late[i])) for i in range(FLIGHTS)], [])


def passed_the_gate(
    stack, version: int, worse_by: float = 0.0, champion: int = 1, on: date = GATE_DAY
) -> None:
    """Put a passed gate on record, with five held-out days, and make the version challenger."""
    held_out = {
        (on - timedelta(days=i)).isoformat(): {
            "rows": 900,
            "candidate": 0.45 + worse_by,
            "champion": 0.45,
        }
        for i in range(1, 6)
    }
    evidence = {"candidate": version, "champion": champion, "held_out": held_out}
    stack.monitoring.record_decision("gate", on, True, "passed", evidence, run_moment(on))
    stack.registry.set_alias(CHALLENGER, version)


def measured(stack, first: date, last: date, **losses: float) -> None:
    """Save monitoring runs with what versions lost, like v1=0.45."""
    for i in range((last - first).days + 1):
        day = first + timedelta(days=i)
        row = MonitoringRun(day, run_moment(day), 1, FLIGHTS, FLIGHTS, None, None, 1.0)
        values = [
            Measured("version_log_loss", f"version={v[1:]}", loss, None, None, FLIGHTS)
            for v, loss in losses.items()
        ]
        stack.monitoring.save_run(row, values)


@flow(name="decide-alone")
def decided() -> None:
    decide(tasks.begin(None))


@flow(name="check-the-challenger-alone")
def tried_out() -> None:
    check_challenger(tasks.begin(None), tasks.load_champion())


@flow(name="check-the-champion-alone")
def guarded() -> None:
    check_guardrail(tasks.begin(None), tasks.load_champion())


@flow(name="measure-versions-alone")
def compared(day: date | None = None) -> dict[str, float]:
    run = tasks.begin(day)
    totals = tasks.count_predictions(run)
    sample, _ = tasks.sample_predictions(run, totals, totals, days=1)
    found = tasks.measure_versions(run, sample.predictions)
    return {m.slice: m.value for m in found}


def decisions(stack, kind: str) -> list:
    return [d for d in stack.monitoring.decisions(date(2013, 4, 1), date(2013, 6, 1)) if d.kind == kind]


def test_what_passed_the_gate_and_is_sound_on_the_days_requests_serves_the_same_evening(tried):
    passed_the_gate(tried, 2)
    tried_out()
    [decision] = decisions(tried, "shadow")
    assert decision.verdict, decision.reason
    assert f"sound on {FLIGHTS} live requests" in decision.reason
    [kept] = known_accounts(decision.kind, decision.evidence)
    assert (kept.candidate, kept.other, kept.record.bound) == (2, 1, 20)
    assert (tried.registry.alias(CHAMPION), tried.registry.alias(CHALLENGER)) == (2, None)
    row = tried.deployments.history(1)[0]
    assert (row.from_version, row.to_version, row.who) == (1, 2, "nightly-monitoring")


def test_of_a_day_of_many_flights_a_challenger_answers_a_sample(tried, monkeypatch):
    monkeypatch.setattr(measure, "DAY_SAMPLE", 300)
    trial = tasks.try_challenger.fn(tasks.begin.fn(DAY), 2)
    assert 200 < trial.rows < 400
    assert trial.unsound == 0


def test_a_yes_against_a_champion_that_somebody_replaced_meanwhile_promotes_nothing(tried):
    """The run was killed before it promoted; an operator's version serves when it is run again."""
    passed_the_gate(tried, 2)
    evidence = {"challenger": 2, "champion": 1}
    tried.monitoring.record_decision("shadow", DAY, True, "sound", evidence, run_moment(DAY), "2")
    tried.championship.promote(3, 1, "operator", "hotfix")
    tried_out()
    assert (tried.registry.alias(CHAMPION), tried.registry.alias(CHALLENGER)) == (3, 2)
    tried.clock.set_simulated(run_moment(DAY + timedelta(days=1)))
    tried_out()
    assert decisions(tried, "shadow")[-1].evidence["champion"] == 3


def test_a_challenger_that_was_made_champion_by_hand_is_challenger_no_longer(tried):
    """MLflow's page moves one alias and leaves the other."""
    passed_the_gate(tried, 2)
    tried.registry.set_alias(CHAMPION, 2)
    tried_out()
    assert (tried.registry.alias(CHAMPION), tried.registry.alias(CHALLENGER)) == (2, None)
    assert decisions(tried, "shadow") == []


def test_what_a_rollback_leaves_is_challenger_no_longer(tried):
    passed_the_gate(tried, 2)
    tried.registry.set_alias(CHAMPION, 2)
    assert tried.championship.rollback("duty manager", "it is worse").to_version == 1
    assert (tried.registry.alias(CHAMPION), tried.registry.alias(CHALLENGER)) == (1, None)


def test_a_challenger_whose_files_were_changed_after_they_were_cached_is_dropped(tried):
    passed_the_gate(tried, 2)
    found = tried.registry.version(2)
    tried.registry.fetch(2)
    tried.registry._mlflow.client.log_text(found.run_id, "edited", f"model/{model_artifact.TREES}")
    tried_out()
    [decision] = decisions(tried, "shadow")
    assert decision.reason.startswith("dropped: it cannot be loaded: model.txt is not the file")
    assert (tried.registry.alias(CHAMPION), tried.registry.alias(CHALLENGER)) == (1, None)


def test_a_champion_that_changes_right_before_the_promotion_leaves_it_to_the_next_run(tried, monkeypatch):
    def change(*_):
        raise StaleVersion(1, 3)

    monkeypatch.setattr(tasks, "promote_version", change)
    passed_the_gate(tried, 2)
    tried_out()
    assert tried.registry.alias(CHALLENGER) == 2


def test_a_version_whose_registration_was_cut_off_is_no_refused_artifact_before_it_is_used(tried):
    found = tried.registry.version(2)
    make = tried.registry._mlflow.client.create_model_version
    cut_off = int(make(tried.registry.model_name, found.source, found.run_id).version)
    assert [(m.value, m.n) for m in tasks.measure_registry.fn()] == [(0, 3)]
    tried.registry.set_alias(CHALLENGER, cut_off)
    assert [(m.value, m.n) for m in tasks.measure_registry.fn()] == [(1, 2)]


def test_a_champion_that_is_a_copy_without_files_counts_as_refused(tried):
    name = tried.registry.model_name
    copied = tried.registry._mlflow.client.copy_model_version(f"models:/{name}/1", name)
    tried.registry.set_alias(CHAMPION, int(copied.version))
    assert tasks.load_champion.fn() is None
    assert [m.value for m in tasks.measure_registry.fn()] == [1]


def test_what_is_plainly_worse_and_came_past_the_gate_is_dropped_on_its_first_day(tried):
    tried.registry.set_alias(CHALLENGER, 3)
    losses = compared()
    assert losses["version=3"] > losses["version=1"] + 0.5
    measured(tried, DAY, DAY, v1=losses["version=1"], v3=losses["version=3"])
    tried_out()
    [decision] = decisions(tried, "shadow")
    assert not decision.verdict
    assert "dropped" in decision.reason
    assert (tried.registry.alias(CHAMPION), tried.registry.alias(CHALLENGER)) == (1, None)


def test_a_challenger_without_live_rows_or_labels_is_dropped_after_a_bound_and_blocks_nothing(tried):
    tried.registry.set_alias(CHALLENGER, 2)
    for offset in range(8):
        tried.clock.set_simulated(run_moment(DAY + timedelta(days=offset)))
        assert tried.registry.alias(CHALLENGER) == 2
        tried_out()
    assert tried.registry.alias(CHALLENGER) is None
    assert [d.verdict for d in decisions(tried, "shadow")] == [False] * 8
    assert decisions(tried, "shadow")[-1].reason.startswith("dropped after 7 days")


def test_a_champion_whose_account_convicts_it_is_taken_back_and_the_run_goes_on_with_who_serves_then(tried):
    tried.championship.promote(3, 1, "test", "the second")
    measured(tried, DAY, DAY, v1=0.45, v3=0.80)
    passed_the_gate(tried, 2)
    decided()
    newest, before = tried.deployments.history(2)
    assert (before.action, before.from_version, before.to_version) == ("rollback", 3, 1)
    assert (newest.action, newest.from_version, newest.to_version) == ("promote", 1, 2)
    assert [d.verdict for d in decisions(tried, "guardrail")] == [True]
    # Asked again, the same run finds its decisions made.
    decided()
    assert tried.deployments.history(1) == [newest]
    assert len(decisions(tried, "guardrail")) == 1
    assert len(decisions(tried, "shadow")) == 1


def test_a_run_that_was_killed_between_the_verdict_and_the_rollback_goes_on_there(tried):
    tried.championship.promote(3, 1, "test", "the second")
    evidence = {"back_to": 1, "champion": 3}
    tried.monitoring.record_decision("guardrail", DAY, True, "worse", evidence, run_moment(DAY))
    guarded()
    assert tried.registry.alias(CHAMPION) == 1


def test_a_champion_that_a_person_promotes_again_is_convicted_by_what_comes_since_alone(tried):
    passed_the_gate(tried, 3, worse_by=0.35, on=DAY - timedelta(days=1))
    tried.championship.promote(3, 1, "test", "the second")
    measured(tried, DAY, DAY, v1=0.45, v3=0.80)
    guarded()
    assert tried.registry.alias(CHAMPION) == 1
    tried.championship.promote(3, 1, "duty manager", "the feed was wrong, not the model")
    guarded()
    assert tried.registry.alias(CHAMPION) == 3
    for offset, loss, serving in ((1, 0.45, 3), (2, 0.80, 3), (3, 0.80, 1)):
        day = DAY + timedelta(days=offset)
        tried.clock.set_simulated(run_moment(day))
        measured(tried, day, day, v1=0.45, v3=loss)
        guarded()
        assert tried.registry.alias(CHAMPION) == serving


def test_a_convicted_champion_without_a_rollback_target_keeps_no_challenger_waiting(tried):
    tried.championship.promote(3, 1, "test", "the second")
    tried.registry._mlflow.client.delete_model_version(tried.registry.model_name, "1")
    measured(tried, DAY, DAY, v1=0.45, v3=0.80)
    passed_the_gate(tried, 2, champion=3)
    with pytest.raises(NotFound, match="no earlier champion"):
        decided()
    assert tried.registry.alias(CHAMPION) == 2


def test_slow_rot_is_taken_back_to_who_served_four_weeks_ago(tried):
    tried.championship.promote(2, 1, "test", "the second")
    day = DAY + timedelta(days=25)
    tried.clock.set_simulated(run_moment(day))
    tried.championship.promote(3, 2, "test", "the third")
    # Each loses little more than the one before it, and together they lose a lot.
    measured(tried, DAY, day, v1=0.45, v2=0.48, v3=0.48)
    guarded()
    newest = tried.deployments.history(1)[0]
    assert (newest.action, newest.from_version, newest.to_version) == ("rollback", 3, 1)
    assert decisions(tried, "guardrail")[0].evidence["before"]["convicted"] is False


def test_a_rollback_that_failed_after_the_alias_moved_and_is_tried_again_goes_back_once(tried, monkeypatch):
    tried.championship.promote(2, 1, "test", "the second")
    tried.championship.promote(3, 2, "test", "the third")
    move, failures = type(tried.championship)._move, iter([True])

    def moved_and_lost(championship, version: int) -> None:
        move(championship, version)
        if next(failures, False):
            raise ConnectionError("the answer was lost")

    monkeypatch.setattr(type(tried.championship), "_move", moved_and_lost)
    assert rollback("by hand") == 2
    assert tried.registry.alias(CHAMPION) == 2
    assert [row.action for row in tried.deployments.history()].count("rollback") == 1


def test_a_rollback_that_is_run_again_hours_after_its_change_goes_no_further(tried, monkeypatch):
    """Its host was away: the worker hands back what Prefect does not know to be over."""
    tried.championship.promote(2, 1, "test", "the second")
    tried.championship.promote(3, 2, "test", "the third")
    monkeypatch.setattr(championship, "REPEAT_SECONDS", 0.0)
    monkeypatch.setattr("flows.rollback.flow_run", SimpleNamespace(id="one run"))
    assert [rollback("by hand"), rollback("by hand")] == [2, 2]
    assert tried.registry.alias(CHAMPION) == 2
    monkeypatch.setattr("flows.rollback.flow_run", SimpleNamespace(id="another"))
    assert rollback("by hand") == 1


def test_a_promotion_that_is_run_again_undoes_no_rollback_since(tried, monkeypatch):
    monkeypatch.setattr("flows.promote.flow_run", SimpleNamespace(id="one run"))
    assert promote(2, "it is better") == 2
    tried.championship.rollback("duty manager", "it is not")
    assert promote(2, "it is better") == 2
    assert tried.registry.alias(CHAMPION) == 1


def test_a_decision_is_made_once(tried):
    for reason in ("first", "again"):
        tried.monitoring.record_decision("guardrail", DAY, False, reason, {}, run_moment(DAY))
    assert [d.reason for d in decisions(tried, "guardrail")] == ["first"]


def test_a_day_is_measured_with_who_served_when_it_ended(tried):
    tried.championship.promote(2, 1, "test", "by the run of this day")
    assert served(DAY) == 1
    tried.clock.set_simulated(run_moment(DAY + timedelta(days=3)))
    assert [served(DAY + timedelta(days=i)) for i in range(2)] == [1, 2]


@flow(name="who-served-alone")
def served(day: date) -> int:
    return int(tasks.load_champion_of(tasks.begin(day)).version)


def test_where_a_person_has_the_last_word_it_waits_and_the_next_run_says_so(tried, monkeypatch):
    settings = replace(tried.settings, promotion_needs_approval=True)
    monkeypatch.setattr(flow_parts, "make_parts", lambda _: replace(tried, settings=settings))
    flow_parts.parts.cache_clear()
    passed_the_gate(tried, 2)
    tried_out()
    [decision] = decisions(tried, "shadow")
    assert not decision.verdict
    assert "waits for a person's approval" in decision.reason
    assert (tried.registry.alias(CHAMPION), tried.registry.alias(CHALLENGER)) == (1, 2)
    tried.clock.set_simulated(run_moment(DAY + timedelta(days=1)))
    assert fired(waiting()) == ["a challenger waits for approval"]
    tried.championship.promote(2, 1, "duty manager", "approved")
    assert fired(waiting()) == []


def test_a_retrain_by_hand_for_an_earlier_day_waits_its_days_for_a_person_as_any(tried, monkeypatch):
    settings = replace(tried.settings, promotion_needs_approval=True)
    monkeypatch.setattr(flow_parts, "make_parts", lambda _: replace(tried, settings=settings))
    flow_parts.parts.cache_clear()
    passed_the_gate(tried, 2, on=GATE_DAY - timedelta(days=10))
    tried_out()
    [decision] = decisions(tried, "shadow")
    assert "awaits_approval" in decision.evidence
    assert tried.registry.alias(CHALLENGER) == 2


def test_a_day_measured_again_keeps_what_its_challenger_lost(tried):
    """The challenger was promoted, or dropped, since: what it lost that day stays evidence."""
    tried.registry.set_alias(CHALLENGER, 2)
    before = compared(DAY)
    assert set(before) == {"version=1", "version=2"}
    measured(tried, DAY, DAY, v1=before["version=1"], v2=before["version=2"])
    tried.clock.set_simulated(run_moment(DAY + timedelta(days=2)))
    assert compared(DAY) == before


@flow(name="ask-who-waits-alone")
def waiting() -> list[Measure]:
    return tasks.measure_approval(tasks.begin(None))


def fired(measures: list[Measure]) -> list[str]:
    """Names of the rules that fire on a day of these measures."""
    return [
        alert.rule for alert in evaluate(NIGHTLY, {m.name: [("2013-04-11", m.value, m.n)] for m in measures})
    ]
