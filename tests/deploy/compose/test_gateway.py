"""The gateway, in the nginx that Compose runs, before a replica that answers with what it was asked with."""

import http.client
import json
import secrets
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.settings import PROJECT_ROOT
from app.problem_types import ABOUT_BLANK, BASE, BY_NAME
from deploy.certificate import self_signed
from tests.session import free_port

pytestmark = pytest.mark.stack
IMAGE = "nginx:1.28"
CONFIGURATION = PROJECT_ROOT / "deploy" / "images" / "nginx"
REPLICA = """
events {}
http {
  client_max_body_size 64m;
  server {
    listen 8000;
    location / {
      add_header X-Key-Name "a person";
      add_header X-Request-ID $http_x_request_id;
      add_header X-Seen-Scheme $http_x_forwarded_proto;
      return 200 "{}";
    }
    location /fails { return 500 "of the replica"; }
  }
}
"""
PREDICTIONS = "/v1/predictions"


def docker(*words: str) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


@dataclass
class Gateway:
    """One gateway on ports of its own; `with_replica` decides whether there is anybody behind it."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)
    with_replica: bool = True
    with_tls: bool = True

    def __post_init__(self) -> None:
        self.name = f"ontime-gateway-{secrets.token_hex(3)}"
        self.plain, self.tls, self.redirect = (free_port() for _ in range(3))

    def __enter__(self) -> "Gateway":
        docker("network", "create", self.name)
        if self.with_replica:
            conf = self.folder / "replica.conf"
            conf.write_text(REPLICA)
            docker(
                "run", "--detach", "--name", f"{self.name}-api", "--network", self.name, "--network-alias", "api",
                "--volume", f"{conf}:/etc/nginx/nginx.conf:ro", IMAGE,
            )  # fmt: skip
        docker(
            "run",
            "--detach",
            "--name",
            self.name,
            *self._options(),
            "--entrypoint",
            "sh",
            IMAGE,
            "/etc/ontime/start.sh",
        )
        self._wait()
        return self

    def _options(self) -> list[str]:
        """As docker-compose.yml has them."""
        options = ["--network", self.name, "--read-only", "--tmpfs", "/tmp", "--user", "10001:10001"]
        options += ["--cap-drop", "ALL", "--volume", f"{CONFIGURATION}:/etc/ontime:ro"]
        for port, inside in ((self.plain, 8080), (self.tls, 8443), (self.redirect, 8081)):
            options += ["--publish", f"127.0.0.1:{port}:{inside}"]
        for name, value in (self.variables | {"TLS_PORT": str(self.tls)}).items():
            options += ["--env", f"{name}={value}"]
        if self.with_tls:
            for name, content in zip(("key", "certificate"), self._certificate(), strict=True):
                file = self.folder / f"gateway_{name}"
                file.write_bytes(content)
                file.chmod(0o444)
                options += ["--volume", f"{file}:/run/secrets/gateway_{name}:ro"]
        return options

    @staticmethod
    def _certificate() -> tuple[bytes, bytes]:
        return self_signed(["localhost", "127.0.0.1"], datetime.now(UTC))

    def _wait(self) -> None:
        for _ in range(150):
            try:
                self.ask("/")
            except (OSError, http.client.HTTPException):
                time.sleep(0.1)
            else:
                return
        raise AssertionError(docker("logs", self.name))

    def __exit__(self, *_: object) -> None:
        for container in (self.name, f"{self.name}-api") if self.with_replica else (self.name,):
            docker("rm", "--force", container)
        docker("network", "rm", self.name)

    def connect(self, where: str = "plain") -> http.client.HTTPConnection:
        """A connection that trusts the gateway's own certificate and no other."""
        port = getattr(self, where)
        if where != "tls":
            return http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        trusted = ssl.create_default_context(cafile=str(self.folder / "gateway_certificate"))
        return http.client.HTTPSConnection("localhost", port, timeout=20, context=trusted)

    def ask(
        self,
        path: str = PREDICTIONS,
        where: str = "plain",
        method: str = "GET",
        body: bytes | None = None,
        **headers: str,
    ) -> Answer:
        with closing(self.connect(where)) as connection:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())

    def at_once(self, times: int, **headers: str) -> list[int]:
        with ThreadPoolExecutor(times) as pool:
            return [answer.status for answer in pool.map(lambda _: self.ask(**headers), range(times))]

    def send(self, words: bytes) -> Answer:
        """What comes back for bytes that no client library would send."""
        with socket.create_connection(("127.0.0.1", self.plain), timeout=30) as connection:
            connection.sendall(words)
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            return Answer(answer.status, answer.headers, answer.read())

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in docker("logs", self.name).splitlines() if line.startswith("{")]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory) -> Iterator[Gateway]:
    with Gateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> Iterator[Gateway]:
    with Gateway(tmp_path_factory.mktemp("alone"), with_replica=False, with_tls=False) as running:
        yield running


