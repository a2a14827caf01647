"""The training set of some days from the shards of facts that they need: a piece of work for an engine."""

from dataclasses import replace
from datetime import date, datetime

from data.facts import FactsInMemory
from domain.features.partitions import Shard, joined
from domain.flights import Announcements
from training.training_set import TrainingSet, build


def build_days(
    first: date,
    last: date,
    as_of: datetime,
    leads: tuple[int, ...],
    extra_leads: int,
    announced: Announcements,
    *cut: Shard,
) -> TrainingSet:
    """Build the training set of some local days; parameters are those of `build`."""
    flights, weather = joined(cut)
    store = FactsInMemory(replace(flights, announced=announced), weather)
    return build(store, first, last, as_of, leads, extra_leads)
