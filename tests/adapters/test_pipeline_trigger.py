"""Against a small server that answers as GitLab's trigger API does, or fails as it may."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from adapters.pipeline_trigger import PipelineTrigger
from adapters.settings import read_settings

TOKEN = "glptt-of-a-test"


class GitLab(ThreadingHTTPServer):
    """Remembers what was asked; `status` and `hang` make it fail."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = []
        self.status, self.body = 201, {"id": 77, "web_url": "https://git.example/ontime/-/pipelines/77"}
        self.released = threading.Event()
        self.released.set()


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.server.asked.append((self.path, form))
        self.server.released.wait(10)
        text = json.dumps(self.server.body).encode()
        self.send_response(self.server.status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


@pytest.fixture
def gitlab() -> Iterator[GitLab]:
    server = GitLab()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def trigger(gitlab, tmp_path) -> PipelineTrigger:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    address = f"http://127.0.0.1:{gitlab.server_port}"
    return PipelineTrigger(address, "flights/ontime", "main", tmp_path / "token")


def test_a_version_starts_the_pipeline_of_the_branch(trigger, gitlab):
    outcome = trigger.fire(12)
    assert (outcome.started, outcome.detail) == (
        True,
        "pipeline 77 https://git.example/ontime/-/pipelines/77",
    )
    assert gitlab.asked == [
        (
            "/api/v4/projects/flights%2Fontime/trigger/pipeline",
            {"token": [TOKEN], "ref": ["main"], "variables[MODEL_VERSION]": ["12"]},
        )
    ]


@pytest.mark.parametrize("status", [302, 400, 401, 404, 500, 503])
def test_a_refusal_is_reported_and_never_raised(trigger, gitlab, status, caplog):
    gitlab.status, gitlab.body = status, {"message": f"{status} for {TOKEN}"}
    outcome = trigger.fire(12)
    assert not outcome.started
    assert f"answered {status}" in outcome.detail
    assert TOKEN not in outcome.detail + caplog.text
    assert [record.levelname for record in caplog.records if record.name == "adapters.pipeline_trigger"] == [
        "ERROR"
    ]
    assert len(gitlab.asked) == 1


def test_a_server_that_hangs_is_not_waited_for(trigger, gitlab):
    gitlab.released.clear()
    outcome = replace(trigger, timeout=(1.0, 0.3)).fire(12)
    assert not outcome.started
    assert "ReadTimeout" in outcome.detail


def test_a_server_that_is_away_is_reported(trigger, free_port_number):
    outcome = replace(trigger, server=f"http://127.0.0.1:{free_port_number}").fire(12)
    assert not outcome.started
    assert "ConnectionError" in outcome.detail


def test_an_answer_that_names_no_pipeline_is_no_start(trigger, gitlab):
    gitlab.body = {"message": "made"}
    assert not trigger.fire(12).started


def test_a_missing_token_or_project_is_reported_by_the_settings_name(trigger, tmp_path, gitlab):
    assert "ONTIME_GITLAB_TRIGGER_TOKEN_FILE" in replace(trigger, token_file=tmp_path / "none").fire(1).detail
    assert "ONTIME_GITLAB_PROJECT" in replace(trigger, project="").fire(1).detail
    assert gitlab.asked == []


def test_it_is_off_by_default(tmp_path):
    assert PipelineTrigger.from_settings(read_settings({"ONTIME_STATE_DIR": str(tmp_path)})).fire(1) is None
