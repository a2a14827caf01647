from datetime import UTC, date, datetime

import pytest

from adapters.label_store import LabelStore
from flows import first_champion as work
from training.retraining import RetrainPlan

pytestmark = pytest.mark.integration


class NothingServes:
    """A registry without a champion."""

    @classmethod
    def from_settings(cls, settings, keys, patience):
        return cls()

    def aliased(self, name):
        return None


class AskedError(Exception):
    """What training was asked for."""


@pytest.fixture
def asked(monkeypatch):
    """The request of the first training, which goes no further."""

    def train(data, registry, keys, request, *rest):
        raise AskedError(request)

    monkeypatch.setattr(work, "ModelRegistry", NothingServes)
    monkeypatch.setattr(work.training_run, "train_candidate", train)


def test_the_first_champion_is_trained_on_a_year_up_to_the_newest_label(postgres, stack_settings, asked):
    """Long after the newest label too: a stack on the dataset's history, by the clock on the wall."""
    LabelStore(postgres).append("UA272-EWR-20131230", 14, datetime(2013, 12, 31, tzinfo=UTC), "api")
    with pytest.raises(AskedError) as caught:
        work.train_first(stack_settings, lambda text: None)
    request = caught.value.args[0]
    assert request.flown_until == date(2013, 12, 30)
    assert (request.flown_until - request.flown_from).days + 1 == RetrainPlan().window_days
