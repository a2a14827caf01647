"""Commands for a stack in operation: its alerts, replayed days, and drills."""

from datetime import timedelta
from typing import Annotated

import typer

from adapters.clock_store import ClockStore
from adapters.monitoring_store import MonitoringStore, StoredAlert
from adapters.postgres import Database
from adapters.settings import settings
from adapters.terminal import print_json, say
from deploy.native import selection
from deploy.native.manager import with_database
from ontime import sites
from ontime.keys import keys
from ontime.options import AsJson
from ontime.spool import spool

app = typer.Typer()
app.add_typer(keys, name="keys", rich_help_panel="Operate")
app.add_typer(spool, name="spool", rich_help_panel="Operate")
YEAR = timedelta(days=366)


@app.command()
def alerts(
    every: Annotated[bool, typer.Option("--all", help="Also those that are resolved, of a year.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the open alerts: number, severity, day, message and runbook entry."""

    def work(database: Database) -> None:
        store, today = MonitoringStore(database), ClockStore(database).read().now.date()
        found = store.alerts(today - YEAR, today) if every else store.open_alerts()
        if as_json:
            print_json(found)
            return
        for alert in found:
            say(_line(alert))
        if not found:
            say("there was no alert" if every else "no alert is open")

    with_database(settings(), work)


def _line(alert: StoredAlert) -> str:
    seen = f", seen by {alert.acknowledged_by}" if alert.acknowledged_by else ""
    state = "resolved" if alert.resolved_at else "open"
    return f"{alert.alert_id:>5} {alert.severity:8} {alert.day} {state}{seen}: {alert.message}"


@app.command()
def capacity(
    airports: Annotated[int, typer.Option(help="Airports that flights leave from or go to.")],
    flights_per_day: Annotated[int, typer.Option(help="Flights a day.")],
    requests_per_second: Annotated[float, typer.Option(help="Predictions a second at the busiest.")],
    keep_months: Annotated[int, typer.Option(help="Months of predictions that are kept.")] = 24,
    as_json: AsJson = False,
) -> None:
    """Say what a site needs: cores, workers, memory, disk, shippers, engine; from measured unit costs."""
    from domain.capacity import Demand, plan
    from experiments.capacity.costs import kept_costs

    demand = Demand(airports, flights_per_day, requests_per_second, keep_months)
    found = plan(demand, kept_costs(settings()))
    if as_json:
        print_json(found.as_dict())
        return
    for line in found.lines():
        say(line)


@app.command()
def acknowledge(
    number: Annotated[int, typer.Argument(metavar="ALERT", help="Number of the alert.")],
    who: Annotated[str, typer.Option(help="Who has seen it; goes on record.")],
) -> None:
    """Record who has seen an alert, the first acknowledgement is kept; it stays open until its rule stops firing."""

    def work(database: Database) -> None:
        store = MonitoringStore(database)
        store.acknowledge(number, who, ClockStore(database).read().now)
        alert = store.alert(number)
        say(f"{alert.rule} of {alert.day}: seen by {alert.acknowledged_by}")

    with_database(settings(), work)


@app.command()
def replay(
    context: typer.Context,
    first: sites.FirstDay = None,
    last: sites.LastDay = None,
    site: sites.Files = None,
    keep: sites.Keep = False,
) -> None:
    """Replay days through the running stack, of 2013 by default: events, predictions, labels, nightly monitoring.

    Without days all of them, April to December, with the first alone that day, on a stack that is started, given its
    history and a first champion where it has none. It goes on from the stack's clock, may be interrupted and run
    again, and leaves a report.
    """
    days = sites.day(first), sites.day(last)
    if site is None:
        selection.enter(context.obj or selection.the_running_one())
        from replay.session import replay_days

        replay_days(settings(), *days, say)
    else:
        own = sites.enter(site, days[0])
        from experiments.other_places.command import note_replay, page_of
        from replay.session import replay_days

        replay_days(own, *days, say)
        note_replay(own, f"ontime replay --site {site.resolve().name}", say, page_of(own, keep))


@app.command()
def drill(
    fault: Annotated[str, typer.Argument(help="Name of a fault, or all; none = undisturbed.")] = "all",
    first: sites.FirstDay = None,
    site: sites.Files = None,
) -> None:
    """Inject a fault into replayed days on a stack of its own; report when it was detected and what was done.

    Eight undisturbed days from the first on, 1 April 2013 by default, then two with the fault.
    """
    if site is None:
        sites.refuse_days(first)
    own = settings() if site is None else sites.enter(site)
    from experiments.drills.stack import Place, run_apart

    place = Place(own.state_dir / "data", sites.day(first)) if site else None
    raise typer.Exit(run_apart(own, fault, place))
