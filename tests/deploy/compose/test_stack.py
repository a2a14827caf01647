"""`make up` for real, on this machine's Docker Engine; `make test-stack` runs it."""

import json
import re
import shutil
import ssl
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.settings import PROJECT_ROOT
from deploy.compose import secrets
from tests.data.public_files import bts_row, write_rows
from tests.deploy.compose.running_stack import STACK, Client, RunningStack, eventually
from tests.documented import Command, documented

pytestmark = [pytest.mark.stack, pytest.mark.timeout(2400)]
DAYS = 10
DAY_IS_OVER = re.compile(r"2013-04-\d\d: (\d+) flights predicted")
RUN_TO_COMPLETION = ("migrate", "train-first")
OURS = ("api", "shipper", "features", "mlflow", "prefect-server", "prefect-worker", "postgres")
CONNECTS = "exec 3<>/dev/tcp/1.1.1.1/443"
OPENS = "import psycopg2, sys; psycopg2.connect(host='postgres', user=sys.argv[1], password=sys.stdin.read())"
"""The database that is called like the role."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack that `make up` started, from nothing."""
    running = RunningStack(tmp_path_factory.mktemp("stack"))
    try:
        running.up(2)
        yield running
    finally:
        running.remove()


def test_every_service_is_healthy(stack):
    for name, container in stack.states().items():
        state = container["State"]
        if any(f"{service}_" in name or f"{service}-" in name for service in RUN_TO_COMPLETION):
            assert (state["Status"], state["ExitCode"]) == ("exited", 0), name
        else:
            assert state["Health"]["Status"] == "healthy", name


def test_the_first_prediction_comes_through_the_gateway(stack):
    assert_answers(stack)


def test_it_answers_over_tls_with_a_certificate_that_this_host_made(stack):
    trusted = ssl.create_default_context(cafile=stack.secrets / "gateway_certificate")
    address = f"https://localhost:{stack.environment['GATEWAY_TLS_PORT']}/health/live"
    with urllib.request.urlopen(address, context=trusted, timeout=30) as answer:
        assert answer.status == 200
        assert answer.headers["Strict-Transport-Security"]


def test_the_gateway_spreads_requests_over_the_replicas(stack):
    for _ in range(40):
        stack.ask("/health/live")
    assert len(upstreams(stack, newest=40)) == len(stack.containers("api")) > 1


def test_the_command_acts_on_the_stack_from_within_the_worker(stack):
    (worker,) = stack.containers("prefect-worker")
    clock = json.loads(stack.run("docker", "exec", worker, "ontime", "clock", "--json").stdout)
    assert clock["mode"] in ("simulated", "system")
    assert stack.type(documented("docker compose exec prefect-worker ontime alerts")) == "no alert is open\n"
    listed = stack.type(documented("docker compose exec prefect-worker ontime keys list"))
    assert {"predict.key", "ingest.key", "admin.key"} <= set(listed.split())
    kept = stack.type(documented("docker compose exec prefect-worker ontime retention"))
    assert kept == "nothing is older than the policy keeps\n"
    refused = stack.run("docker", "exec", worker, "ontime", "status", check=False)
    assert refused.returncode == 1
    assert "`make status`" in refused.stderr


def test_what_runs_and_what_it_logs_is_shown(stack):
    head, _, *rows = stack.type(documented("make status")).splitlines()
    assert head == f"the Compose stack ({stack.project})"
    assert all(row.endswith("  healthy") for row in rows)
    assert "api-2" in {row.split()[0] for row in rows}
    assert '"event": "model swapped"' in stack.type(documented("make logs S=api"))
    stack.ask("/v1/model")
    assert "/v1/model" in stack.type(documented("make logs S=gateway"))


def test_no_secret_is_in_what_inspect_shows(stack):
    values = [file.read_text() for file in stack.secrets.iterdir()]
    assert len(values) >= 8
    shown = json.dumps(stack.states())
    assert not any(value in shown for value in values)


def test_only_the_gateway_is_reachable_from_outside_this_machine(stack):
    """The test's stack puts it on loopback; by default it is on every address, the others never."""
    published = {
        name: [binding["HostIp"] for bindings in ports.values() for binding in bindings or []]
        for name, ports in ((n, c["NetworkSettings"]["Ports"]) for n, c in stack.states().items())
    }
    assert {name for name, addresses in published.items() if addresses} == {gateway(stack)}


