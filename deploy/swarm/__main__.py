"""What `make swarm-up`, `make swarm-down` ... run: `python3 -m deploy.swarm COMMAND`; needs no library."""

import argparse
import sys

from deploy.compose.engine import Compose, StackError, fail, say
from deploy.status import lines
from deploy.swarm import rollout
from deploy.swarm.cluster import Swarm
from deploy.swarm.status import read_status
from domain.errors import OntimeError

NOTHING_RUNS = "no stack of this name runs on the swarm: `make swarm-up` starts one"
SERVES = ("api", "shipper", "features", "gateway")
"""What may run on any node."""


def parser() -> argparse.ArgumentParser:
    """Describe the commands."""
    top = argparse.ArgumentParser(prog="python3 -m deploy.swarm", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    start = commands.add_parser("up", help="start the stack on the swarm, or upgrade a running one")
    start.add_argument("--replicas", type=int, default=2)
    commands.add_parser("down", help="remove the stack; the volumes of each node stay")
    commands.add_parser("status", help="show what runs where; exit status 1 where a part is not well")
    images = commands.add_parser("images", help="write images for `docker load` on a node")
    images.add_argument("--all", action="store_true", help="those of the node that keeps data too")
    return top


def main() -> int:
    """Run one command."""
    asked = parser().parse_args()
    try:
        return run(asked, Swarm(Compose()))
    except OntimeError as error:
        return fail(error)


def run(asked: argparse.Namespace, swarm: Swarm) -> int:
    """Run one command on a swarm; return the exit status."""
    if asked.command == "up":
        rollout.up(swarm, asked.replicas)
        say("ontime answers on every node, over TLS")
    elif asked.command == "down":
        rollout.down(swarm)
    elif asked.command == "images":
        save_images(swarm, everything=asked.all)
    elif asked.command == "status":
        return show(swarm)
    return 0


def show(swarm: Swarm) -> int:
    """Print what runs and its health; return the exit status."""
    found = read_status(swarm)
    if not found.programs:
        raise StackError(NOTHING_RUNS)
    say("\n".join([f"the stack {swarm.stack} on a swarm", *lines(found)]))
    return 0 if found.healthy else 1


def save_images(swarm: Swarm, *, everything: bool) -> None:
    """Write images to standard output, as `docker save` does."""
    model = swarm.compose.model()
    ours = swarm.images(model)
    named = {s["image"] for name, s in model["services"].items() if everything or name in SERVES}
    chosen = {ours.get(image, image) for image in named}
    swarm.compose.run_docker("save", *sorted(chosen))


if __name__ == "__main__":
    sys.exit(main())
