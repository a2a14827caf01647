"""Random histories of flights, revisions included, and a plain reading of them, event by event."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from domain.clock import NEVER
from domain.flights import FlightFacts, Network
from domain.revisions import FlightHistory
from tests.domain.worlds import AIRPORTS, CARRIERS, NOON


@dataclass(frozen=True)
class Said:
    """What was said of one flight at a minute; minutes count from NOON."""

    flight: int
    kind: str
    known: int
    departs: int = 0
    block: int = 120
    delay: int = 0
    air_time: int = -1


def carrier(flight: int) -> str:
    """Carrier of a flight."""
    return CARRIERS[flight % 3]


def ends(flight: int) -> tuple[str, str]:
    """Origin and destination of a flight."""
    return AIRPORTS[flight % 2], AIRPORTS[2 + flight % 2]


def identity(flight: int) -> str:
    """Identity of a flight."""
    return f"{carrier(flight)}{flight}-{ends(flight)[0]}-20130410"


def facts_of_history(said: Sequence[Said], network: Network | None = None) -> FlightFacts:
    """Facts as the product makes them; of two things said of a flight in one minute the later in the list is newer."""
    network = network or Network()
    # The sequence follows from time and the list, as it does from known_at and the number of a row.
    order = sorted(range(len(said)), key=lambda i: (said[i].known, i))
    sequence = np.empty(len(said), dtype=np.int64)
    sequence[order] = np.arange(len(said))
    return FlightHistory(
        network=network,
        flight_id=np.array([identity(s.flight) for s in said], dtype=str),
        kind=np.array([s.kind for s in said], dtype=str),
        known=_ints(NOON + s.known for s in said),
        sequence=sequence,
        carrier=_ints(network.carriers.code(carrier(s.flight)) for s in said),
        origin=_ints(network.airports.code(ends(s.flight)[0]) for s in said),
        dest=_ints(network.airports.code(ends(s.flight)[1]) for s in said),
        sched_dep=_ints(NOON + s.departs for s in said),
        sched_arr=_ints(NOON + s.departs + s.block for s in said),
        delay=_ints(s.delay for s in said),
        air_time=_ints(s.air_time for s in said),
    ).facts()


def plain_facts(said: Sequence[Said], minute: int, network: Network) -> FlightFacts:
    """What is known at a minute, a row a flight: read event by event, the newest word of each kind."""
    rows: dict[int, dict[str, Any]] = {}
    for s in sorted((s for s in said if s.known <= minute), key=lambda s: s.known):
        row = rows.setdefault(s.flight, {"cancelled": NEVER, "dep": NEVER, "arr": NEVER, "dep_delay": 0,
                                         "arr_delay": 0, "air_time": -1})  # fmt: skip
        if s.kind == "scheduled":
            row |= {"departs": s.departs, "arrives": s.departs + s.block}
        elif s.kind == "departed":
            row |= {"dep": min(row["dep"], NOON + s.known), "dep_delay": s.delay}
        elif s.kind == "arrived":
            row |= {"arr": min(row["arr"], NOON + s.known), "arr_delay": s.delay, "air_time": s.air_time}
        elif s.kind == "reinstated":
            row["cancelled"] = NEVER
        else:
            row["cancelled"] = min(row["cancelled"], NOON + s.known)
    there = sorted((r["departs"], identity(f), f) for f, r in rows.items() if "departs" in r)
    flights = [flight for _, _, flight in there]

    def column(name: str, add: int = 0) -> Any:
        return _ints(rows[flight][name] + add for flight in flights)

    return FlightFacts(
        network=network,
        flight_id=np.array([identity(f) for f in flights], dtype=str),
        carrier=_ints(network.carriers.code(carrier(f)) for f in flights),
        origin=_ints(network.airports.code(ends(f)[0]) for f in flights),
        dest=_ints(network.airports.code(ends(f)[1]) for f in flights),
        sched_dep=column("departs", NOON),
        sched_arr=column("arrives", NOON),
        # All of it is known at the minute itself.
        scheduled_known=_ints(NOON + minute for _ in flights),
        dep_known=column("dep"),
        dep_delay=column("dep_delay"),
        arr_known=column("arr"),
        arr_delay=column("arr_delay"),
        air_time=column("air_time"),
        cancelled_known=column("cancelled"),
        superseded=_ints(NEVER for _ in flights),
    )


def _ints(values: Any) -> Any:
    return np.array(list(values), dtype=np.int64)


KINDS = ("scheduled", "departed", "arrived", "cancelled", "diverted", "reinstated")
drawn_histories = st.lists(
    st.builds(
        Said,
        flight=st.integers(0, 5),
        kind=st.sampled_from((*KINDS, "scheduled")),
        known=st.integers(-3000, 600),
        departs=st.integers(-1440, 200) | st.integers(-31 * 1440, 600),
        block=st.integers(40, 600),
        delay=st.integers(-90, 1000),
        air_time=st.just(-1) | st.integers(20, 500),
    ),
    max_size=30,
    unique_by=lambda s: (s.flight, s.known),
)
