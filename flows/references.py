"""What days are compared with: the days a version was fitted on, kept when it is trained."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import numpy as np

from adapters.engine import RETRAIN_THREADS
from adapters.model_cache import version_in
from adapters.settings import Settings
from domain.features.catalogue import CONTRACT_HASH
from domain.flights import Floats
from domain.model import FlightModel
from monitoring.reference import COLUMNS, Reference, make_reference, watched_columns
from training.run import TrainedModel
from training.training_set import HEADLINE_LEAD, TrainingSet

PIECE = 16_384
"""Rows that are looked at at a time."""


def folder(settings: Settings) -> Path:
    """Return where references are kept."""
    return settings.state_dir / "reference"


def reference_file(settings: Settings, version: int, model: FlightModel) -> Path:
    """Return where the reference of a version is kept."""
    # By its data too: another registry's version of that number was trained on others.
    return folder(settings) / f"{version}-{model.manifest.data_hash[:12]}.npz"


def trailing_file(settings: Settings, last: date) -> Path:
    """Return where the reference of the weeks until a Sunday is kept."""
    return folder(settings) / f"trailing-{CONTRACT_HASH[:12]}-{last}.npz"


def version_of(file: Path) -> int | None:
    """Return whose reference a file is; None where it is that of some weeks."""
    return version_in(file.name)


def keep_reference(settings: Settings, trained: TrainedModel) -> None:
    """Keep the reference of a version while the vectors of its fit are at hand: to compute them again takes long."""
    path = reference_file(settings, trained.version, trained.model)
    reference_of(trained.model, trained.fitted_on).save(path)


def reference_of(model: FlightModel, rows: TrainingSet) -> Reference:
    """Return the reference that the days of a model's fit give, by their questions at the headline lead."""
    headline = np.flatnonzero(rows.lead == HEADLINE_LEAD)

    def watched_from(start: int) -> Floats:
        # In pieces: half of a training set is not copied beside it.
        piece = rows.X[headline[start : start + PIECE]]
        return watched_columns(piece, model.probability(piece))[1]

    with ThreadPoolExecutor(RETRAIN_THREADS) as pool:
        watched = list(pool.map(watched_from, range(0, len(headline), PIECE)))
    return make_reference(COLUMNS, np.concatenate(watched), rows.day[headline])
