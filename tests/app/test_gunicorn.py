"""The real server: two workers, threads, notifications, signals."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from adapters.api_keys import ApiKeys
from adapters.clock_store import ClockStore
from adapters.postgres_admin import drop_database
from adapters.prediction_lines import from_copy_line
from adapters.settings import PROJECT_ROOT
from adapters.spool_reader import SpoolReader
from app.shedding_worker import CLIENT_SECONDS, LONGEST_QUEUE
from experiments.benchmarks.client import request
from tests.app import worlds
from tests.app.worlds import FLIGHT, NOWHERE
from tests.builders import MINUTE, NOON
from tests.conftest import environment_for, settings_for
from tests.session import free_port

pytestmark = pytest.mark.integration


@dataclass
class Server:
    process: subprocess.Popen
    port: int
    key: str
    database: object
    settings: object

    def ask(self, path, body=None, data=None):
        """Status and JSON body of an answer."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        data = json.dumps(body).encode() if body is not None else data
        try:
            with urlopen(Request(f"http://127.0.0.1:{self.port}{path}", data, headers), timeout=20) as answer:
                return answer.status, _read(answer)
        except HTTPError as error:
            with error:
                return error.code, _read(error)

    def workers(self):
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def spooled(self):
        spool = SpoolReader(self.settings.spool_dir)
        return [from_copy_line(line).prediction_id for file in spool.files() for line in spool.lines(file)]


def _read(answer):
    text = answer.read().decode()
    return json.loads(text) if "json" in answer.headers["Content-Type"] else text


def eventually(condition, seconds=20.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.fixture(scope="module")
def server(fresh_database, postgres_server, tmp_path_factory, trees):
    """Gunicorn with its own configuration over a busy morning; MLflow is away."""
    database = fresh_database()
    with serving(database, tmp_path_factory.mktemp("gunicorn"), trees) as server:
        yield server
    database.close()
    drop_database(postgres_server.parameters, database.parameters.database)


@pytest.fixture
def own_server(postgres, tmp_path, trees):
    """Such a server for a test that stops it."""
    with serving(postgres, tmp_path, trees) as server:
        yield server


@contextmanager
def serving(database, folder, trees):
    environment = environment_for(database, folder)
    settings = settings_for(database, folder)
    worlds.busy_morning(database)
    worlds.refresh_at(database, NOON)
    worlds.keep_in_cache(settings, trees, 1)
    (settings.model_cache_dir / "last_served").write_text("1")
    key = ApiKeys(database).create("test", ["predict", "ingest"])
    port = free_port()
    others = {
        name: value for name, value in os.environ.items() if not name.startswith(("ONTIME_", "PROMETHEUS_"))
    }
    environment = others | environment | {"ONTIME_API_PORT": str(port), "ONTIME_MLFLOW_URL": NOWHERE}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "-c", "app/gunicorn_conf.py", "app:create_app()"],
            cwd=PROJECT_ROOT, env=environment, stdout=log, stderr=log,
        )  # fmt: skip
    started = Server(process, port, key, database, settings)
    try:
        eventually(lambda: _is_ready(started), 60)
        # Each worker opens its spool before it takes requests.
        eventually(lambda: len(SpoolReader(settings.spool_dir).files()) == 2)
        yield started
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _is_ready(server):
    try:
        return server.ask("/health/ready")[0] == 200
    except OSError:
        assert server.process.poll() is None
        return False


def test_every_worker_answers_and_writes_its_own_file(server):
    before = server.spooled()
    answers = [server.ask("/v1/predictions", FLIGHT) for _ in range(40)]
    assert {status for status, _ in answers} == {200}
    made = {body["prediction_id"] for _, body in answers}
    assert set(server.spooled()) == made | set(before)
    spool = SpoolReader(server.settings.spool_dir)

    # A worker that another test killed has left its file, which nothing ships here; the one in its place may
    # still be about to open its own.
    def held():
        return [file for file in spool.files() if not spool.is_abandoned(file)]

    eventually(lambda: len(server.workers()) == len(held()) == 2)


