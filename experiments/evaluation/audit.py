"""The leakage audit: every vector of the year again, with everything known after its tick dropped, moved or scrambled.

A vector may see what was known by its state's tick, which is at or before its `as_of`. So at every tick that a
question sees, whatever became known later is spoilt: half of it is dropped, the rest is moved in time and given other
values. The vectors computed from that must be those of the training set, bit for bit. A feature that sees the future
by as little as a minute, or one value of it, differs.
"""

import hashlib
import json
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.clock import NEVER
from domain.features.catalogue import CONTRACT_HASH, FEATURE_NAMES, FEATURES
from domain.features.grid import slow_boundary, tick_of
from domain.features.state import AHEAD_MINUTES, LOOKBACK_MINUTES, StateBlock, compute_block
from domain.features.vectors import assemble
from domain.flights import FlightFacts, Floats, Ints, WeatherFacts
from experiments.evaluation.sets import EvaluationPlan, build_files
from experiments.rows import Progress, facts_in, read_rows
from training.training_set import TrainingSet

WEATHER_MINUTES = 2 * 1440
"""Weather that a tick can see was published in the day before; a second one is margin."""
CUTS = (0, 1, 2, 3, 4, 5, 10, 15, 30, 60, 120, 240, 480, 1440, 2880)
"""Minutes before its tick from which on a probe spoils the past too."""
PROBE_EVERY = 301
"""A day has 288 ticks: every probe is at another hour than the one before."""
SHIFTED_MINUTES = 2000
NOISE_MINUTES = 600
KINDS = {
    "schedule": "scheduled_known",
    "actual departure": "dep_known",
    "arrival": "arr_known",
    "cancellation": "cancelled_known",
}
WORKERS = 2


@dataclass
class Audit:
    """What was checked and found."""

    rows: int = 0
    ticks: int = 0
    violations: int = 0
    features: dict[str, int] = field(default_factory=dict)
    """Rows that differ, by the feature that does."""
    newest: dict[str, int] = field(default_factory=dict)
    """Newest `known_at` less `as_of` among the facts left as they were, in minutes, by kind of fact: at most 0."""
    used: dict[str, int] = field(default_factory=dict)
    """Newest `known_at` less `as_of` among the facts that a feature was found to use, in minutes."""
    probed: int = 0
    """Ticks at which that was looked for."""

    def add(self, other: "Audit") -> None:
        """Put another part's findings to these."""
        self.rows, self.ticks = self.rows + other.rows, self.ticks + other.ticks
        self.violations += other.violations
        for name, count in other.features.items():
            self.features[name] = self.features.get(name, 0) + count
        for kind, minutes in other.newest.items():
            self.newest[kind] = max(self.newest.get(kind, minutes), minutes)
        for name, minutes in other.used.items():
            self.used[name] = max(self.used.get(name, minutes), minutes)
        self.probed += other.probed


def audit(rows: TrainingSet, flights: FlightFacts, weather: WeatherFacts, seed: int = 0) -> Audit:
    """Audit the vectors of some rows against the facts of the world they are of.

    Parameters
    ----------
    rows : TrainingSet
        The vectors to audit.
    flights, weather : FlightFacts, WeatherFacts
        All that ever became known, from LOOKBACK_MINUTES before the rows on.
    """
    found = Audit()
    ticks = tick_of(rows.queries.as_of)
    order = np.argsort(ticks, kind="stable")
    starts = np.flatnonzero(np.diff(ticks[order], prepend=-1))
    for part in np.split(order, starts[1:]) if len(order) else []:
        _audit_tick(found, rows, part, int(ticks[part[0]]), flights, weather, seed)
    return found


