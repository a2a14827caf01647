"""Promote a version by hand."""

from typing import Annotated

from prefect import flow
from pydantic import Field

from flows import tasks


@flow(name="promote")
def promote(
    version: Annotated[int, Field(description="The version to let serve.", ge=1)],
    reason: Annotated[str, Field(description="Why; goes into the ledger.")],
    expected_version: Annotated[
        int | None, Field(description="The version you believe to serve; empty = whichever does.", ge=1)
    ] = None,
    who: Annotated[str, Field(description="Who asks; goes into the ledger.")] = "prefect",
) -> int:
    """Let a version serve; the API follows within two seconds."""
    return int(tasks.promote_version(version, expected_version, who, reason, {}).to_version)


if __name__ == "__main__":
    raise SystemExit("run it through its deployment: it needs a version and a reason")
