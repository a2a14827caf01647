"""A year of questions with their vectors and what came of them.

Every labelled flight of the year is asked about once, at the headline lead; a label counts from its arrival on.
"""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np

from data.site import Site, site_of
from domain.clock import minute_floor
from domain.flights import Ints
from experiments import rows as kept
from training.training_set import HEADLINE_LEAD, TrainingSet


@dataclass(frozen=True)
class Year:
    """Questions at the headline lead, and the minute at which each label was known; n rows."""

    rows: TrainingSet
    label_known: Ints
    fingerprint: str
    """Of the data, the features and the code that made them."""

    def known(self, first: date, last: date, as_of: datetime) -> np.ndarray:
        """Return which rows are of some local days, both included, with a label that was known at a moment.

        Shape (n,).
        """
        day = self.rows.day
        flown = (day >= day_number(first)) & (day <= day_number(last))
        mask: np.ndarray = flown & (self.label_known <= minute_floor(as_of))
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
    return kept.parts_of(site.first_day, site.last_day, (HEADLINE_LEAD,), 0)
