import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.clock_store import ClockStore
from adapters.migrations import migrate
from adapters.postgres import Database
from adapters.postgres_admin import create_databases
from adapters.waiting import wait_until
from app import create_app, feature_cache, parts
from app.background import Loop
from app.feature_cache import CATCH_UP_SECONDS, PAST, RING, FeatureCache, RequestView
from domain.clock import minute_floor
from domain.errors import NotReady
from tests.app import worlds
from tests.app.worlds import FLIGHT, busy_morning, refresh_at
from tests.builders import MINUTE, NOON
from tests.conftest import settings_for

TICK = minute_floor(NOON)


@pytest.fixture
def cache(postgres):
    busy_morning(postgres)
    refresh_at(postgres, NOON)
    cache = FeatureCache(postgres)
    cache.refresh()
    yield cache
    cache._listener.close()


@pytest.fixture
def following(cache):
    """The cache, followed by its thread."""
    loop = Loop("states", cache.refresh, 0.0)
    loop.start()
    yield cache
    loop.stop()


def queries(database, monkeypatch):
    """Names of the statements asked for from now on."""
    asked = []
    for method in ("rows", "row"):
        original = getattr(database, method)

        def note(name, *rest, original=original):
            asked.append(name)
            return original(name, *rest)

        monkeypatch.setattr(database, method, note)
    return asked


def test_a_notice_brings_clock_and_state_into_memory_at_once(cache, postgres):
    refresh_at(postgres, NOON + 5 * MINUTE)
    started = time.monotonic()
    cache.refresh()
    assert time.monotonic() - started < 0.5
    assert cache.newest_tick() == TICK + 5
    assert cache.now().now == NOON + 5 * MINUTE


def test_without_a_notice_the_clock_is_looked_at_every_second(cache, postgres):
    with postgres.transaction() as cursor:
        cursor.execute("UPDATE clock SET simulated_now = %s", [NOON + MINUTE])
    cache.refresh()
    assert cache.now().now == NOON + MINUTE


def test_no_question_sees_a_state_that_came_after_it(cache, postgres, monkeypatch):
    """The clock jumps an hour while a question of half an hour ago is on its way: no state of then was stored."""

    def jump():
        refresh_at(postgres, NOON + 60 * MINUTE)
        cache.refresh()
        return True

    monkeypatch.setattr(cache, "catch_up", jump)
    assert cache.newest_for(TICK + 30) is None
    assert RequestView(cache).state_for(NOON + 30 * MINUTE).first_tick == TICK + 30


def test_a_question_about_now_asks_postgres_nothing(cache, postgres, monkeypatch):
    asked = queries(postgres, monkeypatch)
    view = RequestView(cache)
    assert view.reaches(NOON)
    assert view.state_for(NOON).first_tick == TICK
    assert asked == []


def test_a_replayed_state_stored_a_moment_ago_is_seen_by_the_next_question(following, postgres):
    for n in range(1, 20):
        refresh_at(postgres, NOON + 5 * n * MINUTE)
        view = RequestView(following)
        assert view.reaches(NOON + 5 * n * MINUTE)
        assert view.state_for(NOON + 5 * n * MINUTE).first_tick == TICK + 5 * n


def test_a_replayed_clock_that_moved_without_a_notice_is_seen_by_the_next_question(following, postgres):
    with postgres.transaction() as cursor:
        cursor.execute("UPDATE clock SET simulated_now = %s", [NOON + MINUTE])
    assert RequestView(following).reaches(NOON + MINUTE)


def test_the_states_of_some_ticks_that_came_at_once_are_all_in_memory(cache, postgres, monkeypatch):
    refresh_at(postgres, *[NOON + 5 * n * MINUTE for n in range(1, 6)])
    cache.refresh()
    monkeypatch.setattr(cache._past_states, "load", lambda _: pytest.fail("a request asked the store"))
    for n in range(6):
        assert cache.newest_for(TICK + 5 * n).first_tick == TICK + 5 * n


def test_past_a_tick_boundary_no_request_asks_postgres(cache, postgres, monkeypatch):
    """In system mode: the state of the new tick comes with its notice."""
    ClockStore(postgres).set_system()
    cache.refresh()
    asked = queries(postgres, monkeypatch)
    for _ in range(20):
        view = RequestView(cache)
        assert view.reaches(view.clock.now)
        assert not view.reaches(view.clock.now + 60 * MINUTE)
        assert view.state_for(view.clock.now).first_tick == TICK
    assert asked == []


