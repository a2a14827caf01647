import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from adapters.asking import NO_ANSWER, ask
from tests.session import free_port


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, text = {
            "/well": (200, '{"status": "live"}'),
            "/away": (503, '{"status": "not ready"}'),
            "/gateway": (502, "<html>Bad Gateway</html>"),
            "/page": (200, "<html>somebody else</html>"),
        }[self.path]
        self.answer(status, text)

    def do_POST(self) -> None:
        if self.path == "/hangs-up":
            self.close_connection = True
            return
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer(200, json.dumps({"sent": sent, "key": self.headers["Authorization"]}))

    def answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Keep the tests' output short."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_an_answer_is_its_status_and_what_its_json_says(address: str) -> None:
    assert ask(f"{address}/well") == (200, {"status": "live"})
    assert ask(f"{address}/away") == (503, {"status": "not ready"})


def test_a_refusal_without_json_is_reported_as_it_is(address: str) -> None:
    assert ask(f"{address}/gateway") == (502, "<html>Bad Gateway</html>")


def test_a_body_is_posted_and_a_key_is_sent_only_where_there_is_one(address: str) -> None:
    assert ask(f"{address}/any", {}) == (200, {"sent": {}, "key": None})
    assert ask(f"{address}/any", {"n": 1}, "k") == (200, {"sent": {"n": 1}, "key": "Bearer k"})


def test_no_answer_is_no_status(address: str) -> None:
    status, reason = ask(f"http://127.0.0.1:{free_port()}/well")
    assert (status, "refused" in reason) == (NO_ANSWER, True)
    assert ask(f"{address}/hangs-up", {})[0] == NO_ANSWER


def test_success_without_json_is_another_server(address: str) -> None:
    assert ask(f"{address}/page")[0] == NO_ANSWER


def test_a_proxy_is_not_asked_for_what_is_on_this_machine(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    assert ask(f"{address}/well") == (200, {"status": "live"})
