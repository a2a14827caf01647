"""Candidates: what a retrain of a day yields, fitted with the functions of production and kept on disk.

A fit depends on its rows, its parameters and the code alone. So policies that retrain on the same day share it,
and a run that was interrupted goes on where it was.
"""

import hashlib
import json
import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from adapters.settings import PROJECT_ROOT, settings
from domain.airports import instant
from domain.flights import Floats, Ints
from experiments.retrain_policies.year import Year, day_number
from monitoring.windows import run_moment
from training import baselines
from training.fit import Recipe, assemble, fit_model
from training.retraining import RetrainPlan
from training.split import SplitPolicy, day_of, last_days, split_by_time
from training.train import TreeParameters
from training.training_set import HEADLINE_LEAD

SEED = 2013
FITTING = ("split", "train", "standardisation", "hinges", "perceptrons", "fit", "baselines")
SOURCES = tuple(f"training/{name}.py" for name in FITTING)


@dataclass(frozen=True)
class Window:
    """Which days a fit sees, what was known of them, and how they are split."""

    flown_from: date
    flown_until: date
    as_of: datetime
    split: SplitPolicy


@dataclass(frozen=True)
class Candidate:
    """A fitted model by what it says of the year; n rows as the year's."""

    window: Window
    trained_from: date
    trained_until: date
    labels: int
    """Flights it was fitted on."""
    probability: Floats
    """Shape (n,); NaN before its held-out days."""
    held_out: Ints
    """The year's rows it is evaluated on."""
    baselines: dict[str, Floats]
    """Probability of the held-out rows."""
    megabytes: float
    cpu_seconds: float
    """What the fit took of one core."""


def retrain_window(day: date, plan: RetrainPlan) -> Window:
    """Return the window that a retrain of a day sees."""
    return Window(*plan.window(day), run_moment(day), plan.split)


def first_window(begins: date) -> Window:
    """Return what the first champion sees that serves from a day on.

    What `make train-first` sees before its first flight: a replay begins at five to four at home.
    """
    until = begins - timedelta(days=1)
    as_of = instant(settings().home_airport, begins, 4) - timedelta(minutes=5)
    return Window(*last_days(until, RetrainPlan().window_days), as_of, SplitPolicy())


class Workshop:
    """Fits candidates of a year, each once."""

    def __init__(self, year: Year, folder: Path, parameters: TreeParameters):
        self._year, self._folder, self._recipe = year, folder, Recipe(parameters)
        self._code = b"".join((PROJECT_ROOT / source).read_bytes() for source in SOURCES)
        folder.mkdir(parents=True, exist_ok=True)

    def has(self, window: Window) -> bool:
        """Return whether a candidate is kept already."""
        return self._path(window).exists()

    def candidate(self, window: Window) -> Candidate:
        """Return the candidate of a window: kept, or fitted now."""
        path = self._path(window)
        if not path.exists():
            self._fit(window, path)
        with np.load(path, allow_pickle=False) as kept:
            said = json.loads(str(kept["said"]))
            probability = np.full(len(self._year.rows), np.nan)
            probability[kept["first_row"] :] = kept["probability"]
            simple = {
                name.removeprefix("baseline_"): kept[name] for name in kept.files if "baseline_" in name
            }
            held_out = kept["held_out"]
        said |= {name: date.fromisoformat(said[name]) for name in ("trained_from", "trained_until")}
        return Candidate(window, probability=probability, held_out=held_out, baselines=simple, **said)

    def _fit(self, window: Window, path: Path) -> None:
        began = time.process_time()
        year = self._year
        when = window.flown_from, window.flown_until, window.as_of
        split = split_by_time(year.questions.take(np.flatnonzero(year.known_questions(*when))), window.split)
        held_out = np.flatnonzero(year.known(*when) & (year.rows.day >= split.evaluation.day.min()))
        headline = split.evaluation.lead == HEADLINE_LEAD
        fitted = fit_model(split.fit, self._recipe, SEED, at_once=1)
        model = assemble(fitted, split.fit, split, self._recipe, SEED, "")
        simple = baselines.predictions(split, SEED)
        # Rows are sorted by scheduled departure; whatever it could be asked about comes after what it was fitted on.
        first_row = int(np.flatnonzero(year.rows.day >= split.evaluation.day.min())[0])
        probability = model.probability(year.rows.X[first_row:])
        said = {
            "trained_from": day_of(int(split.fit.day.min())).isoformat(),
            "trained_until": day_of(int(split.fit.day.max())).isoformat(),
            "labels": int((split.fit.lead == HEADLINE_LEAD).sum()),
            "megabytes": fitted.megabytes,
            "cpu_seconds": time.process_time() - began,
        }
        kept: dict[str, Any] = {
            "said": np.array(json.dumps(said)),
            "first_row": first_row,
            "probability": probability,
            "held_out": held_out,
        } | {f"baseline_{name}": values[headline] for name, values in simple.items()}
        unfinished = path.with_suffix(f".{np.random.default_rng().integers(2**40)}")
        with unfinished.open("wb") as file:
            np.savez(file, **kept)
        unfinished.replace(path)

    def _path(self, window: Window) -> Path:
        key = hashlib.sha256(self._code)
        said = {
            "year": self._year.fingerprint,
            "questions": len(self._year.questions),
            "from": day_number(window.flown_from),
            "until": day_number(window.flown_until),
            "as_of": window.as_of.isoformat(),
            "split": vars(window.split),
            "parameters": self._recipe.as_dict(),
            "seed": SEED,
        }
        key.update(json.dumps(said, sort_keys=True).encode())
        return self._folder / f"fit-{window.flown_until}-{key.hexdigest()[:16]}.npz"
