"""Search for better tree parameters: forward-chaining folds, a budget of time, warm-started, resumable.

Every trial is evaluated by log-loss on days after those it was fitted on, several times over: a holdout of one
season picks what suits that season. Every fold is fitted with two seeds, as one seed moves the loss by as much as a
parameter does. The parameters that serve are trial 0, so whatever wins has beaten them; the library's own defaults are
evaluated beside the search. A search of sixty trials takes a night on two cores; one that is interrupted goes on.

Where workers fit, trials go in rounds: those of a round are drawn together, fitted beside each other, and reported in
the order of their numbers, fit by fit. So what is found depends on seed and size of a round, not on how many workers
there are, which of them is slow, or which dies; only how many rounds a budget holds does.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import optuna

from adapters.engine import LOCAL, Engine
from domain.errors import InvalidInput
from domain.flights import Floats
from domain.metrics import log_losses, summary
from training.paired import difference
from training.train import TreeParameters, fit_trees
from training.training_set import HEADLINE_LEAD, TrainingSet

FOLDS = 3
MINIMUM_DAYS = 4 * (FOLDS + 1)
MEASURES = ("log_loss", "auc", "average_precision")
LIBRARY_DEFAULTS = TreeParameters(
    n_trees=100, learning_rate=0.1, num_leaves=31, min_data_in_leaf=20, feature_fraction=1.0,
    bagging_fraction=1.0, lambda_l2=0.0, cat_smooth=10.0, max_bin=255,
)  # fmt: skip
"""LightGBM's, of https://lightgbm.readthedocs.io/en/latest/Parameters.html: what nobody has chosen for these rows."""
LIBRARY = "library defaults"
STARTUP_TRIALS = 4
"""Trials that run all folds before a poor first fold may end one."""
SEEDS = 2
"""Fits of each fold, with seeds that follow each other; their losses are averaged."""

Report = Callable[[str, float], None]


class ChildRun(Protocol):
    """What a trial records."""

    def parameters(self, values: dict[str, Any]) -> None:
        """Record parameters."""
        ...

    def metrics(self, values: dict[str, float]) -> None:
        """Record metrics."""
        ...


Child = Callable[[str], AbstractContextManager[ChildRun]]
"""Opens the record of one trial."""


@dataclass(frozen=True)
class Fold:
    """Days to fit on, and the days after them to validate on, at the headline lead."""

    fit: TrainingSet
    validation: TrainingSet


@dataclass(frozen=True)
class Evaluated:
    """How good parameters are on the folds."""

    measures: dict[str, float]
    """Means over folds and seeds."""
    daily: dict[str, tuple[float, int]]
    """Log-loss of each validation day, summed over its flights and averaged over seeds, and the flights."""


@dataclass(frozen=True)
class Tuning:
    """What a search found, on the folds; each measure is the mean over them."""

    start: dict[str, Any]
    best: dict[str, Any]
    start_measures: dict[str, float]
    best_measures: dict[str, float]
    library_measures: dict[str, float]
    """Of LightGBM's own defaults."""
    against_start: dict[str, float]
    """Log-loss of the best less the start's, each flight with itself: mean, and 95% interval over weeks."""
    against_library: dict[str, float]
    trials: int
    completed: int
    """Trials that ran all folds; the others were ended early, or interrupted."""
    best_trial: int
    folds: list[dict[str, int]]

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values, and by how much the best beats the start and the library's defaults."""
        best = self.best_measures["log_loss"]
        gained, over_library = (m["log_loss"] - best for m in (self.start_measures, self.library_measures))
        return dict(vars(self)) | {
            "log_loss_gained": gained,
            "log_loss_gained_over_library": over_library,
            "beaten": gained > 0,
            "seeds": SEEDS,
        }


def forward_folds(rows: TrainingSet, count: int = FOLDS) -> list[Fold]:
    """Cut days into `count` + 1 stretches; each but the first is scored by a fit on all before it.

    Raises
    ------
    InvalidInput
        If there are too few days.
    """
    days = np.unique(rows.day)
    if len(days) < 4 * (count + 1):
        raise InvalidInput("flown_until", f"a window of at least {4 * (count + 1)} days", len(days))
    stretches = np.array_split(days, count + 1)
    headline = rows.lead == HEADLINE_LEAD
    return [
        Fold(rows.take(rows.day < s[0]), rows.take((rows.day >= s[0]) & (rows.day <= s[-1]) & headline))
        for s in stretches[1:]
    ]


