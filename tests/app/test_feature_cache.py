import secrets
import time

import pytest

from adapters.clock_store import ClockStore
from adapters.postgres import Database, migrate
from app.feature_cache import PAST, RING, FeatureCache, RequestView
from deploy.native.embedded_postgres import EmbeddedPostgres, create_databases
from domain.clock import minute_floor
from domain.errors import NotReady
from tests.app import worlds
from tests.app.worlds import FLIGHT, busy_morning, refresh_at
from tests.builders import MINUTE, NOON
from tests.conftest import settings_for
from tests.session import free_port

TICK = minute_floor(NOON)


@pytest.fixture
def cache(postgres):
    busy_morning(postgres)
    refresh_at(postgres, NOON)
    cache = FeatureCache(postgres)
    cache.refresh()
    yield cache
    cache._listener.close()


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


def test_a_question_about_now_asks_postgres_nothing(cache, postgres, monkeypatch):
    asked = queries(postgres, monkeypatch)
    view = RequestView(cache)
    assert view.reaches(NOON)
    assert view.state_for(NOON).first_tick == TICK
    assert asked == []


def test_a_state_stored_a_moment_ago_is_seen_before_its_notice(cache, postgres):
    refresh_at(postgres, NOON + 5 * MINUTE)
    assert RequestView(cache).state_for(NOON + 6 * MINUTE).first_tick == TICK + 5


def test_while_a_state_is_late_not_every_request_looks_for_it(cache, postgres, monkeypatch):
    asked = queries(postgres, monkeypatch)
    for _ in range(20):
        assert RequestView(cache).state_for(NOON + 6 * MINUTE).first_tick == TICK
    assert len(asked) == 1


def test_a_worker_without_any_state_computes_none_that_is_not_sealed(postgres):
    busy_morning(postgres)
    ClockStore(postgres).set_simulated(NOON)
    with pytest.raises(NotReady, match="no feature state"):
        RequestView(FeatureCache(postgres)).state_for(NOON)


def test_memory_keeps_the_newest_states_and_the_older_ones_asked_for_last(cache, postgres):
    refresh_at(postgres, *[NOON + 5 * n * MINUTE for n in range(1, RING + 1)])
    for n in range(1, RING + 1):
        cache.newest_for(TICK + 5 * n)
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


@pytest.fixture
def own_server(tmp_path):
    """A PostgreSQL that this test may stop."""
    password = tmp_path / "password"
    password.write_text(secrets.token_urlsafe(24))
    with EmbeddedPostgres(tmp_path / "data", free_port(), password) as server:
        yield server


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
        worlds.assert_problem(api.post("/v1/labels", {"labels": [_label()]}, "ingest"), 503)
        assert api.get("/health/live").status_code == 200

        own_server.start()
        refresh_at(database, NOON + 20 * MINUTE)
        for _ in range(3):  # what was told before, the lost connection, the new one
            api.app.extensions["loops"][0].once()
        assert api.predict().get_json()["features"]["age_seconds"] == 0
        api.parts.cache._listener.close()
    database.close()


def _label():
    return {"flight_id": f"UA{FLIGHT['flight']}-EWR-20130411", "arr_delay_minutes": 1}
