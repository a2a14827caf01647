import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adapters.waiting import wait_until
from deploy.native import processes

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"
MEEK = "import time; print('on', flush=True); time.sleep(60)"


@contextmanager
def running(code: str, state_dir: Path) -> Iterator[subprocess.Popen]:
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env={processes.MARK: str(state_dir)},
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    with process:
        try:
            process.stdout.readline()
            yield process
        finally:
            process.kill()


def test_the_processes_of_a_stack_are_those_that_carry_its_mark(tmp_path):
    with running(MEEK, tmp_path / "a") as a, running(MEEK, tmp_path / "ab"):
        assert processes.of_stack(tmp_path / "a") == [a.pid]


def test_who_has_exported_the_state_folder_in_a_shell_is_no_process_of_the_stack(tmp_path):
    with subprocess.Popen(["/bin/sleep", "60"], env={"ONTIME_STATE_DIR": str(tmp_path)}) as editor:
        try:
            assert processes.of_stack(tmp_path) == []
        finally:
            editor.kill()


def test_a_process_that_outlived_its_parent_is_found(tmp_path):
    code = "import subprocess; print(subprocess.Popen(['/bin/sleep', '60'], stdout=2, start_new_session=True).pid)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={processes.MARK: str(tmp_path)},
        stdout=subprocess.PIPE,
        check=True,
    )
    orphan = int(done.stdout)
    # A program that has just begun has no environment to be read for a moment.
    assert wait_until(lambda: processes.of_stack(tmp_path) == [orphan], 10, 0.01)
    processes.end([orphan])
    assert processes.of_stack(tmp_path) == []


def test_a_process_that_ignores_the_request_is_killed(tmp_path):
    with running(STUBBORN, tmp_path) as stubborn, running(MEEK, tmp_path) as meek:
        started = time.monotonic()
        processes.end([stubborn.pid, meek.pid], patience=0.3)
        assert time.monotonic() - started < 5
        assert (meek.wait(5), stubborn.wait(5)) == (-15, -9)
        assert processes.of_stack(tmp_path) == []


def test_ending_a_process_that_is_gone_is_no_error(tmp_path):
    with running(MEEK, tmp_path) as process:
        process.kill()
        process.wait()
        processes.end([process.pid], patience=0.1)


def test_a_family_is_a_process_and_all_that_it_started(tmp_path):
    code = "import subprocess, sys; p = subprocess.Popen(['/bin/sleep', '60']); print(p.pid, flush=True); p.wait()"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        child = int(parent.stdout.readline())
        try:
            assert processes.family(parent.pid) == [parent.pid, child]
        finally:
            processes.end([child, parent.pid])
    assert processes.family(0) == []


def test_a_family_whose_members_end_meanwhile_is_what_is_left_of_it():
    with subprocess.Popen(["/bin/sh", "-c", "while :; do /bin/true; done"]) as parent:
        try:
            assert all(parent.pid in processes.family(parent.pid) for _ in range(2000))
        finally:
            processes.end([parent.pid])


def test_whoever_asks_is_not_among_those_found(tmp_path):
    """The command line may run inside an environment that carries the mark."""
    code = (
        "from pathlib import Path; from deploy.native import processes; "
        f"print(processes.of_stack(Path({str(tmp_path)!r})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={processes.MARK: str(tmp_path), "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
