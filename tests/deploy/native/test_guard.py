import threading
import time

import pytest

from deploy.native import guard as guard_module
from deploy.native.guard import Guard, WasStopped
from deploy.native.starting import CannotStart
from domain.errors import ConfigurationError, GateRefused, InvalidInput, NotReady


class StandInStack:
    """A stack whose manager can be killed; counts how often it was started, and refuses two starts at once."""

    def __init__(self, managed: bool = True):
        self.managed = managed
        self.stopped = False
        self.started = 0
        self._starting = threading.Lock()

    def is_managed(self) -> bool:
        return self.managed

    def was_stopped(self) -> bool:
        return self.stopped

    def start(self, say) -> None:
        assert self._starting.acquire(blocking=False), "two starts at once"
        time.sleep(0.05)
        self.managed = True
        self.started += 1
        self._starting.release()


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard_module, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(guard_module, "PAUSE_SECONDS", 0.01)


def unheard(text: str) -> None:
    return


def test_a_killed_process_manager_is_started_again():
    stack = StandInStack()
    with Guard(stack, unheard):
        for kill in (1, 2):
            stack.managed = False
            deadline = time.monotonic() + 5
            while stack.started < kill:
                assert time.monotonic() < deadline
                time.sleep(0.01)
    assert stack.started == 2


def test_a_stack_that_somebody_stopped_stays_so_and_the_work_on_it_ends():
    stack, said = StandInStack(), []
    with Guard(stack, said.append) as guard:
        stack.stopped, stack.managed = True, False
        with pytest.raises(WasStopped, match="by another command"):
            guard.ensure()
    assert stack.started == 0


def test_a_stack_is_started_once_however_many_miss_it():
    stack = StandInStack(managed=False)
    with Guard(stack, unheard) as guard:
        callers = [threading.Thread(target=guard.ensure) for _ in range(4)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
    assert stack.started == 1


def test_after_the_guard_has_left_nothing_is_started():
    stack = StandInStack()
    with Guard(stack, unheard):
        pass
    stack.managed = False
    time.sleep(0.1)
    assert stack.started == 0


def test_work_is_repeated_when_a_part_went_away_under_it():
    failures = [NotReady("PostgreSQL is away"), ConnectionRefusedError("MLflow")]

    def work() -> str:
        if failures:
            raise failures.pop()
        return "done"

    assert Guard(StandInStack(), unheard).persist(work) == "done"


def test_work_that_fails_every_time_fails_with_its_own_words():
    attempts = []

    def work() -> None:
        attempts.append(1)
        raise NotReady("never")

    with pytest.raises(NotReady, match="never"):
        Guard(StandInStack(), unheard).persist(work)
    assert len(attempts) == guard_module.ATTEMPTS


@pytest.mark.parametrize(
    "error",
    [
        ConfigurationError("ONTIME_API_PORT: taken"),
        CannotStart("mlflow", "mlflow does not start"),
        InvalidInput("flown_until", "a window of at least 42 days", 41),
        GateRefused("version 1 does not pass the gate: rows is 295, required at least 1000"),
        ValueError("a bug"),
    ],
)
def test_what_a_repetition_cannot_mend_is_not_repeated(error):
    attempts = []

    def work() -> None:
        attempts.append(1)
        raise error

    with pytest.raises(type(error)):
        Guard(StandInStack(), unheard).persist(work)
    assert len(attempts) == 1


def test_a_stack_that_cannot_start_again_is_reported_once():
    said = []

    class Broken(StandInStack):
        def start(self, say) -> None:
            self.started += 1
            raise CannotStart("mlflow", "mlflow does not start")

    stack = Broken(managed=False)
    with Guard(stack, said.append) as guard:
        deadline = time.monotonic() + 5
        while len(said) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(0.1)
        assert stack.started == 1
        with pytest.raises(CannotStart):
            guard.ensure()
    assert said[1] == "the stack does not start again: mlflow does not start"
