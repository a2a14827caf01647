"""What a refit before every month is worth: one model frozen early, one frozen late, and one that is never old.

All at the headline lead, with the same parameters, without calibration. A refit uses only labels that were known when
the month's first question was asked.
"""

from collections.abc import Iterator

import numpy as np

from domain.bootstrap import paired_difference
from domain.flights import Floats, Ints
from domain.metrics import auc, log_loss, log_losses
from experiments.evaluation.intervals import weeks_of
from training.train import TreeParameters, fit_trees
from training.training_set import TrainingSet

FROZEN = (201303, 201308)
"""Last month, YYYYMM, that a frozen model has seen."""
REFITTED = "refitted"
LEVEL = 0.95
Scores = dict[str, Floats]


def refit_months(rows: TrainingSet, frozen: tuple[int, ...] = FROZEN) -> list[int]:
    """Return the months after the first freeze: each is one fit."""
    return [int(month) for month in np.unique(rows.day // 100) if month > min(frozen)]


def known_before(rows: TrainingSet, delay: Ints, month: int) -> Ints:
    """Return the rows whose flight had arrived before the first question about a month's flights was asked."""
    moment = rows.queries.as_of[rows.day // 100 == month].min()
    return np.flatnonzero((rows.day // 100 < month) & (rows.queries.sched_arr + delay < moment))


def scored(
    rows: TrainingSet,
    delay: Ints,
    parameters: TreeParameters,
    seed: int,
    frozen: tuple[int, ...] = FROZEN,
) -> Iterator[tuple[int, Scores]]:
    """Fit before each month and score its flights: the month, and what each model says of them.

    Parameters
    ----------
    rows : TrainingSet
        At the headline lead, a year of them.
    delay : int64, shape (n,)
        Arrival delay of each in minutes.
    """
    months = refit_months(rows, frozen)
    ahead = {month: np.flatnonzero(rows.day // 100 == month) for month in months}
    scores: dict[int, Scores] = {month: {} for month in months}
    for month in months:
        seen = known_before(rows, delay, month)
        freezes = [last for last in frozen if month == _after(rows, last)]
        later = [m for m in months if m >= month] if freezes else [month]
        said = _fit_and_score(rows, seen, [ahead[m] for m in later], parameters, seed)
        scores[month][REFITTED] = said[0]
        for last in freezes:
            for m, values in zip(later, said, strict=True):
                scores[m][frozen_name(last)] = values
        yield month, scores[month]


def evaluate(rows: TrainingSet, scores: dict[int, Scores]) -> dict[str, object]:
    """Return quality by month and model, and what refitting gained over each frozen model, with intervals."""
    months = {}
    for month, said in scores.items():
        late = rows.y[rows.day // 100 == month]
        models = {name: {"auc": auc(late, p), "log_loss": log_loss(late, p)} for name, p in said.items()}
        months[str(month)] = {"n": len(late), "late_rate": float(late.mean()), "models": models}
    names = sorted({name for said in scores.values() for name in said} - {REFITTED})
    gains = {name: _gain(rows, scores, name) for name in names}
    return {"months": months, "gains": gains, "blocks": "weeks"}


def frozen_name(last: int) -> str:
    """Return the name of the model that has seen up to a month.

    Examples
    --------
    >>> frozen_name(201303)
    'frozen after 2013-03'
    """
    return f"frozen after {last // 100}-{last % 100:02d}"


def _after(rows: TrainingSet, last: int) -> int:
    months = np.unique(rows.day // 100)
    return int(months[months > last].min(initial=10**9))


def _fit_and_score(
    rows: TrainingSet, seen: Ints, parts: list[Ints], parameters: TreeParameters, seed: int
) -> list[Floats]:
    trees = fit_trees(rows.take(seen), parameters, seed)
    return [trees.probability(rows.X[part]) for part in parts]


def _gain(rows: TrainingSet, scores: dict[int, Scores], name: str) -> dict[str, float]:
    """Return the mean over months of the AUC gained, and the log-loss saved on all their flights."""
    held = {month: said for month, said in scores.items() if name in said}
    aucs, refitted, frozen, day = [], [], [], []
    for month, said in held.items():
        at = rows.day // 100 == month
        late = rows.y[at]
        aucs.append(auc(late, said[REFITTED]) - auc(late, said[name]))
        refitted.append(log_losses(late, said[REFITTED]))
        frozen.append(log_losses(late, said[name]))
        day.append(rows.day[at])
    saved = paired_difference(
        np.concatenate(refitted), np.concatenate(frozen), weeks_of(np.concatenate(day)), level=LEVEL
    )
    return {
        "months": float(len(held)),
        "mean_auc": float(np.mean(aucs)),
        "better_months": float(np.sum(np.array(aucs) > 0)),
        "log_loss": saved.mean,
        "log_loss_low": saved.low,
        "log_loss_high": saved.high,
    }
