"""The trace of a request: whose it is, what is below it, and that there is nothing of it where traces are off."""

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from adapters.settings import PROJECT_ROOT
from tests.app import worlds
from tests.app.worlds import FLIGHT
from tests.collector import DEAD, Collector

SERVER, INTERNAL = 2, 1
CLIENT_TRACE, CLIENT_SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture(scope="module")
def keys(world) -> dict[str, str]:
    """The keys of every API of this module."""
    return worlds.make_keys(world[0])


@pytest.fixture
def traced_api(traced: Collector, world, keys) -> Iterator[worlds.Api]:
    """The API of `world`, with traces."""
    with worlds.serving(*world, keys=keys) as api:
        worlds.look(api)
        yield api


def test_the_request_of_a_prediction_begins_its_trace_with_its_steps_below(traced_api, traced):
    headers = traced_api.headers("predict") | {
        "traceparent": f"00-{CLIENT_TRACE}-{CLIENT_SPAN}-01",
        "X-Request-ID": "mine",
    }
    answer = traced_api.client.post("/v1/predictions", json=FLIGHT, headers=headers).get_json()
    root, *steps = traced.of_trace(answer["prediction_id"], 4)
    assert (root.service, root.name, root.kind, root.parent, root.failed) == (
        "ontime-api", "POST /v1/predictions", SERVER, "", False,
    )  # fmt: skip
    assert root.links == [(CLIENT_TRACE, CLIENT_SPAN)]
    expected = {
        "http.request.method": "POST",
        "http.route": "/v1/predictions",
        "http.response.status_code": 200,
        "ontime.request_id": "mine",
        "ontime.prediction_id": answer["prediction_id"],
        "ontime.flight_id": answer["flight_id"],
        "ontime.probability": answer["probability"],
        "ontime.model.version": 1,
        "ontime.lead_minutes": 60,
        "ontime.state.age_seconds": answer["features"]["age_seconds"],
    }
    assert root.attributes == expected
    assert [step.name for step in steps] == ["features", "model", "spool"]
    for step in steps:
        assert (step.parent, step.kind) == (root.id, INTERNAL)
        assert root.began <= step.began <= step.ended <= root.ended


def test_of_a_batch_each_prediction_has_its_own_trace_linked_to_the_request(traced_api, traced):
    flights = [FLIGHT, FLIGHT | {"flight": 1546}, FLIGHT | {"origin": "nowhere"}, FLIGHT | {"flight": 1547}]
    body = traced_api.post("/v1/predictions", {"flights": flights}, "predict").get_json()
    ids = [item["prediction"]["prediction_id"] for item in body["items"] if item["status"] == 200]
    roots = [traced.of_trace(found, 1)[0] for found in ids]
    [server] = [root for root in roots if root.kind == SERVER]
    assert server.attributes["http.response.status_code"] == 207
    others = [root for root in roots if root is not server]
    assert [root.name for root in others] == ["prediction"] * 2
    assert all(root.links == [(server.trace, server.id)] for root in others)
    assert [root.attributes["ontime.prediction_id"] for root in roots] == ids


def test_a_request_that_fails_has_the_trace_that_its_log_line_names(traced_api, traced, caplog, monkeypatch):
    monkeypatch.setattr(traced_api.parts.models, "require_pair", lambda: 1 / 0)
    assert traced_api.predict().status_code == 500
    [line] = [record for record in caplog.records if record.getMessage() == "request failed"]
    [root, *_] = traced.of_trace(line.trace_id, 1)
    assert (root.failed, root.attributes["http.response.status_code"]) == (True, 500)
    assert root.attributes["ontime.request_id"] == line.request_id


def test_health_checks_and_metrics_are_not_traced(traced_api, traced):
    for path in ("/health/live", "/health/ready", "/metrics"):
        traced_api.get(path)
    answer = traced_api.predict().get_json()
    traced.of_trace(answer["prediction_id"], 4)
    assert {span.attributes.get("http.route") for span in traced.spans} == {"/v1/predictions", None}


def test_of_what_is_not_sampled_nothing_is_sent(traced, world, keys, monkeypatch):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    with worlds.serving(*world, keys=keys) as api:
        worlds.look(api)
        assert api.predict().status_code == 200
        api.app.extensions["traces"].flush()
    assert traced.asked == 0


@pytest.mark.parametrize("address", ["slow", DEAD])
def test_a_collector_that_is_slow_or_away_neither_fails_a_prediction_nor_slows_it(
    traced, world, keys, monkeypatch, address
):
    traced.seconds = 3.0
    if address == DEAD:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", DEAD)
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "512")
    with worlds.serving(*world, keys=keys) as api:
        worlds.look(api)
        began = time.monotonic()
        assert {api.predict().status_code for _ in range(300)} == {200}
        assert time.monotonic() - began < 5.0


def test_without_a_collector_no_process_loads_the_sdk(world):
    code = (
        "import sys, services.shipper, app.factory\n"
        "from app import create_app\n"
        "assert create_app(background=False).test_client().get('/health/live').status_code == 200\n"
        "print(sorted(name for name in sys.modules if name.startswith('opentelemetry')))\n"
    )
    _, settings = world
    environment = {"ONTIME_STATE_DIR": str(settings.state_dir), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True
    )
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr
