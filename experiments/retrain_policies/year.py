"""A year of questions with their vectors and what came of them.

Every labelled flight of the year is asked about as a retrain asks, at the headline lead and at another; policies are
scored at the headline lead alone. A label counts from its arrival on.
"""

from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from data.site import Site, site_of
from domain.clock import minute_floor
from domain.flights import Ints
from experiments import rows as kept
from training.training_set import EXTRA_LEADS, HEADLINE_LEAD, LEADS, TrainingSet

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Year:
    """Questions, and the minute at which the label of each was known."""

    questions: TrainingSet
    """As a retrain asks them; m rows."""
    question_known: Ints
    """Minute since the epoch, shape (m,)."""
    fingerprint: str
    """Of the data, the features and the code that made them."""

    @cached_property
    def headline(self) -> Ints:
        """Return which questions are asked at the headline lead: positions, shape (n,)."""
        return np.flatnonzero(self.questions.lead == HEADLINE_LEAD)

    @cached_property
    def rows(self) -> TrainingSet:
        """Return the questions at the headline lead; n rows."""
        return self.questions.take(self.headline)

    @cached_property
    def label_known(self) -> Ints:
        """Return the minute at which the label of each of those was known; shape (n,)."""
        known: Ints = self.question_known[self.headline]
        return known

    def known(self, first: date, last: date, as_of: datetime) -> Mask:
        """Return which rows are of some local days, both included, with a label that was known at a moment.

        Shape (n,).
        """
        return _known(self.rows.day, self.label_known, first, last, as_of)

    def known_questions(self, first: date, last: date, as_of: datetime) -> Mask:
        """Return the same of the questions; shape (m,)."""
        return _known(self.questions.day, self.question_known, first, last, as_of)


def _known(day: Ints, label_known: Ints, first: date, last: date, as_of: datetime) -> Mask:
    flown = (day >= day_number(first)) & (day <= day_number(last))
    mask: Mask = flown & (label_known <= minute_floor(as_of))
    return mask


def day_number(day: date) -> int:
    """Return a day as YYYYMMDD."""
    return day.year * 10_000 + day.month * 100 + day.day


def load_year(data_dir: Path, folder: Path, last: date, workers: int, progress: kept.Progress) -> Year:
    """Build a site's year up to the end of a day's month, or read what an earlier run with the same code kept.

    Parameters are those of `experiments.rows.build_parts`.
    """
    site = site_of(data_dir)
    parts = [part for part in year_parts(site) if part.first <= last]
    found = kept.read_rows(kept.build_parts(parts, data_dir, folder, workers, progress), site.complete)
    return Year(found.rows, found.label_known, kept.fingerprint(data_dir))


def year_parts(site: Site) -> list[kept.Part]:
    """Return the parts of all days of a site."""
    return kept.parts_of(site.first_day, site.last_day, LEADS, EXTRA_LEADS)
