"""A challenger beside the champion on two logged days: checked by the flow's own steps, over real stores."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from prefect import flow

from adapters import model_artifact
from adapters.deployments import ANY
from adapters.model_registry import CHALLENGER, CHAMPION
from adapters.prediction_lines import to_copy_line
from domain.features.catalogue import CONTRACT_HASH, FEATURE_NAMES
from flows import parts as flow_parts
from flows import tasks
from flows.nightly_monitoring import check_challenger, decide
from monitoring.measures import Measure
from monitoring.rules import NIGHTLY, evaluate
from tests.app import worlds
from tests.builders import arrived, prediction

pytestmark = pytest.mark.integration
DAY = date(2013, 4, 3)
FLIGHTS = 600
LATE_MINUTES = 40
DEPARTURES = [datetime(2013, 4, day, 18, tzinfo=UTC) for day in (3, 2)]


@pytest.fixture
def tried(stack, tmp_path):
    """Version 1 serves; version 2 was asked beside it about two days whose flights have arrived."""
    stack.clock.set_simulated(datetime(2013, 4, 4, 10, tzinfo=UTC))
    register(stack, tmp_path, 2)
    stack.championship.promote(1, ANY, "test", "the first")
    stack.registry.set_alias(CHALLENGER, 2)
    for departure in DEPARTURES:
        served(stack, departure)
    return stack


@pytest.fixture
def regretted(stack, tmp_path):
    """Version 2 serves and is clearly worse than version 1 before it; version 3 was asked beside it."""
    stack.clock.set_simulated(datetime(2013, 4, 4, 10, tzinfo=UTC))
    register(stack, tmp_path, 3)
    stack.championship.promote(1, ANY, "test", "the first")
    stack.championship.promote(2, 1, "test", "the second")
    stack.registry.set_alias(CHALLENGER, 3)
    # A retrain of these few days could not be fitted: the policy's cool-down keeps it away.
    stack.monitoring.record_decision(
        "retrain", date(2013, 4, 1), True, "the last one", {}, stack.clock.read().now
    )
    for departure in DEPARTURES:
        served(stack, departure, versions=(2, 3), probability=0.9, flights=800)
    return stack


def register(stack, folder: Path, versions: int) -> None:
    text = worlds.trees()
    for i in range(versions):
        artifact = folder / str(i)
        model_artifact.write(artifact, text, worlds.manifest(), stack.settings.signing_key)
        with stack.registry.run(str(i)) as run:
            stack.registry.register(
                run.run_id, artifact, {"contract_hash": CONTRACT_HASH, "data_hash": "b" * 64}
            )


def served(
    stack,
    departure: datetime,
    probability: float = 0.3,
    challenger: tuple[float, float] = (0.2, 0.4),
    versions: tuple[int, int] = (1, 2),
    flights: int = FLIGHTS,
) -> None:
    """Log a day: the champion's probability of every flight, the challenger's of those on time and of those late."""
    draw = np.random.default_rng(departure.day)
    late = draw.random(flights) < 0.25
    lines = [
        to_copy_line(prediction(
            i, departure, features=np.zeros(len(FEATURE_NAMES)), contract_hash=CONTRACT_HASH,
            model_version=versions[0], probability=probability,
            challenger_version=versions[1], challenger_probability=challenger[int(late[i])],
        ))
        for i in range(flights)
    ]  # fmt: skip
    stack.log.ship(f"api-{departure:%d}", 0, b"".join(lines))
    stack.events.append([arrived(i, departure, LATE_MINUTES * int(late[i])) for i in range(flights)], [])


@flow(name="decide-alone")
def decided() -> None:
    decide(tasks.begin(DAY))


@flow(name="check-the-challenger-alone")
def monitor() -> None:
    check_challenger(tasks.begin(DAY), tasks.load_champion())


def shadow(stack) -> tuple[bool, str]:
    monitor()
    [decision] = [d for d in stack.monitoring.decisions(DAY, DAY) if d.kind == "shadow"]
    return decision.verdict, decision.reason


def test_what_held_beside_the_champion_is_promoted(tried):
    verdict, reason = shadow(tried)
    assert verdict
    assert f"on {2 * FLIGHTS} live requests" in reason
    assert (tried.registry.alias(CHAMPION), tried.registry.alias(CHALLENGER)) == (2, None)
    row = tried.deployments.history(1)[0]
    assert (row.from_version, row.to_version, row.who) == (1, 2, "nightly-monitoring")


def test_after_a_rollback_the_run_goes_on_with_the_champion_that_serves_then(regretted):
    decided()
    newest, before = regretted.deployments.history(2)
    assert (before.action, before.from_version, before.to_version) == ("rollback", 2, 1)
    assert (newest.action, newest.from_version, newest.to_version) == ("promote", 1, 3)
    decisions = {d.kind: d.verdict for d in regretted.monitoring.decisions(DAY, DAY)}
    assert decisions == {"guardrail": True, "shadow": True, "retrain": False}


def test_where_a_person_has_the_last_word_it_waits_and_the_next_run_says_so(tried, monkeypatch):
    settings = replace(tried.settings, promotion_needs_approval=True)
    monkeypatch.setattr(flow_parts, "make_parts", lambda _: replace(tried, settings=settings))
    flow_parts.parts.cache_clear()
    verdict, reason = shadow(tried)
    assert not verdict
    assert "waits for a person's approval" in reason
    assert (tried.registry.alias(CHAMPION), tried.registry.alias(CHALLENGER)) == (1, 2)
    tried.clock.set_simulated(datetime(2013, 4, 5, 10, tzinfo=UTC))
    assert fired(waiting()) == ["a challenger waits for approval"]
    tried.championship.promote(2, 1, "duty manager", "approved")
    assert fired(waiting()) == []


@flow(name="ask-who-waits-alone")
def waiting() -> list[Measure]:
    return tasks.measure_approval(tasks.begin(None))


def fired(measures: list[Measure]) -> list[str]:
    """Names of the rules that fire on a day of these measures."""
    return [
        alert.rule for alert in evaluate(NIGHTLY, {m.name: [("2013-04-04", m.value, m.n)] for m in measures})
    ]
