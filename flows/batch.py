"""Monitors days one after another in one process: `python -m flows.batch`, a day a line on standard input.

A worker starts a process for every run, and Prefect, MLflow and Evidently take six seconds of a core to import: a
replay of nine months would import for half an hour. Here they are imported once. Each day is a flow run of its own
all the same, on Prefect's page as any other.
"""

import json
import sys
from datetime import date

from prefect.settings import temporary_settings

from flows.nightly_monitoring import nightly_monitoring

NO_HEARTBEATS = {"flows.heartbeat_frequency": None}
"""Their thread sleeps a second at a time, and a flow's end waits for it; whoever asked knows of a run that died."""


def main() -> None:
    """Answer each day with a line of JSON: the day, and what went wrong, null where nothing did."""
    # Flows may print: only answers may reach whoever reads them.
    answers, sys.stdout = sys.stdout, sys.stderr
    with temporary_settings(updates=NO_HEARTBEATS):
        for line in sys.stdin:
            answers.write(json.dumps({"day": line.strip(), "error": _run(line.strip())}) + "\n")
            answers.flush()


def _run(day: str) -> str | None:
    try:
        nightly_monitoring(day=date.fromisoformat(day))
    except Exception as error:  # a run that fails is reported, and may be asked for again
        return f"{type(error).__name__}: {error}"
    return None


if __name__ == "__main__":
    main()
