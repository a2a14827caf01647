"""docs/reports/performance.md and reliability.md, written from what `make bench` and `make chaos` measured."""

from pathlib import Path
from typing import Any

from adapters.settings import PROJECT_ROOT, Settings
from experiments import measured

PAGES = PROJECT_ROOT / "docs" / "reports"
NEW_LINE = "\n"


def write_performance(settings: Settings, pages: Path = PAGES) -> Path | None:
    """Write performance.md; None where nothing was measured yet."""
    found = measured.read(settings, "bench", pages)
    if found is None:
        return None
    peers = measured.read(settings, "bench-peers", pages)
    path = pages / "performance.md"
    path.write_text(performance(found) + (_peers(peers) if peers else ""), encoding="utf-8")
    return path


def write_reliability(settings: Settings, pages: Path = PAGES) -> Path | None:
    """Write reliability.md; None where nothing was measured yet."""
    found = measured.read(settings, "chaos", pages)
    if found is None:
        return None
    path = pages / "reliability.md"
    path.write_text(reliability(found), encoding="utf-8")
    return path


APART = """The workers have one half of the cores and the generator the other. Answers in a second of the workers' own
time, beside those at capacity, say what refusing the rest costs."""
SHARED = """The generator shares the cores with the API, so that what it takes to send is missing there: answers in a
second of the workers' own time, beside those at capacity, say what refusing the rest costs."""


def performance(found: dict[str, Any]) -> str:
    """Write the page of `bench.json`."""
    machine, model, batches, overload = (found[name] for name in ("machine", "model", "batches", "overload"))
    rungs = [
        f"| {r['rung']} | {r['what']} | {r['requests_a_second']:,} | {r['of_bare_flask']:.2f} | {r['p99_ms']:.1f} "
        f"| {r['p99_of_bare_flask']:.1f} | {r['cpu_microseconds']:,} | {r['cpu_of_bare_flask']:.2f} |"
        for r in found["rungs"]
    ]
    steps = [
        f"| {s['times_capacity']} | {s['sent_a_second']:,} | {s['goodput_of_capacity']:.2f} "
        f"| {s.get('goodput_a_cpu_second_of_capacity', float('nan')):.2f} | {_answers(s['answers'])} "
        f"| {s['p99_ms']:.0f} | {_or_dash(s['refused_p99_ms'])} | {s['afterwards_of_capacity']:.2f} |"
        for s in overload["steps"]
    ]
    return f"""# Performance

Written from [measured/bench.json](measured/bench.json).
{measured.origin(found)}

All servers ran beside each other on one
machine with {machine["cores"]} cores, whose load was {machine["load_before"]:.1f} before and
{machine["load_after"]:.1f} after, and were asked in turns by {found["tool"]} with {found["clients"]} clients: only
ratios count, medians over
{found["rounds"]} rounds of {found["seconds"]:g} s each. A load above the number of cores means that other work ran
meanwhile.

## A prediction, step by step

Real flights of a busy July day, state in memory, a model of {model["trees"]} trees of {model["leaves"]} leaves over
{model["features"]} features, lines and perceptrons beside them. Each row does what the one above it does, and one thing
more; all under the Gunicorn configuration of the API.

| step | what is added | requests/s | of bare Flask | p99, ms | of bare Flask | CPU, us | of bare Flask |
|---|---|---|---|---|---|---|---|
{NEW_LINE.join(rungs)}

The last row asks about more flights than a worker remembers: each is checked, named and assembled from nothing. A
worker remembers a flight's schedule, its vector until the next state, five minutes later, and what the model said of it
until the minute ends; the rows before are about {found["asked_about"]:,} flights, asked about again and again.

Batches of {batches["flights"]:,} flights, one after the other, beside LightGBM's `Booster.predict` of as many rows in
one thread, {batches["raw_rows_a_second"]:,} rows a second:

| flights | flights/s | of `Booster.predict` | CPU a flight, us |
|---|---|---|---|
{NEW_LINE.join(_batch_row(kind, batches[kind]) for kind in ("known", "new"))}

Some seconds after the last of them the largest worker held
{_memory(found)}.

## Overload

The open loop: requests start when they are due, however slowly those before them are answered. Capacity,
{overload["capacity"]:,} requests a second at first, is what the same generator gets in the closed loop, just before and
just after. {APART if overload.get("apart") else SHARED} A worker that finds too many connections waiting refuses with
503 and `Retry-After`, unread. Times are in milliseconds; status 0 is no answer in time.

| times capacity | sent/s | goodput of it | in a CPU second | answers by status | p99 of 200 | p99 of 503 | afterwards |
|---|---|---|---|---|---|---|---|
{NEW_LINE.join(steps)}
"""


