"""Commands that delete for good: what a policy keeps no longer, and single predictions."""

from typing import Annotated
from uuid import UUID

import typer

from adapters.deletion_store import DeletionStore
from adapters.postgres import Database
from adapters.settings import settings
from adapters.terminal import say
from deploy.native.manager import with_database
from ontime.options import Who

app = typer.Typer()
MEGABYTE = 1e6


@app.command()
def retention(
    who: Who,
    delete: Annotated[bool, typer.Option("--delete", help="Delete it; without, only list it.")] = False,
    reason: Annotated[str, typer.Option(help="Why; goes into the ledger.")] = "the policy of the settings",
) -> None:
    """List what is kept no longer: predictions, states, refused lines, models' copies, reports; or delete it.

    The policy is in the settings ONTIME_KEEP_...; what was deleted is a row of the ledger of deletions.
    """
    from flows.retention import RetentionPolicy, delete_expired, find_expired

    def work(database: Database) -> None:
        found = find_expired(settings(), database, RetentionPolicy.from_settings(settings()))
        for thing in found:
            say(f"{thing.kind}: {thing.name}, {thing.bytes / MEGABYTE:.1f} MB")
        if not found:
            say("nothing is older than the policy keeps")
        elif delete:
            say(f"deleted; row {delete_expired(database, found, who, reason)} of the ledger of deletions")
        else:
            say("nothing was deleted: --delete deletes it")

    with_database(settings(), work)


@app.command()
def erase(
    prediction: Annotated[UUID, typer.Argument(help="Id of the prediction.")],
    reason: Annotated[str, typer.Option(help="Why; goes into the ledger.")],
    who: Who,
) -> None:
    """Delete one prediction from the log for good; its id, who asked and why stay in a ledger."""

    def work(database: Database) -> None:
        number = DeletionStore(database).erase(str(prediction), who, reason)
        say(f"prediction {prediction} is erased; row {number} of the ledger of deletions")

    with_database(settings(), work)
