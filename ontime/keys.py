"""Commands for the API's keys."""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated

import typer

from adapters.api_keys import LONGEST_DAYS, SCOPES, ApiKeys, KeyRecord
from adapters.postgres import Database
from adapters.settings import settings
from adapters.terminal import print_json, say
from deploy.native import layout
from deploy.native.manager import register_keys, with_database
from domain.errors import Conflict
from ontime.options import AsJson

keys = typer.Typer(no_args_is_help=True, help="Create, list, rotate and revoke keys of the API.")
Name = Annotated[str, typer.Argument(help="Whose key it is: a person or a program.")]
WAIT = "workers know it within two seconds"


@keys.callback()
def group() -> None:
    """Create, list, rotate and revoke keys of the API."""


@keys.command()
def create(
    name: Name,
    scope: Annotated[list[str], typer.Option(help=f"One of {', '.join(SCOPES)}; may be repeated.")],
    days: Annotated[
        int | None,
        typer.Option(
            min=1, max=LONGEST_DAYS, help="Days until it expires; without, it is active until revoked."
        ),
    ] = None,
) -> None:
    """Make a key and print it, once: the database holds only its hash."""
    _refuse_a_files_name(name)
    lifetime = None if days is None else timedelta(days=days)
    _with_keys(lambda found: say(found.create(name, scope, lifetime)))


@keys.command("list")
def list_keys(
    every: Annotated[bool, typer.Option("--all", help="Also those that are revoked or expired.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the keys: name, scopes, how its hash begins, when it was made, expires, was used last."""

    def work(found: ApiKeys) -> None:
        records = [record for record in found.load_all() if every or record.active]
        if as_json:
            print_json(records)
            return
        for record in records:
            say(_line(record))
        if not records:
            say("no key is active: `ontime keys record` records those that lie beside the stack")

    _with_keys(work)


@keys.command()
def revoke(name: Name) -> None:
    """Revoke all keys of a name, now."""

    def work(found: ApiKeys) -> None:
        number = found.revoke(name)
        say(f"{name}: {number} key{'s' if number > 1 else ''} revoked; {WAIT}")

    _with_keys(work)


@keys.command()
def rotate(
    name: Name,
    overlap_hours: Annotated[
        float,
        typer.Option(
            min=0,
            max=LONGEST_DAYS * 24,
            help="How long the key before stays active, for its owner to change over.",
        ),
    ] = 24.0,
) -> None:
    """Make another key of the same name, scopes and days and print it, once; the one before ends after the overlap."""
    _refuse_a_files_name(name)
    _with_keys(lambda found: say(found.rotate(name, timedelta(hours=overlap_hours))))


@keys.command()
def record() -> None:
    """Record the keys that lie beside the stack, in place of others of their names; safe to repeat."""

    def work(database: Database) -> None:
        register_keys(database, settings())
        active = {key.name for key in ApiKeys(database).load_active().values()}
        for name, scopes in layout.KEYS.items():
            file = settings().api_keys_dir / name
            if name in active:
                say(f"{file}: {', '.join(scopes)}")
            else:
                say(f"{file}: revoked, and stays so: remove the file and start again, and it is another key")
        if not active >= layout.KEYS.keys():
            raise typer.Exit(1)

    with_database(settings(), work)


def _refuse_a_files_name(name: str) -> None:
    if name in layout.KEYS:
        raise Conflict(
            f"{name} lies beside the stack: delete the file and start again, and it is another key"
        )


def _with_keys(work: Callable[[ApiKeys], None]) -> None:
    with_database(settings(), lambda database: work(ApiKeys(database)))


def _line(record: KeyRecord) -> str:
    expires = f", expires {record.expires_at:%Y-%m-%d %H:%M}" if record.expires_at else ""
    used = f"last used {record.last_used_at:%Y-%m-%d %H:%M}" if record.last_used_at else "never used"
    state = "" if record.active else ", revoked" if record.revoked_at else ", expired"
    scopes = ", ".join(record.scopes)
    made = f"made {record.created_at:%Y-%m-%d %H:%M}"
    return f"{record.name:20} {scopes:24} {record.hash_begins}  {made}{expires}, {used}{state}"