def _audit_tick(
    found: Audit,
    rows: TrainingSet,
    part: Ints,
    tick: int,
    flights: FlightFacts,
    weather: WeatherFacts,
    seed: int,
) -> None:
    near, seen = _around(flights, weather, tick)
    block = _spoilt_block(near, seen, tick, tick, seed)
    queries = rows.queries.take(part)
    differs = _differs(assemble(queries, block, np.full(len(part), tick)), rows.X[part])
    found.rows, found.ticks = found.rows + len(part), found.ticks + 1
    found.violations += int(differs.any(axis=1).sum())
    for column in np.flatnonzero(differs.any(axis=0)).tolist():
        name = FEATURE_NAMES[column]
        found.features[name] = found.features.get(name, 0) + int(differs[:, column].sum())
    earliest = int(queries.as_of.min())
    for kind, known in {**{k: getattr(near, c) for k, c in KINDS.items()}, "weather": seen.known}.items():
        visible = known[known <= tick]
        if len(visible):
            age = int(visible.max()) - earliest
            found.newest[kind] = max(found.newest.get(kind, age), age)


def _around(flights: FlightFacts, weather: WeatherFacts, tick: int) -> tuple[FlightFacts, WeatherFacts]:
    """Return the facts that may count at a tick, and some that are known after it."""
    lowest = slow_boundary(tick) - LOOKBACK_MINUTES
    low, high = np.searchsorted(flights.sched_dep, [lowest, tick + AHEAD_MINUTES], side="right")
    first, last = np.searchsorted(weather.known, [tick - WEATHER_MINUTES, tick + WEATHER_MINUTES])
    return flights.take(slice(low, high)), weather.take(slice(first, last))


def _spoilt_block(near: FlightFacts, seen: WeatherFacts, tick: int, after: int, seed: int) -> StateBlock:
    """Compute a tick's state with everything spoilt that was known after a minute."""
    generator = np.random.default_rng([seed, tick])
    return compute_block(
        spoilt_flights(near, after, generator), spoilt_weather(seen, after, generator), tick, 1
    )


def _differs(again: Floats, before: Floats) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = again.view(np.int64) != before.view(np.int64)
    return found


def probe(rows: TrainingSet, flights: FlightFacts, weather: WeatherFacts, every: int, seed: int = 0) -> Audit:
    """Find how new the facts are that each feature uses, at some of the ticks.

    Ever older facts are spoilt too, until the feature moves: what moves it first is the newest it uses. An audit that
    spoils what no feature looks at would find no leak either; here each must have moved.

    Parameters
    ----------
    every : int
        Look at one in so many ticks.
    """
    found = Audit()
    ticks = tick_of(rows.queries.as_of)
    for tick in np.unique(ticks)[::every].tolist():
        _probe_tick(found, rows.take(ticks == tick), tick, flights, weather, seed)
    return found


def _probe_tick(
    found: Audit, rows: TrainingSet, tick: int, flights: FlightFacts, weather: WeatherFacts, seed: int
) -> None:
    near, seen = _around(flights, weather, tick)
    unmoved = np.ones(rows.X.shape, dtype=bool)
    for newer, older in pairwise(CUTS):
        block = _spoilt_block(near, seen, tick, tick - older, seed)
        moved = unmoved & _differs(assemble(rows.queries, block, np.full(len(rows), tick)), rows.X)
        unmoved &= ~moved
        for column in np.flatnonzero(moved.any(axis=0)).tolist():
            name = FEATURE_NAMES[column]
            # What the cut before left as it was is at most so new.
            newest = tick - newer - int(rows.queries.as_of[moved[:, column]].min())
            found.used[name] = max(found.used.get(name, newest), newest)
    found.probed += 1


