"""`make deploy` and `make deploy-rollback` on a Docker Engine, with a stack that is up in seconds.

The gateway, the rolling upgrade, the kept deployments and the smoke test are the real ones; what they deploy is small.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from adapters.settings import PROJECT_ROOT
from tests.deploy.quick_stack import SMALL, SmallStack, Traffic, ask, connect, run, small_stack
from tests.documented import documented

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]
NEEDED = ("adapters", "deploy", "domain", SMALL)
GATEWAY = "deploy/images/nginx/gateway.conf"
LISTENS = "listen 8080"


@dataclass(frozen=True)
class Served:
    """What a deployment consists of, as it can be seen from outside."""

    images: frozenset
    level: str
    """A setting."""
    edition: str
    """A line of the Compose file."""
    header: str | None
    """A line of the gateway's configuration."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory) -> Iterator[SmallStack]:
    """A stack of a checkout of its own, of which version `one` was deployed."""
    checkout = tmp_path_factory.mktemp("checkout")
    for folder in NEEDED:
        shutil.copytree(PROJECT_ROOT / folder, checkout / folder)
    for file in ("Makefile", "docker-compose.yml", "Dockerfile"):
        shutil.copy(PROJECT_ROOT / file, checkout)
    with small_stack(tmp_path_factory.mktemp("home") / "secrets", checkout) as small:
        small.build("one")
        deployed(small, "one")
        yield small


def change(stack, edition) -> None:
    """Another Compose file and another configuration of the gateway, in the checkout."""
    compose, gateway = stack.checkout / SMALL / "docker-compose.yml", stack.checkout / GATEWAY
    compose.write_text(
        (PROJECT_ROOT / SMALL / "docker-compose.yml")
        .read_text()
        .replace("EDITION: none", f"EDITION: {edition}")
    )
    shown = (PROJECT_ROOT / GATEWAY).read_text()
    assert LISTENS in shown
    gateway.write_text(shown.replace(LISTENS, f"add_header X-Edition {edition} always; {LISTENS}"))


def deployed(stack, tag, **variables) -> Served:
    done = stack.type(documented("make deploy"), tag=tag, **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    return served(stack)


def rolled_back(stack, *words) -> Served:
    done = stack.type(documented("make deploy-rollback"), *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return served(stack)


def served(stack) -> Served:
    [api, *_] = stack.containers("api")["api"]
    shown = json.loads(run("docker", "inspect", "-f", "{{json .Config.Env}}", api).stdout)
    environment = dict(line.split("=", 1) for line in shown)
    connection = connect(stack.address)
    connection.request("GET", "/health/live")
    header = connection.getresponse().getheader("X-Edition")
    connection.close()
    return Served(frozenset(stack.serving()), environment["LEVEL"], environment["EDITION"], header)


def test_everything_of_the_deployment_before_comes_back_after_a_good_one(stack):
    before, gateway = served(stack), stack.containers("gateway")
    stack.build("two")
    change(stack, "two")
    with Traffic(stack.address) as traffic:
        after = deployed(stack, "two", LEVEL="WARNING")
        assert after == Served(frozenset({stack.id_of("two")}), "WARNING", "two", "two")
        assert rolled_back(stack) == before
    assert traffic.failed == []
    assert len(traffic.answers) > 100
    assert stack.containers("gateway") == gateway
    assert rolled_back(stack) == before, "asked for again, it goes back no further"


def test_one_that_is_named_comes_back(stack):
    before = served(stack)
    for edition in ("three", "four"):
        stack.build(edition)
        change(stack, edition)
        newest = deployed(stack, edition)
    lines = stack.make("deployments").stdout.splitlines()
    assert [line.rpartition(" ")[2] for line in lines[-3:]] == ["well", "well", "runs"]
    assert rolled_back(stack, "TO=1") == before
    assert rolled_back(stack, f"TO={lines[-1].split()[0]}") == newest
    refused = stack.make("deploy-rollback", "TO=99")
    assert refused.returncode != 0
    assert "there is no deployment 99 to go back to" in refused.stderr


@pytest.mark.parametrize("fault", ["wrong", "sick"])
def test_a_bad_one_is_taken_away_with_all_that_it_brought_while_the_one_before_answers(stack, fault):
    before = served(stack)
    stack.build(fault, fault)
    change(stack, fault)
    with Traffic(stack.address) as traffic:
        done = stack.make("deploy", tag=fault, LEVEL="ERROR")
    assert done.returncode != 0
    assert "not deployed, deployment" in done.stderr, done.stdout + done.stderr
    assert served(stack) == before
    assert len(traffic.answers) > 20
    assert {status for status, _ in traffic.answers} == {200}
    # It may be asked until it has been found out.
    assert {by for _, by in traffic.answers} <= {"none", fault}
    assert ask(stack.address) == (200, "none")
    assert rolled_back(stack) == before


def test_a_gateway_configuration_that_nginx_refuses_is_put_back(stack):
    before, gateway = served(stack), stack.containers("gateway")
    (stack.checkout / GATEWAY).write_text((PROJECT_ROOT / GATEWAY).read_text() + "}")
    done = stack.make("deploy", tag="one")
    assert done.returncode != 0
    assert "not deployed, deployment" in done.stderr
    assert served(stack) == before
    assert stack.containers("gateway") == gateway


def test_a_bad_upgrade_by_hand_is_rolled_back(stack):
    """`make up` leaves what it could not bring up; the old replicas serve with the new configuration."""
    before = served(stack)
    stack.build("ends", "ends")
    change(stack, "ends")
    done = stack.command("up", "--replicas", "1", IMAGE_TAG="ends", LEVEL="ERROR")
    assert done.returncode == 1
    assert rolled_back(stack) == before


def test_what_runs_needs_nothing_of_the_checkout(stack):
    """The next job of CI changes it, or deletes it, while a container may be started again."""
    for ids in stack.containers().values():
        for container in ids:
            mounts = json.loads(run("docker", "inspect", "-f", "{{json .Mounts}}", container).stdout)
            assert not any(str(stack.checkout) in mount["Source"] for mount in mounts)


def test_secrets_that_the_next_job_of_ci_would_delete_are_refused(stack):
    inside = stack.checkout / "var" / "secrets"
    done = stack.make(
        "deploy", tag="one", GITLAB_CI="true", CI_PROJECT_DIR=str(stack.checkout), SECRETS_DIR=str(inside)
    )
    assert done.returncode != 0
    assert "SECRETS_DIR" in done.stderr
    assert "in the checkout of this CI job" in done.stderr
    assert not inside.exists()
