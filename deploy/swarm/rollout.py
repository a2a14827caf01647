"""Start the stack on a swarm, or bring a running one to this checkout, in the order that Swarm does not know."""

import shlex
from collections.abc import Sequence

from adapters.operator import operator
from adapters.waiting import wait_until
from deploy.compose import certificate
from deploy.compose.digests import OURS
from deploy.compose.engine import Compose, StackError, say
from deploy.swarm.cluster import Swarm
from deploy.swarm.converging import Wait
from deploy.swarm.stack_file import Model

FIRST_SECONDS = 1800
UPGRADE_SECONDS = 600
DOWN_SECONDS = 120
DATABASE = ("postgres",)
SERVERS = ("mlflow", "prefect-server")
API = ("api",)
JOBS = ("migrate", "train-first")
CONTRACT = "contract"
"""What follows when nothing old runs any more, as a job of its own."""
CONTRACT_HASH = ("python", "-c", "from domain.features.catalogue import CONTRACT_HASH as c; print(c)")
OTHER_FEATURES = (
    "this release has other features: contract {}, {} runs. On a swarm it does not come up beside the one that serves: "
    "`make swarm-down`, then `make swarm-up`, which trains its model before it answers"
)


def up(swarm: Swarm, replicas: int) -> None:
    """Start everything, or upgrade what runs; return when all of it is there.

    Expand: servers and migrations first, which the old API tolerates. Then the API, then the rest; contract last. At
    the first start the API comes behind what it needs to be ready: states and a champion.

    Raises
    ------
    StackError
        If a part does not settle. An update that fails is rolled back by Swarm, and nothing behind it is touched.
    """
    swarm.require_nodes()
    swarm.compose.environment["API_REPLICAS"] = str(replicas)
    certificate.make_missing(swarm.compose)
    file = swarm.file()
    runs = swarm.service("api")
    seconds = UPGRADE_SECONDS if runs else FIRST_SECONDS
    if runs:
        refuse_other_features(swarm, runs, file)
    bring(swarm, file, DATABASE, seconds)
    bring(swarm, file, SERVERS, seconds)
    run_job(swarm, file, "migrate", seconds)
    if runs:
        bring(swarm, file, API, seconds)
    bring(swarm, file, beside_the_api(file), seconds)
    run_job(swarm, file, "train-first", seconds)
    bring(swarm, file, (*API, "gateway"), seconds)
    run_job(swarm, with_contract(file), CONTRACT, seconds)
    swarm.remove_unused(file)
    swarm.remove_unused_images()


def beside_the_api(file: Model) -> list[str]:
    """Return what is neither a server, nor a job, nor on the way of a request."""
    return [name for name in file["services"] if name not in (*DATABASE, *SERVERS, *JOBS, *API, "gateway")]


def bring(swarm: Swarm, file: Model, services: Sequence[str], seconds: float) -> None:
    """Bring services to what the file says, and wait until they are."""
    say(f"bringing {', '.join(services)}")
    wait = Wait(swarm, services, seconds)
    swarm.deploy(file, services)
    wait.until_settled()


def run_job(swarm: Swarm, file: Model, name: str, seconds: float) -> None:
    """Run a job to its end; one that failed stays to be looked at, and goes when it is run again."""
    swarm.remove_service(name)
    bring(swarm, file, (name,), seconds)
    swarm.remove_service(name)


def with_contract(file: Model) -> Model:
    """Return the file with one job more: a model that waits is promoted, and the schema loses what is not used."""
    succeed = f"python -m ontime succeed --who {shlex.quote(operator())}".replace("$", "$$")
    job = file["services"]["migrate"] | {"command": ["sh", "-c", f"{succeed} && python -m ontime migrate"]}
    return file | {"services": file["services"] | {CONTRACT: job}}


def refuse_other_features(swarm: Swarm, runs: Model, file: Model) -> None:
    """Check that this release has the features of the one that serves.

    Raises
    ------
    StackError
        If it has others: no replica of it would be ready.
    """
    before = runs["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]
    after = file["services"]["api"]["image"]
    if before == after or not before.startswith(OURS):
        return
    old, new = (_contract_of(swarm.compose, image) for image in (before, after))
    if old != new:
        raise StackError(OTHER_FEATURES.format(new[:12], old[:12]))


def _contract_of(compose: Compose, image: str) -> str:
    return compose.docker("run", "--rm", "--network", "none", image, *CONTRACT_HASH).strip()


def down(swarm: Swarm) -> None:
    """Remove the stack and wait until it has ended; the volumes of each node stay.

    Raises
    ------
    StackError
        If it does not end.
    """
    swarm.remove()
    if not wait_until(lambda: not (swarm.compose.of_a_swarm() or swarm.networks()), DOWN_SECONDS, pause=1):
        raise StackError("the stack was removed, and containers of it still run: `docker ps` on this node")
