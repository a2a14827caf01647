"""A flight's body is read the same by the few comparisons and by marshmallow; what is remembered changes no answer."""

import pytest

from app.asked_flight import FLIGHT, _plain_moment, _remembered, asked_flight, scheduled_flight
from app.errors import InvalidBody
from app.schemas import load
from tests.app.worlds import FLIGHT as BODY
from tests.builders import NOON

WRONG = {
    "carrier": ["ua", "U", "UAL", "Ü1", "U ", 12, None, ["UA"], "²2"],
    "flight": [0, 10_000, "1545", 1.0, True, None, [1]],
    "origin": ["ewr", "EW", "XXX", 1, None, {}],
    "dest": ["EWR", "???", None],
    "scheduled_departure": [
        "2013-04-11",
        "2013-04-11T13:00:30Z",
        "1986-04-11T13:00:00Z",
        5,
        None,
    ],
    "scheduled_arrival": [
        "2013-04-11T13:00:00Z",
        "2013-04-11T13:14:00Z",
        "2013-04-12T09:01:00Z",
        "2013-04-12T13:01:00Z",
        "2051-01-01T00:00:00Z",
    ],
}


@pytest.mark.parametrize(("field", "value"), [(f, v) for f, values in WRONG.items() for v in values])
def test_what_marshmallow_refuses_is_refused(field, value):
    asked_flight(BODY)
    with pytest.raises(InvalidBody) as refused:
        asked_flight(BODY | {field: value}, "flights.3")
    with pytest.raises(InvalidBody) as by_schema:
        load(FLIGHT, BODY | {field: value}, "flights.3")
    assert refused.value.errors == by_schema.value.errors


@pytest.mark.parametrize("body", [None, [], "UA", {}, {**BODY, "wings": 2}, {**BODY, "as_of": "yesterday"}])
def test_a_body_of_another_form_is_refused(body):
    with pytest.raises(InvalidBody):
        asked_flight(body)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"carrier": "9E", "flight": 9999},
        {"scheduled_departure": "2013-04-11T09:00:00-04:00"},
        {"scheduled_departure": "2013-04-11T13:00:00.000Z"},
        {"scheduled_departure": "2013-04-11T13:00Z"},
        {"scheduled_departure": "2013-W15-4T13:00:00Z"},
    ],
)
def test_both_ways_read_the_same_flight(changes):
    assert asked_flight(BODY | changes) == (scheduled_flight(load(FLIGHT, BODY | changes)), None)


def test_the_usual_form_is_read_without_marshmallow():
    assert _remembered(*BODY.values()) == asked_flight(BODY)[0]
    for unusual in ("2013-04-11T13:00:00+00:00", "2013-04-11T13:00Z", "20130411T130000Z"):
        with pytest.raises(ValueError, match="not plainly"):
            _plain_moment(unusual)


def test_a_moment_asked_from_is_returned_in_utc():
    flight, as_of = asked_flight(BODY | {"as_of": "2013-04-11T08:00:00-04:00"})
    assert (flight, as_of) == (asked_flight(BODY)[0], NOON)
