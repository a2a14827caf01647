"""Backfill: monitor the days that were missed."""

from datetime import date, timedelta

from prefect import flow

from flows import tasks
from flows.measuring import measure_days
from flows.parts import parts

LOOK_BACK_DAYS = 30


@flow(name="backfill")
def backfill(first: date | None = None, again: bool = False) -> list[date]:
    """Measure every day that was missed, oldest first; decides nothing. Return the days that were measured.

    Args:
        first: First local day to look at; empty = thirty days back, days without a prediction left out.
        again: Also measure the days that have been measured.
    """
    newest = tasks.begin(None)
    start = first or newest.day - timedelta(days=LOOK_BACK_DAYS)
    done = {run.day for run in parts().monitoring.runs(start, newest.day)}
    days = [start + timedelta(days=i) for i in range((newest.day - start).days + 1)]
    wanted = [day for day in days if again or day not in done]
    runs = [tasks.begin(day) for day in wanted]
    if first is None:
        runs = [run for run in runs if tasks.count_predictions(run).predictions]
    measure_days(runs)
    return [run.day for run in runs]


if __name__ == "__main__":
    backfill()
