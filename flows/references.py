"""What days are compared with: the days a version was fitted on, kept when it is trained."""

from pathlib import Path

import numpy as np

from adapters.settings import Settings
from domain.model import FlightModel
from monitoring.reference import Reference, make_reference, watched_columns
from training.run import TrainedModel
from training.training_set import HEADLINE_LEAD, TrainingSet


def reference_file(settings: Settings, version: int, model: FlightModel) -> Path:
    """Return where the reference of a version is kept."""
    # By its data too: another registry's version of that number was trained on others.
    return settings.state_dir / "reference" / f"{version}-{model.manifest.data_hash[:12]}.npz"


def keep_reference(settings: Settings, trained: TrainedModel) -> None:
    """Keep the reference of a version while the vectors of its fit are at hand: to compute them again takes long."""
    rows = trained.fitted_on
    headline = rows.take(np.flatnonzero(rows.lead == HEADLINE_LEAD))
    reference_of(trained.model, headline).save(reference_file(settings, trained.version, trained.model))


def reference_of(model: FlightModel, rows: TrainingSet) -> Reference:
    """Return the reference that a model's days give.

    Parameters
    ----------
    rows : TrainingSet
        A row a flight, at the headline lead.
    """
    columns, values = watched_columns(rows.X, model.probability(rows.X))
    return make_reference(columns, values, rows.day)
