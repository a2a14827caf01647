"""What a team sees that puts Evidently's preset over a day's features and leaves every default as it is."""

import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from domain.features.catalogue import FEATURE_NAMES
from domain.flights import Floats
from simulation.contest import NightView
from simulation.year import Year


@dataclass(frozen=True)
class DefaultDrift:
    """Evidently's `DataDriftPreset` on evenly spread features, a day against the champion's training days."""

    folder: Path
    """Where results are kept: they depend on the night and the champion alone."""
    columns: int = 30
    reference_rows: int = 5_000
    DATASET_SHARE: ClassVar[float] = 0.5
    """Evidently's own: the share of drifted columns at which it calls the dataset drifted."""

    def share(self, night: NightView) -> tuple[float, float]:
        """Share of columns that are called drifted, and the seconds it took to find out."""
        path = self._path(night)
        if not path.exists():
            began = time.process_time()
            share = self._measure(night)
            self.folder.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps([share, time.process_time() - began]))
        share, seconds = json.loads(path.read_text())
        return float(share), float(seconds)

    def chosen(self) -> list[int]:
        """Positions of the columns, spread evenly over the catalogue so that each family has its share."""
        n = len(FEATURE_NAMES)
        return np.unique(np.linspace(0, n - 1, min(self.columns, n)).round().astype(int)).tolist()

    def _measure(self, night: NightView) -> float:
        current = night.year.rows.X[np.ix_(night.flown, self.chosen())]
        reference = self._reference(night)
        both = [i for i in range(current.shape[1]) if _filled(current[:, i]) and _filled(reference[:, i])]
        return _drifted_share(current[:, both], reference[:, both]) if both else 0.0

    def _reference(self, night: NightView) -> Floats:
        champion, year = night.champion, night.year
        known = np.flatnonzero(
            year.known(champion.trained_from, champion.trained_until, champion.window.as_of)
        )
        rows = np.random.default_rng(0).permutation(known)[: self.reference_rows]
        values: Floats = year.rows.X[np.ix_(np.sort(rows), self.chosen())]
        return values

    def _path(self, night: NightView) -> Path:
        key = [_rows(night.year), night.day, night.champion.window, self.columns, self.reference_rows]
        digest = hashlib.sha256(str([str(part) for part in key]).encode()).hexdigest()
        return self.folder / f"drift-{night.day}-{digest[:16]}.json"


def _rows(year: Year) -> str:
    return f"{year.fingerprint} {len(year.rows)}"


def _filled(values: Floats) -> bool:
    # Evidently raises on a column without any value.
    return bool(np.isfinite(values).any())


def _drifted_share(current: Floats, reference: Floats) -> float:
    # Importing Evidently costs seconds and 300 MB: a run whose nights are all kept does not pay.
    import pandas as pd
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    names = [f"f{i}" for i in range(current.shape[1])]
    definition = DataDefinition(numerical_columns=names)
    now, before = (
        Dataset.from_pandas(pd.DataFrame(np.where(np.isfinite(x), x, np.nan), columns=names), definition)
        for x in (current, reference)
    )
    with np.errstate(all="ignore"):
        measured = Report([DataDriftPreset()]).run(now, before).dict()["metrics"]
    shares = [m["value"]["share"] for m in measured if isinstance(m["value"], dict) and "share" in m["value"]]
    return float(shares[0])
