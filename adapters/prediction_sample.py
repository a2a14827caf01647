"""Predictions of a window in bounded memory: counted in PostgreSQL, one a flight, and of many flights a sample."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from adapters.postgres import Database, Row
from adapters.prediction_columns import PredictionColumns, columns_of_rows
from domain.flights import Floats

FEATURES = -1
"""Where a row of the sample has its features."""
CELLS_PER_E = 64
"""Cells of latency for each factor of e: a quantile read from them is exact to 0.8%."""


@dataclass(frozen=True)
class HeadlineLead:
    """Which prediction stands for a flight: the one nearest to the lead, within the tolerance."""

    minutes: int
    tolerance: int


@dataclass(frozen=True)
class WindowTotals:
    """All predictions of a window, counted."""

    predictions: int
    near_headline: int
    oldest_state_minutes: float
    latency_us: Floats
    """Latency of each cell, ascending, shape (n_cells,)."""
    count: npt.NDArray[np.int64]
    """Predictions in each cell."""

    def latency_quantile(self, share: float) -> float:
        """Return the latency in microseconds that a share of the predictions does not exceed; NaN without any."""
        if not self.predictions:
            return float("nan")
        position = np.searchsorted(np.cumsum(self.count), share * self.predictions)
        return float(self.latency_us[min(int(position), len(self.count) - 1)])


@dataclass(frozen=True)
class Sample:
    """One prediction a flight, and which share of the flights it holds."""

    predictions: PredictionColumns
    share: float

    def scaled(self, rows: int) -> int:
        """Return how many of all flights a number of the sample stands for."""
        return round(rows / self.share)


class PredictionSampler:
    """Counts and samples the log."""

    def __init__(self, database: Database, lead: HeadlineLead):
        self._database = database
        self._lead = {"lead": lead.minutes, "tolerance": lead.tolerance}

    def totals(self, first: date, last: date) -> WindowTotals:
        """Count the predictions of the flights of some local days, both ends included."""
        rows = self._database.rows("prediction_totals", self._window(first, last))
        cells, counts, ages, near = zip(*rows, strict=True) if rows else ((), (), (), ())
        return WindowTotals(
            predictions=sum(counts),
            near_headline=sum(near),
            oldest_state_minutes=max(ages, default=float("nan")),
            latency_us=np.exp(np.array(cells, dtype=np.float64) / CELLS_PER_E),
            count=np.array(counts, dtype=np.int64),
        )

    def sample(
        self,
        first: date,
        last: date,
        known_by: datetime,
        contract_hash: str,
        most: int,
        near_headline: int,
        with_features: bool = True,
    ) -> Sample:
        """Return one prediction of each flight, of a share of the flights where there are more than `most`.

        Parameters
        ----------
        most : int
            About how many flights to return at most; the same flights every time.
        near_headline : int
            Predictions near the headline lead, from `totals`: no flight has none of them.
        """
        share = self._share(first, last, most, near_headline)
        features_from = first if with_features else date.max
        rows = self._rows(first, last, known_by, contract_hash, share, features_from)
        return Sample(columns_of_rows(rows, with_features), share)

    def newest_and_window(
        self, first: date, last: date, known_by: datetime, contract_hash: str
    ) -> tuple[PredictionColumns, PredictionColumns]:
        """Return one prediction of each flight of the last day, with features, and of all days, without, in one read.

        The same as two samples of every flight.
        """
        rows = self._rows(first, last, known_by, contract_hash, 1.0, features_from=last)
        newest = [row for row in rows if row[FEATURES] is not None]
        return columns_of_rows(newest, True), columns_of_rows(rows, False)

    def _rows(
        self,
        first: date,
        last: date,
        known_by: datetime,
        contract_hash: str,
        share: float,
        features_from: date,
    ) -> list[Row]:
        parameters = self._window(first, last) | {
            "known_by": known_by,
            "contract_hash": contract_hash,
            "share": share,
            "features_from": f"{features_from:%Y%m%d}",
        }
        return self._database.rows("sample_predictions", parameters)

    def _share(self, first: date, last: date, most: int, near_headline: int) -> float:
        if near_headline <= most:
            return 1.0
        row = self._database.row("prediction_flights", self._window(first, last))
        flights = int(row[0]) if row else 0
        return min(1.0, most / flights) if flights else 1.0

    def _window(self, first: date, last: date) -> dict[str, Any]:
        start, end = (datetime(d.year, d.month, d.day, tzinfo=UTC) for d in (first, last))
        # As in `PredictionLog.fetch`: asked up to a day before; local days differ from UTC's by less than one.
        bounds = {"as_of_from": start - timedelta(days=2), "as_of_until": end + timedelta(days=3)}
        return bounds | self._lead | {"from": f"{first:%Y%m%d}", "until": f"{last:%Y%m%d}"}
