"""How often the rules page while nothing is wrong: undisturbed nights drawn from the champion's training months."""

import tempfile
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from adapters.event_store import EventStore
from adapters.lightgbm_booster import LightGBMBooster
from adapters.postgres import Database
from domain.features.catalogue import FEATURE_NAMES
from domain.flights import Floats
from domain.model import CategoryEncoder, FlightModel
from monitoring import drift, reference
from monitoring.measures import Measure
from replay import undisturbed
from training.calibrate import fit_calibration
from training.train import TreeParameters, fit_trees
from training.training_set import HEADLINE_LEAD, TrainingSet, build

Say = Callable[[str], None]
FOLDS = 3
DRAWS = 5
PARAMETERS = TreeParameters(n_trees=150, learning_rate=0.1)
"""Fewer and larger steps than the champion's: what is measured is the rules."""


def measure(database: Database, champion: FlightModel, say: Say) -> dict[str, Any]:
    """Judge draws of sixty undisturbed nights; the first is judged with Evidently's report of every night as well."""
    manifest = champion.manifest
    first, last = date.fromisoformat(manifest.trained_from), date.fromisoformat(manifest.trained_until)
    as_of = datetime.fromisoformat(manifest.as_of)
    store = EventStore(database)
    rows = build(store, first, last, as_of, (HEADLINE_LEAD,), 0)
    start = datetime.combine(first, datetime.min.time(), as_of.tzinfo) - timedelta(days=1)
    flights, weather = store.facts(as_of, start)
    say(f"undisturbed nights: {FOLDS} fits, so that no week is predicted by a model that saw it")
    months = undisturbed.Months(flights, weather, rows, out_of_sample(rows))
    columns, values = reference.watched_columns(rows.X, months.probability)
    held = reference.make_reference(columns, values, rows.day)
    draws = []
    for seed in range(DRAWS):
        weeks = undisturbed.drawn(undisturbed.mondays(first, last), seed)
        laid = undisturbed.lay(months, weeks)
        with tempfile.TemporaryDirectory() as scratch:
            draws.append(
                list(undisturbed.nights_of(laid, months, _drift(held, Path(scratch)), undisturbed.NIGHTS))
            )
        say(f"undisturbed nights: draw {seed + 1} of {DRAWS}")
    return undisturbed.summary(draws) | {"drawn_from": f"{first} to {last}", "blocks": "weeks"}


def out_of_sample(rows: TrainingSet) -> Floats:
    """Give each row the calibrated probability of a model fitted without its week, and those a fold apart."""
    week = np.array([undisturbed_week(day) for day in rows.day.tolist()])
    raw = np.empty(len(rows))
    for fold in range(FOLDS):
        held_out = week % FOLDS == fold
        trees = fit_trees(rows.take(~held_out), PARAMETERS, fold)
        encode = CategoryEncoder(FEATURE_NAMES, trees.categories)
        with LightGBMBooster(trees.text) as booster:
            raw[held_out] = booster.raw_scores(encode(rows.X[held_out]))
    return fit_calibration(raw, rows.y).apply(raw)


def undisturbed_week(day: int) -> int:
    """Number of the week of a day like 20130401; Mondays begin it."""
    return (date(day // 10000, day // 100 % 100, day % 100).toordinal() - 1) // 7


def _drift(held: reference.Reference, scratch: Path) -> undisturbed.Drift:
    def measured(features: Floats, probability: Floats) -> Sequence[Measure]:
        _, current = reference.watched_columns(features, probability)
        return drift.measure_drift(current, held, scratch).measures

    return measured
