"""The command that gives a stack other passwords: the native one here, that of Compose through its engine."""

import typer

from adapters.settings import Settings
from adapters.terminal import say
from deploy.native import passwords as of_native
from deploy.native import selection
from domain.errors import OntimeError
from ontime import what_runs

app = typer.Typer()


@app.command()
def rotate_passwords(context: typer.Context) -> None:
    """Give the databases, their roles, MLflow and Prefect other passwords; the stack that runs starts again."""
    running = selection.running()
    if what_runs.is_compose(context.obj, running):
        from deploy.compose import passwords as of_compose

        of_compose.rotate(what_runs.deployments())
        return
    settings = selection.settings_of(what_runs.native(context.obj, running))
    _require_no_volume(settings)
    of_native.rotate(settings, say)


def _require_no_volume(settings: Settings) -> None:
    from deploy.compose import secrets

    volume = secrets.database_volume()
    file = settings.postgres_password_file
    if volume and secrets.folder().resolve() == file.parent.resolve():
        raise OntimeError(
            f"the volume {volume} of the Compose stack was made with the same {file.name}, and could not be opened "
            "with another: give one of the two secrets of its own (SECRETS_DIR); nothing was touched"
        )
