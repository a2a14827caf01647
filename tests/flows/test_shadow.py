"""A challenger beside the champion on two logged days: checked by the flow's own steps, over real stores."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from prefect import flow

from adapters import model_artifact
from adapters.deployments import ANY
from adapters.model_registry import CHALLENGER, CHAMPION
from adapters.prediction_log import to_copy_line
from domain.features.catalogue import CONTRACT_HASH, FEATURE_NAMES
from flows import parts as flow_parts
from flows import tasks
from flows.nightly_monitoring import check_challenger
from monitoring.measures import Measure
from monitoring.rules import NIGHTLY, evaluate
from tests.app import worlds
from tests.builders import arrived, prediction

pytestmark = pytest.mark.integration
DAY = date(2013, 4, 3)
FLIGHTS = 600
LATE_MINUTES = 40


@pytest.fixture
def tried(stack, tmp_path):
    """Version 1 serves; version 2 was asked beside it about two days whose flights have arrived."""
    stack.clock.set_simulated(datetime(2013, 4, 4, 10, tzinfo=UTC))
    text = worlds.trees()
    for name in ("one", "two"):
        folder = tmp_path / name
        model_artifact.write(folder, text, worlds.manifest(), stack.settings.signing_key)
        with stack.registry.run(name) as run:
            stack.registry.register(
                run.run_id, folder, {"contract_hash": CONTRACT_HASH, "data_hash": "b" * 64}
            )
    stack.championship.promote(1, ANY, "test", "the first")
    stack.registry.set_alias(CHALLENGER, 2)
    for ago in (0, 1):
        served(stack, datetime(2013, 4, 3, 18, tzinfo=UTC) - timedelta(days=ago))
    return stack


def served(stack, departure: datetime, better: float = 0.1) -> None:
    """Log a day on which the challenger was nearer the truth."""
    draw = np.random.default_rng(departure.day)
    late = draw.random(FLIGHTS) < 0.25
    lines = [
        to_copy_line(prediction(
            i, departure, features=np.zeros(len(FEATURE_NAMES)), contract_hash=CONTRACT_HASH, model_version=1,
            probability=0.3, challenger_version=2, challenger_probability=0.3 + (better if late[i] else -better),
        ))
        for i in range(FLIGHTS)
    ]  # fmt: skip
    stack.log.ship(f"api-{departure:%d}", 0, b"".join(lines))
    stack.events.append([arrived(i, departure, LATE_MINUTES * int(late[i])) for i in range(FLIGHTS)], [])


@flow(name="judge-the-challenger-alone")
def judged() -> None:
    check_challenger(tasks.begin(DAY), tasks.load_champion())


def shadow(stack) -> tuple[bool, str]:
    judged()
    [decision] = [d for d in stack.monitoring.decisions(DAY, DAY) if d.kind == "shadow"]
    return decision.verdict, decision.reason


def test_what_held_beside_the_champion_is_promoted(tried):
    verdict, reason = shadow(tried)
    assert verdict
    assert f"on {2 * FLIGHTS} live requests" in reason
    assert (tried.registry.alias(CHAMPION), tried.registry.alias(CHALLENGER)) == (2, None)
    row = tried.deployments.history(1)[0]
    assert (row.from_version, row.to_version, row.who) == (1, 2, "nightly-monitoring")


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
