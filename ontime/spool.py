"""What can be done about the spool by hand."""

import typer

from adapters.settings import settings
from adapters.spool_reader import SpoolReader
from adapters.terminal import say

spool = typer.Typer(no_args_is_help=True, help="Look after predictions that are not in the log yet.")


@spool.callback()
def group() -> None:
    """Look after predictions that are not in the log yet."""


@spool.command()
def retry() -> None:
    """Ship the refused lines again, once what they were refused for is mended; safe to repeat."""
    files = SpoolReader(settings().spool_dir).retry_refused()
    for name in files:
        say(f"{name}: given back to the shipper")
    if not files:
        say(f"nothing was refused: {settings().spool_dir} has no *.refused")
