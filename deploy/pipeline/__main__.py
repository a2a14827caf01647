"""What `make deploy`, `make smoke` and `make deploy-rollback` run; needs Docker and python3, no library."""

import argparse
import os
import sys
from pathlib import Path

from deploy.compose import rolling, secrets
from deploy.compose.deployments import Deployment, Deployments
from deploy.compose.engine import Compose, StackError, fail, say
from deploy.pipeline.smoke import smoke
from domain.errors import OntimeError


def main() -> int:
    """Run one command."""
    top = argparse.ArgumentParser(prog="python3 -m deploy.pipeline", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    for name in ("deploy", "rollback"):
        command = commands.add_parser(name)
        command.add_argument(
            "--replicas", type=int, default=0, help="of the API; by default as many as there are"
        )
    command.add_argument(
        "--to", type=int, help="number of the deployment; by default the one before the newest"
    )
    commands.add_parser("smoke")
    commands.add_parser("deployments")
    asked = top.parse_args()
    try:
        deployments = Deployments(Compose())
        if asked.command == "smoke":
            smoke(rolling.address(deployments.compose()), secrets.folder())
        elif asked.command == "deployments":
            show(deployments)
        elif asked.command == "rollback":
            roll_back(deployments, asked.replicas, asked.to)
        else:
            deploy(deployments, asked.replicas)
    except OntimeError as error:
        return fail(error)
    return 0


def deploy(deployments: Deployments, replicas: int) -> None:
    """Bring the stack to this checkout; when it is not healthy, all of what served before comes back.

    Raises
    ------
    StackError
        If it is not healthy or fails the smoke test, after what served before is back.
    """
    require_lasting_secrets()
    secrets.make()
    new = deployments.record()
    compose = change(deployments, new, deployments.last_healthy(), replicas)
    # Only now: what the deployment before uses must be there as long as it may come back by itself.
    rolling.contract(compose)
    say(f"deployed: {shown(new)}")


def roll_back(deployments: Deployments, replicas: int, number: int | None) -> None:
    """Bring images, Compose file, configuration and settings of an earlier deployment back.

    Raises
    ------
    StackError
        If there is none, or it is not well; what ran is back then, if it was.
    """
    target, running = deployments.before(number), deployments.running()
    if running and target.number == running.number:
        say(f"deployment {target.number} is the one before the newest, and runs; TO= names an earlier one")
    change(deployments, target, running if running and running.healthy else None, replicas)
    say(f"deployed as before: {shown(target)}")


def change(deployments: Deployments, new: Deployment, before: Deployment | None, replicas: int) -> Compose:
    """Bring a deployment up and ask it as a client does; when it is not well, bring the one before it back.

    Raises
    ------
    StackError
        If it is not well.
    """
    replicas = replicas or len(deployments.checkout.containers("api")) or 1
    try:
        return bring_up(deployments, new, replicas)
    except StackError as error:
        if before is None or before.number == new.number:
            raise StackError(
                f"{error}\nno other deployment was well before it, so there is none to put back"
            ) from error
        say(f"deployment {new.number} is not well: {error}\nputting deployment {before.number} back")
        bring_up(deployments, before, replicas)
        raise StackError(f"not deployed, deployment {before.number} serves: {error}") from error


def bring_up(deployments: Deployments, deployment: Deployment, replicas: int) -> Compose:
    """Bring a deployment up, and note that it is well when it is."""
    compose = deployments.bring_up(deployment, replicas, contracting=False)
    smoke(rolling.address(compose), secrets.folder())
    deployments.note_healthy(deployment)
    return compose


def show(deployments: Deployments) -> None:
    """Print the deployments that are kept."""
    running = deployments.running()
    for deployment in deployments.all():
        state = "runs" if running and running.number == deployment.number else ""
        say(f"{shown(deployment)} {'was well' if deployment.healthy else 'was not well'} {state}".rstrip())


def shown(deployment: Deployment) -> str:
    """Return a deployment in a line."""
    return f"{deployment.number} of {deployment.made_at}, commit {deployment.commit[:12]}"


def require_lasting_secrets() -> None:
    """Refuse secrets, and the record of deployments beside them, where CI deletes what git does not know.

    Raises
    ------
    StackError
        If they are in the checkout of a CI job.
    """
    checkout = os.environ.get("CI_PROJECT_DIR") if os.environ.get("GITLAB_CI") == "true" else None
    if checkout and secrets.folder().resolve().is_relative_to(Path(checkout).resolve()):
        raise StackError(
            f"SECRETS_DIR: {secrets.folder()} is in the checkout of this CI job, where the next job deletes it: "
            "name a folder outside, like /srv/ontime/secrets"
        )


if __name__ == "__main__":
    sys.exit(main())