def suggest(trial: optuna.Trial, start: TreeParameters) -> TreeParameters:
    """Draw one set of parameters; those not named keep the start's value."""
    return replace(
        start,
        n_trees=trial.suggest_int("n_trees", 10, 800),
        learning_rate=trial.suggest_float("learning_rate", 0.01, 0.2, log=True),
        num_leaves=trial.suggest_int("num_leaves", 4, 127, log=True),
        min_data_in_leaf=trial.suggest_int("min_data_in_leaf", 10, 2000, log=True),
        feature_fraction=trial.suggest_float("feature_fraction", 0.05, 1.0),
        bagging_fraction=trial.suggest_float("bagging_fraction", 0.4, 1.0),
        lambda_l2=trial.suggest_float("lambda_l2", 0.1, 200.0, log=True),
        cat_smooth=trial.suggest_float("cat_smooth", 1.0, 500.0, log=True),
    )


class Evaluation:
    """Gathers how good parameters are, fit by fit: on every fold, with every seed, in their order."""

    def __init__(self) -> None:
        self._found: list[dict[str, float]] = []
        self._losses: Floats = np.empty(0)
        self._daily: dict[str, tuple[float, int]] = {}

    def add(self, fold: Fold, probability: Floats) -> float:
        """Take the probabilities of the next fit; return the mean log-loss so far."""
        losses = log_losses(fold.validation.y, probability) / SEEDS
        first_of_fold = len(self._found) % SEEDS == 0
        self._losses = losses if first_of_fold else self._losses + losses
        self._found.append(summary(fold.validation.y, probability))
        if len(self._found) % SEEDS == 0:
            self._end_fold(fold)
        return float(np.mean([f["log_loss"] for f in self._found]))

    def _end_fold(self, fold: Fold) -> None:
        days, position = np.unique(fold.validation.day, return_inverse=True)
        sums = np.bincount(position.reshape(-1), self._losses)
        counts = np.bincount(position.reshape(-1))
        self._daily |= {str(day): (float(s), int(n)) for day, s, n in zip(days, sums, counts, strict=True)}

    def evaluated(self) -> Evaluated:
        """Return what all fits came to."""
        measures = {name: float(np.mean([f[name] for f in self._found])) for name in MEASURES}
        return Evaluated(measures, self._daily)


def evaluate(folds: list[Fold], parameters: TreeParameters, seed: int) -> Evaluated:
    """Fit and measure on every fold, with every seed."""
    evaluation = Evaluation()
    for fold in folds:
        for more in range(SEEDS):
            evaluation.add(fold, _probability(fold, parameters, seed + more))
    return evaluation.evaluated()


def _probability(fold: Fold, parameters: TreeParameters, seed: int) -> Floats:
    return fit_trees(fold.fit, parameters, seed).probability(fold.validation.X)


def tune(
    rows: TrainingSet,
    storage: Path,
    budget_seconds: float,
    start: TreeParameters | None = None,
    seed: int = 2013,
    report: Report = lambda message, left: None,
    child: Child | None = None,
    engine: Engine = LOCAL,
    at_once: int = 1,
) -> Tuning:
    """Search for the budget's time, after all trials that earlier searches on the same rows have left.

    Parameters
    ----------
    storage : Path
        SQLite file of the trials; a search that was interrupted goes on where it stood.
    budget_seconds : float
        No trial begins later; trial 0 always runs.
    start : TreeParameters, optional
        Trial 0: the champion's parameters; by default those of the code.
    report : callable
        Called after each trial with what came of it, and the seconds left.
    child : callable, optional
        Opens the record of a trial by its name.
    engine : Engine
        Fits the trials of a round.
    at_once : int
        Trials of a round; the first round is trial 0 alone.

    Raises
    ------
    InvalidInput
        If the budget is negative or the rows have too few days.
    """
    if budget_seconds < 0:
        raise InvalidInput("budget", "seconds, at least 0", budget_seconds)
    folds, start = forward_folds(rows), start or TreeParameters()
    with _opened(storage) as trials:
        study = _study(trials, rows, start, seed)
        deadline = time.monotonic() + budget_seconds
        search = _Search(study, folds, [engine.keep(fold) for fold in folds], start, seed, engine)
        while not _completed(study) or time.monotonic() < deadline:
            asked = [study.ask() for _ in range(at_once if _completed(study) else 1)]
            try:
                search.run(asked, child)
            except BaseException:
                for trial in asked:
                    if study.trials[trial.number].state == optuna.trial.TrialState.RUNNING:
                        study.tell(trial, state=optuna.trial.TrialState.FAIL)
                raise
            for trial in asked:
                report(_state_of(study, trial.number), max(0.0, deadline - time.monotonic()))
        _evaluate_library(study, folds, seed)
        return _result(study, folds, start)


@contextmanager
def _opened(path: Path) -> Iterator[optuna.storages.RDBStorage]:
    """Open the file of the trials, for the length of the block."""
    path.parent.mkdir(parents=True, exist_ok=True)
    storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
    try:
        yield storage
    finally:
        storage.remove_session()
        storage.engine.dispose()


