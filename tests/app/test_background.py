import time

import pytest

from app import background, factory
from app.background import Loop
from domain.errors import NotReady


def eventually(condition, seconds=5.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.fixture
def run():
    loops = []

    def start(step, pause=0.0):
        loops.append(Loop("test", step, pause))
        loops[0].start()
        return loops[0]

    yield start
    loops[0].stop()


def test_a_step_that_fails_at_once_does_not_take_a_core(run):
    steps = []

    def step():
        steps.append(1)
        raise NotReady("PostgreSQL is away")

    run(step)
    time.sleep(0.5)
    assert len(steps) == 1


def test_a_loop_goes_on_after_a_failure_and_says_both_once(run, monkeypatch, caplog):
    monkeypatch.setattr(background, "RETRY_SECONDS", 0.01)
    caplog.set_level("INFO")
    steps = []

    def step():
        steps.append(1)
        if 3 <= len(steps) < 8:
            raise ValueError("a bug")
        time.sleep(0.001)

    run(step)
    eventually(lambda: len(steps) > 10)
    ours = [record.message for record in caplog.records if record.name == "app.background"]
    assert ours == ["step failed, trying again", "recovered"]


def test_a_step_taken_before_the_loop_begins_may_fail(caplog):
    def step():
        raise NotReady("MLflow is away")

    Loop("test", step, 1.0).once()
    assert caplog.messages == ["step failed, trying again"]


def test_a_stopped_loop_ends_soon(run):
    loop = run(lambda: None, 60.0)
    started = time.monotonic()
    loop.stop()
    assert time.monotonic() - started < 1
    assert not loop._thread.is_alive()


def test_a_worker_takes_requests_only_once_it_can_answer(monkeypatch):
    looks = {"states": 3, "keys": 1}
    taken = []

    def step(name):
        taken.append(name)
        if taken.count(name) < looks[name]:
            raise NotReady("PostgreSQL is away")

    monkeypatch.setattr(factory, "FIRST_LOOK_PAUSE_SECONDS", 0.0)
    factory._look_first([Loop(name, lambda name=name: step(name), 1.0) for name in looks], lambda: False)
    assert taken == ["states", "keys", "states", "states"]


def test_a_worker_does_not_wait_for_ever(monkeypatch):
    def away():
        raise NotReady("PostgreSQL is away")

    monkeypatch.setattr(factory, "FIRST_LOOK_SECONDS", 0.3)
    started = time.monotonic()
    factory._look_first([Loop("states", away, 1.0)], lambda: False)
    assert 0.3 <= time.monotonic() - started < 3


def test_a_worker_with_a_champion_from_its_cache_does_not_wait_for_mlflow():
    def away():
        raise NotReady("MLflow is away")

    started = time.monotonic()
    factory._look_first([Loop(factory.MODELS, away, 1.0)], lambda: True)
    assert time.monotonic() - started < 3
