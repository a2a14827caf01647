"""A target on another machine: what arrives, what stays, what it is run with. `ssh` is a shell in another home."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from adapters.settings import PROJECT_ROOT

SSH = """#!/bin/sh
while [ "$1" = -o ]; do shift 2; done
[ "$1" = user@elsewhere ] || exit 255
cd "$ELSEWHERE" && env -i PATH="$PATH" sh -c "$2"
"""
MAKEFILE = "%:\n\t@echo $@ >>ran\n\t@env >environment\n"


@pytest.fixture
def elsewhere(tmp_path) -> Path:
    return tmp_path / "elsewhere"


@pytest.fixture
def deploy(tmp_path, elsewhere):
    """A function that commits a tree of files and runs a target elsewhere on it."""
    checkout, programs = tmp_path / "checkout", tmp_path / "bin"
    for folder in (checkout, programs, elsewhere):
        folder.mkdir()
    (programs / "ssh").write_text(SSH)
    (programs / "ssh").chmod(0o755)
    subprocess.run(["git", "init", "-q"], cwd=checkout, check=True)
    always = {"Makefile": MAKEFILE, ".env.example": (PROJECT_ROOT / ".env.example").read_text()}

    def run(files: dict[str, str], target="smoke", **variables) -> None:
        for old in [path for path in checkout.iterdir() if path.name != ".git"]:
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        for name, text in (always | files).items():
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            (checkout / name).write_text(text)
        who = ("-c", "user.name=a test", "-c", "user.email=test@example.org")
        subprocess.run(["git", "add", "-A"], cwd=checkout, check=True)
        subprocess.run(["git", *who, "commit", "-qm", "a tree"], cwd=checkout, check=True)
        path = f"{programs}:{os.environ['PATH']}"
        subprocess.run(
            [PROJECT_ROOT / "deploy/pipeline/over_ssh.sh", "user@elsewhere", "on time", target],
            cwd=checkout, env={"PATH": path, "ELSEWHERE": str(elsewhere)} | variables, check=True,
        )  # fmt: skip

    return run


def files_of(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name[0] != "."
    }


def environment_of(folder: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in (folder / "environment").read_text().splitlines())


def test_a_file_of_an_older_tree_is_gone_and_what_is_the_machines_own_stays(deploy, elsewhere):
    deploy(
        {"app/old.py": "", "app/routes.py": "1", "gone/deep/old.py": "", "top.txt": "", "data/reader.py": ""}
    )
    there = elsewhere / "on time"
    own = {"var/secrets/predict.key": "key", "data/inbox/bts.csv": "rows"}
    for name, text in own.items():
        (there / name).parent.mkdir(parents=True, exist_ok=True)
        (there / name).write_text(text)
    (there / ".env").write_text("API_CPUS=3\n")
    deploy({"app/routes.py": "2", "data/reader.py": "", "gone": "a file now"})
    assert files_of(there) - {"ran", "environment"} == {
        "Makefile",
        "app/routes.py",
        "data/reader.py",
        "gone",
        *own,
    }
    assert (there / "app/routes.py").read_text() == "2"
    assert (there / ".env").read_text() == "API_CPUS=3\n"


def test_where_no_list_was_left_what_the_history_had_is_gone_and_nothing_else(deploy, elsewhere):
    there = elsewhere / "on time"
    deploy({"app/old.py": "", "app/routes.py": ""})
    (there / ".arrived.list").unlink()
    own = {"app/mine.py", "var/secrets/predict.key", "data/inbox/bts.csv"}
    for name in own:
        (there / name).parent.mkdir(parents=True, exist_ok=True)
        (there / name).write_text("")
    deploy({"app/routes.py": "", "data/reader.py": ""})
    assert files_of(there) - {"ran", "environment"} == {"Makefile", "app/routes.py", "data/reader.py", *own}


def test_every_setting_goes_along_as_it_is_and_nothing_else(deploy, elsewhere):
    settings = {
        "COMPOSE_PROJECT_NAME": "second",
        "SECRETS_DIR": "/srv/on time/secrets",
        "GATEWAY_PORT": "9090",
        "KEY_RATE": "",
        "ONTIME_NOTIFY_URLS": "json://host/$path 'quoted' \"twice\"",
        "AUDIT_REQUIRED": "1",
        "IMAGE_TAG": "abc1234",
        "TO": "7",
    }
    deploy({}, "deploy-rollback", VARIABLE_OF_THE_RUNNER="private", **settings)
    found = environment_of(elsewhere / "on time")
    assert settings.items() <= found.items()
    assert len(found["GIT_COMMIT"]) == 40
    assert found["CI_COMMIT_SHA"] == found["GIT_COMMIT"]
    assert "VARIABLE_OF_THE_RUNNER" not in found


def test_images_are_built_where_they_are_deployed(deploy, elsewhere):
    deploy({}, "deploy")
    assert (elsewhere / "on time" / "ran").read_text().split() == ["images", "deploy"]
