"""Roll back by hand."""

from prefect import flow
from prefect.runtime import flow_run

from flows import tasks
from flows.tasks import FLOW_RUN


# Prefect reads the descriptions of parameters from a section "Args", and from nothing else.
@flow(name="rollback")
def rollback(reason: str, expected_version: int | None = None, who: str = "prefect") -> int:
    """Promote the rollback target, the champion before; the API follows within two seconds.

    Args:
        reason: Why; goes into the ledger.
        expected_version: The version you believe to serve; empty = whichever does.
        who: Who asks; goes into the ledger.
    """
    run = str(flow_run.id)
    done = tasks.change_by(run)
    if done is not None:
        return int(done)
    serving, target = tasks.rollback_target(who, reason)
    expected = serving if expected_version is None else expected_version
    return int(tasks.roll_back(who, reason, expected, target, {FLOW_RUN: run}).to_version)


if __name__ == "__main__":
    raise SystemExit("run it through its deployment: it needs a reason")