def _peers(found: dict[str, Any]) -> str:
    rows = [
        f"| {s['rung']} | {s['requests_a_second']:,} | {s['of_bare_flask']:.2f} | {s['p99_ms']:.1f} "
        f"| {s['cpu_microseconds']:,} |"
        for s in found["servers"]
    ]
    return f"""
## Other servers

Granian's WSGI beside Gunicorn, two workers each; and MLflow's own server with the same trees, to which vectors are
given, and which looks nothing up and logs nothing. {found["rounds"]} rounds of {found["seconds"]:g} s each, in turns,
by {found["tool"]} with {found["clients"]} clients; the load was {found["machine"]["load"]:.1f} at their end.

| server | requests/s | of bare Flask | p99, ms | CPU, us |
|---|---|---|---|---|
{NEW_LINE.join(rows)}

{measured.origin(found)}
"""


def _batch_row(kind: str, found: dict[str, Any]) -> str:
    what = {"known": "the same again, within a minute", "new": "not asked about before"}[kind]
    return (
        f"| {what} | {found['flights_a_second']:,} | {found['of_raw']:.2f} "
        f"| {found['cpu_microseconds_a_flight']:.0f} |"
    )


def _memory(found: dict[str, Any]) -> str:
    held = f"{found['worker_megabytes']:.0f} MB"
    own = found.get("worker_proportional_megabytes")
    return held if own is None else f"{held}, {own:.0f} MB with only its part of what it shares with others"


def reliability(found: dict[str, Any]) -> str:
    """Write the page of `chaos.json`."""
    audit = found["audit"]
    unknown = audit["logged"] - audit["acknowledged"]
    faults = [
        f"| {f['fault']} | {f['what']} | {_answers(f['answers'])} | {f['p99_ms']:.0f} "
        f"| {f['longest_gap_seconds'] * 1000:.0f} | {'yes' if f['answered_afterwards'] else 'no'} |"
        for f in found["faults"]
    ]
    hostile = [f"| {h['what']} | {h['status']} | {h['milliseconds']:.0f} |" for h in found["hostile"]]
    return f"""# Reliability

Written from [measured/chaos.json](measured/chaos.json).
{measured.origin(found)}

A small stack of real processes, the API with
two workers, the shipper and PostgreSQL, answers {found["rate"]:.0f} predictions a second
while each fault lasts {found["seconds"]:g} s. MLflow and Prefect are away all the while: a worker that starts serves
from its cache. The client keeps a ledger of every answer 200; when all is over, each has
to be in the log exactly once, with the probability that was answered.

**{audit["acknowledged"]:,} predictions were acknowledged: {audit["missing"]} are missing from the log,
{audit["twice"]} are there twice, {audit["different"]} with another probability.** {unknown:,} more are logged that no
client was given: their worker ended between the write and the answer.

Times are in milliseconds; status 0 is a connection that was lost, 422 the answer about a flight that has left by a
clock that jumped.

| fault | what is done | answers by status | p99 of 200 | longest without a 200 | answers 200 at the end |
|---|---|---|---|---|---|
{NEW_LINE.join(faults)}

What is refused, and how fast:

| request | status | ms |
|---|---|---|
{NEW_LINE.join(hostile)}
"""


def _answers(answers: dict[str, int]) -> str:
    return ", ".join(f"{status}: {count:,}" for status, count in answers.items())


def _or_dash(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"