def test_a_clock_that_went_back_is_followed(cache, postgres, monkeypatch):
    refresh_at(postgres, *[NOON + (24 * 60 + 5 * n) * MINUTE for n in range(RING)])
    cache.refresh()
    refresh_at(postgres, NOON + 10 * MINUTE)
    cache.refresh()
    ClockStore(postgres).set_simulated(NOON + 15 * MINUTE)  # its state is not computed yet
    cache.refresh()
    asked = queries(postgres, monkeypatch)
    monkeypatch.setattr(cache, "catch_up", lambda: True)
    assert RequestView(cache).state_for(NOON + 10 * MINUTE).first_tick == TICK + 10
    assert RequestView(cache).state_for(NOON + 15 * MINUTE).first_tick == TICK + 10
    assert cache.newest_age() == 5
    assert asked == []


def test_a_clock_that_went_back_to_before_every_state_is_answered_from_the_events(cache, postgres):
    ClockStore(postgres).set_simulated(NOON - 60 * MINUTE)
    cache.refresh()
    assert RequestView(cache).state_for(NOON - 60 * MINUTE).first_tick == TICK - 60


def test_a_thread_that_does_not_answer_is_waited_for_once(cache):
    started = time.monotonic()
    for _ in range(50):
        with pytest.raises(NotReady, match="the stack's clock was not read in time"):
            RequestView(cache).reaches(NOON + 60 * MINUTE)
        assert RequestView(cache).state_for(NOON + 60 * MINUTE).first_tick == TICK
    assert time.monotonic() - started < 2 * CATCH_UP_SECONDS


def test_before_the_first_look_nothing_is_known_and_nobody_is_asked(postgres, monkeypatch):
    asked = queries(postgres, monkeypatch)
    with pytest.raises(NotReady, match="clock"):
        RequestView(FeatureCache(postgres))
    assert asked == []


def test_a_worker_without_any_state_computes_none_that_is_not_sealed(postgres):
    busy_morning(postgres)
    ClockStore(postgres).set_simulated(NOON)
    cache = FeatureCache(postgres)
    cache.refresh()
    with pytest.raises(NotReady, match="no feature state"):
        RequestView(cache).state_for(NOON)


def test_memory_keeps_the_newest_states_and_the_older_ones_asked_for_last(cache, postgres):
    refresh_at(postgres, *[NOON + 5 * n * MINUTE for n in range(1, RING + 1)])
    cache.refresh()
    assert sorted(cache._ring) == [TICK + 5 * n for n in range(1, RING + 1)]
    for n in range(PAST + 3):
        cache.compute(TICK - 240 - 5 * n)
    assert len(cache._past) == PAST
    assert len(cache._ring) == RING
    assert min(cache._past) == TICK - 240 - 5 * (PAST + 2)


def test_a_request_sees_one_state_for_one_tick_even_if_a_newer_one_comes(cache, postgres):
    view = RequestView(cache)
    first = view.state_for(NOON + 6 * MINUTE)
    refresh_at(postgres, NOON + 5 * MINUTE)
    cache.refresh()
    assert view.state_for(NOON + 6 * MINUTE) is first


def test_in_production_the_clock_is_the_real_time(cache, postgres):
    ClockStore(postgres).set_system()
    cache.refresh()
    first = cache.now()
    assert first.mode == "system"
    assert cache.now().now > first.now


def test_while_postgres_is_away_predictions_go_on_with_the_last_state_and_are_in_the_spool(
    own_server, tmp_path, trees
):
    create_databases(own_server.parameters, ["ontime"])
    database = Database(own_server.parameters.to_database("ontime"))
    migrate(database)
    settings = settings_for(database, tmp_path / "state")
    worlds.keep_in_cache(settings, trees, 1)
    (settings.model_cache_dir / "last_served").write_text("1")
    busy_morning(database)
    refresh_at(database, NOON)
    with worlds.serving(database, settings) as api:
        worlds.look(api)
        assert api.predict().status_code == 200
        ClockStore(database).set_simulated(NOON + 20 * MINUTE)
        api.parts.cache.read_clock()
        database.close()
        own_server.stop()
        started = time.monotonic()
        answers = [api.predict() for _ in range(50)]
        assert time.monotonic() - started < 2
        assert {answer.status_code for answer in answers} == {200}
        assert answers[0].get_json()["features"]["stale"] is True
        assert len(api.spooled()) == 51
        # Whoever has no key finds out in no time, and so does who needs PostgreSQL.
        worlds.assert_problem(api.client.get("/v1/model", headers={"X-API-Key": "unknown"}), 401)
        worlds.assert_problem(api.post("/v1/labels", {"labels": [_label()]}, "ingest"), 503)
        assert api.get("/health/live").status_code == 200

        own_server.start()
        refresh_at(database, NOON + 20 * MINUTE)
        for _ in range(3):  # what was notified before, the lost connection, the new one
            api.app.extensions["loops"][0].once()
        assert api.predict().get_json()["features"]["age_seconds"] == 0
        api.parts.cache._listener.close()
    database.close()


