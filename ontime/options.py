"""Options that several commands have."""

import getpass
import socket
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


def operator() -> str:
    """Return the name of the user who runs the command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user of a container may have a number only
        return "command line"


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


Who = Annotated[str, typer.Option(default_factory=operator, help="Who asks; goes into the ledger.")]
