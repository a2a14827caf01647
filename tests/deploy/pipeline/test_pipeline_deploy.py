"""`make deploy` and `make deploy-rollback` on a Docker Engine, with a stack that is up in seconds.

The gateway, the rolling upgrade, the kept images and the smoke test are the real ones; what they deploy is small.
"""

from collections.abc import Iterator

import pytest

from tests.deploy.quick_stack import SmallStack, Traffic, ask, small_stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory) -> Iterator[SmallStack]:
    """A stack of which version `one` was deployed."""
    with small_stack(tmp_path_factory.mktemp("secrets")) as small:
        small.build("one")
        done = small.make("deploy", "one")
        assert done.returncode == 0, done.stdout + done.stderr
        yield small


@pytest.mark.parametrize("fault", ["wrong"])
def test_a_broken_image_is_rolled_back_by_itself_while_the_old_one_answers(stack, fault):
    before = stack.serving()
    stack.build(fault, fault)
    with Traffic(stack.address) as traffic:
        done = stack.make("deploy", fault)
    assert done.returncode != 0
    assert "not deployed, the previous images serve" in done.stderr, done.stdout + done.stderr
    assert stack.serving() == before
    assert len(traffic.answers) > 20
    assert {status for status, _ in traffic.answers} == {200}
    # One that is never ready gets no request; one that answers nonsense serves until the smoke test has found it.
    assert {by for _, by in traffic.answers} <= ({"none"} if fault == "sick" else {"none", "wrong"})
    assert ask(stack.address) == (200, "none")
