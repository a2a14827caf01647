"""docs/capacity.md, written from measured unit costs and the country that was simulated."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from adapters.settings import PROJECT_ROOT, Settings
from domain.capacity import CapacityPlan, CapacityPolicy, Demand, UnitCosts, gigabytes, plan
from experiments import measured
from experiments.capacity.costs import CAPACITY, COUNTRY, MONITORING, REPORTS, unit_costs
from experiments.markdown import table

PAGE = PROJECT_ROOT / "docs" / "capacity.md"
CASES = {
    "New York": Demand(3, 920, 1),
    "the United States": Demand(350, 20_000, 100),
    "the world": Demand(4000, 100_000, 500),
    "10,000 requests a second": Demand(350, 20_000, 10_000),
}


def write_page(settings: Settings, page: Path = PAGE, reports: Path = REPORTS) -> Path | None:
    """Write the page; None where nothing was measured yet."""
    found, runs, country = (
        measured.read(settings, name, reports) for name in (CAPACITY, MONITORING, COUNTRY)
    )
    if found is None or runs is None:
        return None
    page.write_text(text(found, runs, country), encoding="utf-8")
    return page


def text(found: dict[str, Any], runs: dict[str, Any], country: dict[str, Any] | None) -> str:
    """Return the page."""
    costs, policy = unit_costs(found, runs), CapacityPolicy()
    plans = {name: plan(demand, costs) for name, demand in CASES.items()}
    why = "\n".join(
        f"- {name}: {'; '.join(p.reasons)}." for name, p in plans.items() if p.reasons
    )  # fmt: skip
    return f"""# Capacity

Written by `make bench-capacity` and `make simulate-country` from
[bench-capacity.json](reports/measured/bench-capacity.json),
[bench-monitoring.json](reports/measured/bench-monitoring.json) and
[capacity-country.json](reports/measured/capacity-country.json).
{measured.origin(found)}

Ask for your own site:

```sh
.venv/bin/ontime capacity --airports 350 --flights-per-day 20000 --requests-per-second 100
.venv/bin/ontime capacity --airports 3 --flights-per-day 920 --requests-per-second 1 --keep-months 12 --json
```

## What a site needs

{_cases(plans)}

Requests are predictions a second at the busiest; the day's mean is {1 / policy.peak_to_mean:.2f} of it. Cores are
planned to {policy.utilisation:.0%} of their time. The log keeps 24 months and the current one, events as long. One
machine is {policy.machine_cores} cores, {gigabytes(policy.machine_bytes)} of memory and
{gigabytes(policy.machine_disk)} of disk; other assumptions are in [domain/capacity.py](../domain/capacity.py).

Not one machine, or not the worker, because:

{why or "- All of them fit one machine."}

