"""The life of a prediction is one trace: asked at the real API, shipped by the real shipper, scored by the real run."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from adapters.asking import ask
from adapters.settings import PROJECT_ROOT
from adapters.waiting import wait_until
from flows.nightly_monitoring import nightly_monitoring
from flows.tasks import trace
from tests.app import worlds
from tests.app.worlds import FLIGHT
from tests.builders import DAY, NOON
from tests.session import free_port

pytestmark = pytest.mark.integration
LATE_MINUTES = 40


@contextmanager
def serving(environment: dict[str, str]) -> Iterator[str]:
    """Run Gunicorn and the shipper; yield where the API answers."""
    port = free_port()
    environment = os.environ | environment | {"ONTIME_API_PORT": str(port), "ONTIME_API_WORKERS": "1"}
    gunicorn = [sys.executable, "-m", "gunicorn", "-c", "app/gunicorn_conf.py", "app:create_app()"]
    commands = (gunicorn, [sys.executable, "-m", "services.shipper"])
    processes = [subprocess.Popen(command, cwd=PROJECT_ROOT, env=environment) for command in commands]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        for process in processes:
            process.terminate()
        assert [process.wait(30) for process in processes] == [0, 0]


def asked(address: str, key: str) -> dict[str, Any]:
    """What the API answers to a prediction, once it is ready."""
    answers: list[tuple[int, Any]] = []

    def is_answered() -> bool:
        answers.append(ask(f"{address}/v1/predictions", FLIGHT, key))
        return answers[-1][0] == 200

    assert wait_until(is_answered, 60.0, 0.5), answers
    return answers[-1][1]


def test_one_trace_from_the_question_to_the_score(stack, stack_settings, stack_environment, traced):
    worlds.busy_morning(stack.database)
    worlds.refresh_at(stack.database, NOON)
    worlds.keep_in_cache(stack_settings, worlds.trees(), 1)
    (stack_settings.model_cache_dir / "last_served").write_text("1")
    # Sent when they stop: no earlier than in a minute otherwise.
    unhurried = traced.environment(OTEL_BSP_SCHEDULE_DELAY="60000")
    with serving(stack_environment | unhurried) as address:
        answer = asked(address, worlds.make_keys(stack.database)["predict"])
        assert wait_until(lambda: stack.log.count() == 1, 30.0, 0.1)
    stack.labels.append(answer["flight_id"], LATE_MINUTES, NOON + timedelta(hours=6), "test")
    stack.clock.set_simulated(NOON + DAY)
    trace.traces.cache_clear()
    nightly_monitoring(NOON.date())
    trace.traces().close()
    trace.traces.cache_clear()

    root, *below = traced.of_trace(answer["prediction_id"], 6)
    assert [span.name for span in below] == ["features", "model", "spool", "ship", "score"]
    assert {span.parent for span in below} == {root.id}
    assert root.parent == ""
    assert [span.service for span in below[2:]] == ["ontime-api", "ontime-shipper", "ontime-flows"]
    ship, score = below[3:]
    assert root.began < ship.began < ship.ended < score.began < score.ended
    assert ship.attributes["ontime.block.lines"] == 1
    assert score.attributes["ontime.monitored_day"] == NOON.date().isoformat()
    assert score.attributes["ontime.label.late"] is True
    assert score.attributes["ontime.label.arr_delay_minutes"] == LATE_MINUTES
    assert score.attributes["ontime.probability"] == answer["probability"]