def test_a_server_that_hangs_costs_requests_about_now_nothing_and_the_others_a_moment(
    own_server, tmp_path, trees, monkeypatch
):
    """PostgreSQL is stopped in its tracks: it refuses nothing and answers nothing."""
    monkeypatch.setattr(parts, "POSTGRES_PATIENCE_SECONDS", 2.0)
    monkeypatch.setattr(feature_cache, "AWAY_SECONDS", 2.5)
    create_databases(own_server.parameters, ["ontime"])
    database = Database(own_server.parameters.to_database("ontime"))
    migrate(database)
    settings = settings_for(database, tmp_path / "state")
    worlds.keep_in_cache(settings, trees, 1)
    (settings.model_cache_dir / "last_served").write_text("1")
    busy_morning(database)
    refresh_at(database, NOON)
    with worlds.serving(database, settings) as api:
        worlds.look(api)
        loops = api.app.extensions["loops"]
        for loop in loops:
            loop.start()
        processes = _tree(own_server)
        for pid in processes:
            os.kill(pid, signal.SIGSTOP)
        try:
            assert _longest([api.predict for _ in range(50)], 200) < 1.0

            def label():
                return api.post("/v1/labels", {"labels": [_label()]}, "ingest")

            assert _longest([label], 503) < 7.0  # connecting has a limit of its own
            assert wait_until(lambda: _is_away(api.parts.cache), 15, pause=0.05)
            assert _longest([label] * 20, 503) < 1.0
            assert _longest([api.predict for _ in range(50)], 200) < 1.0

            def asked():
                return api.client.get("/v1/model", headers={"X-API-Key": "unknown"})

            assert _longest([asked] * 20, 401) < 1.0
        finally:
            for pid in processes:
                os.kill(pid, signal.SIGCONT)
        deadline = time.monotonic() + 10
        while label().status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        for loop in loops:
            loop.stop()
        api.parts.cache._listener.close()
    database.close()


def test_a_worker_that_starts_while_postgres_is_away_takes_no_request_before_it_is_back(
    own_server, tmp_path, trees
):
    create_databases(own_server.parameters, ["ontime"])
    database = Database(own_server.parameters.to_database("ontime"))
    migrate(database)
    settings = replace(settings_for(database, tmp_path / "state"), mlflow_url=worlds.NOWHERE)
    worlds.keep_in_cache(settings, trees, 1)
    (settings.model_cache_dir / "last_served").write_text("1")
    busy_morning(database)
    refresh_at(database, NOON)
    key = worlds.make_keys(database)["predict"]
    database.close()
    own_server.stop()
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(create_app, settings)
        time.sleep(1)
        assert not starting.done()
        own_server.start()
        app = starting.result()
    answer = app.test_client().post("/v1/predictions", json=FLIGHT, headers={"X-API-Key": key})
    assert answer.status_code == 200
    for loop in app.extensions["loops"]:
        loop.stop()
    made = app.extensions["ontime"]
    made.spool.close()
    made.cache._listener.close()
    made.database.close()
    made.followed.close()


def _tree(server):
    """The server's process and all below it."""
    found = [server._process.pid]
    for pid in found:
        found += [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return found


def _is_away(cache):
    try:
        cache.require_database()
    except NotReady:
        return True
    return False


def _longest(calls, status):
    """Seconds of the longest of some requests; all are answered with a status."""
    seconds = []
    for call in calls:
        started = time.monotonic()
        assert call().status_code == status
        seconds.append(time.monotonic() - started)
    return max(seconds)


def _label():
    return {"flight_id": f"UA{FLIGHT['flight']}-EWR-20130411", "arr_delay_minutes": 1}
