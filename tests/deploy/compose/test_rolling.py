"""`make up` on a running stack: what changed is replaced while the API answers, and nothing else is touched."""

import time
from collections.abc import Iterator

import pytest

from tests.deploy.quick_stack import SmallStack, Traffic, run, small_stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Iterator[SmallStack]:
    with small_stack(tmp_path_factory.mktemp("secrets")) as made:
        made.build("one")
        made.environment["IMAGE_TAG"] = "one"
        yield made


@pytest.fixture
def stack(small) -> SmallStack:
    """Two replicas behind the gateway, in whatever order the tests come."""
    small.up(2)
    return small


def upgrade(stack, replicas, **variables):
    """Containers before and after an `up` under load, in which no request may fail."""
    before = stack.containers()
    with Traffic(stack.address) as traffic:
        stack.up(replicas, **variables)
        time.sleep(3)
    stack.environment |= variables
    assert traffic.failed == []
    assert len(traffic.answers) > 100
    return before, stack.containers()


def test_nothing_changed_is_nothing_replaced(stack):
    before, after = upgrade(stack, 2)
    assert after == before


def test_a_changed_setting_replaces_whom_it_concerns_and_fails_no_request(stack):
    before, after = upgrade(stack, 2, LEVEL="WARNING")
    assert len(after["api"]) == 2
    assert not set(after["api"]) & set(before["api"])
    assert after["prefect-worker"] != before["prefect-worker"]
    for untouched in ("gateway", "mlflow", "postgres", "prefect-server"):
        assert after[untouched] == before[untouched], untouched


def test_what_runs_to_completion_runs_once(stack):
    """The migrations, after which the rest waits; not once more while what was replaced is stopped."""
    stack.up(2, LEVEL="DEBUG")
    stack.environment["LEVEL"] = "DEBUG"
    assert stack.starts_of("migrate", lambda: stack.up(2, LEVEL="CRITICAL")) == 1
    stack.environment["LEVEL"] = "CRITICAL"


def test_a_changed_image_replaces_every_replica_and_not_the_gateway(stack):
    stack.build("two")
    before, after = upgrade(stack, 2, IMAGE_TAG="two")
    assert stack.serving() == {stack.id_of("two")}
    assert not set(after["api"]) & set(before["api"])
    assert after["gateway"] == before["gateway"]


def test_other_features_come_with_states_and_a_model_of_their_own_and_go_back(stack):
    stack.build("other", contract="second")
    upgrade(stack, 2, IMAGE_TAG="other")
    assert stack.serving() == {stack.id_of("other")}
    assert stack.computes() == ["second"]
    upgrade(stack, 2, IMAGE_TAG="one")
    assert stack.serving() == {stack.id_of("one")}
    assert stack.computes() == ["first"]


def test_other_features_whose_model_is_refused_leave_the_release_that_serves_as_it_is(stack):
    stack.build("refused", contract="third")
    before = stack.containers("api", "features", "gateway", "prefect-worker")
    with Traffic(stack.address) as traffic:
        done = stack.command("up", "--replicas", "2", IMAGE_TAG="refused", REFUSED="1")
    assert done.returncode == 1
    assert "training --champion-serves\n" in done.stdout
    assert "make up SUCCESSOR=VERSION" in done.stderr
    assert traffic.failed == []
    assert stack.containers("api", "features", "gateway", "prefect-worker") == before
    assert stack.computes() == ["first"]


def test_more_replicas_go_up_beside_those_that_serve(stack):
    before, after = upgrade(stack, 4)
    assert len(after.pop("api")) == 4 > len(before.pop("api"))
    assert after == before


def test_fewer_replicas_end_one_by_one(stack):
    before, after = upgrade(stack, 1)
    assert len(after["api"]) == 1
    assert set(after.pop("api")) < set(before.pop("api"))
    assert after == before


def test_a_setting_and_the_number_of_replicas_change_at_once(stack):
    before, after = upgrade(stack, 3, LEVEL="ERROR")
    assert len(after["api"]) == 3
    assert not set(after["api"]) & set(before["api"])
    assert after["gateway"] == before["gateway"]


def test_replicas_that_do_not_become_ready_are_taken_away_and_the_old_ones_serve(stack):
    stack.build("ends", "ends")
    before = stack.containers("api")
    with Traffic(stack.address) as traffic:
        done = stack.command("up", "--replicas", "2", IMAGE_TAG="ends")
    assert done.returncode == 1
    assert "the new replicas of the API do not become ready, the old ones stay" in done.stderr
    assert "api cannot start" in done.stderr
    assert traffic.failed == []
    assert stack.containers("api") == before


def test_stopping_takes_the_services_of_every_profile(stack):
    stack.up(1, COMPOSE_PROFILES="demo")
    assert stack.containers("feed") != {}
    done = run("make", "--no-print-directory", "down-compose", environment=stack.environment)
    assert done.returncode == 0, done.stderr
    assert stack.containers() == {}
    networks = run("docker", "network", "ls", "--format", "{{.Name}}").stdout
    assert stack.environment["COMPOSE_PROJECT_NAME"] not in networks
