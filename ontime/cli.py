"""One command line for everything; `make` targets are thin calls of it."""

import sys
from typing import Annotated

import typer

from adapters.settings import settings
from deploy.native import selection
from deploy.native.selection import StackName
from domain.errors import OntimeError
from ontime import (
    __version__,
    backups,
    data,
    develop,
    experiments,
    model,
    operate,
    passwords,
    retention,
    stack,
)

GROUPS = {
    "Stack": stack.app,
    "Data": data.app,
    "Model": model.app,
    "Operate": operate.app,
    "Experiments": experiments.app,
    "Develop": develop.app,
}
"""Groups of commands in the order of the help; `make help` has the same."""
ON_THE_RUNNING_STACK = frozenset({
    "migrate", "ingest", "train-first", "retrain", "promote", "validate-model", "rollback", "succeed", "sign-again",
    "feed", "load", "alerts", "acknowledge", "keys", "clock", "readme", "spool",
    "guide", "postman", "retention", "erase",
})  # fmt: skip
"""Commands that act on the stack that runs; your own where both do."""
CHOOSING_THEMSELVES = frozenset({
    "demo", "replay", "down", "status", "clean", "screenshots", "backup", "restore", "backup-check",
    "rotate-passwords",
})  # fmt: skip
"""Every other command acts on your own stack, unless --stack says otherwise."""
ALSO_UNDER_COMPOSE = frozenset({
    "ingest", "retrain", "promote", "rollback", "succeed", "alerts", "acknowledge", "keys", "retention", "erase",
})  # fmt: skip
"""Commands that are run in the worker of the Compose stack where that one runs and your own native one does not."""
OF_A_CHECKOUT = frozenset({
    "local", "down", "status", "clean", "backup", "restore", "backup-check",
    "rotate-signing-key", "rotate-passwords",
})  # fmt: skip

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Predict whether a flight will arrive 15 minutes late or more; monitor, retrain, promote and roll back "
    "the model that does.\n\nStart with `demo`: the whole loop on real data. Then `status`, `down`, `local`.",
)
stack.app.registered_commands += backups.app.registered_commands + passwords.app.registered_commands
operate.app.registered_commands += retention.app.registered_commands
for _panel, _group in GROUPS.items():
    for _command in _group.registered_commands:
        _command.rich_help_panel = _panel
    app.add_typer(_group)


def main() -> None:
    """Run the command line; report ontime's own errors in one line, with exit status 1."""
    try:
        app(prog_name="ontime")
    except OntimeError as error:
        sys.exit(f"ontime: {error}")
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("experiments"):
            raise
        sys.exit("ontime: the package `experiments` is not part of this image: run the command in a checkout")


def _print_version(wanted: bool) -> None:
    if wanted:
        commit = settings().git_commit
        print(f"ontime {__version__}{f' (commit {commit})' if commit else ''}")
        raise typer.Exit


@app.callback()
def choose_stack(
    context: typer.Context,
    stack: Annotated[
        StackName | None,
        typer.Option(
            help="Act on your own stack, or on that of the demo. By default: on the one that runs; "
            "your own where both do."
        ),
    ] = None,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """Choose the stack the command acts on, and make this process one of its own."""
    context.obj = stack
    command = context.invoked_subcommand
    if command in OF_A_CHECKOUT:
        selection.require_native()
    if stack is StackName.DEMO and command != "demo":
        selection.require_demo()
    if command in ALSO_UNDER_COMPOSE and stack is None:
        _hand_over_to_compose()
    if command not in CHOOSING_THEMSELVES:
        default = selection.the_running_one if command in ON_THE_RUNNING_STACK else lambda: StackName.OWN
        selection.enter(stack or default())


def _hand_over_to_compose() -> None:
    """Run the command in the Compose stack's worker, and end, where it is the stack that runs."""
    if selection.names_postgres() or StackName.OWN in selection.running():
        return
    from deploy.compose import inside

    container = inside.worker()
    if container is not None:
        raise typer.Exit(inside.run(container, sys.argv[1:]))
