"""Killed at any step, a retrain leaves the champion unchanged or wholly new, and the next one goes through."""

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from prefect.settings import get_current_settings

from adapters import threads
from adapters.deployments import ANY
from adapters.model_registry import CHALLENGER
from adapters.waiting import wait_until
from domain.errors import Conflict, NotFound, NotReady, StaleVersion
from domain.features.catalogue import CONTRACT_HASH
from tests.session import without_settings
from tests.training.sets import FlownStore
from tests.training.test_rebuild import append_flown

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]
RETRAIN_DAY = date(2013, 4, 10)
PROGRAM = Path(__file__).with_name("killed_retrain.py")
STEPS = [
    "before the training set",
    "before the fit",
    "before the evaluation",
    "before the run's parameters",
    "before the run's artifacts",
    "before the version",
    "after the version",
    "before the gate",
    "before the challenger's alias",
    "after the challenger's alias",
    "after the decision",
    "before the promotion",
    "before the champion's alias",
    "after the champion's alias",
    "after the promotion",
]


class Retrains:
    """The program that retrains and dies, one line a retrain."""

    def __init__(self, environment: dict[str, str], log: Path):
        self._log = log.open("w")
        self._process = subprocess.Popen(
            [sys.executable, str(PROGRAM)], env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log,
        )  # fmt: skip

    def ends(self, step: str) -> str:
        """How a retrain that is to die at a step ended."""
        self._process.stdin.write(f"{step}\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.strip() in ("done", "killed", "failed"):
                return line.strip()
        raise AssertionError("the program ended")

    def close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout, self._log):
            pipe.close()
        self._process.wait(30)


@pytest.fixture
def retrains(stack, mlflow_address, tmp_path) -> Iterator[Retrains]:
    """The program, on the stack of this test, whose log has a month of a made-up timetable."""
    append_flown(stack.events, FlownStore().flights)
    environment = {
        **without_settings(),
        "ONTIME_STATE_DIR": str(stack.settings.state_dir),
        "ONTIME_POSTGRES_HOST": stack.settings.postgres_host,
        "ONTIME_POSTGRES_PORT": str(stack.settings.postgres_port),
        "ONTIME_POSTGRES_USER": stack.settings.postgres_user,
        "ONTIME_POSTGRES_DATABASE": stack.settings.postgres_database,
        "ONTIME_MLFLOW_URL": mlflow_address,
        "ONTIME_MODEL_NAME": stack.settings.model_name,
        "PREFECT_API_URL": str(get_current_settings().api.url),
        **threads.CALM,
    }
    program = Retrains(environment, tmp_path / "retrains.log")
    yield program
    program.close()


def test_killed_at_any_step_the_champion_is_unchanged_or_wholly_new(stack, retrains, tmp_path):
    assert retrains.ends("first champion") == "done", (tmp_path / "retrains.log").read_text()
    # Asked for by hand, it is a decision of its own: the policy's wait starts again, its own gate row is still to come.
    assert stack.monitoring.last_retrain(RETRAIN_DAY) == RETRAIN_DAY
    made = stack.monitoring.decisions(RETRAIN_DAY, RETRAIN_DAY)
    assert [d.kind for d in made] == ["retrain", "gate"]
    assert not {d.key for d in made} & {f"retrain:{RETRAIN_DAY}", f"gate:{RETRAIN_DAY}"}
    served = 1
    for step in STEPS:
        assert retrains.ends(step) == "killed", step
        served = assert_whole(stack, step, served)
    assert retrains.ends("nothing") == "done", (tmp_path / "retrains.log").read_text()
    newest = assert_whole(stack, "the last retrain", served)
    assert newest == max(row.to_version for row in stack.deployments.history())
    assert stack.registry.runs.running() == []
    assert stack.registry.alias(CHALLENGER) is None


def assert_whole(stack, step: str, served: int) -> int:
    """The alias names a version that loads, the ledger agrees with it, and the next retrain may begin."""
    champion = stack.championship.champion()
    # Only from the moment that the alias moved on may another version serve.
    assert (champion != served) == (
        step in ("after the champion's alias", "after the promotion", "the last retrain")
    )
    assert stack.registry.load(champion).manifest.contract_hash == CONTRACT_HASH
    stack.deployments.reconcile(stack.championship.champion)
    assert stack.deployments.champion() == champion
    assert {row.status for row in stack.deployments.history()} <= {"done", "void"}
    # PostgreSQL frees a killed client's lock once it has noticed.
    assert wait_until(lambda: is_free(stack), 10.0, 0.1), step
    return champion


def is_free(stack) -> bool:
    with stack.retrain_lock() as free:
        return free


def test_of_fifty_racing_promotions_and_rollbacks_there_is_one_order(stack, retrains):
    """Against a real PostgreSQL and a real MLflow; whoever looked at an earlier champion hears so."""
    assert retrains.ends("first champion") == "done"
    run_id = stack.registry.version(1).run_id
    folder = stack.registry.fetch(1)
    tags = stack.registry.version(1).tags
    versions = [stack.registry.register(run_id, folder, tags) for _ in range(3)]
    stack.championship.promote(versions[0], 1, "test", "an earlier champion to go back to")
    seen = versions[0]
    results: Counter[str] = Counter()

    def race(i: int) -> None:
        expected = seen if i % 2 else ANY
        try:
            if i % 3:
                stack.championship.promote(versions[i % len(versions)], expected, f"racer {i}", "race")
            else:
                stack.championship.rollback(f"racer {i}", "race", expected_version=expected)
            results["moved"] += 1
        except StaleVersion:
            results["stale"] += 1
        except (Conflict, NotFound, NotReady):  # a busy machine's MLflow may not answer fifty in time
            results["refused"] += 1

    racers = [threading.Thread(target=race, args=(i,)) for i in range(50)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert sum(results.values()) == 50
    assert results["stale"] > 0
    assert results["moved"] > 0
    done = [row for row in stack.deployments.history(100)[::-1] if row.status == "done"]
    assert len(done) == results["moved"] + 2
    # One order: each change goes on from where the one before it ended, and the alias is where the last one did.
    assert [row.from_version for row in done[1:]] == [row.to_version for row in done[:-1]]
    assert stack.championship.champion() == done[-1].to_version