def spoilt_flights(flights: FlightFacts, minute: int, generator: np.random.Generator) -> FlightFacts:
    """Drop half of what became known of flights after a minute, and give the rest other times and values."""
    changed: dict[str, Any] = {}
    for known, values in (
        ("dep_known", ("dep_delay",)),
        ("arr_known", ("arr_delay", "air_time")),
        ("cancelled_known", ()),
    ):
        times = getattr(flights, known).copy()
        later = np.flatnonzero((times > minute) & (times != NEVER))
        times[later] = np.where(
            generator.random(len(later)) < 0.5,
            NEVER,
            minute + 1 + generator.integers(0, SHIFTED_MINUTES, len(later)),
        )
        changed[known] = times
        for name in values:
            column = getattr(flights, name).copy()
            column[later] = generator.permutation(column[later]) + generator.integers(
                1, NOISE_MINUTES, len(later)
            )
            changed[name] = column
    spoilt = replace(flights, **changed)
    unpublished = flights.scheduled_known > minute
    return spoilt.take(~unpublished | (generator.random(len(unpublished)) < 0.5))


def spoilt_weather(weather: WeatherFacts, minute: int, generator: np.random.Generator) -> WeatherFacts:
    """Drop half of the observations published after a minute, and exchange the values of the rest."""
    later = np.flatnonzero(weather.known > minute)
    values: Floats = weather.values.copy()
    values[later] = values[generator.permutation(later)] + generator.normal(0, 20, values[later].shape)
    keep = np.ones(len(weather.known), dtype=bool)
    keep[later] = generator.random(len(later)) < 0.5
    return replace(weather, values=values).take(keep)


def audit_sets(plan: EvaluationPlan, data_dir: Path, folder: Path, progress: Progress) -> dict[str, Any]:
    """Audit every row the evaluation fits and tests on, month by month; months that are done are not done again."""
    fit, test = build_files(plan, data_dir, folder, progress)
    parts = [*fit, *test]
    results = folder / f"audit-{_code()}"
    results.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    missing = [part for part in parts if not _result(results, part).exists()]
    with ProcessPoolExecutor(WORKERS, get_context("spawn")) as pool:
        jobs = [pool.submit(_audit_part, part, data_dir, _result(results, part)) for part in missing]
        for done, job in enumerate(jobs, 1):
            job.result()
            progress("auditing month by month", done, len(missing))
    total = Audit()
    for part in parts:
        total.add(Audit(**json.loads(_result(results, part).read_text())))
    return findings(total, time.monotonic() - began)


def findings(total: Audit, seconds: float) -> dict[str, Any]:
    """Lay out what was found."""
    return {
        "rows_checked": total.rows,
        "features_checked": len(FEATURES),
        "ticks": total.ticks,
        "rows_that_differ": total.violations,
        "seconds": round(seconds, 1),
        "facts": [
            {"kind": kind, "newest_known_at_less_as_of_minutes": m} for kind, m in total.newest.items()
        ],
        "features_that_differ": [{"feature": name, "rows": n} for name, n in total.features.items()],
        "ticks_probed": total.probed,
        "families": [_family(total, name) for name in dict.fromkeys(f.family for f in FEATURES)],
    }


def _family(total: Audit, family: str) -> dict[str, Any]:
    """Return how new the facts are that a family was found to use; none where it follows from the question alone."""
    names = [f.name for f in FEATURES if f.family == family]
    used = {name: total.used[name] for name in names if name in total.used}
    return {
        "family": family,
        "features": len(names),
        "features_that_use_facts": len(used),
        "newest_known_at_less_as_of_minutes": max(used.values(), default=None),
        "of_each": [{"feature": name, "minutes": minutes} for name, minutes in used.items()],
    }


def _audit_part(part: Path, data_dir: Path, result: Path) -> None:
    rows = read_rows([part]).rows
    found = audit(rows, *facts_in(data_dir))
    found.add(probe(rows, *facts_in(data_dir), PROBE_EVERY))
    unfinished = result.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(asdict(found)))
    unfinished.replace(result)


def _result(folder: Path, part: Path) -> Path:
    return folder / f"{part.stem}.json"


def _code() -> str:
    return hashlib.sha256(CONTRACT_HASH.encode() + Path(__file__).read_bytes()).hexdigest()[:12]
