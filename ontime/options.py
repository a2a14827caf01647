"""Options that several commands have."""

import getpass
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


def operator() -> str:
    """Return the name of the user who runs the command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user of a container may have a number only
        return "command line"


Who = Annotated[str, typer.Option(default_factory=operator, help="Who asks; goes into the ledger.")]
