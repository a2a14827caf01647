"""What `kill -9` of each part does to a day that is being replayed: nothing that was answered is lost."""

import os
import signal
import time
from datetime import timedelta
from functools import partial
from threading import Thread

import pytest

from adapters.clock_store import ClockStore
from adapters.prediction_log import PredictionLog
from adapters.prefect_client import PrefectClient
from adapters.waiting import retry
from deploy.native.guard import Guard
from deploy.native.processes import of_stack
from domain.errors import NotReady
from replay.driver import Replay, ticks_of
from services.health import CHECKS, check
from tests.documented import documented
from tests.e2e.conftest import DAY, NEXT_DAY, World, unheard
from tests.e2e.test_loop import eventually, logged

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(1200),
    # A connection whose other end is killed between request and answer is left to the collector by http.client.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


class NotingApi:
    """The API's client, noting the id of every answer."""

    def __init__(self, world: World):
        self._api = world.api
        self.answered: list[str] = []

    def post(self, path, body, scope):
        answer = self._api.post(path, body, scope)
        if path == "/v1/predictions":
            self.answered += [item["prediction"]["prediction_id"] for item in answer.body["items"]]
        return answer


class Killer:
    """Kills one part an hour of the replayed day."""

    def __init__(self, world: World):
        self._world = world
        self.left = ["postgres", "features", "api", "shipper", "mlflow", "prefect-server", "prefect-worker"]
        self.killed: dict[str, int] = {}

    def __call__(self, day, share: float) -> None:
        if share < 0.2 or not self.left:
            return
        name = self.left.pop()
        pid = self._world.stack.states()[name]["pid"]
        os.kill(pid, signal.SIGKILL)
        self.killed[name] = pid

    def manager(self) -> None:
        path = self._world.settings.state_dir / "run" / "supervisord.pid"
        os.kill(int(path.read_text()), signal.SIGKILL)


def test_a_day_survives_the_death_of_every_part(world):
    api, killer = NotingApi(world), Killer(world)
    replay = Replay(world.database, api, world.feed)
    try:
        replay.replay_day(NEXT_DAY, killer)
    finally:
        replay.close()

    assert killer.left == []
    states = world.stack.states()
    for name, pid in killer.killed.items():
        assert states[name]["pid"] != pid, f"{name} was not started again"
    for name in CHECKS:
        retry(partial(check, name, world.settings), NotReady, seconds=90, pause=0.2)
    _expect_every_flight_asked_about(world)
    _expect_all_in_the_log(world, api.answered)


def _expect_every_flight_asked_about(world: World) -> None:
    start, end = (next(iter(ticks_of(NEXT_DAY + timedelta(days=i)))) for i in (0, 1))
    batches = world.feed.flights_between(
        start - timedelta(minutes=5), end - timedelta(minutes=5), timedelta(hours=1)
    )
    scheduled = {f"{f['carrier']}{f['flight']}-{f['origin']}-{NEXT_DAY:%Y%m%d}" for b in batches for f in b}
    # README's question, and those of the Postman collection, where their tests have run on this stack.
    asked_by_hand = {f"UA{number}-EWR-{NEXT_DAY:%Y%m%d}" for number in (272, 9002, 9003)}
    log = PredictionLog(world.database)
    eventually(
        lambda: scheduled <= set(log.fetch(NEXT_DAY).flight_id.tolist()) <= scheduled | asked_by_hand, 60
    )


def _expect_all_in_the_log(world: World, answered: list[str]) -> None:
    log = PredictionLog(world.database)
    eventually(lambda: len(log.fetch(NEXT_DAY)) >= len(answered), 60)
    assert set(answered) <= set(log.fetch(NEXT_DAY).prediction_id.tolist())


def test_a_killed_process_manager_takes_its_stack_along_and_a_guard_brings_it_back_with_its_data(world):
    """The flow that was under way is lost with it; the next worker brings it to its end."""
    predictions, now = len(logged(world)), ClockStore(world.database).read().now
    before = {info["pid"] for info in world.stack.states().values()}
    with Guard(world.stack, unheard) as guard:
        prefect = PrefectClient(world.settings.prefect_address, world.settings.prefect_auth)
        run = Thread(target=prefect.run, args=("nightly-monitoring", {"day": DAY.isoformat()}, "lost run"))
        run.start()
        lost = prefect.start("nightly-monitoring", {"day": DAY.isoformat()}, "lost run-1")
        eventually(lambda: prefect.state(lost)[0] == "RUNNING", 180)
        Killer(world).manager()
        eventually(lambda: guard.restarts == 1)
        run.join(400)
        assert not run.is_alive()
        assert prefect.state(lost)[0] == "COMPLETED"
        eventually(lambda: _unwell(world) == [], 90)
    assert not before & {info["pid"] for info in world.stack.states().values()}
    assert len(logged(world)) == predictions
    assert ClockStore(world.database).read().now == now


def _unwell(world: World) -> list[str]:
    return [name for name, problem in world.stack.probe(world.stack.states()).items() if problem]


def test_down_leaves_no_process_and_all_data(world):
    """The last test: what it stops stays stopped."""
    said = documented("make down").run(os.environ).stdout
    assert f"your own stack (var/{world.settings.state_dir.name}) is stopped; its data stay" in said
    assert of_stack(world.settings.state_dir) == []
    assert (world.settings.state_dir / "postgres" / "PG_VERSION").exists()
    started = time.monotonic()
    world.stack.stop(unheard)
    assert time.monotonic() - started < 5
