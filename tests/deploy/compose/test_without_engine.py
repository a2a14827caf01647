"""On a machine without a Docker Engine the targets say so and name the way that needs none."""

import os
import subprocess

import pytest

from adapters.settings import PROJECT_ROOT

NO_ENGINE = {**os.environ, "DOCKER_HOST": "unix:///nonexistent/docker.sock"}


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=PROJECT_ROOT, env=NO_ENGINE, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("target", ["up", "logs"])
def test_a_target_that_needs_an_engine_says_so_in_one_line_and_names_make_local(target):
    done = make(target)
    assert done.returncode != 0
    said = [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("make")]
    assert said == [
        "ontime: No Docker engine answers here. `make local` runs ontime on this machine without one."
    ]


def test_stopping_a_stack_that_is_not_there_is_no_error():
    done = make("down-compose-if-up")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
