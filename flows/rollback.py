"""Roll back by hand."""

from typing import Annotated

from prefect import flow
from pydantic import Field

from flows import tasks


@flow(name="rollback")
def rollback(
    reason: Annotated[str, Field(description="Why; goes into the ledger.")],
    expected_version: Annotated[
        int | None, Field(description="The version you believe to serve; empty = whichever does.", ge=1)
    ] = None,
    who: Annotated[str, Field(description="Who asks; goes into the ledger.")] = "prefect",
) -> int:
    """Let the last champion serve again; the API follows within two seconds."""
    return int(tasks.roll_back(who, reason, expected_version, {}).to_version)


if __name__ == "__main__":
    raise SystemExit("run it through its deployment: it needs a reason")
