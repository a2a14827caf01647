"""What a start says of a part that cannot start: a real process manager, a real PostgreSQL, parts that die."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.settings import Settings, read_settings
from adapters.waiting import wait_until
from deploy.native import layout, manager, starting
from deploy.native import programs as programs_module
from deploy.native.manager import Stack
from deploy.native.processes import of_stack
from deploy.native.starting import CannotStart, Patience, Starting
from deploy.native.status import read_status
from domain.errors import NotReady, OntimeError
from tests.session import free_port

SLEEPER = ["/bin/sleep", "60"]
WITHOUT_A_LIBRARY = [programs_module.PYTHON, "-c", "import time; time.sleep(1.2); import not_installed"]


def unheard(text: str) -> None:
    return


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A state folder and ports of this test's own."""
    variables = {f"ONTIME_{name.upper()}": str(free_port()) for name in layout.PORT_SETTINGS}
    variables["ONTIME_STATE_DIR"] = str(tmp_path / "state")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return read_settings(variables)


@pytest.fixture
def stack(settings: Settings) -> Iterator[Stack]:
    stack = Stack(settings)
    yield stack
    stack.stop(unheard)
    assert of_stack(settings.state_dir) == []


@pytest.fixture
def run_instead(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Other commands for parts of the stack, by name; PostgreSQL alone keeps its own unless it is named."""
    real = programs_module.programs

    def stand_in(**commands: list[str]) -> None:
        def programs(settings: Settings) -> list:
            return [
                program
                if program.name == "postgres"
                else replace(program, command=commands.get(program.name, SLEEPER))
                for program in real(settings)
            ]

        monkeypatch.setattr(programs_module, "programs", programs)

    return stand_in


@pytest.mark.parametrize("name", ["prefect-server", "shipper"])
def test_a_part_that_dies_at_import_ends_the_start_with_its_reason(stack, settings, run_instead, name):
    """Also while another is waited for."""
    run_instead(**{name: WITHOUT_A_LIBRARY})
    began = time.monotonic()
    with pytest.raises(CannotStart) as refused:
        stack.start(unheard)
    assert time.monotonic() - began < 45
    message = str(refused.value)
    assert message.startswith(f"{name} does not start: it ended 3 times within ")
    assert "ModuleNotFoundError: No module named 'not_installed'" in message
    assert str(settings.state_dir / "log" / f"{name}.log") in message
    assert "what to do: install the environment again" in message
    # It is not tried for ever behind the back of whoever was message.
    assert stack.states()[name]["statename"] == "STOPPED"


def test_after_a_checkout_was_moved_the_environment_is_to_be_installed_again(stack, run_instead, tmp_path):
    """The system says of the program that is there that it is not: the interpreter is missing that it names."""
    program = tmp_path / "prefect"
    program.write_text("#!/folder/before/.venv/bin/python\n")
    program.chmod(0o755)
    run_instead(**{"prefect-server": [str(program)]})
    with pytest.raises(CannotStart, match=r"(?s)cannot start .*what to do: install the environment again"):
        stack.start(unheard)


@pytest.mark.parametrize(
    ("last", "limit"),
    [
        ("RuntimeError: can't start new thread", "of processes"),
        ("LOG:  could not fork new process for connection: Resource temporarily unavailable", "of processes"),
        ("OSError: [Errno 24] Too many open files: 'x'", "of open files"),
    ],
)
def test_a_limit_that_a_part_met_is_named(tmp_path, last, limit):
    (tmp_path / "part.log").write_text(f"Traceback (most recent call last):\n{last}\n")
    following = Starting(Manager(("FATAL", 1)), tmp_path)
    with pytest.raises(CannotStart, match=f"what to do: raise the limit {limit}"):
        following.wait_for("part", never)


def test_a_port_that_was_taken_meanwhile_is_named_with_its_setting(stack, settings, run_instead, monkeypatch):
    run_instead()
    monkeypatch.setattr(manager, "require_free_port", lambda port, setting: None)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", settings.postgres_port))
        with pytest.raises(CannotStart, match=r"(?s)postgres does not start: .*set ONTIME_POSTGRES_PORT"):
            stack.start_servers(unheard)


def test_a_state_folder_that_cannot_be_written_is_named_with_its_setting(settings):
    settings.state_dir.write_text("a file where the folder should be")
    with pytest.raises(OntimeError, match=r"ONTIME_STATE_DIR: cannot use .*state/log"):
        Stack(settings).start(unheard)


def test_two_starts_of_one_stack_at_once_start_it_once(stack, settings, run_instead):
    """The second neither removes what the first makes nor ends what it started."""
    run_instead()
    said: list[str] = []
    at_once([lambda: Stack(settings).start_servers(said.append)] * 2)
    assert_up(stack, "postgres", "mlflow", "prefect-server")
    assert len([line for line in said if line.startswith("another command is starting this stack")]) == 1
    assert not [line for line in said if "left behind" in line]


def test_a_stack_knows_that_it_was_stopped_until_it_is_started_again(stack, settings, run_instead):
    """What works on it, a demo or a replay, is not to bring back what `make down` ended."""
    run_instead()
    stack.start_servers(unheard)
    assert not stack.was_stopped()
    Stack(settings).stop(unheard)
    assert stack.was_stopped()
    stack.start_servers(unheard)
    assert not stack.was_stopped()


def test_each_part_has_its_time_to_end(stack, settings, run_instead, tmp_path):
    """The manager gives each its own, and answers nobody meanwhile."""
    began, ended = tmp_path / "began", tmp_path / "ended"
    unhurried = f"trap 'sleep 12; touch {ended}; exit' TERM; touch {began}; while true; do sleep 0.2; done"
    run_instead(**{"prefect-worker": ["/bin/sh", "-c", unhurried]})
    stack.start_servers(unheard)
    stack._ensure("prefect-worker")
    assert wait_until(began.exists, 10, 0.1)
    stack.stop(unheard)
    assert ended.exists()


def test_a_setting_that_was_changed_since_a_stack_was_started_is_named(
    stack, settings, run_instead, monkeypatch
):
    """As after a start that failed for what a variable says: the same command again would fail for it again."""
    run_instead()
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent")
    stack.start_servers(unheard)
    said: list[str] = []
    stack.start_servers(said.append)
    assert not [line for line in said if "started with" in line]
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.setenv("ONTIME_NOTIFY_URLS", "mailto://somebody")
    stack.start_servers(said.append)
    assert (
        "the stack keeps the values it was started with until it is stopped: ONTIME_NOTIFY_URLS, SSL_CERT_FILE"
        in said
    )


def test_a_stack_of_the_code_before_is_started_again_before_the_schema_changes(
    stack, settings, run_instead, monkeypatch
):
    """What only that code uses is taken away: none of its processes may run by then."""
    run_instead()
    monkeypatch.setattr(manager, "release_hash", lambda: "before")
    stack.start_servers(unheard)
    stack._ensure("api")
    old = of_stack(settings.state_dir)
    said: list[str] = []
    stack.start_servers(said.append)
    assert of_stack(settings.state_dir) == old
    assert not [line for line in said if "other code" in line]

    monkeypatch.setattr(manager, "release_hash", lambda: "after")
    running: list[int] = []
    migrate = manager.migrate

    def watched(database: object) -> list[str]:
        running.extend(of_stack(settings.state_dir))
        return migrate(database)

    monkeypatch.setattr(manager, "migrate", watched)
    stack.start_servers(said.append)
    assert running
    assert set(running) & set(old) == set()
    assert "the stack runs other code than this checkout's: starting it again, with its data" in said
    assert not stack.was_stopped()


def test_parts_that_two_commands_start_at_once_are_started_once(stack, settings, run_instead):
    run_instead()
    stack.start_servers(unheard)
    services = ("features", "shipper", "watchman", "api")
    at_once([lambda: Stack(settings)._ensure(*services)] * 4)
    assert_up(stack, *services)


def test_a_part_that_was_stopped_is_not_healthy_even_where_it_has_nothing_to_do(stack, run_instead):
    run_instead()
    stack.start_servers(unheard)
    found = {program.name: program for program in read_status(stack).programs}
    assert (found["shipper"].state, found["shipper"].problem) == ("stopped", "it does not run")
    assert found["postgres"].problem is None


def test_a_process_manager_that_is_gone_is_named(stack):
    with pytest.raises(NotReady, match="the process manager went away"):
        stack.start_services(unheard)


def at_once(work: list[Callable[[], None]]) -> None:
    with ThreadPoolExecutor(len(work)) as pool:
        for future in [pool.submit(one) for one in work]:
            future.result()


def assert_up(stack: Stack, *names: str) -> None:
    states = stack.states()
    assert {states[name]["statename"] for name in names} <= {"STARTING", "RUNNING"}


class Manager:
    """Says of a part what a process manager would: each look is a moment later."""

    def __init__(self, *looks: tuple[str, int], pid: int = 0):
        self._pid = pid
        self._looks = list(looks)

    def __call__(self) -> dict:
        state, start = self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]
        return {"part": {"statename": state, "start": start, "pid": self._pid}}


def never() -> None:
    raise NotReady("connection refused")


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "POLL_SECONDS", 0.02)


def test_a_part_that_was_killed_once_is_waited_for(tmp_path):
    failures = [NotReady("gone"), NotReady("starting"), NotReady("starting")]

    def probe() -> None:
        if failures:
            raise failures.pop()

    look = Manager(("RUNNING", 1), ("BACKOFF", 1), ("RUNNING", 2))
    Starting(look, tmp_path).wait_for("part", probe)
    assert failures == []


def test_a_part_that_does_nothing_and_does_not_answer_is_reported(tmp_path):
    with pytest.raises(CannotStart, match=r"part does not start: no answer in \d+ s: connection refused"):
        Starting(Manager(("RUNNING", 1)), tmp_path).wait_for("part", never, Patience(0.1, 5))


def test_a_part_that_is_at_work_on_its_start_is_waited_for(tmp_path, monkeypatch):
    """On a busy machine that takes minutes."""
    monkeypatch.setattr(starting, "WORKING_CPU_SECONDS", 0.05)
    until = time.monotonic() + 2

    def probe() -> None:
        if time.monotonic() < until:
            raise NotReady("connection refused")

    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        try:
            look = Manager(("RUNNING", 1), pid=busy.pid)
            Starting(look, tmp_path).wait_for("part", probe, Patience(idle_seconds=1, longest_seconds=30))
            until = time.monotonic() + 60
            with pytest.raises(CannotStart, match=r"no answer in \d+ s"):
                Starting(look, tmp_path).wait_for("part", probe, Patience(idle_seconds=1, longest_seconds=1))
        finally:
            busy.kill()


def test_of_a_long_log_the_end_is_shown(tmp_path):
    log = tmp_path / "part.log"
    log.write_text("\n".join(f"line {n}" for n in range(10_000)) + "\n")
    look = Manager(("BACKOFF", 1), ("BACKOFF", 2), ("BACKOFF", 3))
    with pytest.raises(CannotStart) as refused:
        Starting(look, tmp_path).wait_for("part", never)
    assert "line 9999" in str(refused.value)
    assert str(refused.value).count("\n    | ") == starting.SHOWN_LINES
