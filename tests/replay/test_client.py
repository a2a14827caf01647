import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from domain.errors import NotReady, OntimeError
from replay import client as client_module
from replay.client import Answer, ApiClient, require
from tests.session import free_port

KEYS = {"predict": "key-of-predict", "ingest": "key-of-ingest"}


@dataclass
class Script:
    """What a stand-in answers, call by call (the last one from then on), and what it was asked."""

    answers: list[int]
    asked: list[tuple[str, str, str | None, object]] = field(default_factory=list)

    def answer(self) -> int:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def serving(script: Script, port: int) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            content = self.rfile.read(int(self.headers["Content-Length"] or 0))
            script.asked.append(
                (self.command, self.path, self.headers["Authorization"], json.loads(content or b"null"))
            )
            self.send_response(script.answer())
            self.end_headers()
            self.wfile.write(b'{"said": "something"}')

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_):
            return

    with HTTPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "PAUSE_SECONDS", 0.01)


def test_a_call_is_repeated_until_it_is_answered(free_port_number):
    script = Script([503, 502, 200])
    with serving(script, free_port_number):
        answer = ApiClient("127.0.0.1", free_port_number, KEYS).post("/v1/events", {"events": []}, "ingest")
    assert answer == Answer(200, {"said": "something"})
    assert script.asked == [("POST", "/v1/events", "Bearer key-of-ingest", {"events": []})] * 3


def test_the_key_is_of_the_scope_that_the_call_needs(free_port_number):
    script = Script([200])
    with serving(script, free_port_number):
        client = ApiClient("127.0.0.1", free_port_number, KEYS)
        client.post("/v1/predictions", {}, "predict")
        client.get("/health/ready")
    assert [key for _, _, key, _ in script.asked] == ["Bearer key-of-predict", None]


def test_a_refusal_is_an_answer_and_not_repeated(free_port_number):
    script = Script([422])
    with serving(script, free_port_number):
        answer = ApiClient("127.0.0.1", free_port_number, KEYS).get("/v1/model", "predict")
    assert answer.status == 422
    assert len(script.asked) == 1


def test_a_stack_that_is_gone_is_brought_back(free_port_number):
    script, started = Script([200]), []

    def revive() -> None:
        if not started:
            server = serving(script, free_port_number)
            server.__enter__()
            started.append(server)

    try:
        answer = ApiClient("127.0.0.1", free_port_number, KEYS, revive).get("/health/live")
    finally:
        for server in started:
            server.__exit__(None, None, None)
    assert answer.status == 200


def test_an_api_that_stays_away_is_an_error_that_says_so(monkeypatch):
    monkeypatch.setattr(client_module, "PATIENCE_SECONDS", 0.1)
    with pytest.raises(NotReady, match="the API does not answer"):
        ApiClient("127.0.0.1", free_port(), KEYS).get("/health/live")


def test_an_unexpected_status_is_an_error_with_what_the_api_said():
    with pytest.raises(OntimeError, match=r"409.*somebody else was first"):
        require(Answer(409, {"detail": "somebody else was first"}), 200, 207)


def test_an_error_shows_the_beginning_of_what_the_api_said_of_a_thousand_flights():
    with pytest.raises(OntimeError) as error:
        require(Answer(422, {"items": [{"index": i, "status": 422} for i in range(1000)]}), 200)
    assert "'index': 0" in str(error.value)
    assert len(str(error.value)) < 600
