"""What `make deploy`, `make smoke` and `make deploy-rollback` run; needs Docker and python3, no library."""

import argparse
import os
import sys
from pathlib import Path

from deploy.compose import rolling
from deploy.compose.engine import Compose, StackError, fail, say
from deploy.pipeline.images import PREVIOUS, Images
from deploy.pipeline.smoke import smoke


def main() -> int:
    """Run one command."""
    top = argparse.ArgumentParser(prog="python3 -m deploy.pipeline", description=__doc__)
    top.add_argument("command", choices=("deploy", "smoke", "rollback"))
    top.add_argument("--replicas", type=int, default=0, help="of the API; by default as many as there are")
    asked = top.parse_args()
    try:
        compose = Compose()
        if asked.command == "smoke":
            smoke(rolling.address(compose), secrets_folder())
        elif asked.command == "rollback":
            put_back(compose, asked.replicas)
        else:
            deploy(compose, asked.replicas)
    except StackError as error:
        return fail(error)
    return 0


def deploy(compose: Compose, replicas: int) -> None:
    """Bring the stack to the images of IMAGE_TAG; when they are not healthy, the previous ones come back.

    Raises
    ------
    StackError
        If the new images are not healthy or fail the smoke test, after the previous ones are back.
    """
    images = Images(compose)
    replicas = replicas or len(compose.containers("api")) or 1
    kept = images.keep_running()
    try:
        rolling.up(compose, replicas, contracting=False)
        smoke(rolling.address(compose), secrets_folder())
    except StackError as error:
        if not kept:
            raise StackError(f"{error}\nnothing ran before, so there is nothing to put back") from error
        say(f"the new images are not well: {error}\nputting the previous ones back")
        put_back(compose, replicas)
        raise StackError(f"not deployed, the previous images serve: {error}") from error
    # Only now: what the previous images use must be there as long as they may come back by themselves.
    rolling.contract(compose)
    say(f"deployed: {compose.environment['IMAGE_TAG']}")


def put_back(compose: Compose, replicas: int) -> None:
    """Bring back the images that ran before the last deployment.

    Raises
    ------
    StackError
        If none are kept, or they are not well either.
    """
    Images(compose).require_kept()
    replicas = replicas or len(compose.containers("api")) or 1
    compose.environment["IMAGE_TAG"] = PREVIOUS
    rolling.up(compose, replicas, contracting=False)
    smoke(rolling.address(compose), secrets_folder())
    say("the previous images serve")


def secrets_folder() -> Path:
    """Return where the keys of the API are."""
    return Path(os.environ.get("SECRETS_DIR", "var/secrets"))


if __name__ == "__main__":
    sys.exit(main())
