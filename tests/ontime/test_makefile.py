import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from adapters.settings import PROJECT_ROOT
from ontime.cli import GROUPS, app
from tests.documented import documented

MAKEFILE = (PROJECT_ROOT / "Makefile").read_text()
MAKEFILES = [MAKEFILE, *(path.read_text() for path in sorted(PROJECT_ROOT.glob("deploy/**/*.mk")))]
COMMANDS = get_command(app).commands


def make(*words: str, folder: Path = PROJECT_ROOT) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["make", "--no-print-directory", *words], cwd=folder, capture_output=True, text=True, check=False
    )


def test_help_is_what_make_says_by_default_and_names_every_target():
    targets = {name for text in MAKEFILES for name in re.findall(r"^([a-z-]+):.*## ", text, re.MULTILINE)}
    phony = set(" ".join(re.findall(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)).split())
    assert phony <= targets
    shown = re.findall(r"^  make ([a-z-]+) +\S", make().stdout, re.MULTILINE)
    assert sorted(shown) == sorted(targets)
    assert documented("make help").run(os.environ).stdout == make().stdout


def test_the_help_of_make_has_the_groups_of_the_command():
    assert [line for line in make().stdout.splitlines() if line and line[0] != " "] == list(GROUPS)


def test_every_target_is_a_thin_call_of_a_command_that_exists():
    called = re.findall(r"\$\(ONTIME(?:_OR_COMPOSE)?\) ([a-z-]+)", MAKEFILE)
    assert {"demo", "local", "down", "status", "clean", "test", "load"} <= set(called)
    assert set(called) <= set(COMMANDS)


def test_the_signing_key_of_a_stack_that_is_named_is_rotated():
    def called(*words: str) -> str:
        return make("--dry-run", "rotate-signing-key", *words).stdout.strip()

    assert called("STACK=demo").endswith("python -m ontime --stack demo rotate-signing-key")
    assert called("SECRETS_DIR=/elsewhere") == ".venv/bin/python -m deploy.compose rotate-signing-key"


TARGETS_OF_ANY_PYTHON = (
    "status", "promote VERSION=7", "up", "logs", "down-compose-if-up", "test-fresh", "deploy", "swarm-up"
)  # fmt: skip


@pytest.mark.parametrize("target", TARGETS_OF_ANY_PYTHON)
def test_what_needs_no_library_runs_in_the_environment_or_else_in_the_python_that_is_named(target):
    named = ("PYTHON=/opt/python3.13", "--dry-run", *target.split())
    assert interpreters(make(*named).stdout) == {".venv/bin/python"}
    assert interpreters(make(*named, "VENV=nowhere").stdout) == {"/opt/python3.13"}


def interpreters(commands: str) -> set[str]:
    return set(re.findall(r"(\S+) -m (?:deploy|ontime)", commands))


@pytest.mark.parametrize("command", ["compose", "pipeline", "swarm", "fresh"])
def test_an_older_python_is_named_in_a_line(command):
    older = "import runpy, sys; sys.version_info = (3, 10, 12, 'final', 0); sys.argv[1:] = ['--help']"
    done = subprocess.run(
        [sys.executable, "-c", f"{older}; runpy.run_module('deploy.{command}', run_name='__main__')"],
        cwd=PROJECT_ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"ontime needs Python 3.11 to 3.14; {sys.executable} is another: set PYTHON=/path/to/python3.13\n"
    )


def test_an_older_python_can_read_the_check_of_its_version():
    ast.parse((PROJECT_ROOT / "deploy" / "__init__.py").read_text(), feature_version=(3, 7))


@pytest.mark.parametrize(
    ("variable", "target"),
    [
        ("STACK=heroku-22", "local"),
        ("YES=1", "clean"),
        ("NAME=DESKTOP-1", "backup-fetch FROM=x"),
        ("HOST=x86_64", "load"),
    ],
)
def test_what_another_program_exported_under_such_a_name_is_not_meant(variable, target):
    name, _, value = variable.partition("=")
    called = subprocess.run(
        ["make", "--dry-run", *target.split()], cwd=PROJECT_ROOT, env=os.environ | {name: value}, capture_output=True,
        text=True, check=True,
    ).stdout  # fmt: skip
    assert called == make("--dry-run", *target.split()).stdout
    assert value in make("--dry-run", *target.split(), variable).stdout or name == "YES"