def test_it_works_with_no_route_to_the_internet(stack):
    """Everything ran up to here, and not one container of ours can open a connection to the outside."""
    for service in OURS:
        for container in stack.containers(service):
            done = stack.run("docker", "exec", container, "timeout", "4", "bash", "-c", CONNECTS, check=False)
            assert done.returncode != 0, service


def test_telemetry_is_off(stack):
    expected = {
        "mlflow": ["MLFLOW_DISABLE_TELEMETRY=true", "DO_NOT_TRACK=1"],
        "prefect-server": ["PREFECT_SERVER_ANALYTICS_ENABLED=false", "DO_NOT_TRACK=1"],
        "prefect-worker": ["PREFECT_SERVER_ANALYTICS_ENABLED=false", "DO_NOT_TRACK=1"],
    }
    for service, variables in expected.items():
        (container,) = stack.containers(service)
        shown = stack.run("docker", "exec", container, "env").stdout.splitlines()
        assert set(variables) <= set(shown)


class DemoRun:
    """The demo's days, replayed in a container of the stack through the gateway."""

    def __init__(self, stack: RunningStack, log: Path):
        command = [
            *STACK, "compose", "run", "--rm", "-T", "--no-deps", "prefect-worker",
            "python", "-m", "ontime", "demo", "--days", str(DAYS), "--through", "http://gateway:8080",
        ]  # fmt: skip
        self.lines: list[str] = []
        self._log = log
        log.parent.mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            command, cwd=PROJECT_ROOT, env=stack.environment, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self._log.open("w") as log:
            for line in self.process.stdout:
                self.lines.append(line)
                log.write(line)
                log.flush()

    def predicted(self) -> list[int]:
        """Flights predicted on each day that is over."""
        found = (DAY_IS_OVER.search(line) for line in self.lines)
        return [int(match[1]) for match in found if match]

    def wait_for_day(self, days: int) -> None:
        def is_over() -> bool:
            assert self.process.poll() is None or len(self.predicted()) >= days, "".join(self.lines[-20:])
            return len(self.predicted()) >= days

        eventually(is_over, 900)

    def end(self) -> int:
        code = self.process.wait(timeout=900)
        self._reader.join()
        self.process.stdout.close()
        return code

    def stop(self) -> None:
        self.process.kill()
        self.end()


@pytest.fixture(scope="module")
def replayed(stack: RunningStack) -> tuple[Client, DemoRun]:
    """Ten days, their monitoring runs, a retrain, a promotion, a rollback; meanwhile a client asks on and on."""
    demo = DemoRun(stack, PROJECT_ROOT / "var" / "stack-demo.log")
    client = Client(stack)
    client.start()
    try:
        demo.wait_for_day(2)
        stack.kill(stack.containers("api")[0], "gunicorn")
        demo.wait_for_day(4)
        stack.run("docker", "restart", "-t", "0", *stack.containers("postgres"))
        demo.wait_for_day(6)
        before, at_the_door = set(stack.containers("api")), stack.containers("gateway")
        stack.up(len(before), ONTIME_LOG_LEVEL="WARNING")
        assert not before & set(stack.containers("api")), "every replica was replaced"
        assert stack.containers("gateway") == at_the_door
        assert demo.end() == 0, "".join(demo.lines[-20:])
    finally:
        client.close()
        demo.stop()
    return client, demo


@pytest.mark.long
def test_the_whole_loop_goes_on_while_parts_are_killed_and_replaced(stack, replayed):
    client, demo = replayed
    said = "".join(demo.lines)
    assert "hot swap" in said
    assert "rollback" in said
    assert client.failed == []
    assert_everything_is_logged(stack, client, demo)


