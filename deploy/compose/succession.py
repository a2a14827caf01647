"""A release with other features: its states and its model are there before its replicas, beside the one that serves.

Features are part of the code: the release that comes computes its own states, and serves a model fitted on them.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from deploy.compose.engine import Compose, StackError, say
from deploy.compose.waiting import problem_of

CONTRACT = ("python", "-c", "from domain.features.catalogue import CONTRACT_HASH as c; print(c)")
TRAIN_FIRST = ("python", "-m", "ontime", "train-first")
STATE_SECONDS = 180
STAYS = (
    "no model of the new features takes over, why is above; what served goes on. "
    "To let a version serve all the same: make up SUCCESSOR=VERSION"
)


@contextmanager
def features_beside(compose: Compose) -> Iterator[None]:
    """Compute states of this checkout's features and find a model of them, while what runs has others.

    The refresher of the release that serves goes on meanwhile. Where the features are the same, nothing is done.

    Raises
    ------
    StackError
        If no state is computed, or no model may succeed the champion; nothing that serves has been touched then.
    """
    before, after = _contract_that_runs(compose), _contract_of_checkout(compose)
    if before == after:
        yield
        return
    say(
        f"other features: contract {after[:12]}, {before[:12] or 'nothing'} runs; states and a model come first"
    )
    refresher = compose.read("run", "--detach", "--no-deps", "features").split()[-1]
    try:
        _wait_for_state(compose, refresher)
        _find_successor(compose)
        yield
    finally:
        compose.docker("rm", "--force", refresher)


def _contract_that_runs(compose: Compose) -> str:
    """Return the feature contract whose states are computed, empty where none are."""
    return next((compose.docker("exec", c, *CONTRACT).strip() for c in compose.containers("features")), "")


def _contract_of_checkout(compose: Compose) -> str:
    return compose.read("run", "--rm", "--no-deps", "-T", "features", *CONTRACT).strip()


def _wait_for_state(compose: Compose, refresher: str) -> None:
    deadline = time.monotonic() + STATE_SECONDS
    while True:
        try:
            compose.docker("exec", refresher, "python", "-m", "services.health", "features")
            return
        except StackError as error:
            if time.monotonic() > deadline:
                log = "\n".join(f"  {line}" for line in compose.log(refresher, 15))
                raise StackError(f"no state of the new features is computed: {error}\n{log}") from error
        time.sleep(1)


def _find_successor(compose: Compose) -> None:
    """Choose or train what succeeds the champion; it is compared with the champion where that serves."""
    serves = any(problem_of(state) is None for state in compose.states("api"))
    words = ["--champion-serves"] if serves else []
    chosen = compose.environment.get("SUCCESSOR")
    words += ["--successor", chosen] if chosen else []
    try:
        compose.run("run", "--rm", "--no-deps", "-T", "train-first", *TRAIN_FIRST, *words)
    except StackError as error:
        raise StackError(STAYS) from error