def problem(answer: Answer, status: int) -> dict[str, Any]:
    """The problem of an answer, which is one of the API's catalogue, or says no more than its status."""
    assert answer.status == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    described: dict[str, Any] = json.loads(answer.body)
    assert set(described) == {"type", "title", "status", "detail", "request_id"}
    assert described["status"] == status
    assert described["request_id"] == answer.headers["X-Request-ID"]
    if described["type"] != ABOUT_BLANK:
        kind = BY_NAME[described["type"].removeprefix(BASE)]
        assert (kind.status, kind.title) == (status, described["title"])
    return described


def test_nginx_takes_the_configuration(gateway):
    assert "test is successful" in docker(
        "exec", gateway.name, "nginx", "-t", "-c", "/etc/ontime/gateway.conf"
    )


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_everybody_else_is_answered_over_tls_and_is_to_stay_there(gateway, version):
    connection = gateway.connect("tls")
    connection._context.maximum_version = version
    with closing(connection):
        connection.request("GET", PREDICTIONS)
        answer = connection.getresponse()
        assert answer.status == 200
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        assert answer.headers["X-Seen-Scheme"] == "https"


def test_a_client_that_was_not_given_the_certificate_does_not_trust_it(gateway):
    with (
        pytest.raises(ssl.SSLCertVerificationError),
        socket.create_connection(("127.0.0.1", gateway.tls)) as raw,
        ssl.create_default_context().wrap_socket(raw, server_hostname="localhost"),
    ):
        pass


def test_an_old_protocol_is_refused(gateway):
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        pytest.raises(ssl.SSLError, match=r"PROTOCOL_VERSION|alert protocol version"),
        socket.create_connection(("127.0.0.1", gateway.tls)) as raw,
        old.wrap_socket(raw, server_hostname="localhost"),
    ):
        pass


def test_plain_http_is_sent_on_to_tls_as_the_request_it_is(gateway):
    answer = gateway.ask(f"{PREDICTIONS}?a=b", "redirect", "POST", b"{}")
    assert answer.status == 308
    assert answer.headers["Location"] == f"https://127.0.0.1:{gateway.tls}{PREDICTIONS}?a=b"


def test_on_loopback_plain_http_is_answered_and_promises_nothing(gateway):
    answer = gateway.ask()
    assert answer.status == 200
    assert "Strict-Transport-Security" not in answer.headers
    assert answer.headers["X-Seen-Scheme"] == "http"


def test_a_changed_certificate_is_read_by_a_reload_and_an_unchanged_one_is_left_alone(gateway):
    def serial() -> bytes:
        return ssl.get_server_certificate(("127.0.0.1", gateway.tls)).encode()

    def starts() -> int:
        return docker("logs", gateway.name).count("reconfiguring")

    before = serial()
    docker("exec", gateway.name, "sh", "/etc/ontime/reload.sh")
    assert serial() == before
    key, certificate = Gateway._certificate()
    for name, content in (("key", key), ("certificate", certificate)):
        file = gateway.folder / f"gateway_{name}"
        file.chmod(0o644)
        with file.open("r+b") as stream:  # in place, as a mounted file has to be
            stream.write(content)
            stream.truncate()
    docker("exec", gateway.name, "sh", "/etc/ontime/reload.sh")
    for _ in range(50):
        if serial() == certificate:
            return
        time.sleep(0.1)
    raise AssertionError("the gateway still has the certificate before")


@pytest.mark.parametrize("given", ["abc-1.2_3", "a" * 64])
def test_a_clients_request_id_is_kept_and_logged_with_the_name_of_the_key(gateway, given):
    answer = gateway.ask(f"{PREDICTIONS}?flight_id=what", X_Request_ID=given)
    assert answer.headers["X-Request-ID"] == given
    assert "X-Key-Name" not in answer.headers
    [line] = [line for line in gateway.log() if line["request_id"] == given]
    assert "what" not in json.dumps(line)
    assert line["key"] == "a person"
    assert (line["path"], line["status"]) == (PREDICTIONS, 200)


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, 'quo"te', "é"])
def test_a_request_id_of_another_form_is_replaced(gateway, given):
    answer = gateway.ask(X_Request_ID=given)
    assert answer.headers["X-Request-ID"] != given
    assert len(answer.headers["X-Request-ID"]) == 32