def _study(
    storage: optuna.storages.RDBStorage, rows: TrainingSet, start: TreeParameters, seed: int
) -> optuna.Study:
    """Open the study of these rows and this start; trials cut short before are closed, trial 0 is queued."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    name = f"{rows.data_hash[:16]} {SEEDS} seeds {json.dumps(start.as_dict(), sort_keys=True)}"
    known = optuna.study.get_all_study_names(storage)
    done = len(optuna.load_study(study_name=name, storage=storage).trials) if name in known else 0
    study = optuna.create_study(
        study_name=name,
        storage=storage,
        load_if_exists=True,
        # Seeded by what is done: a sampler that begins again would draw its first trials again.
        sampler=optuna.samplers.TPESampler(seed=seed + done, n_startup_trials=STARTUP_TRIALS),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS),
    )
    for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    waiting = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.WAITING,))
    if not _completed(study) and not waiting:
        study.enqueue_trial({name: value for name, value in start.as_dict().items() if name != "max_bin"})
    return study


def _evaluate_library(study: optuna.Study, folds: list[Fold], seed: int) -> None:
    if LIBRARY not in study.user_attrs:
        evaluated = evaluate(folds, LIBRARY_DEFAULTS, seed)
        study.set_user_attr(LIBRARY, {"measures": evaluated.measures, "daily": evaluated.daily})


@dataclass
class _Running:
    """A trial of the round that is fitted."""

    trial: optuna.Trial
    parameters: TreeParameters
    evaluation: Evaluation = field(default_factory=Evaluation)


@dataclass(frozen=True)
class _Search:
    """Runs rounds of trials."""

    study: optuna.Study
    folds: list[Fold]
    kept: list[Any]
    """What stands for the folds on the engine."""
    start: TreeParameters
    seed: int
    engine: Engine

    def run(self, asked: list[optuna.Trial], child: Child | None) -> None:
        """Fit the trials of a round beside each other, fold by fold and seed by seed, as long as they are not poor."""
        running = [_Running(trial, suggest(trial, self.start)) for trial in asked]
        for fit in range(len(self.folds) * SEEDS):
            running = self._fit(running, fit)
        for one in running:
            self._complete(one, child)

    def _fit(self, running: list[_Running], fit: int) -> list[_Running]:
        """Fit each trial once more; return those that go on."""
        fold, seed = fit // SEEDS, self.seed + fit % SEEDS
        pieces = [(self.kept[fold], one.parameters, seed) for one in running]
        found = self.engine.map(_probability, pieces)
        for one, probability in zip(running, found, strict=True):
            one.trial.report(one.evaluation.add(self.folds[fold], probability), fit)
        going_on = []
        for one in running:
            if one.trial.should_prune():
                self.study.tell(one.trial, state=optuna.trial.TrialState.PRUNED)
            else:
                going_on.append(one)
        return going_on

    def _complete(self, one: _Running, child: Child | None) -> None:
        evaluated = one.evaluation.evaluated()
        one.trial.set_user_attr("measures", evaluated.measures)
        one.trial.set_user_attr("daily", evaluated.daily)
        self.study.tell(one.trial, evaluated.measures["log_loss"])
        if child:
            with child(f"trial {one.trial.number}") as run:
                run.parameters(one.parameters.as_dict())
                run.metrics(evaluated.measures)


def _completed(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))


def _state_of(study: optuna.Study, number: int) -> str:
    last, best = study.trials[number], study.best_trial
    value = "ended early" if last.value is None else f"log-loss {last.value:.5f}"
    return f"trial {last.number}: {value}; best {best.value:.5f} (trial {best.number})"


def _result(study: optuna.Study, folds: list[Fold], start: TreeParameters) -> Tuning:
    completed, library = _completed(study), study.user_attrs[LIBRARY]
    first, best = min(completed, key=lambda trial: trial.number), study.best_trial
    daily = best.user_attrs["daily"]
    return Tuning(
        start=start.as_dict(),
        best=start.as_dict() | best.params,
        start_measures=first.user_attrs["measures"],
        best_measures=best.user_attrs["measures"],
        library_measures=library["measures"],
        against_start=difference(daily, first.user_attrs["daily"]),
        against_library=difference(daily, library["daily"]),
        trials=len(study.trials),
        completed=len(completed),
        best_trial=best.number,
        folds=list(_spans(folds)),
    )


def _spans(folds: list[Fold]) -> Iterator[dict[str, int]]:
    for fold in folds:
        yield {
            "fit_from": int(fold.fit.day.min()),
            "fit_until": int(fold.fit.day.max()),
            "validation_from": int(fold.validation.day.min()),
            "validation_until": int(fold.validation.day.max()),
            "fit_rows": len(fold.fit),
            "validation_rows": len(fold.validation),
        }
