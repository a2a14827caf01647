"""What `make up`, `make backup`, `make restore` ... run: `python3 -m deploy.compose COMMAND`; needs no library."""

import argparse
import sys
from functools import partial
from pathlib import Path

from deploy.backups import bundle, off_host
from deploy.compose import backup, digests, inside, passwords, postgres_upgrade, rolling, secrets, status
from deploy.compose.deployments import Deployments
from deploy.compose.engine import ROOT, Compose, StackError, fail, say
from deploy.status import NOTHING_RUNS, lines
from domain.errors import OntimeError


def parser() -> argparse.ArgumentParser:
    """Describe the commands."""
    top = argparse.ArgumentParser(prog="python3 -m deploy.compose", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    commands.add_parser("check", help="tell whether an engine answers")
    commands.add_parser("secrets", help="make the secrets that are missing; needs no engine")
    commands.add_parser("rotate-signing-key", help="sign models with another key; needs no engine")
    renewed = commands.add_parser(
        "renew-images", help="ask registries for the digests of the images of others; needs no engine"
    )
    renewed.add_argument("--check", action="store_true", help="exit status 1 where one has changed")
    commands.add_parser("rotate-passwords", help="another password for each database, role and server")
    commands.add_parser("build", help="build the images")
    commands.add_parser(
        "status", help="show what runs and its health; exit status 1 where a part is not well"
    )
    start = commands.add_parser("up", help="start the stack, or upgrade a running one in place")
    start.add_argument("--replicas", type=int, default=1)
    commands.add_parser("down", help="stop the stack, the services of every profile")
    commands.add_parser("down-if-up", help="stop the stack where one runs; no word where none does")
    # No prefix of its own: options that come first are Compose's.
    run = commands.add_parser(
        "compose", help="pass a command on to Compose", add_help=False, prefix_chars="+"
    )
    run.add_argument("arguments", nargs=argparse.REMAINDER)
    within = commands.add_parser(
        "ontime", help="run the command ontime in the stack's worker", add_help=False, prefix_chars="+"
    )
    within.add_argument("arguments", nargs=argparse.REMAINDER)
    save = commands.add_parser("backup", help="databases, artifacts, spool, sealed secrets into one tar")
    save.add_argument("--folder", type=Path, default=backup.BACKUPS)
    save.add_argument("--keep", type=int, default=0, help="delete all but the newest so many; 0 = none")
    save.add_argument("--to", default="", help="also keep it off this host, in a restic repository")
    save.add_argument(
        "--keep-days", type=int, default=0, help="delete this host's there that are so many days older"
    )
    fetch = commands.add_parser("backup-fetch", help="write a backup that is kept off this host here again")
    fetch.add_argument("repository")
    fetch.add_argument("name", nargs="?", default="", help="by default the newest")
    load = commands.add_parser("restore", help="all of it from such a tar, on an empty host too")
    load.add_argument("file", type=Path)
    check = commands.add_parser("backup-check", help="restore a backup into scratch databases")
    check.add_argument("file", type=Path, nargs="?")
    newer = commands.add_parser("upgrade-postgres", help="copy an older PostgreSQL's data into a new volume")
    newer.add_argument("--old-image", help="of the release that wrote the data")
    return top


def main() -> int:
    """Run one command."""
    asked = parser().parse_args()
    try:
        if asked.command == "down-if-up":
            return down_if_up()
        if asked.command == "secrets":
            secrets.make()
            return 0
        if asked.command == "rotate-signing-key":
            secrets.replace_signing_key()
            return 0
        if asked.command == "renew-images":
            return 1 if digests.renew(ROOT, say) and asked.check else 0
        if asked.command == "backup-fetch":
            kept = off_host.Repository(asked.repository, secrets.folder())
            say(f"{kept.fetch(backup.BACKUPS, asked.name)}, from {asked.repository}")
            return 0
        if asked.command == "ontime":
            return inside.run_in_worker(asked.arguments)
        deployments = Deployments(Compose())
        if asked.command in ("check", "build", "up", "upgrade-postgres"):
            return of_checkout(asked, deployments)
        return of_what_runs(asked, deployments)
    except OntimeError as error:
        return fail(error)


def of_checkout(asked: argparse.Namespace, deployments: Deployments) -> int:
    """Run a command about the files of this checkout."""
    compose = deployments.checkout
    if asked.command == "build":
        compose.build()
    elif asked.command == "up":
        say(f"ontime answers on {rolling.address(deployments.upgrade(asked.replicas))}")
    elif asked.command == "upgrade-postgres":
        postgres_upgrade.upgrade(compose, asked.old_image)
    return 0


def of_what_runs(asked: argparse.Namespace, deployments: Deployments) -> int:
    """Run a command about the stack as it was deployed."""
    compose = deployments.compose()
    if asked.command == "status":
        return show(compose)
    if asked.command == "down":
        down(compose)
    elif asked.command == "rotate-passwords":
        passwords.rotate(deployments)
    elif asked.command == "compose":
        compose.run(*asked.arguments)
    elif asked.command == "backup":
        make = partial(backup.backup, compose, asked.folder)
        made = off_host.keep_too(make, asked.to, secrets.folder(), asked.keep_days, say)
        bundle.keep_newest(made, asked.keep)
    elif asked.command == "restore":
        backup.restore(compose, asked.file)
        # Asked again: the backup may have brought the settings.
        Deployments(Compose()).start_again()
    elif asked.command == "backup-check":
        backup.check(compose, asked.file or bundle.newest(backup.BACKUPS))
    return 0


def show(compose: Compose) -> int:
    """Print what runs and its health; return the exit status."""
    found = status.read_status(compose)
    if not found.programs:
        raise StackError(NOTHING_RUNS)
    say("\n".join([status.described(compose), *lines(found)]))
    return 0 if found.healthy else 1


def down_if_up() -> int:
    """Stop the stack where one runs."""
    try:
        compose = Deployments(Compose()).compose()
    except StackError:
        return 0
    if compose.services():
        down(compose)
    return 0


def down(compose: Compose) -> None:
    """Stop and remove the containers and networks of every profile, and of earlier releases; the volumes stay."""
    compose.run("--profile", "*", "down", "--remove-orphans")


if __name__ == "__main__":
    sys.exit(main())