def test_no_replica_is_a_problem_that_says_when_to_come_again(alone):
    for path in ("/", PREDICTIONS):
        answer = alone.ask(path, X_Request_ID="mine")
        assert problem(answer, 503)["request_id"] == "mine"
        assert answer.headers["Retry-After"] == "2"
        assert alone.log()[-1]["path"] == path


def test_a_body_that_is_too_large_is_a_problem(gateway):
    answer = gateway.ask(method="POST", body=b"x" * (9 * 2**20))
    assert problem(answer, 413)["type"] == "/problems/body-too-large"


def test_an_address_sends_so_many_large_bodies_at_once_and_small_ones_beside_them(gateway):
    """Each waits in memory until all of it is there, whoever sends it."""
    head = b"POST /v1/predictions HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n"
    with ExitStack() as senders:
        for _ in range(16):
            sender = socket.create_connection(("127.0.0.1", gateway.plain), timeout=20)
            senders.enter_context(sender).sendall(head + b"x" * 1000)
        time.sleep(1)
        refused = problem(gateway.send(head), 429)
        assert "large bodies" in refused["detail"]
        assert gateway.ask(method="POST", body=b"x" * 1000).status == 200
    time.sleep(1)
    assert gateway.ask(method="POST", body=b"x" * 2_000_000).status == 200


def test_what_is_no_request_is_a_problem(gateway):
    assert problem(gateway.send(b"GET / HTTP/1.1\r\n\r\n"), 400)
    assert problem(gateway.send(b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"), 414)
    many = b"".join(b"X-%d: " % n + b"a" * 7_000 + b"\r\n" for n in range(6))
    assert problem(gateway.send(b"GET / HTTP/1.1\r\nHost: a\r\n" + many + b"\r\n"), 431)
    assert problem(gateway.send(b"nonsense\r\n\r\n"), 400)


def test_plain_http_on_the_port_of_tls_is_a_problem(gateway):
    with closing(http.client.HTTPConnection("127.0.0.1", gateway.tls, timeout=20)) as connection:
        connection.request("GET", "/")
        answer = connection.getresponse()
        assert problem(Answer(answer.status, answer.headers, answer.read()), 400)


def test_what_a_replica_answers_is_left_as_it_is(gateway):
    answer = gateway.ask("/fails")
    assert (answer.status, answer.body) == (500, b"of the replica")


def test_metrics_are_not_handed_out(gateway):
    assert gateway.ask("/metrics").status == 404


def test_a_key_that_asks_too_often_is_refused_however_it_is_written(tmp_path):
    with Gateway(tmp_path, {"KEY_RATE": "2"}, with_tls=False) as running:
        running.ask(Authorization="Bearer busy")
        for headers in (
            {"Authorization": "Bearer busy"},
            {"Authorization": "bearer  busy"},
            {"X_API_Key": "busy"},
        ):
            assert running.at_once(12, **headers).count(429) >= 9
        refused = next(a for a in (running.ask(X_API_Key="busy") for _ in range(20)) if a.status == 429)
        assert problem(refused, 429)["type"] == "/problems/too-many-requests"
        assert refused.headers["Retry-After"] == "1"
        assert running.ask(Authorization="Bearer another").status == 200
        assert running.at_once(12) == [200] * 12  # without a key


def test_an_address_that_asks_too_often_is_refused_with_whatever_key(tmp_path):
    with Gateway(tmp_path, {"ADDRESS_RATE": "4"}, with_tls=False) as running:
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda n: running.ask(X_API_Key=f"guess {n}").status, range(20)))
        assert answers.count(429) >= 14
        time.sleep(1)
        assert running.ask().status == 200


@pytest.mark.parametrize("rate", ["many", "0", "-1", "1.5"])
@pytest.mark.parametrize("name", ["KEY_RATE", "ADDRESS_RATE"])
def test_a_rate_that_is_none_is_refused_in_a_line(name, rate):
    done = subprocess.run(
        ["docker", "run", "--rm", "--env", f"{name}={rate}", "--tmpfs", "/tmp",
         "--volume", f"{CONFIGURATION}:/etc/ontime:ro", "--entrypoint", "sh", IMAGE, "/etc/ontime/start.sh"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == f"{name}: expected whole requests a second, 1 or more, got {rate}\n"