def test_counters_are_summed_over_the_workers(server):
    def count():
        text = server.ask("/metrics")[1]
        lines = [line for line in text.splitlines() if line.startswith("ontime_predictions_total{")]
        return sum(float(line.split()[-1]) for line in lines)

    def settled():
        """The count once the threads of both workers have added what theirs answered."""
        time.sleep(1.5)
        return count()

    before = settled()
    for _ in range(30):
        server.ask("/v1/predictions", FLIGHT)
    assert settled() == before + 30


def test_each_worker_says_which_version_it_serves_whoever_is_asked(server):
    def said():
        lines = [line for line in server.ask("/metrics")[1].splitlines() if "ontime_model_version{" in line]
        return {int(line.split('pid="')[1].split('"')[0]): float(line.split()[-1]) for line in lines}

    eventually(lambda: said() == dict.fromkeys(server.workers(), 1.0))


def test_a_new_state_reaches_all_workers_within_a_second_of_its_notice(server):
    worlds.refresh_at(server.database, NOON + 5 * MINUTE)
    time.sleep(1)
    ticks = {server.ask("/v1/predictions", FLIGHT)[1]["features"]["state_tick"] for _ in range(20)}
    assert ticks == {"2013-04-11T12:05:00Z"}
    ClockStore(server.database).set_simulated(NOON + 5 * MINUTE)


def send_raw(server, header, *pieces):
    """What the server answers to a body that is sent piece by piece."""
    head = f"POST /v1/predictions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.key}\r\n"
    head += f"Content-Type: application/json\r\n{header}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(head.encode())
        for piece in pieces:
            connection.sendall(piece)
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_sent(server):
    answer = send_raw(server, f"Content-Length: {4 * 1024 * 1024 + 1}")
    assert answer.startswith("HTTP/1.1 413")
    assert "application/problem+json" in answer


def test_a_body_of_unknown_length_is_read_and_a_broken_one_refused(server):
    body = json.dumps(FLIGHT).encode()
    chunks = (b"%x\r\n" % len(body) + body + b"\r\n", b"0\r\n\r\n")
    assert send_raw(server, "Transfer-Encoding: chunked", *chunks).startswith("HTTP/1.1 200")
    assert send_raw(server, "Transfer-Encoding: chunked", b"zz\r\n").startswith("HTTP/1.1 400")
    assert server.ask("/health/live")[0] == 200


def test_a_worker_loads_neither_pandas_nor_mlflow_nor_the_lightgbm_package(server):
    heavy = ("pandas", "mlflow", "lightgbm", "sklearn", "scipy", "prefect", "evidently")
    code = f"import sys, app.factory; print(sorted(set({heavy}) & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_workers_share_the_pages_of_the_libraries(server):
    for pid in server.workers():
        private, whole = _megabytes(pid, "Private_Dirty"), _megabytes(pid, "Rss")
        assert private < 35
        assert private < whole / 2


def _megabytes(pid, name):
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024


def test_a_killed_worker_loses_no_acknowledged_prediction_and_another_takes_its_place(server):
    acknowledged, stop = [], threading.Event()

    def ask():
        while not stop.is_set():
            try:
                status, body = server.ask("/v1/predictions", FLIGHT)
            except (OSError, HTTPException):
                continue  # the worker died before it had answered whole: nothing was acknowledged
            assert status == 200
            acknowledged.append(body["prediction_id"])

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        [victim, *_] = server.workers()
        eventually(lambda: len(acknowledged) > 20)
        os.kill(victim, signal.SIGKILL)
        eventually(lambda: victim not in server.workers() and len(server.workers()) == 2)
        reached = len(acknowledged)
        eventually(lambda: len(acknowledged) > reached + 20)
    finally:
        stop.set()
        asking.join(30)
    assert set(acknowledged) <= set(server.spooled())


