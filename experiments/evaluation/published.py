"""The comparison with the published: tidymodels' set-up on the same data, theirs reproduced and ours beside it.

Theirs (the article "Preprocess your data with recipes"): arr_delay of 30 minutes or more, flights without missing
values, a random split of 75 to 25, logistic regression on the date, the actual departure time, the air time and the
route; ROC AUC 0.764. Actual departure and air time are known when it is too late, and a random split lets a model see
the afternoon's flights when it is asked about the morning's: both flatter. Ours uses what was known 60 minutes before.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from adapters.lightgbm_booster import LightGBMBooster
from domain.features.catalogue import FEATURE_NAMES
from domain.flights import Floats, Ints
from domain.metrics import auc
from domain.model import CategoryEncoder
from training.train import TreeParameters, fit_trees
from training.training_set import TrainingSet

LATE_MINUTES = 30
TEST_SHARE = 0.25
PUBLISHED = 0.764
COLUMNS = [
    "dep_time",
    "air_time",
    "distance",
    "origin",
    "dest",
    "carrier",
    "month",
    "day",
    "year",
    "arr_delay",
]
# The holidays of the recipe `timeDate::listHolidays("US")` that fall in 2013.
HOLIDAYS = (
    date(2013, 1, 1), date(2013, 1, 21), date(2013, 2, 18), date(2013, 3, 29), date(2013, 5, 27),
    date(2013, 7, 4), date(2013, 9, 2), date(2013, 10, 14), date(2013, 11, 11), date(2013, 11, 28), date(2013, 12, 25),
)  # fmt: skip


def raw_flights(package: Path) -> pd.DataFrame:
    """Read the columns theirs uses from the dataset's own file; rows with a missing value are left out."""
    with (
        ZipFile(package / "data" / "flights.csv.zip") as archive,
        archive.open(archive.namelist()[0]) as file,
    ):
        flights = pd.read_csv(file, usecols=COLUMNS)
    return flights.dropna().reset_index(drop=True)


def theirs(flights: pd.DataFrame, train: Ints, test: Ints) -> float:
    """Return the AUC of their logistic regression on one split."""
    when = pd.to_datetime(flights[["year", "month", "day"]])
    table = pd.DataFrame(
        {
            "dep_time": flights["dep_time"],
            "air_time": flights["air_time"],
            "distance": flights["distance"],
            "origin": flights["origin"],
            "dest": flights["dest"],
            "carrier": flights["carrier"],
            "dow": when.dt.dayofweek,
            "month": flights["month"],
            "holiday": when.dt.date.isin(HOLIDAYS).astype(int),
            "date": (when - when.min()).dt.days,
        }
    )
    late = (flights["arr_delay"] >= LATE_MINUTES).to_numpy()
    numeric, named = (
        ["dep_time", "air_time", "distance", "holiday", "date"],
        ["origin", "dest", "carrier", "dow", "month"],
    )
    model = make_pipeline(
        make_column_transformer((StandardScaler(), numeric), (OneHotEncoder(handle_unknown="ignore"), named)),
        LogisticRegression(C=1.0, max_iter=300),
    )
    model.fit(table.iloc[train], late[train])
    return auc(late[test], model.predict_proba(table.iloc[test])[:, 1])


def ours(
    rows: TrainingSet, delay: Ints, train: Ints, test: Ints, parameters: TreeParameters, seed: int
) -> float:
    """Return the AUC of our trees on one split: the same target, features known 60 minutes before departure."""
    late = delay >= LATE_MINUTES
    fit = replace(rows.take(train), y=late[train])
    trees = fit_trees(fit, parameters, seed)
    encode = CategoryEncoder(FEATURE_NAMES, trees.categories)
    with LightGBMBooster(trees.text) as booster:
        raw: Floats = booster.raw_scores(encode(rows.X[test]))
    return auc(late[test], raw)


def repeated(
    flights: pd.DataFrame, rows: TrainingSet, delay: Ints, parameters: TreeParameters, splits: int, seed: int
) -> Iterator[tuple[str, int, float]]:
    """Evaluate both on repeated random splits: who, which split, AUC, one after the other."""
    for i in range(splits):
        yield "theirs", i, theirs(flights, *_split(len(flights), seed + i))
        yield "ours", i, ours(rows, delay, *_split(len(rows), seed + i), parameters, seed + i)


def _split(n: int, seed: int) -> tuple[Ints, Ints]:
    order = np.random.default_rng(seed).permutation(n)
    held_out = int(n * TEST_SHARE)
    return order[held_out:], order[:held_out]


def summary(found: list[tuple[str, int, float]]) -> dict[str, dict[str, float]]:
    """Return mean, spread and number of splits of each."""
    values = {who: [value for name, _, value in found if name == who] for who in ("theirs", "ours")}
    return {
        who: {"auc": float(np.mean(v)), "spread": float(np.std(v)), "splits": float(len(v))}
        for who, v in values.items()
    }
