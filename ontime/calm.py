"""How often the rules page while nothing is wrong: undisturbed nights drawn from the champion's training months."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

import numpy as np

from adapters.lightgbm_booster import LightGBMBooster
from data.dataset import Dataset
from data.facts import facts_of
from domain.clock import minute_floor
from domain.features.catalogue import FEATURE_NAMES
from domain.flights import FlightFacts, Floats, WeatherFacts
from domain.model import CategoryEncoder
from monitoring import drift, reference
from monitoring.measures import Measure
from ontime.first_steps import BEGINS, EARLIEST
from replay import undisturbed
from training.calibrate import fit_calibration
from training.train import TreeParameters, fit_trees
from training.training_set import HEADLINE_LEAD, TrainingSet, build

Say = Callable[[str], None]
FIRST, LAST = date(2013, 1, 1), date(2013, 3, 31)
"""The first champion's months."""
FOLDS = 3
DRAWS = 5
PARAMETERS = TreeParameters(n_trees=150, learning_rate=0.1)
"""Fewer and larger steps than the champion's: what is measured is the rules."""


class _Facts:
    """The dataset's facts as a training set is built of them."""

    def __init__(self, flights: FlightFacts, weather: WeatherFacts):
        self._flights, self._weather = flights, weather

    def facts(self, known_by: datetime, scheduled_from: datetime) -> tuple[FlightFacts, WeatherFacts]:
        """Give what was known by a moment of the flights scheduled from another on."""
        minute = minute_floor(known_by)
        near = self._flights.sched_dep >= minute_floor(scheduled_from)
        return self._flights.take(near).known_by(minute), self._weather.known_by(minute)


def measure(dataset: Dataset, say: Say) -> dict[str, Any]:
    """Judge draws of sixty undisturbed nights by every rule that pages; drift is an info, and not measured."""
    flights, weather = facts_of(dataset.events.between(EARLIEST, BEGINS))
    rows = build(_Facts(flights, weather), FIRST, LAST, BEGINS, (HEADLINE_LEAD,), 0)
    say(f"undisturbed nights: {FOLDS} fits, so that no week is predicted by a model that saw it")
    months = undisturbed.Months(flights, weather, rows, out_of_sample(rows))
    columns, values = reference.watched_columns(rows.X, months.probability)
    held = reference.make_reference(columns, values, rows.day)
    draws = []
    for seed in range(DRAWS):
        laid = undisturbed.lay(months, undisturbed.drawn(undisturbed.mondays(FIRST, LAST), seed))
        draws.append(list(undisturbed.nights_of(laid, months, _missing(held))))
        say(f"undisturbed nights: draw {seed + 1} of {DRAWS}, {len(undisturbed.openings(draws[-1]))} alerts")
    return undisturbed.summary(draws) | {"drawn_from": f"{FIRST} to {LAST}", "blocks": "weeks"}


def out_of_sample(rows: TrainingSet) -> Floats:
    """Give each row the calibrated probability of a model fitted without its week, and those a fold apart."""
    week = np.array([week_of(day) for day in rows.day.tolist()])
    raw = np.empty(len(rows))
    for fold in range(FOLDS):
        held_out = week % FOLDS == fold
        trees = fit_trees(rows.take(~held_out), PARAMETERS, fold)
        encode = CategoryEncoder(FEATURE_NAMES, trees.categories)
        with LightGBMBooster(trees.text) as booster:
            raw[held_out] = booster.raw_scores(encode(rows.X[held_out]))
    return fit_calibration(raw, rows.y).apply(raw)


def week_of(day: int) -> int:
    """Number of the week of a day like 20130401; Mondays begin it."""
    return (date(day // 10000, day // 100 % 100, day % 100).toordinal() - 1) // 7


def _missing(held: reference.Reference) -> undisturbed.Drift:
    def measured(features: Floats, probability: Floats) -> Sequence[Measure]:
        _, current = reference.watched_columns(features, probability)
        return drift.measure_drift(current, held, None).measures

    return measured
