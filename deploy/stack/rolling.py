"""Start the stack, or bring a running one to this checkout: the API is replaced replica by replica."""

import time
from collections.abc import Sequence

from compose import Compose, StackError, say, wait_until_well

FIRST_START_SECONDS = 1800
UPGRADE_SECONDS = 600
REPLICA_SECONDS = 120
# The gateway asks Docker's DNS again every 2 s; a new replica gets requests, and an old one none, soon after.
GATEWAY_NOTICES_SECONDS = 3.0
STOP_SECONDS = 35
ANY_ADDRESS = "0.0.0.0"  # noqa: S104  what Compose says, not what is bound


def up(compose: Compose, replicas: int, *, contracting: bool = True) -> None:
    """Start everything, or upgrade what runs; return when all of it is healthy.

    Expand: servers and migrations first, which the old API tolerates. Then the API, then the rest. Contract: when
    nothing old runs any more, the schema loses what only the old code used, unless the old code may come back.
    """
    running = compose.containers("api")
    patience = UPGRADE_SECONDS if running else FIRST_START_SECONDS
    if running:
        compose.run("up", "-d", "--no-build", "postgres", "mlflow", "prefect-server", "migrate")
        wait_until_well(compose, ["postgres", "mlflow", "prefect-server", "migrate"], patience)
        roll(compose, running, replicas)
    compose.run("up", "-d", "--no-build", "--remove-orphans", "--scale", f"api={replicas}")
    reload_gateway(compose)
    say("waiting until every service is healthy")
    wait_until_well(compose, compose.services(), patience)
    if contracting:
        contract(compose)


def contract(compose: Compose) -> None:
    """Apply the migrations that had to wait for the old code to be gone."""
    (container,) = compose.containers("prefect-worker")
    compose.docker("exec", container, "python", "-m", "ontime", "migrate")


def roll(compose: Compose, old: Sequence[str], replicas: int) -> None:
    """Put new replicas beside the old ones, wait until they are ready, then let the old ones finish.

    Raises
    ------
    StackError
        If the new replicas do not become ready: they are taken away, and the old ones keep serving.
    """
    if not needs_roll(compose, old):
        return
    say(f"rolling the API: {len(old)} old, {replicas} new")
    scale = f"api={len(old) + replicas}"
    compose.run("up", "-d", "--no-build", "--no-deps", "--no-recreate", "--scale", scale, "api")
    new = [c for c in compose.containers("api", stopped=True) if c not in old]
    try:
        wait_for_replicas(compose, new)
    except StackError:
        remove(compose, new)
        raise
    time.sleep(GATEWAY_NOTICES_SECONDS)
    for container in old:
        remove(compose, [container])


def needs_roll(compose: Compose, old: Sequence[str]) -> bool:
    """Tell whether a replica runs another image, or other settings, than this checkout asks for."""
    wanted_image = compose.docker("image", "inspect", "-f", "{{.Id}}", _image(compose, old[0])).strip()
    if any(compose.inspect(c)["Image"] != wanted_image for c in old):
        return True
    wanted = set(compose.read("config", "--hash", "api").split()[1:])
    return any(
        compose.inspect(c)["Config"]["Labels"].get("com.docker.compose.config-hash") not in wanted
        for c in old
    )


def _image(compose: Compose, container: str) -> str:
    """The image a replica is to run: that of the old one, under the tag that is asked for."""
    name = compose.inspect(container)["Config"]["Image"].rpartition(":")[0]
    return compose.environment.get("API_IMAGE") or f"{name}:{compose.environment.get('IMAGE_TAG', 'latest')}"


def wait_for_replicas(compose: Compose, containers: Sequence[str]) -> None:
    """Wait until each container is healthy.

    Raises
    ------
    StackError
        If one ends or is not healthy in time; holds the last lines it wrote.
    """
    deadline = time.monotonic() + REPLICA_SECONDS
    for container in containers:
        while True:
            state = compose.inspect(container)["State"]
            health = state.get("Health", {}).get("Status")
            if health == "healthy":
                break
            if state["Status"] in ("exited", "restarting") or time.monotonic() > deadline:
                last = compose.docker("logs", "--tail", "5", container)
                raise StackError(
                    f"a new replica of the API is {health or state['Status']}, the old ones stay\n{last}"
                )
            time.sleep(0.5)


def remove(compose: Compose, containers: Sequence[str]) -> None:
    """Let containers finish what they have accepted, then take them away."""
    for container in containers:
        compose.docker("stop", "-t", str(STOP_SECONDS), container)
        compose.docker("rm", "-f", container)


def reload_gateway(compose: Compose) -> None:
    """Make the gateway read its configuration again where it changed; requests in progress end under the old one."""
    for container in compose.containers("gateway"):
        compose.docker("exec", container, "sh", "/etc/ontime/reload.sh")


def start_again(compose: Compose) -> None:
    """Start what a restore stopped, with as many replicas as there were."""
    replicas = max(1, len(compose.containers("api", stopped=True)))
    up(compose, replicas)


def address(compose: Compose) -> str:
    """Give the gateway's address as Compose published it."""
    host, port = compose.read("port", "gateway", "8080").strip().rsplit(":", 1)
    return f"http://{'127.0.0.1' if host == ANY_ADDRESS else host}:{port}"
