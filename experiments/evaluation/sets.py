"""The evaluation's rows: what it fits on, and what it tests on."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from adapters.engine import LOCAL, Engine
from data.site import site_of
from domain.flights import Ints
from experiments.rows import Part, Progress, build_parts, parts_of, read_rows
from training.training_set import EXTRA_LEADS, LEADS, TrainingSet

WORKERS = 2


@dataclass(frozen=True)
class EvaluationPlan:
    """What the evaluation trains and tests on."""

    fit_from: date = date(2013, 1, 1)
    fit_until: date = date(2013, 8, 31)
    test_from: date = date(2013, 9, 1)
    test_until: date = date(2013, 12, 31)
    fit_leads: tuple[int, ...] = LEADS
    fit_extra_leads: int = EXTRA_LEADS
    """Beside the headline lead every flight is asked about at so many others."""
    test_leads: tuple[int, ...] = (15, 60, 180, 720, 1440)

    def __post_init__(self) -> None:
        """Refuse a test that is not after the fit."""
        if not self.fit_from <= self.fit_until < self.test_from <= self.test_until:
            raise ValueError(f"expected the test after the fit, got {self.test_from} after {self.fit_until}")


@dataclass(frozen=True)
class EvaluationSets:
    """Rows to fit on, and rows to test on; `arr_delay` in minutes beside each."""

    fit: TrainingSet
    test: TrainingSet
    fit_delay: Ints
    test_delay: Ints


def load_sets(
    plan: EvaluationPlan, data_dir: Path, folder: Path, progress: Progress, engine: Engine = LOCAL
) -> EvaluationSets:
    """Build the rows, or read what an earlier call with the same data and code kept.

    Parameters are those of `experiments.rows.build_parts`.
    """
    fit_files, test_files = build_files(plan, data_dir, folder, progress, engine)
    complete = site_of(data_dir).complete
    fit, test = read_rows(fit_files, complete), read_rows(test_files, complete)
    return EvaluationSets(fit.rows, test.rows, fit.arr_delay, test.arr_delay)


def build_files(
    plan: EvaluationPlan, data_dir: Path, folder: Path, progress: Progress, engine: Engine = LOCAL
) -> tuple[list[Path], list[Path]]:
    """Build the rows' files that are missing; return those to fit on and those to test on, by month."""
    fit, test = _parts(plan)
    files = build_parts([*fit, *test], data_dir, folder, WORKERS, progress, engine)
    return files[: len(fit)], files[len(fit) :]


def _parts(plan: EvaluationPlan) -> tuple[list[Part], list[Part]]:
    return (
        parts_of(plan.fit_from, plan.fit_until, plan.fit_leads, plan.fit_extra_leads),
        parts_of(plan.test_from, plan.test_until, plan.test_leads, len(plan.test_leads) - 1),
    )
