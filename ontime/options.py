"""Options that several commands have."""

import socket
from typing import Annotated

import typer

from adapters.operator import operator

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


Who = Annotated[str, typer.Option(default_factory=operator, help="Who asks; goes into the ledger.")]
