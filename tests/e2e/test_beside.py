"""A stack of the user's own, and a careless user who runs the demo and cleans up beside it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from adapters.event_store import EventStore
from adapters.prediction_log import PredictionLog
from adapters.settings import PROJECT_ROOT, Settings
from deploy.native import state
from deploy.native.processes import end, of_stack
from deploy.native.selection import StackName, settings_of
from replay.client import require
from tests.documented import documented
from tests.e2e.conftest import DAY, World
from tests.e2e.test_loop import logged

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(1200),
    # The clients' libraries leave some closed sockets to the collector, which may find them in any test.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
SERVERS_RUN = "PostgreSQL is up and migrated"


def ontime(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ontime", *words],
        cwd=PROJECT_ROOT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def begin_demo() -> str:
    """Run a demo until its servers run and interrupt it there, as a terminal does; returns what it said."""
    said = ""
    # A shell that runs the tests in the background has them ignore interrupts, and what they start.
    heeds = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(
        documented("make demo").argv, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True, preexec_fn=heeds,
        start_new_session=True,
    ) as demo:  # fmt: skip
        assert demo.stdout is not None
        for line in demo.stdout:
            said += line
            if SERVERS_RUN in line:
                os.killpg(demo.pid, signal.SIGINT)
    assert SERVERS_RUN in said
    return said


def of_the_user(world: World) -> dict[str, object]:
    """All that a user would miss."""
    folder = world.settings.state_dir
    kept = [path for name in ("secrets", "backups") for path in sorted((folder / name).iterdir())]
    return {
        "events": EventStore(world.database).count(),
        "predictions": sorted(PredictionLog(world.database).fetch(DAY).prediction_id.tolist()),
        "files": {path: path.read_bytes() for path in kept},
        "processes": {name: info["pid"] for name, info in world.stack.states().items()},
    }


@pytest.fixture
def backup(world: World) -> Path:
    path = world.settings.state_dir / "backups" / "ontime-20130202.tar"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(os.urandom(64))
    return path


@pytest.fixture
def demo(world: World) -> Iterator[Settings]:
    """The demo beside the user's stack; nothing of it runs on when a test has failed half-way."""
    settings = settings_of(StackName.DEMO)
    yield settings
    end(of_stack(settings.state_dir))


def test_a_careless_demo_and_clean_leave_everything_of_the_users_stack(
    world: World, demo: Settings, backup: Path
) -> None:
    logged(world)
    before = of_the_user(world)

    state.claim(demo, "demo")
    (demo.state_dir / "replay.json").write_text("of an earlier demo")

    assert "replacing what an earlier demo left" in begin_demo()
    assert not (demo.state_dir / "replay.json").exists()
    assert of_stack(demo.state_dir) != []
    assert "every part of the stack answers" in documented("make local STACK=demo").run(os.environ).stdout
    assert documented("make clean").run(os.environ, check=False).returncode == 2
    assert (demo.state_dir / "postgres" / "PG_VERSION").exists()
    for _ in range(2):
        assert ontime("clean", "--yes").returncode == 0

    assert of_stack(demo.state_dir) == []
    assert not (demo.state_dir / "postgres").exists()
    assert of_the_user(world) == before
    assert before["events"]
    assert before["predictions"]
    assert backup in before["files"]  # type: ignore[operator]
    require(world.api.get("/health/ready"), 200)
    status = documented("make status").run(os.environ).stdout
    assert "your own stack" in status
    assert "demo" not in status
