"""Backfill: monitor the nights that were missed."""

from datetime import date, timedelta
from typing import Annotated

from prefect import flow
from pydantic import Field

from flows import tasks
from flows.nightly_monitoring import measure
from flows.parts import parts

LOOK_BACK_DAYS = 30


@flow(name="backfill")
def backfill(
    first: Annotated[
        date | None,
        Field(description="First local day; empty = the day of the first prediction, at most 30 back."),
    ] = None,
    again: Annotated[bool, Field(description="Also measure the days that have been measured.")] = False,
) -> list[date]:
    """Measure every day that was missed, oldest first; decides nothing. Gives the days that were measured."""
    newest = tasks.begin(None)
    start = first or newest.day - timedelta(days=LOOK_BACK_DAYS)
    done = {run.day for run in parts().monitoring.runs(start, newest.day)}
    days = [start + timedelta(days=i) for i in range((newest.day - start).days + 1)]
    wanted = [day for day in days if again or day not in done]
    champion = tasks.load_champion()
    measured = []
    for day in wanted:
        night = tasks.begin(day)
        if first is None and not len(tasks.fetch_predictions(night)):
            continue
        measure(night, champion)
        measured.append(day)
    return measured


if __name__ == "__main__":
    backfill()
