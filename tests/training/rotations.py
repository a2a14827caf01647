"""A feed in which delays go along with aircraft, made up; run as a module, it says what the optional events are worth.

python -m tests.training.rotations     # in a process that has both optional events; prints log-losses as JSON
"""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import lightgbm
import numpy as np

from data.facts import FactsInMemory
from domain.clock import from_minute
from domain.features.catalogue import FEATURES
from domain.metrics import log_losses
from domain.model import CategoryEncoder
from tests.domain.worlds import NOON, Flight, flight_facts, no_weather
from training.train import TreeParameters, fit_trees
from training.training_set import TrainingSet, build

DAYS, HELD_OUT = 34, 8
AIRCRAFT, LEGS = 36, 6
FIRST_LEG = -330
"""Minutes from noon in New York: half past six."""
SHORTEST_TURN = 30
PLACES = ("BOS", "ORD", "ATL", "CLT", "DCA", "DTW")


def flights(seed: int = 3) -> list[Flight]:
    """Return days of aircraft that fly from Newark and back, each late leg making the next one late.

    Of two late aircraft in five the airline changes the next one's, two hours before it leaves.
    """
    chance = np.random.default_rng(seed)
    return [
        flight
        for day in range(1 - DAYS, 1)
        for aircraft in range(AIRCRAFT)
        for flight in _rotation(day * 1440 + FIRST_LEG + 7 * aircraft, aircraft, chance)
    ]


def _rotation(departs: int, aircraft: int, chance: np.random.Generator) -> list[Flight]:
    place, made, late = PLACES[aircraft % len(PLACES)], [], 0
    for leg in range(LEGS):
        block, turn = int(chance.integers(70, 130)), int(chance.integers(35, 60))
        ends = ("EWR", place) if leg % 2 == 0 else (place, "EWR")
        swapped = late > 45 and chance.random() < 0.4
        inherited = 0 if swapped else max(0, late - (turn - SHORTEST_TURN))
        own = int(chance.exponential(45)) if chance.random() < 0.12 else int(chance.integers(-3, 6))
        gone = inherited + own
        planned = (departs - 12 * 60, f"N{aircraft}")
        expected = max(0, inherited + int(chance.normal(0, 6)))
        late = gone + int(chance.normal(-2, 6))
        made.append(
            Flight(
                carrier="UA", origin=ends[0], dest=ends[1], departs=departs, block=block, gone=departs + gone,
                there=departs + block + late, arr_delay=late, air_time=block - 20,
                number=100 * leg + aircraft + 1,
                tails=(planned, (departs - 120, f"S{aircraft}")) if swapped else (planned,),
                # One becomes known before the question at the headline lead, one after it.
                estimates=((departs - 90, expected), (departs - 20, gone)),
            )
        )  # fmt: skip
        departs += block + turn
    return made


def rows() -> TrainingSet:
    """Return a question about each flight an hour before it leaves."""
    facts = flight_facts(flights())
    last = from_minute(NOON + 1440).date()
    store = FactsInMemory(facts, no_weather(facts.network))
    as_of = datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=3)
    return build(store, last - timedelta(days=DAYS + 2), last, as_of, leads=(60,), extra_leads=0)


def loss_without(made: TrainingSet, families: tuple[str, ...]) -> float:
    """Return the log-loss on the newest days of trees that were fitted without some families."""
    vectors = made.X.copy()
    vectors[:, [feature.family in families for feature in FEATURES]] = np.nan
    known = replace(made, X=vectors)
    first = np.unique(made.day)[-HELD_OUT]
    fit, held_out = known.take(made.day < first), known.take(made.day >= first)
    parameters = TreeParameters(n_trees=150, min_data_in_leaf=60)
    trees = fit_trees(fit, parameters, seed=1)

    encoded = CategoryEncoder(tuple(feature.name for feature in FEATURES), trees.categories)(held_out.X)
    probability = lightgbm.Booster(model_str=trees.text).predict(encoded)
    return float(log_losses(held_out.y, np.asarray(probability)).mean())


def main() -> None:
    """Print the log-loss with neither family, with each, and with both."""
    made = rows()
    without = {
        "neither": ("aircraft", "estimate"), "aircraft": ("estimate",), "estimate": ("aircraft",), "both": ()
    }  # fmt: skip
    found = {name: loss_without(made, families) for name, families in without.items()}
    print(json.dumps(found | {"rows": len(made), "late": float(made.y.mean())}))  # noqa: T201


if __name__ == "__main__":
    main()
