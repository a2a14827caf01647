"""What is remembered of a flight equals what is worked out again, bit for bit, whoever asked before and when."""

import numpy as np
import pytest

from adapters.prediction_lines import array_texts
from app.asked_flight import asked_flight
from app.feature_cache import RequestView
from app.remembered import Memory, assembled
from tests.app.worlds import FLIGHT as BODY
from tests.builders import MINUTE, NOON

ASKED_BEFORE = (0, 1, 2, 7, 1, 0)
"""Minutes before noon from which flights are asked about, one request after the other."""


@pytest.fixture
def flights(api):
    return [asked_flight(BODY | {"flight": n})[0] for n in (1, 2, 3)]


@pytest.fixture
def questions(api, flights):
    """Questions of one request: a flight's number in `flights`, and from how many minutes before noon."""
    view = RequestView(api.parts.cache)

    def asked(*pairs):
        return [api.parts.predictor.question(flights[n], view, NOON - before * MINUTE) for n, before in pairs]

    return asked


@pytest.fixture
def model(api):
    return api.parts.models.require_pair()[0].model


def assert_equal_to_what_is_worked_out_again(recalled, questions, model):
    again = assembled(questions)
    assert recalled.vectors.tobytes() == again.tobytes()
    assert recalled.texts() == array_texts(again)
    assert recalled.probabilities(model) == model.probability(again).tolist()


def test_what_is_remembered_has_the_bits_of_what_is_worked_out_again(questions, model):
    memory = Memory()
    for before in ASKED_BEFORE:
        asked = questions((0, before), (1, before), (2, before))
        assert_equal_to_what_is_worked_out_again(memory.recall(asked), asked, model)


def test_one_request_may_ask_about_a_flight_from_several_moments(questions, model):
    memory = Memory()
    for pairs in [((0, 0), (1, 1), (2, 2), (0, 1)), ((0, 1), (0, 0), (0, 1), (0, 7))]:
        asked = questions(*pairs)
        for _ in range(2):
            assert_equal_to_what_is_worked_out_again(memory.recall(asked), asked, model)


def test_a_model_is_asked_once_a_minute_about_a_flight_and_another_model_for_itself(
    questions, model, monkeypatch
):
    scored = []
    memory, other = Memory(), model.with_manifest(model.manifest)

    def probability(self, vectors):
        scored.append((self is other, len(vectors)))
        return real(self, vectors)

    real = type(model).probability
    monkeypatch.setattr(type(model), "probability", probability)
    for asked in (questions((0, 0), (1, 0)), questions((0, 0), (1, 0), (2, 0)), questions((0, 1))):
        memory.recall(asked).probabilities(model)
    memory.recall(questions((0, 1))).probabilities(other)
    assert scored == [(False, 2), (False, 1), (False, 1), (True, 1)]


def test_what_is_remembered_is_not_changed_by_who_gets_it(questions, model):
    asked = questions((0, 0))
    memory = Memory()
    memory.recall(asked).vectors[:] = 0.0
    assert_equal_to_what_is_worked_out_again(memory.recall(asked), asked, model)


def test_a_newer_state_makes_it_forget(api, questions, model):
    memory = Memory()
    old, new = questions((0, 7)), questions((0, 0))
    assert old[0].sight.state is not new[0].sight.state
    for asked in (old, new, old, new):
        assert_equal_to_what_is_worked_out_again(memory.recall(asked), asked, model)
    assert not np.array_equal(memory.recall(old).vectors, memory.recall(new).vectors, equal_nan=True)
