"""Commands that back a stack up and restore it: the native one here, that of Compose through its engine.

What speaks to the engine is imported where it is used: no image has it.
"""

from pathlib import Path
from typing import Annotated

import typer

from adapters.terminal import say
from deploy.backups import bundle
from deploy.native import backup as native
from deploy.native import selection
from deploy.native.selection import StackName
from ontime import what_runs
from ontime.options import free_port

app = typer.Typer()
BACKUPS = "backups"
File = Annotated[Path | None, typer.Argument(help="The backup; by default the newest.")]


@app.command()
def backup(
    context: typer.Context,
    keep: Annotated[
        int, typer.Option(min=0, help="Delete all backups but the newest so many; 0 = none.")
    ] = 0,
) -> None:
    """Write databases, artifacts, spool and sealed secrets of the running stack into one file in var/backups."""
    running = selection.running()
    if what_runs.is_compose(context.obj, running):
        made = _of_compose()
    else:
        settings = selection.settings_of(what_runs.native(context.obj, running))
        made = native.backup(settings, settings.state_dir / BACKUPS, say)
    bundle.keep_newest(made.parent, keep)


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


def _of_compose() -> Path:
    from deploy.compose import backup as of_compose

    return of_compose.backup(what_runs.deployments().compose(), of_compose.BACKUPS)
