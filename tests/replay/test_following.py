import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from adapters.deployments import Deployments
from adapters.settings import Settings, read_settings
from replay.following import versions, wait_for_workers
from replay.run_executor import WarmRuns
from tests.session import free_port

METRICS = """# HELP ontime_model_version Version that each live worker serves
# TYPE ontime_model_version gauge
ontime_model_version{{pid="11"}} {0}
ontime_model_version{{pid="12"}} {1}
ontime_predictions_total{{model_version="7"}} 12.0
"""


@pytest.fixture
def said() -> list[tuple[float, float]]:
    """What two workers serve, look by look; the last goes on."""
    return []


@pytest.fixture
def api(said) -> Iterator[Settings]:
    """Settings of an API that shows the metrics of two workers."""

    class Metrics(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served = said.pop(0) if len(said) > 1 else said[0]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(METRICS.format(*served).encode())

        def log_message(self, *_) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Metrics) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield replace(read_settings({}), api_port=server.server_port)
        server.shutdown()
        thread.join()


def test_a_replay_goes_on_once_every_worker_serves_the_new_champion(api, said):
    said += [(1.0, 1.0), (2.0, 1.0), (1.0, 2.0), (2.0, 2.0)]
    assert wait_for_workers(api, 2)
    assert said == [(2.0, 2.0)]


@pytest.mark.integration
def test_a_monitoring_run_that_promotes_is_over_when_every_worker_serves_what_it_promoted(
    api, said, postgres
):
    ledger = Deployments(postgres)

    def promote(version: int) -> None:
        aliases.append(version)
        ledger.change(
            action="promote", to_version=version, expected_version=aliases[-2], who="test", reason="test",
            move_alias=lambda _: None, read_alias=lambda: aliases[-2],
        )  # fmt: skip

    class Runs(WarmRuns):
        def _monitor(self, day: date) -> None:
            if day.day == 8:
                promote(2)

    aliases: list[int | None] = [None]
    promote(1)
    said += [(1.0, 1.0), (2.0, 1.0), (2.0, 2.0)]
    runs = Runs(api, ledger)
    runs.run(date(2013, 4, 7))
    assert len(said) == 3  # nobody new serves: nobody is asked
    runs.run(date(2013, 4, 8))
    assert said == [(2.0, 2.0)]


def test_a_version_that_a_worker_never_serves_is_not_waited_for_for_good(api, said):
    said += [(2.0, 1.0)]
    assert not wait_for_workers(api, 2, seconds=0.2)
    assert versions(api.api_address) == {1, 2}


def test_an_api_that_shows_no_metrics_is_not_waited_for():
    assert wait_for_workers(replace(read_settings({}), api_port=free_port()), 2, seconds=0.0)