def test_a_version_is_promoted_that_is_typed_and_no_other():
    done = subprocess.run(
        ["make", "promote"],
        cwd=PROJECT_ROOT,
        env=os.environ | {"VERSION": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode != 0, "say which" in done.stderr) == (True, True)


@pytest.mark.parametrize("words", ['the "night" feed; `id` $HOME', "it's worse"])
def test_a_reason_reaches_the_ledger_as_it_was_written(checkout, words):
    (checkout / "deploy").symlink_to(PROJECT_ROOT / "deploy")
    python = checkout / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    (python.parent / "ontime").touch()
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    python.chmod(0o755)
    done = make("rollback", f"REASON={words.replace('$', '$$')}", folder=checkout)
    assert done.stdout.splitlines()[-2:] == ["--reason", words]
    spaced = make("backup-check", "FILE=/mnt/usb disk/x.tar", folder=checkout)
    assert spaced.stdout.splitlines()[-1] == "/mnt/usb disk/x.tar"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_teaches(name):
    assert len(COMMANDS[name].help or "") > 15
    undocumented = [p.name for p in COMMANDS[name].params if not getattr(p, "help", "a help option")]
    assert undocumented == []


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A fresh checkout, as far as make looks at it before an installation."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(PROJECT_ROOT / name, tmp_path)
    shutil.copytree(PROJECT_ROOT / "requirements", tmp_path / "requirements")
    return tmp_path


def interpreter(checkout: Path, script: str) -> str:
    path = checkout / "python-of-this-machine"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return f"PYTHON={path}"


def test_an_old_python_is_an_error_that_says_what_is_needed(checkout):
    done = make("install", interpreter(checkout, "exit 1"), folder=checkout)
    assert done.returncode != 0
    assert "ontime needs Python 3.11 to 3.14" in done.stderr


@pytest.mark.parametrize(("version", "fits"), [((3, 10), 0), ((3, 11), 1), ((3, 14), 1), ((3, 15), 0)])
def test_the_pythons_that_the_locks_hold_for_are_taken_and_no_other(checkout, version, fits):
    """This interpreter, with another version's number."""
    code = f'import sys; sys.version_info = {version} + (0, "final", 0); exec(sys.argv[1])'
    path = interpreter(checkout, f'[ "$1" = -c ] && exec "{sys.executable}" -c \'{code}\' "$2"; exit 1')
    done = make("install", path, folder=checkout)
    assert ("ontime needs Python 3.11 to 3.14" in done.stderr) != fits


def test_a_machine_without_python_is_reported_what_to_install(checkout):
    done = make("install", "PYTHON=/no/such/python3", folder=checkout)
    assert done.returncode != 0
    assert "there is no /no/such/python3: apt-get install" in done.stderr


@pytest.mark.parametrize("script", ['[ "$1" = -c ]', '[ "$1" = -c ] && [ "${2#*ensurepip}" = "$2" ]'])
def test_a_python_without_venv_is_an_error_that_says_what_to_install(checkout, script):
    """The module may be missing, or the one that brings pip, as on Debian without python3-venv."""
    done = make("install", interpreter(checkout, script), folder=checkout)
    assert done.returncode != 0
    assert "python3-venv" in done.stderr
    assert not (checkout / ".venv").exists()


def test_an_unchanged_lock_is_not_installed_again(checkout):
    stamp = checkout / ".venv" / ".installed"
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").touch()
    stamp.touch()
    assert "nothing to be done" in make("install", folder=checkout).stdout.lower()

    os.utime(stamp, (0, 0))
    assert "uv pip sync" in make("--dry-run", "install", folder=checkout).stdout
