"""The launcher itself: what a program that it started is, may and inherits."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from adapters.settings import PROJECT_ROOT
from deploy.native.launcher import NEEDED, launched, missing_capabilities

OTHER = 65534 if os.geteuid() == 0 else None
"""The user that root gives a program; an ordinary user's programs are its own."""


def run(*program: str, user: int | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        launched(program, "TERM", user), capture_output=True, text=True, check=False, env={}
    )


def test_the_program_gets_its_words_as_they_are():
    words = ["a b", '"', "%d", "--user", "é"]
    code = "import sys; print(sys.argv[1:])"
    assert run(sys.executable, "-c", code, *words).stdout.strip() == str(words)


def test_a_program_that_is_not_there_is_an_error_in_a_line():
    done = run("/no/such/program")
    assert done.returncode == 1
    assert done.stderr == "cannot start /no/such/program: [Errno 2] No such file or directory\n"


def test_the_program_has_the_launchers_pid():
    code = "import os; print(os.getpid())"
    with subprocess.Popen(
        launched([sys.executable, "-c", code], "TERM"), stdout=subprocess.PIPE, text=True
    ) as process:
        assert int(process.stdout.read()) == process.pid


def test_the_program_passes_through_a_folder_that_only_its_starter_may_enter(tmp_path: Path):
    """PostgreSQL asks by access(2) whether it may run its own files."""
    secret = tmp_path / "home" / "secret"
    secret.parent.mkdir(mode=0o700)
    secret.touch(mode=0o600)
    code = f"import os; print(os.getuid(), os.access({str(secret)!r}, os.R_OK))"
    done = run(sys.executable, "-c", code, user=OTHER)
    assert done.stdout == f"{OTHER or os.getuid()} True\n", done.stderr


def test_of_roots_rights_the_program_keeps_that_one_alone():
    done = run("/bin/cat", "/proc/self/status", user=OTHER)
    sets = dict(line.split(":\t") for line in done.stdout.splitlines() if line.startswith("Cap"))
    kept = {int(sets[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")}
    assert kept == {1 << NEEDED["DAC_OVERRIDE"] if OTHER else 0}


def test_the_program_ends_with_its_starter_whatever_its_user(tmp_path: Path):
    signalled = tmp_path / "signalled"
    code = (
        "import signal, sys, time; from pathlib import Path; "
        f"signal.signal(signal.SIGINT, lambda *_: sys.exit(Path({str(signalled)!r}).touch())); "
        "print('on', flush=True); time.sleep(60)"
    )
    child = launched([sys.executable, "-c", code], "INT", OTHER)
    parent = f"import subprocess, time; subprocess.Popen({child!r}); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.stdout.read()  # until the child has ended
    assert signalled.exists()


def test_rights_that_are_missing_are_named():
    here = missing_capabilities()
    code = "from deploy.native.launcher import missing_capabilities; print(*missing_capabilities())"
    done = subprocess.run(
        launched([sys.executable, "-c", code], "TERM", OTHER),
        env={"PYTHONPATH": str(PROJECT_ROOT)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert set(done.stdout.split()) == (set(NEEDED) - {"DAC_OVERRIDE"} if OTHER else set(here))
    assert here == [] or os.geteuid() != 0