def test_at_a_reload_the_old_workers_serve_until_the_new_ones_can_answer(own_server):
    spool, old = own_server.settings.spool_dir, set(own_server.workers())
    own_server.process.send_signal(signal.SIGHUP)

    def new():
        return set(own_server.workers()) - old

    def can_answer():
        """Return the new workers that have opened their spool, which they do before they take requests."""
        return {pid for pid in new() if list(spool.glob(f"*-{pid}-*.spool"))}

    eventually(lambda: len(new()) == 2)
    while old <= set(own_server.workers()):
        time.sleep(0.01)
    assert len(can_answer()) == 2
    eventually(lambda: not old & set(own_server.workers()))
    assert own_server.ask("/v1/predictions", FLIGHT)[0] == 200


def test_a_worker_that_cannot_open_its_spool_is_not_ready_and_leaves_the_others_alone(own_server):
    spool, (first, other) = own_server.settings.spool_dir, own_server.workers()
    away = spool.rename(spool.with_name("spool.away"))
    spool.write_text("a disk that takes no new file")
    os.kill(first, signal.SIGKILL)
    eventually(lambda: not_ready(own_server))
    assert other in own_server.workers()
    assert own_server.process.poll() is None
    answers = [ask_gently(own_server) for _ in range(40)]
    assert {status for status, _ in answers} == {200, 503}
    assert all("spool" in body["detail"] for status, body in answers if status == 503)
    spool.unlink()
    away.rename(spool)
    eventually(lambda: not not_ready(own_server) and len(SpoolReader(spool).files()) == 3)
    assert {own_server.ask("/v1/predictions", FLIGHT)[0] for _ in range(40)} == {200}


def not_ready(server):
    try:
        return server.ask("/health/ready")[0] == 503
    except OSError:  # accepted by the worker that was killed
        assert server.process.poll() is None
        return False


def ask_gently(server):
    """Ask for a prediction; a worker that was asked last is not always the one asked next."""
    time.sleep(0.02)
    return server.ask("/v1/predictions", FLIGHT)


def test_a_term_signal_ends_all_of_it_soon_and_leaves_the_spool_to_the_shipper(own_server):
    workers, started = own_server.workers(), time.monotonic()
    own_server.process.terminate()
    assert own_server.process.wait(30) == 0
    assert time.monotonic() - started < 15
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)
    reader = SpoolReader(own_server.settings.spool_dir)
    assert all(reader.is_abandoned(file) for file in reader.files())


def test_a_worker_that_finds_too_many_waiting_refuses_at_once_and_says_when_to_come_again(server):
    """Workers are stopped while connections queue; then they refuse what is beyond the limit, and answer the rest."""
    message = request("/v1/predictions", json.dumps(FLIGHT).encode(), server.key)
    health = request("/health/live", b"", method="GET")
    for pid in server.workers():
        os.kill(pid, signal.SIGSTOP)
    connections = []
    try:
        for number in range(LONGEST_QUEUE + 60):
            connections.append(socket.create_connection(("127.0.0.1", server.port), timeout=20))
            connections[-1].sendall(health if number == 0 else message)
    finally:
        for pid in server.workers():
            os.kill(pid, signal.SIGCONT)
    answers = []
    for connection in connections:
        with connection:
            answers.append(b"".join(iter(lambda c=connection: c.recv(65536), b"")))
    refused = [answer for answer in answers if answer.startswith(b"HTTP/1.1 503")]
    assert sum(answer.startswith(b"HTTP/1.1 200") for answer in answers) == len(answers) - len(refused)
    assert 0 < len(refused) <= 60
    assert answers[0].startswith(b"HTTP/1.1 200"), "a health check is answered however many wait"
    for answer in refused:
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b"Retry-After: 1" in head
        assert json.loads(body)["status"] == 503


def test_a_client_that_stops_sending_holds_a_worker_for_some_seconds_only(server):
    head = f"POST /v1/predictions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.key}\r\n"
    head += "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(head.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 408")
    assert time.monotonic() - began < CLIENT_SECONDS + 5
    assert server.ask("/v1/predictions", FLIGHT)[0] == 200
