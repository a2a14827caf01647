"""Vectors: a question and the state before it, side by side; online for one flight, in training for many."""

import numpy as np

from domain.airports import local_minutes
from domain.features.catalogue import DEFAULTS, DERIVED, FEATURE_NAMES, MARGIN_KINDS, POSITION, state_slices
from domain.features.entities import EVERYWHERE, hour_name, number_name, sector
from domain.features.grid import DAY_MINUTES, GRID_MINUTES, slow_boundary, tick_of
from domain.features.schedule import FEATURES as SCHEDULE
from domain.features.schedule import Names, schedule_features
from domain.features.state import StateBlock, compute_block
from domain.features.turns import KIND as TURN
from domain.features.turns import turn_name
from domain.flights import FlightFacts, Floats, Ints, Queries, WeatherFacts

SLICES = state_slices()
UNKNOWN_HOUR = 24


def assemble(queries: Queries, block: StateBlock, state_tick: Ints) -> Floats:
    """Gather the vectors of some questions from a block of state.

    An entity the state does not know has the catalogue's defaults.

    Parameters
    ----------
    queries : Queries, n rows
    block : StateBlock
    state_tick : Ints, shape (n,)
        The tick each question sees: within the block, at or before its `as_of`.

    Returns
    -------
    Floats, shape (n, n_features)
        In the order of `FEATURE_NAMES`.

    Raises
    ------
    ValueError
        If a tick is outside the block.
    """
    ticks = (state_tick - block.first_tick) // GRID_MINUTES
    if len(ticks) and (ticks.min() < 0 or ticks.max() >= block.n_ticks):
        raise ValueError("expected state ticks within the block")
    names = Names(queries.carrier.tolist(), queries.origin.tolist(), queries.dest.tolist())
    local = local_minutes(names.origin, queries.sched_dep)
    out = np.empty((len(ticks), len(FEATURE_NAMES)))
    for kind, entities in _entity_names(names, queries, local).items():
        _gather(out, SLICES[kind], block, kind, entities, ticks)
    columns = schedule_features(queries, names, local)
    out[:, : len(SCHEDULE)] = np.array(columns).T
    out[:, len(SCHEDULE) : len(SCHEDULE) + len(DERIVED)] = np.array(_derived(out)).T
    # One bit pattern for "unknown" and one for zero, so that equal vectors are equal bytes.
    out[out != out] = np.nan
    out += 0.0
    return out


def _entity_names(names: Names, queries: Queries, departure_local: Floats) -> dict[str, list[str]]:
    ends = list(zip(names.origin, names.dest, strict=True))
    hours = [int(m) % DAY_MINUTES // 60 if m == m else UNKNOWN_HOUR for m in departure_local.tolist()]
    flights = list(zip(names.carrier, queries.number.tolist(), names.origin, strict=True))
    found = {
        "network": [EVERYWHERE] * len(ends),
        "origin": names.origin,
        "origin_carrier": [f"{o}-{c}" for o, c in zip(names.origin, names.carrier, strict=True)],
        "carrier": names.carrier,
        "dest": names.dest,
        "route": [f"{o}-{d}" for o, d in ends],
        "sector": [sector(o, d) for o, d in ends],
        "origin_hour": [hour_name(o, h) for o, h in zip(names.origin, hours, strict=True)],
        "carrier_hour": [
            f"{c}:{hour_name(o, h)}" for c, o, h in zip(names.carrier, names.origin, hours, strict=True)
        ],
        "carrier_route": [f"{c}:{o}-{d}" for c, (o, d) in zip(names.carrier, ends, strict=True)],
        "flight": [number_name(*flight) for flight in flights],
        "weather": names.origin,
    }
    if TURN in SLICES:
        departures = queries.sched_dep.tolist()
        found[TURN] = [turn_name(*flight, at) for flight, at in zip(flights, departures, strict=True)]
    return found


def _gather(
    out: Floats, where: slice, block: StateBlock, kind: str, entities: list[str], ticks: Ints
) -> None:
    table = block.tables[kind]
    index = table.index
    if len(entities) == 1:  # the online case: plain indexing costs a tenth of a gather
        row = index.get(entities[0])
        out[0, where] = DEFAULTS[where] if row is None else table.values[ticks[0], row]
        return
    rows = np.array([index.get(name, -1) for name in entities], dtype=np.int64)
    missing = rows < 0
    if missing.all():
        out[:, where] = DEFAULTS[where]
        return
    out[:, where] = table.values[ticks, rows]
    out[missing, where] = DEFAULTS[where]


def _derived(vectors: Floats) -> list[Floats]:
    """Return `DERIVED`: what the block has over the route's mean, what wind and hour leave of it, and margins.

    A margin is how late a flight arrives that leaves as late as others did: their lateness less its own slack.
    """
    padding = vectors[:, BLOCK] - vectors[:, ELAPSED]
    wind, usual = vectors[:, WIND] * vectors[:, AIR_TIME], vectors[:, USUAL_EXCESS]
    # A wind not known, as before the morning's first arrivals, is taken for none.
    slack = padding - np.where(wind == wind, wind, 0.0) - np.where(usual == usual, usual, 0.0)
    margins = vectors[:, LATENESS].T - slack
    return [padding, padding - wind, slack, *margins]


BLOCK = [f.name for f in SCHEDULE].index("block_minutes")
ELAPSED = POSITION["route_elapsed_30d"]
AIR_TIME = POSITION["route_air_time_30d"]
WIND = POSITION["sector_air_time_excess_12h"]
USUAL_EXCESS = POSITION["origin_hour_elapsed_excess_30d"]
LATENESS = [POSITION[f"{kind}_cohort_lateness_3h"] for kind in MARGIN_KINDS]


def vectors_for(
    queries: Queries, flights: FlightFacts, weather: WeatherFacts, state_tick: Ints | None = None
) -> Floats:
    """Compute the vectors of many questions, day by day, in bounded memory: the way of training.

    Parameters
    ----------
    queries : Queries, n rows in any order
    flights, weather : FlightFacts, WeatherFacts
        Everything from LOOKBACK_MINUTES before the first tick on; later facts change nothing.
    state_tick : Ints, shape (n,), optional
        The tick each question sees; by default the newest at or before its `as_of`.

    Returns
    -------
    Floats, shape (n, n_features)
    """
    ticks = tick_of(queries.as_of) if state_tick is None else state_tick
    out = np.empty((len(queries), len(FEATURE_NAMES)))
    days = slow_boundary(ticks)
    order = np.argsort(days, kind="stable")
    starts = np.flatnonzero(np.diff(days[order], prepend=-1))
    for rows in np.split(order, starts[1:]) if len(order) else []:
        first = int(ticks[rows].min())
        count = (int(ticks[rows].max()) - first) // GRID_MINUTES + 1
        block = compute_block(flights, weather, first, count)
        out[rows] = assemble(queries.take(rows), block, ticks[rows])
    return out