def assert_everything_is_logged(stack: RunningStack, client: Client, demo: DemoRun) -> None:
    """Not one acknowledged prediction is missing, and none is there twice."""
    wanted = set(client.acknowledged)
    assert len(wanted) == len(client.acknowledged) > 500

    def logged() -> set[str]:
        return {row[0] for row in stack.sql("SELECT prediction_id FROM predictions")}

    eventually(lambda: wanted <= logged(), 60)
    ((rows, distinct),) = stack.sql("SELECT count(*), count(DISTINCT prediction_id) FROM predictions")
    assert rows == distinct
    ((headline,),) = stack.sql(
        "SELECT count(DISTINCT (flight_id, as_of)) FROM predictions WHERE lead_minutes = 60"
    )
    assert int(headline) >= sum(demo.predicted())


@pytest.mark.long
@pytest.mark.usefixtures("replayed")
def test_the_pipeline_of_a_model_validates_and_promotes_the_storys_candidate(stack):
    """It was promoted and rolled back; now it goes the way of a version that was reported to GitLab."""
    _, before = stack.ask("/health/ready")
    (newest,) = stack.sql("SELECT max(to_version) FROM deployments")
    assert int(newest[0]) > before["model_version"]
    said = stack.run("make", "validate-model", f"MODEL_VERSION={newest[0]}", CI_PIPELINE_ID="77").stdout
    assert "every check of the gate passed" in said
    eventually(lambda: stack.ask("/health/ready")[1]["model_version"] == int(newest[0]), 10)
    (row,) = stack.sql("SELECT who FROM deployments ORDER BY deployment_id DESC LIMIT 1")
    assert row == ["pipeline 77"]


@pytest.mark.long
def test_a_third_replica_needs_no_edit(stack):
    before = stack.containers("gateway")
    stack.type(documented("make up API_REPLICAS=3"))
    assert len(stack.containers("api")) == 3
    assert stack.containers("gateway") == before
    for _ in range(60):
        stack.ask("/health/live")
    assert len(upstreams(stack, newest=60)) == 3


@pytest.mark.long
def test_a_restore_brings_back_what_a_backup_saw(stack, tmp_path):
    assert_answers(stack)
    eventually(lambda: stack.sql("SELECT count(*) > 0 FROM predictions") == [["t"]])
    saved = backup(stack, tmp_path)
    counts = "SELECT (SELECT count(*) FROM predictions), (SELECT count(*) FROM flight_events)"
    before = stack.sql(counts)
    _, champion = stack.ask("/health/ready")
    stack.sql("TRUNCATE predictions CASCADE")
    assert stack.sql(counts) != before

    restore = documented("make restore FILE=var/backups/...", {"var/backups/...": str(saved)})
    said = stack.type(restore)
    assert "every row count and checksum agrees" in said
    after = stack.sql(counts)
    assert [int(x) for x in after[0]] >= [int(x) for x in before[0]]
    assert stack.ask("/health/ready")[1]["model_version"] == champion["model_version"]
    assert_answers(stack)


@pytest.mark.long
def test_other_passwords_open_the_stack_and_none_of_those_before(stack):
    before = {file.name: file.read_text() for file in stack.secrets.iterdir()}
    replicas = len(stack.containers("api"))
    stack.type(documented("make rotate-passwords"))
    after = {file.name: file.read_text() for file in stack.secrets.iterdir()}
    assert {name for name in before if after[name] != before[name]} == {
        *secrets.DATABASE_PASSWORDS, *secrets.ROLE_PASSWORDS, *secrets.SERVER_PASSWORDS,
    }  # fmt: skip
    assert len(stack.containers("api")) == replicas
    assert_answers(stack)
    (worker,) = stack.containers("prefect-worker")
    for values, refused in ((before, True), (after, False)):
        for name, role in secrets.OWNERS.items():
            done = stack.run(
                "docker", "exec", "-i", worker, "python", "-c", OPENS, role, stdin=values[name], check=False
            )
            assert (done.returncode != 0) == refused, done.stderr
            assert ("password authentication failed" in done.stderr) == refused


