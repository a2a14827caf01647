"""`make test-fresh`: what it tries, what it makes of what came out, and what it leaves behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.settings import PROJECT_ROOT
from deploy.fresh.trial import bundled

NO_ENGINE = {**os.environ, "DOCKER_HOST": "unix:///nonexistent/docker.sock"}


@pytest.fixture(scope="module")
def fresh():
    """The modules of deploy/fresh."""
    from deploy.fresh import machines, outcome

    return {"machines": machines, "outcome": outcome}


@pytest.fixture
def machines(fresh):
    return fresh["machines"]


@pytest.fixture
def outcome(fresh):
    return fresh["outcome"]


def test_root_and_an_ordinary_user_start_on_each_release(machines):
    assert [(m.name, m.image, m.home) for m in machines.MACHINES] == [
        ("debian12-root", "debian:bookworm-slim", "/root"),
        ("debian12-someone", "debian:bookworm-slim", "/home/someone"),
        ("debian13-root", "debian:trixie-slim", "/root"),
        ("debian13-someone", "debian:trixie-slim", "/home/someone"),
    ]
    assert machines.TESTED_IN_SHORT in machines.MACHINES


def test_a_machine_gets_what_the_readme_asks_for_and_nothing_else(machines):
    asked = next(
        line for line in (PROJECT_ROOT / "README.md").read_text().splitlines() if "is enough" in line
    )
    for package in machines.PACKAGES.split():
        assert f"`{package.removeprefix('python3-')}`" in asked


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        ("===== 1021 passed, 13 deselected in 791.20s (0:13:11) =====", (1021, 0, 0, 0)),
        ("= 7 failed, 446 passed, 2 skipped, 13 deselected, 574 errors in 91.20s (0:01:31) =", (446, 7, 574, 2)),
        ("1 error in 0.31s", (0, 0, 1, 0)),
        ("\x1b[32m=== \x1b[1m3 passed\x1b[0m in 1.02s ===\x1b[0m", (3, 0, 0, 0)),
    ],
)  # fmt: skip
def test_the_closing_line_of_pytest_is_counted(outcome, line, counts):
    found = outcome.closing_counts(["collected 1034 items / 13 deselected", line, "make: leaving"])
    assert tuple(found[name] for name in outcome.COUNTED) == counts


def test_the_last_of_two_runs_counts(outcome):
    found = outcome.closing_counts(["= 1 failed in 2.00s =", "= 5 passed in 3.00s ="])
    assert found == {"passed": 5, "failed": 0, "errors": 0, "skipped": 0}


def test_a_run_without_a_closing_line_counted_nothing(outcome):
    assert outcome.closing_counts(["make: *** [Makefile:141: test] Error 1", "3 passed the gate"]) is None
    assert outcome.problem_of_tests(2, None) == "make test ended with 2 and counted nothing"


@pytest.mark.parametrize(
    ("status", "counts", "problem"),
    [
        (0, (5, 0, 0, 0), None),
        (1, (5, 1, 2, 0), "make test: 1 failed, 2 errors"),
        (0, (5, 0, 0, 1), "make test: 1 skipped"),
        (0, (0, 0, 0, 0), "make test: nothing ran"),
        (3, (5, 0, 0, 0), "make test ended with 3"),
    ],
)
def test_whatever_did_not_run_to_success_is_a_problem(outcome, status, counts, problem):
    assert outcome.problem_of_tests(status, dict(zip(outcome.COUNTED, counts, strict=True))) == problem


@pytest.fixture
def rows(outcome):
    well = outcome.Row(
        "debian12-root", "3.11.2", prepare_seconds=9, demo_seconds=201, demo_cpu_seconds=190,
        test_seconds=461, test_cpu_seconds=700, passed=1021, failed=0, errors=0, skipped=0,
    )  # fmt: skip
    return [well, outcome.Row("debian13-someone", "3.13.5", problem="make demo ended with 2 after 21 s")]


def test_the_table_has_a_line_for_each_machine(outcome, rows):
    assert outcome.table(rows).splitlines() == [
        "machine           Python  demo s  CPU s  test s  CPU s  passed  failed  errors  skipped  result",
        "debian12-root     3.11.2     201    190     461    700    1021       0       0        0  ok",
        "debian13-someone  3.13.5       -      -       -      -       -       -       -        -  "
        "make demo ended with 2 after 21 s",
    ]


def test_what_was_measured_says_where_and_of_what(outcome, rows, tmp_path):
    outcome.write(tmp_path / "measured" / "fresh.json", {"commit": "30fd2b4", "cores": 2}, rows)
    found = json.loads((tmp_path / "measured" / "fresh.json").read_text())
    assert (found["commit"], found["cores"]) == ("30fd2b4", 2)
    assert [(row["machine"], row["demo_seconds"], row["problem"]) for row in found["machines"]] == [
        ("debian12-root", 201, None),
        ("debian13-someone", None, "make demo ended with 2 after 21 s"),
    ]


def test_without_an_engine_it_says_so_and_ends_with_3():
    done = subprocess.run(
        [sys.executable, "-m", "deploy.fresh"],
        cwd=PROJECT_ROOT, env=NO_ENGINE, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "ontime: test-fresh did not run: no Docker engine answers here\n"


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org")
    command = ["git", "-C", str(folder), *identity, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("detached", [False, True])
def test_a_machine_clones_also_what_a_shallow_checkout_holds(tmp_path, detached):
    """As the pipeline makes one, or a clone of depth 1: the commit before the oldest is not there."""
    whole, shallow, clone = tmp_path / "whole", tmp_path / "shallow", tmp_path / "clone"
    git(tmp_path, "init", "--quiet", str(whole))
    for text in ("before", "now"):
        (whole / "file").write_text(text)
        git(whole, "add", "file")
        git(whole, "commit", "--quiet", "-m", text)
    git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{whole}", str(shallow))
    if detached:
        git(shallow, "checkout", "--quiet", "--detach")
    commit = git(shallow, "rev-parse", "HEAD")
    (shallow / "file").write_text("not committed")

    with bundled(shallow, commit) as bundle:
        git(tmp_path, "clone", "--quiet", str(bundle), str(clone))
    assert (clone / "file").read_text() == "now"
    assert git(clone, "status", "--porcelain") == ""
    assert commit in git(clone, "log", "--format=%B")


def containers(of_process: int) -> set[str]:
    name = f"name=ontime-fresh-debian12-root-{of_process}-"
    shown = ["docker", "ps", "--all", "--filter", name, "--format", "{{.Names}}"]
    return set(subprocess.run(shown, capture_output=True, text=True, check=True).stdout.split())


def until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.stack
def test_a_commit_that_is_not_there_is_named():
    done = subprocess.run(
        [sys.executable, "-m", "deploy.fresh", "--ref", "no-such-branch"],
        cwd=PROJECT_ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "no-such-branch" in done.stderr


@pytest.mark.stack
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_leaves_no_container(number):
    command = [sys.executable, "-m", "deploy.fresh", "--machine", "debian12-root"]
    # Where the tests run in the background of a script, SIGINT is ignored, and so it would be in what they start.
    with subprocess.Popen(
        command, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as running:  # fmt: skip
        try:
            until(lambda: containers(running.pid))
            running.send_signal(number)
            said, _ = running.communicate(timeout=180)
        finally:
            running.kill()
    assert running.returncode == 130
    assert said.splitlines()[-1] == "interrupted; its containers are gone"
    until(lambda: not containers(running.pid))