**Compose** on one machine (`make up`) carries a site until one of these bounds is passed: more replicas of the API
first ([how](operations.md#scale)), then more of the machine. Where only disk or PostgreSQL's memory is too little,
PostgreSQL goes to a host of its own ([how](operations.md#scale)), or fewer months are kept; a [standby of
PostgreSQL](operations.md#a-standby-of-postgresql) takes the long reads. **Swarm** (`make swarm-up`) spreads replicas of
the API, each host with its spool and shipper, over machines; PostgreSQL, the refresher and MLflow stay one each.
**Dask** (`ENGINE=dask`, `make dask-up`) divides a training set that does not fit the worker, or takes too long there;
with `FIT_ENGINE=dask` its workers fit the trees together, and the matrix need not fit into one machine's memory.
The refresher is one process and computes every airport's state in one tick: it is not divided.

## Unit costs

{_units(costs)}

CPU seconds are of one core of the machine that measured; a line through two sizes or more stands for what grows. The
machine had {found["machine"]["cores"]} cores, whose load was {found["machine"]["load_before"]:.1f} before and
{found["machine"]["load_after"]:.1f} after: a load above the number of cores means that other work ran meanwhile, which
makes CPU seconds more, and the plan cautious ([performance](reports/performance.md) has a prediction's cost by itself).

{_country(costs, country) if country else ""}"""


def _cases(plans: dict[str, CapacityPlan]) -> str:
    rows = [
        ("airports, flights a day", *(f"{d.airports:,}, {d.flights_per_day:,}" for d in CASES.values())),
        ("requests a second", *(f"{d.requests_per_second:,}" for d in CASES.values())),
    ]
    lines: dict[str, Callable[[CapacityPlan], str]] = {
        "API cores, workers": lambda p: f"{p.api_cores:,.2f}, {p.api_workers:,}",
        "API memory": lambda p: gigabytes(p.api_bytes),
        "shippers": lambda p: f"{p.shippers}",
        "log of predictions": lambda p: gigabytes(p.log_bytes),
        "events and labels": lambda p: gigabytes(p.events_bytes),
        "PostgreSQL on disk": lambda p: gigabytes(p.postgres_bytes),
        "PostgreSQL in memory": lambda p: gigabytes(p.postgres_memory),
        "a state; a tick": lambda p: f"{gigabytes(p.state_bytes)}; {p.tick_seconds:,.2f} s",
        "refresher's memory": lambda p: gigabytes(p.refresher_bytes),
        "training rows; core minutes": lambda p: f"{p.training_rows:,}; {p.training_core_hours * 60:,.0f}",
        "training memory": lambda p: gigabytes(p.training_bytes),
        "a monitoring run": lambda p: f"{p.monitoring_seconds / 60:,.0f} min",
        "cores, memory in all": lambda p: f"{p.machine_cores:,}, {gigabytes(p.machine_bytes)}",
        "limits to raise under Compose": lambda p: "<br>".join(p.compose_memory) or "none",
        "runs on": lambda p: p.engine,
        "trains on": lambda p: p.training_engine,
    }
    rows += [(name, *(line(p) for p in plans.values())) for name, line in lines.items()]
    return table(("", *plans), rows)


def _units(costs: UnitCosts) -> str:
    micro = 1e6
    return table(
        ("unit", "cost"),
        [
            ("a prediction, of an API worker", f"{costs.prediction_seconds * micro:,.0f} us of a core"),
            ("a prediction shipped, shipper and PostgreSQL", f"{costs.shipping_seconds * micro:,.0f} us of a core"),
            ("a prediction in the log, with indexes", f"{costs.prediction_bytes:,.0f} bytes"),
            ("a flight's events and label, with indexes", f"{costs.flight_bytes:,.0f} bytes"),
            ("an observation of weather, with indexes", f"{costs.observation_bytes:,.0f} bytes"),
            ("a tick, for 1,000 flights a day", f"{costs.tick_seconds_a_daily_flight * 1e6:,.2f} ms of a core"),
            ("a state, an airport", f"{costs.state_bytes_an_airport:,.0f} bytes"),
            ("a state, a flight a day", f"{costs.state_bytes_a_daily_flight:,.0f} bytes"),
            ("an API worker, without states", gigabytes(costs.worker_bytes)),
            ("a million training rows", f"{costs.training_seconds_a_row * 1e6 / 60:,.0f} min of a core"),
            ("a million training rows, memory", gigabytes(costs.training_bytes_a_row * 1e6)),
            ("a monitoring run, a million predictions a day",
             f"{costs.monitoring_seconds_a_prediction * 1e6:,.0f} s more than {costs.monitoring_seconds:,.0f} s"),
        ],
    )  # fmt: skip


def _country(costs: UnitCosts, country: dict[str, Any]) -> str:
    demand = Demand(country["airports"], country["flights_per_day"], 100)
    planned = plan(demand, costs)
    ticks, asked, loading = country["ticks"], country["predictions"], country["loading"]
    workers = costs.worker_bytes + (ticks["ticks"] + 1) * planned.state_bytes
    rows = [
        ("a tick, seconds of a core", planned.tick_seconds, ticks["cpu_seconds"], "{:,.2f}"),
        ("a state, MB", planned.state_bytes / 1e6, ticks["state_bytes"] / 1e6, "{:,.2f}"),
        ("a stored state, MB", planned.state_bytes / 1e6, ticks["stored_bytes_a_tick"] / 1e6, "{:,.2f}"),
        ("refresher's memory, MB", planned.refresher_bytes / 1e6, ticks["refresher_peak_bytes"] / 1e6, "{:,.0f}"),
        ("a prediction, us of a core", costs.prediction_seconds * 1e6, asked["cpu_microseconds"], "{:,.0f}"),
        ("a worker with these states, MB", workers / 1e6, asked["worker_bytes"] / 1e6, "{:,.0f}"),
        ("a prediction in the log, bytes", costs.prediction_bytes, asked["bytes_a_prediction"], "{:,.0f}"),
        ("shipping one, us of a core", costs.shipping_seconds * 1e6, asked["shipping_microseconds"], "{:,.0f}"),
        ("a flight's events and label, bytes", costs.flight_bytes, loading["bytes_a_flight"], "{:,.0f}"),
        ("an observation, bytes", costs.observation_bytes, loading["bytes_an_observation"], "{:,.0f}"),
    ]  # fmt: skip
    compared = [(name, form.format(p), form.format(m), f"{m / p:.2f}") for name, p, m, form in rows]
    off = [f"{name} ({ratio})" for name, _, _, ratio in compared if not 0.67 <= float(ratio) <= 1.5]
    said = "; ".join(off) if off else "none"
    held = CapacityPolicy().held_states
    days = math.ceil(loading["flights"] / country["flights_per_day"])
    return f"""## The United States, simulated

A generated country ([experiments/capacity/country.py](../experiments/capacity/country.py)): {country["airports"]}
airports, {country["flights_per_day"]:,} flights a day over {country["loading"]["flights"]:,} flights, which is as far
back as a state looks, by the hours, delays and weather of the dataset; {country["events"]:,} events. The real
refresher computed {ticks["ticks"] + 1} ticks of them, and a real API with two workers was asked about
{asked["asked"]:,} flights by four clients at once. {measured.origin(country)} The load was
{country["machine"]["load_before"]:.1f} before and {country["machine"]["load_after"]:.1f} after, on
{country["machine"]["cores"]} cores.

{table(("", "plan", "measured", "measured / plan"), compared, numbers=True)}

More than half as much again or a third less than planned: {said}.

The first tick after a start, which reads every event of {days} days,
took {ticks["first_seconds"]:,.0f} s; the others {ticks["seconds"]:.2f} s from the clock to the stored state. An
answer took {asked["p50_ms"]:.1f} ms in the median and {asked["p99_ms"]:.0f} ms in the 99th percentile; on a machine
that does other work too, times say less than CPU seconds.

## Limits

- A worker holds the states of four hours, {held} of them: at {country["airports"]} airports
  {gigabytes(held * ticks["state_bytes"])} beside its own {gigabytes(costs.worker_bytes)}. The Compose file bounds
  what a replica's two workers may hold ([size](operations.md#size)): raise the bound before the sum reaches it.
- The refresher held most, {gigabytes(ticks["refresher_peak_bytes"])}, at its first tick, where it reads every
  event. The Compose file bounds it too ([size](operations.md#size)): `ontime capacity` says which limits a site has
  to raise.
- Load of other work is in every figure of CPU. What PostgreSQL takes of a tick, and what the gateway takes, is not
  measured.
- The refresher is one process, and so is the shipper of one spool; neither is divided.
- Generated traffic has the dataset's statistics of one hour each: delays that spread from flight to flight are not in
  it, which move no cost, and its model was fitted on New York, which moves no cost either.
- A year of training rows and a day of monitoring are lines through smaller sizes that were measured, not runs.
"""