@pytest.mark.long
def test_a_damaged_backup_is_refused_before_anything_is_touched(stack, tmp_path):
    stack.run(*STACK, "backup", "--folder", str(tmp_path))
    (saved,) = tmp_path.iterdir()
    content = bytearray(saved.read_bytes())
    content[len(content) // 2] ^= 1
    saved.write_bytes(content)
    before = stack.sql("SELECT count(*) FROM flight_events")
    done = stack.run("make", "restore", f"FILE={saved}", check=False)
    assert done.returncode != 0
    assert "nothing was touched" in done.stderr + done.stdout
    assert stack.sql("SELECT count(*) FROM flight_events") == before
    assert stack.ask("/health/ready")[0] == 200


@pytest.mark.long
def test_a_key_whose_file_is_removed_is_revoked_and_another_is_made(stack):
    file = stack.secrets / "predict.key"
    before = file.read_text()
    file.unlink()
    assert "predict.key" in stack.type(documented("make secrets"))
    stack.type(documented("make up"))
    assert file.read_text() != before
    assert_answers(stack)
    (stack.secrets / "before.key").write_text(before)
    assert stack.ask("/v1/predictions?limit=1", key="before.key")[0] == 401
    (stack.secrets / "before.key").unlink()


@pytest.mark.long
def test_files_are_copied_into_the_worker_which_takes_them(stack, tmp_path):
    file = write_rows(tmp_path / "denver.csv", [bts_row(Origin="DEN", Dest="SEA")])
    stack.type(documented("docker compose cp FILE prefect-worker:/state/data/inbox/", {"FILE": str(file)}))
    before = int(stack.sql("SELECT count(*) FROM flight_events")[0][0])
    (worker,) = stack.containers("prefect-worker")
    said = stack.run("docker", "exec", worker, "ontime", "ingest").stdout
    assert "1 of 1 files taken: 3 new events" in said
    assert int(stack.sql("SELECT count(*) FROM flight_events")[0][0]) == before + 3


@pytest.mark.long
def test_a_part_that_hangs_is_started_again_by_hand(stack):
    (before,) = started(stack, "features")
    stack.type(documented("docker compose restart features"))
    (after,) = started(stack, "features")
    assert after > before
    assert_answers(stack)


@pytest.mark.long
def test_the_bill_of_materials_of_every_image_that_runs_is_written(stack):
    images = [name for name in stack.run("docker", "images", "--format", "{{.Repository}}:{{.Tag}}").stdout.split()
              if name.startswith("ontime/") and name.endswith(f":{stack.project}")]  # fmt: skip
    assert len(images) == 4
    said = stack.type(documented("make sbom"))
    assert [image for image in images if image not in said] == []


@pytest.mark.long
def test_a_route_out_is_given_to_what_sends_alerts_and_taken_again(stack):
    outside = f"{stack.project}_outside"
    assert outside not in networks(stack, "prefect-worker")
    stack.type(documented("make up OUTSIDE=1"))
    assert outside in networks(stack, "prefect-worker") & networks(stack, "watchman")
    stack.type(documented("make up"))
    assert outside not in networks(stack, "prefect-worker")


@pytest.mark.long
def test_a_collector_of_the_operators_own_gets_the_trace_of_a_prediction(stack, tmp_path):
    (tmp_path / "collector.yml").write_text(COLLECTOR)
    up = documented(
        "COMPOSE_FILE=docker-compose.yml:collector.yml make up",
        {"collector.yml": str(tmp_path / "collector.yml")},
    )
    stack.type(up, OTEL_EXPORTER_OTLP_ENDPOINT="http://collector:4318")
    status, answer = stack.ask("/v1/predictions", Client(stack, clock=clock(stack))._question())
    assert status == 200, answer
    trace = answer["prediction_id"].replace("-", "")
    eventually(lambda: trace in stack.run("docker", "logs", *stack.containers("collector")).stdout, 60)
    stack.type(documented("make up"))


@pytest.mark.long
@pytest.mark.parametrize(
    ("command", "services"),
    [
        (documented("make up PROFILE=dask"), {"dask-scheduler", "dask-worker"}),
        (documented("make up PROFILE=demo"), {"feed"}),
        (documented("make up PROFILE=metrics"), {"prometheus", "grafana"}),
    ],
    ids=["dask", "demo", "metrics"],
)
def test_a_profile_is_started_beside_the_stack(stack, command: Command, services: set[str]):
    require_images(stack, services)
    before = clock(stack)
    kept = {name: value for name, value in stack.environment.items() if name != "COMPOSE_PROFILES"}
    command.run(kept)
    for service in services:
        assert stack.containers(service) != [], service
    if "feed" in services:
        eventually(lambda: clock(stack) > before, 60)
    if "prometheus" in services:
        eventually(lambda: is_scraped(stack), 120)


@pytest.mark.long
def test_all_of_it_stops_whatever_profile_it_is_of_and_the_data_stay(stack):
    volumes = ("docker", "volume", "ls", "-q", "--filter", f"name={stack.project}_")
    before = stack.run(*volumes).stdout
    stack.type(documented("make down"))
    label = f"label=com.docker.compose.project={stack.project}"
    assert stack.run("docker", "ps", "-aq", "--filter", label).stdout == ""
    assert f"{stack.project}_postgres-data-17" in before.split()
    assert stack.run(*volumes).stdout == before


COLLECTOR = r"""
services:
  collector:
    image: ontime/api:${IMAGE_TAG}
    restart: unless-stopped
    networks: [inside]
    entrypoint: [python, -u, -c]
    command:
      - |
        import gzip
        from http.server import BaseHTTPRequestHandler, HTTPServer
        class Collector(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                packed = self.headers.get("Content-Encoding") == "gzip"
                print(self.path, (gzip.decompress(body) if packed else body).hex())
                self.send_response(200)
                self.end_headers()
        HTTPServer(("", 4318), Collector).serve_forever()
"""


def backup(stack: RunningStack, folder: Path) -> Path:
    """What `make backup` makes, moved to a folder of the test's: nothing of it stays among the operator's."""
    said = stack.type(documented("make backup"))
    (made,) = re.findall(r"\S+/ontime-\w+\.tar", said)
    return shutil.move(made, folder)


def started(stack: RunningStack, service: str) -> list[str]:
    """When the containers of a service were started."""
    ids = stack.containers(service)
    return stack.run("docker", "inspect", "-f", "{{.State.StartedAt}}", *ids).stdout.split()


def networks(stack: RunningStack, service: str) -> set[str]:
    """Names of those that the containers of a service are on."""
    shown = stack.run("docker", "inspect", *stack.containers(service)).stdout
    return {name for container in json.loads(shown) for name in container["NetworkSettings"]["Networks"]}


def require_images(stack: RunningStack, services: set[str]) -> None:
    """Leave a test out where images of others are neither here nor to be had."""
    config = ("docker", "compose", "--profile", "*", "config", "--format", "json")
    shown = json.loads(stack.run(*config).stdout)["services"]
    for service in services:
        image = shown[service]["image"]
        if image.startswith("ontime/"):
            continue
        there = stack.run("docker", "image", "inspect", image, check=False).returncode == 0
        if not there and stack.run("docker", "pull", image, check=False).returncode != 0:
            pytest.skip(f"there is no image {image} here, and it cannot be pulled")


def is_scraped(stack: RunningStack) -> bool:
    """Whether Prometheus has what a replica exposes."""
    (prometheus,) = stack.containers("prometheus")
    asked = "http://127.0.0.1:9090/api/v1/query?query=up"
    shown = stack.run("docker", "exec", prometheus, "wget", "-qO-", asked, check=False).stdout
    return '"1"' in shown


def assert_answers(stack: RunningStack) -> None:
    """A client's first question is answered with a prediction."""
    client = Client(stack, clock=clock(stack))
    client.start()
    eventually(lambda: client.acknowledged or client.failed, 30)
    client.close()
    assert client.acknowledged
    assert not client.failed


def gateway(stack: RunningStack) -> str:
    (name,) = (n for n, c in stack.states().items() if c["Config"]["Image"].startswith("nginx"))
    return name


def upstreams(stack: RunningStack, newest: int) -> set[str]:
    """Addresses of the replicas that answered the newest requests through the gateway."""
    logs = stack.run("docker", "logs", "--tail", str(2 * newest), gateway(stack)).stdout
    return set(re.findall(r'"upstream":"([\d.]+:8000)"', logs)[-newest:])


def clock(stack: RunningStack) -> datetime:
    ((seconds,),) = stack.sql("SELECT extract(epoch FROM simulated_now) FROM clock")
    return datetime.fromtimestamp(float(seconds), UTC)
