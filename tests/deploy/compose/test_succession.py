"""A release with other features takes over from the one that serves, and goes back: `deploy.compose up`, under load."""

import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.settings import PROJECT_ROOT
from tests.deploy.compose.running_stack import BEGINS, Client, RunningStack, eventually
from tests.documented import documented
from tests.tree import project_files

pytestmark = [pytest.mark.stack, pytest.mark.timeout(2400)]
LOG_THE_HELD_OUT_DAYS = """
import sys, uuid
from datetime import timedelta
import numpy as np
from adapters.clock_store import ClockStore
from adapters.postgres import Database
from adapters.prediction_lines import PredictionRecord, to_copy_line
from adapters.prediction_log import PredictionLog
from adapters.settings import settings
from adapters.snapshots import Snapshot
from domain.clock import from_minute
from domain.features.grid import tick_of
from training.training_set import build

database = Database.from_settings(settings())
now = ClockStore(database).read().now
last = now.date() - timedelta(days=1)
rows = build(Snapshot.now(database), last - timedelta(days=6), last, now, leads=(60,), extra_leads=0)
asked, lines = rows.queries, []
for i, flight in enumerate(rows.flight_id.tolist()):
    moment = from_minute(int(asked.as_of[i]))
    lines.append(to_copy_line(PredictionRecord(
        str(uuid.uuid4()), "seeded", flight, str(asked.carrier[i]), int(asked.number[i]), str(asked.origin[i]),
        str(asked.dest[i]), from_minute(int(asked.sched_dep[i])), from_minute(int(asked.sched_arr[i])), moment, 60,
        from_minute(int(tick_of(asked.as_of)[i])), rows.X[i], rows.contract_hash, 0.2, int(sys.argv[1]), None, None,
        100, moment,
    )))
print(PredictionLog(database).ship("seeded", 0, b"".join(lines)), "lines")
"""
"""What the release logged of a week in which it was asked an hour before each flight."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    running = RunningStack(tmp_path_factory.mktemp("succession"))
    try:
        running.up(2)
        yield running
    finally:
        running.remove()


def test_a_release_with_other_features_takes_over_under_load_and_goes_back(stack):
    """Its states and its model come first, beside the release that serves; no request fails, no answer is lost."""
    other, before = stack.build_with_other_features(), served(stack)
    in_worker(stack, "python", "-", str(before[0]), stdin=LOG_THE_HELD_OUT_DAYS)
    client = Client(stack, clock=BEGINS)
    client.start()
    try:
        said = stack.bring(other, 2)
        after = served(stack)
        # The states of the contract before are of another moment when its turn comes again.
        later = BEGINS + timedelta(minutes=30)
        in_worker(stack, "python", "-m", "ontime", "clock", "--at", f"{later:%Y-%m-%dT%H:%M:%S}")
        stack.bring(stack.project, 2)
    finally:
        client.close()
    assert re.search(
        rf"version {after[0]} of feature contract {after[1]} waits to succeed version {before[0]}", said
    )
    assert f"version {after[0]} is champion" in said
    assert before[1] != after[1]
    assert served(stack) == before
    assert client.failed == []
    ledger = stack.sql("SELECT from_version, to_version FROM deployments ORDER BY deployment_id DESC LIMIT 2")
    assert ledger == [[str(after[0]), str(before[0])], [str(before[0]), str(after[0])]]
    assert len(stack.containers("features")) == 1
    assert answered_by(stack, client) == {before, after}


def test_a_version_that_somebody_names_serves_whatever_the_gate_says_of_it(stack, tmp_path):
    """From a checkout of the release with other features: the version that the test before this one has left."""
    ((version,),) = stack.sql("SELECT max(from_version) FROM deployments")
    before = served(stack)
    assert before[0] != int(version)
    checkout = copied_checkout(tmp_path / "checkout")
    up = documented("make up SUCCESSOR=7", {"7": version})
    said = up.run(stack.environment | {"IMAGE_TAG": f"{stack.project}-named"}, cwd=checkout).stdout
    assert f"version {version} is champion" in said
    assert served(stack)[0] == int(version)


def copied_checkout(folder: Path) -> Path:
    """The project's files, with the change that `OTHER_FEATURES` makes in images."""
    for name in project_files("*"):
        if not name.startswith(("tests/", "docs/", ".")) or name in (".dockerignore", ".env.example"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT_ROOT / name, folder / name)
    for name, old, new in (
        ("domain/features/congestion.py", '"3h": 180', '"3h": 240'),
        ("domain/features/catalogue.py", "CONTRACT_VERSION = 1\n", "CONTRACT_VERSION = 2\n"),
    ):
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))
    return folder


def in_worker(stack: RunningStack, *command: str, stdin: str | None = None) -> None:
    """Run a command as the operator."""
    (worker,) = stack.containers("prefect-worker")
    mounted = "/run/secrets/postgres_password"
    owner = ("-e", "ONTIME_POSTGRES_USER=ontime", "-e", f"ONTIME_POSTGRES_PASSWORD_FILE={mounted}")
    stack.run("docker", "exec", "-i", *owner, worker, *command, stdin=stdin)


def served(stack: RunningStack) -> tuple[int, str]:
    """Version and feature contract of what answers."""
    eventually(lambda: stack.ask("/health/ready")[0] == 200)
    _, model = stack.ask("/v1/model")
    return model["champion"]["version"], model["champion"]["contract_hash"][:12]


def answered_by(stack: RunningStack, client: Client) -> set[tuple[int, str]]:
    """Version and contract of everything that a client was answered, as it is in the log: once each."""
    wanted = set(client.acknowledged)
    assert len(wanted) == len(client.acknowledged) > 200

    def logged() -> list[list[str]]:
        return stack.sql("SELECT prediction_id, model_version, contract_hash FROM predictions")

    eventually(lambda: wanted <= {row[0] for row in logged()}, 60)
    found = [row for row in logged() if row[0] in wanted]
    assert len(found) == len(wanted)
    return {(int(version), contract[:12]) for _, version, contract in found}
