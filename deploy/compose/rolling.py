"""Start the stack, or bring a running one to this checkout: the API is replaced replica by replica."""

import time
from collections.abc import Sequence

from adapters.operator import operator
from deploy.compose import certificate
from deploy.compose.engine import Compose, StackError, State, say
from deploy.compose.succession import features_beside
from deploy.compose.waiting import is_to_start, start, start_containers, wait_until_well

FIRST_START_SECONDS = 1800
UPGRADE_SECONDS = 600
REPLICA_SECONDS = 120
# The gateway asks Docker's DNS again every 2 s; a new replica gets requests, and an old one none, soon after.
GATEWAY_NOTICES_SECONDS = 3.0
STOP_SECONDS = 35
ANY_ADDRESS = "0.0.0.0"  # noqa: S104  what Compose says, not what is bound
SERVERS = ("postgres", "mlflow", "prefect-server", "migrate")


def up(compose: Compose, replicas: int, *, contracting: bool = True) -> None:
    """Start everything, or upgrade what runs; return when all of it is healthy.

    Expand: servers and migrations first, which the old API tolerates; a release with other features has its states
    and its model next. Then the API, then the rest. Contract: when nothing old runs any more, the model of other
    features becomes champion, and the schema loses what only the old code used, unless the old code may come back.
    """
    _refuse_beside_a_swarm(compose)
    certificate.make_missing(compose)
    running = compose.containers("api")
    patience = UPGRADE_SECONDS if running else FIRST_START_SECONDS
    if running:
        start(compose, *SERVERS, seconds=patience)
        wait_until_well(compose, lambda: states_of(compose, SERVERS), patience)
        with features_beside(compose):
            roll(compose, replicas)
            replace_the_rest(compose, replicas)
            _until_all_is_well(compose, patience)
    else:
        start(compose, "--remove-orphans", "--scale", f"api={replicas}", seconds=patience)
        _until_all_is_well(compose, patience)
    succeed(compose)
    if contracting:
        contract(compose)


def _refuse_beside_a_swarm(compose: Compose) -> None:
    if compose.of_a_swarm():
        raise StackError("the stack runs on a swarm here, on the same volumes: `make swarm-down` first")


def _until_all_is_well(compose: Compose, seconds: float) -> None:
    reload_gateway(compose)
    say("waiting until every service is healthy")
    wait_until_well(compose, compose.states, seconds)


def states_of(compose: Compose, services: Sequence[str]) -> list[State]:
    """Return the containers of some services."""
    return [state for service in services for state in compose.states(service)]


def succeed(compose: Compose) -> None:
    """Make the model of a release with other features champion; nothing where none waits."""
    if said := _in_worker(compose, "succeed", "--who", operator()).strip():
        say(said)


def contract(compose: Compose) -> None:
    """Apply the migrations that had to wait for the old code to be gone."""
    _in_worker(compose, "migrate")


def _in_worker(compose: Compose, *words: str) -> str:
    """Return what a command says that acts as the owner of the tables."""
    (container,) = compose.containers("prefect-worker")
    owner = {"USER": "ontime", "PASSWORD_FILE": "/run/secrets/postgres_password"}
    variables = [part for name, value in owner.items() for part in ("-e", f"ONTIME_POSTGRES_{name}={value}")]
    return compose.docker("exec", *variables, container, "python", "-m", "ontime", *words)


def roll(compose: Compose, replicas: int) -> None:
    """Bring the API to the image and the settings of this checkout, and to `replicas`, while it answers.

    New replicas go up beside the old ones; when they are ready, what is old or too many finishes, one by one.
    `docker compose up` has nothing left to do afterwards: it would replace all replicas in one moment, and the
    gateway, which depends on them, as well.

    Raises
    ------
    StackError
        If the new replicas do not become ready: they are taken away, and the old ones keep serving.
    """
    remove(compose, [s["Id"] for s in compose.states("api") if not s["State"]["Running"]])
    old = compose.states("api")
    new = create_replicas(compose, len(old) + replicas)
    kept = [s["Id"] for s in old if made_alike(s, new[0])][:replicas]
    needed = [s["Id"] for s in new][len(kept) :]
    try:
        remove(compose, [s["Id"] for s in new if s["Id"] not in needed])
        start_replicas(compose, needed)
    except BaseException:
        remove(compose, [s["Id"] for s in new])
        raise
    leaving = [s["Id"] for s in old if s["Id"] not in kept]
    say(f"the API: {len(kept)} replicas stay, {len(needed)} came, {len(leaving)} leave")
    for container in leaving:
        # The gateway knows the new ones, and at most one that is gone: it asks three before it gives up.
        time.sleep(GATEWAY_NOTICES_SECONDS)
        remove(compose, [container])


def replace_the_rest(compose: Compose, replicas: int) -> None:
    """Replace what else has changed, and start what does not run.

    Created, then started, instead of `up`: that would run the migrations a second time, and the first training as
    well, with everything that was replaced stopped until they end.
    """
    compose.run("create", "--no-build", "--remove-orphans", "--scale", f"api={replicas}")
    waiting = [s["Id"] for s in compose.states() if is_to_start(s)]
    if waiting:
        start_containers(compose, waiting)


def create_replicas(compose: Compose, total: int) -> list[State]:
    """Create replicas of the API up to a total, without starting them; return the new ones.

    Not with `up --no-deps`: Compose up to 2.26 counts the dependencies among what a container was made from, and
    would take the containers of that command for changed ones the next time.
    """
    before = compose.containers("api", stopped=True)
    compose.run("create", "--no-build", "--no-recreate", "--scale", f"api={total}", "api")
    return [s for s in compose.states("api") if s["Id"] not in before]


def made_alike(one: State, other: State) -> bool:
    """Return whether two containers were made from the same image and the same settings."""
    label = "com.docker.compose.config-hash"
    first, second = ((state["Image"], state["Config"]["Labels"][label]) for state in (one, other))
    return first == second


def start_replicas(compose: Compose, containers: Sequence[str]) -> None:
    """Start containers and wait until each is healthy.

    Raises
    ------
    StackError
        If one ends or is not healthy in time; holds the last lines it wrote.
    """
    if not containers:
        return
    try:
        start_containers(compose, containers)
        wait_until_well(compose, lambda: compose.inspect_all(containers), REPLICA_SECONDS)
    except StackError as error:
        raise StackError(
            f"the new replicas of the API do not become ready, the old ones stay\n{error}"
        ) from error


def remove(compose: Compose, containers: Sequence[str]) -> None:
    """Let containers finish what they have accepted, then take them away; one that is gone is no error."""
    for state in compose.inspect_all(containers):
        compose.docker("stop", "-t", str(STOP_SECONDS), state["Id"])
        compose.docker("rm", "-f", state["Id"])


def reload_gateway(compose: Compose) -> None:
    """Make the gateway read its configuration again where it changed; requests in progress end under the old one."""
    for container in compose.containers("gateway"):
        compose.docker("exec", container, "sh", "/etc/ontime/reload.sh")


def address(compose: Compose) -> str:
    """Return the gateway's address on this machine as Compose published it."""
    host, port = compose.read("port", "gateway", "8080").strip().rsplit(":", 1)
    return f"http://{'127.0.0.1' if host == ANY_ADDRESS else host}:{port}"
