import re
import runpy

import pytest

from adapters import mlflow_rest, model_artifact
from adapters.clock_store import ClockStore
from adapters.postgres import CONNECT_SECONDS
from adapters.settings import PROJECT_ROOT
from app import factory, parts
from app.metrics import METRICS, Metrics
from app.model_holder import Pair
from tests.app import worlds
from tests.app.worlds import FLIGHT, assert_problem
from tests.builders import MINUTE, NOON
from tests.conftest import settings_for


def sample(text, name, **labels):
    """The value of one counter in Prometheus' text; None where it is missing."""
    for line in text.splitlines():
        found = re.fullmatch(rf"{name}(?:\{{(.*)\}})? (\S+)", line)
        if found and dict(re.findall(r'(\w+)="(.*?)"', found[1] or "")) == labels:
            return float(found[2])
    return None


@pytest.fixture
def counters(api):
    """Returns the counters' text."""
    return lambda: api.get("/metrics").text


def test_a_worker_with_a_champion_a_state_and_a_spool_is_ready(api):
    answer = api.get("/health/ready")
    assert answer.status_code == 200
    assert answer.get_json() == {
        "status": "ready",
        "checks": {"champion": "ok", "spool": "ok", "state": "ok"},
        "model_version": 1,
        "clock": {"now": "2013-04-11T12:00:00Z", "mode": "simulated"},
    }


def test_a_worker_without_anything_is_live_but_not_ready_and_says_what_is_missing(postgres, tmp_path):
    ClockStore(postgres).set_simulated(NOON)
    with worlds.serving(postgres, settings_for(postgres, tmp_path)) as api:
        worlds.look(api)
        assert api.get("/health/live").get_json() == {"status": "live"}
        answer = api.get("/health/ready")
        assert answer.status_code == 503
        checks = answer.get_json()["checks"]
        assert "champion" in checks["champion"]
        assert "state" in checks["state"]
        assert checks["spool"] == "ok"
        assert "state" in assert_problem(api.predict(), 503)["detail"]
        assert api.get("/metrics").status_code == 200


def test_a_worker_without_a_champion_refuses_to_predict_and_logs_nothing(own_api):
    own_api.parts.models._pair = Pair()
    assert "champion" in assert_problem(own_api.predict(), 503)["detail"]
    assert own_api.spooled() == []


def test_requests_errors_and_predictions_are_counted(api, counters):
    ask = {"route": "/v1/predictions", "method": "POST"}
    names = {
        "good": ("ontime_requests_total", ask | {"status": "200"}),
        "bad": ("ontime_requests_total", ask | {"status": "422"}),
        "predictions": ("ontime_predictions_total", {"model_version": "1"}),
        "seconds": ("ontime_request_seconds_count", {"route": "/v1/predictions"}),
        "ages": ("ontime_feature_age_seconds_count", {}),
    }

    def read():
        text = counters()
        return {key: sample(text, name, **labels) or 0 for key, (name, labels) in names.items()}

    before = read()
    api.predict()
    api.predict(carrier="x")
    api.post("/v1/predictions", {"flights": [FLIGHT] * 5}, "predict")
    after = read()
    grown = {name: after[name] - before[name] for name in names}
    assert grown == {"good": 2, "bad": 1, "predictions": 6, "seconds": 3, "ages": 6}


def test_spool_state_and_version_are_reported(api, counters):
    api.predict()
    text = counters()
    assert sample(text, "ontime_model_version") == 1
    assert sample(text, "ontime_spool_bytes") == api.parts.spooled.backlog_bytes() > 0
    assert sample(text, "ontime_state_tick_minutes") == api.parts.cache.newest_tick()


def test_clients_cannot_invent_counters(api, counters):
    for n in range(50):
        api.get(f"/nothing/{n}")
        api.client.open("/health/live", method=f"M{n}")
    lines = [line for line in counters().splitlines() if line.startswith("ontime_requests_total")]
    assert not any("nothing/" in line or '"M' in line for line in lines)
    assert any('method="other"' in line for line in lines)


def test_the_counters_of_the_module_are_made_once():
    with pytest.raises(ValueError, match="Duplicated"):
        Metrics()
    assert METRICS.render().startswith(b"# HELP")


def test_a_worker_whose_newest_state_is_too_old_is_not_ready_and_predicts_on(own_api):
    limit = own_api.parts.settings.state_limit_minutes
    ClockStore(own_api.database).set_simulated(NOON + limit * MINUTE)
    own_api.parts.cache.refresh()
    assert own_api.get("/health/ready").status_code == 200
    ClockStore(own_api.database).set_simulated(NOON + (limit + 1) * MINUTE)
    own_api.parts.cache.refresh()
    answer = own_api.get("/health/ready")
    assert answer.status_code == 503
    assert f"more than {limit}" in answer.get_json()["checks"]["state"]
    later = NOON + (limit + 60) * MINUTE
    times = {"scheduled_departure": later.isoformat(), "scheduled_arrival": (later + 60 * MINUTE).isoformat()}
    assert own_api.predict(**times).get_json()["features"]["stale"] is True


def test_what_a_request_waits_for_ends_before_gunicorn_ends_its_worker(tmp_path, monkeypatch):
    # The configuration sets it where it is not set, and would leave it so to every test after this one.
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    gunicorn = runpy.run_path(str(PROJECT_ROOT / "app" / "gunicorn_conf.py"))["timeout"]
    flow = 2 * (parts.FLOWS_PATIENCE_SECONDS + parts.FLOWS_TIMEOUT_SECONDS)
    mlflow = mlflow_rest.CONNECT_SECONDS + mlflow_rest.READ_SECONDS
    promotion = model_artifact.SMOKE_SECONDS + parts.POSTGRES_PATIENCE_SECONDS + mlflow
    assert max(flow, promotion, factory.FIRST_LOOK_SECONDS + CONNECT_SECONDS) < gunicorn
