"""Commands that back a stack up and restore it: the native one here, that of Compose through its engine.

What speaks to the engine is imported where it is used: no image has it.
"""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from adapters.terminal import say
from deploy.backups import bundle, off_host
from deploy.native import backup as native
from deploy.native import selection
from deploy.native.selection import StackName
from ontime import what_runs
from ontime.options import free_port

app = typer.Typer()
BACKUPS = "backups"
REPOSITORY = "restic repository: a folder, sftp:user@host:/folder, s3:https://..."
File = Annotated[Path | None, typer.Argument(help="The backup; by default the newest.")]


@app.command()
def backup(
    context: typer.Context,
    keep: Annotated[
        int, typer.Option(min=0, help="Delete all backups but the newest so many; 0 = none.")
    ] = 0,
    to: Annotated[str, typer.Option(help=f"Also keep it off this host, in a {REPOSITORY}.")] = "",
    keep_days: Annotated[
        int, typer.Option(min=0, help="Delete this host's there that are so many days older; 0 = none.")
    ] = 0,
) -> None:
    """Write databases, artifacts, spool and sealed secrets of the running stack into one file in var/backups."""
    running = selection.running()
    if what_runs.is_compose(context.obj, running):
        from deploy.compose import backup as of_compose
        from deploy.compose import secrets

        compose = what_runs.deployments().compose()
        make, secret_files = partial(of_compose.backup, compose, of_compose.BACKUPS), secrets.folder()
    else:
        settings = selection.settings_of(what_runs.native(context.obj, running))
        make = partial(native.backup, settings, settings.state_dir / BACKUPS, say)
        secret_files = settings.api_keys_dir
    made = off_host.keep_too(make, to, secret_files, keep_days, say)
    bundle.keep_newest(made, keep)


@app.command()
def backup_fetch(
    context: typer.Context,
    repository: Annotated[str, typer.Argument(help=f"The {REPOSITORY}.")],
    name: Annotated[str, typer.Argument(help="The backup's name; by default the newest.")] = "",
) -> None:
    """Write a backup that is kept off this host into var/backups, to be checked or restored."""
    settings = selection.settings_of(context.obj or StackName.OWN)
    kept = off_host.Repository(repository, settings.api_keys_dir)
    say(f"{kept.fetch(settings.state_dir / BACKUPS, name)}, from {repository}")


@app.command()
def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The backup.")],
) -> None:
    """Make a stack again from a backup, on an empty host too, compared with its row counts and checksums.

    A native one only where there is no state; start it with `local` then. One of Compose in place of what runs.
    """
    if bundle.kind_of(file) == bundle.NATIVE:
        native.restore(selection.settings_of(context.obj or StackName.OWN), file, say)
    else:
        from deploy.compose import backup as of_compose

        deployments = what_runs.deployments()
        of_compose.restore(deployments.compose(), file)
        deployments.start_again()


@app.command()
def backup_check(context: typer.Context, file: File = None) -> None:
    """Restore a backup into scratch databases and compare row counts and checksums; exit status 1 where they differ."""
    settings = selection.settings_of(context.obj or StackName.OWN)
    source = file or bundle.newest(settings.state_dir / BACKUPS)
    if bundle.kind_of(source) == bundle.NATIVE:
        native.check(settings, source, free_port(), say)
    else:
        from deploy.compose import backup as of_compose

        of_compose.check(what_runs.deployments().compose(), source)
