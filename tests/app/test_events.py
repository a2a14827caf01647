from datetime import UTC, datetime, timedelta

import orjson
import pytest

from adapters.clock_store import ClockStore
from adapters.event_store import EventStore
from adapters.label_store import LabelStore
from app.schemas import MAX_REVISIONS
from domain.flights import WEATHER_COLUMNS
from tests.app.worlds import assert_field, assert_problem
from tests.read_only import read_only

KNOWN = "UA20-EWR-20130411"
"""A flight of the morning that neither left nor arrived yet in some worlds."""
SCHEDULED = {
    "type": "scheduled",
    "carrier": "UA",
    "flight": 900,
    "origin": "EWR",
    "dest": "IAH",
    "scheduled_departure": "2013-04-12T03:30:00Z",
    "scheduled_arrival": "2013-04-12T07:35:00Z",
}
IDENTITY = "UA900-EWR-20130411"
DEPARTED = {
    "type": "departed", "flight_id": IDENTITY, "departed_at": "2013-04-12T03:36:00Z", "delay_minutes": 6
}  # fmt: skip
ARRIVED = {
    "type": "arrived", "flight_id": IDENTITY, "arrived_at": "2013-04-12T07:56:00Z", "delay_minutes": 21,
    "air_time_minutes": 200,
}  # fmt: skip
CANCELLED = {"type": "cancelled", "flight_id": "UA901-EWR-20130411", "at": "2013-04-11T13:00:00Z"}
DIVERTED = {"type": "diverted", "flight_id": "UA902-EWR-20130411", "at": "2013-04-11T13:00:00Z"}
ASSIGNED = {
    "type": "aircraft_assigned",
    "flight_id": IDENTITY,
    "at": "2013-04-11T13:00:00Z",
    "tail": "N14228",
}
ESTIMATED = {
    "type": "departure_estimated", "flight_id": IDENTITY, "departs_at": "2013-04-12T03:55:00Z", "delay_minutes": 25
}  # fmt: skip
WEATHER = {"type": "weather", "airport": "JFK", "observed_at": "2013-04-11T11:00:00Z", "temp_f": 51.1}
CLOCK = {"now": "2013-04-11T12:00:00Z", "mode": "simulated"}


def send(api, *events):
    return api.post("/v1/events", {"events": list(events)}, "ingest")


def label(api, *labels):
    return api.post("/v1/labels", {"labels": list(labels)}, "ingest")


def statuses(answer):
    return [item["status"] for item in answer.get_json()["items"]]


def test_every_kind_of_event_is_taken_once_and_an_arrival_is_a_label(own_api):
    events = [SCHEDULED, WEATHER, ASSIGNED, ESTIMATED, DEPARTED, ARRIVED, CANCELLED, DIVERTED]
    before = EventStore(own_api.database).count()
    first = send(own_api, *events)
    assert first.status_code == 200
    body = first.get_json()
    assert (body["accepted"], body["duplicates"], body["rejected"], body["clock"]) == (8, 0, 0, CLOCK)
    assert EventStore(own_api.database).count() == before + 7
    assert LabelStore(own_api.database).current(IDENTITY).arr_delay_minutes == 21
    again = send(own_api, *events)
    assert again.status_code == 200
    assert statuses(again) == ["duplicate"] * 8
    assert again.get_json()["duplicates"] == 8


@pytest.mark.parametrize(
    ("stated", "kept"),
    [
        ("2013-04-11T16:30:00+02:00", "2013-04-11 14:30:00+00"),
        # Noon is sealed: what is posted now was not known then.
        ("2013-03-01T00:00:00+02:00", "2013-04-11 12:00:01+00"),
    ],
)
def test_an_event_says_when_it_became_known_but_never_before_a_sealed_state(own_api, stated, kept):
    send(own_api, SCHEDULED | {"known_at": stated})
    with own_api.database.transaction() as cursor:
        cursor.execute("SELECT known_at::text FROM flight_events WHERE flight_id = %s", [IDENTITY])
        assert cursor.fetchone() == (kept,)


def test_an_event_that_contradicts_the_log_is_a_conflict_and_changes_nothing(own_api):
    send(own_api, SCHEDULED, DEPARTED)
    alone = send(own_api, DEPARTED | {"delay_minutes": 7})
    assert alone.status_code == 409
    [item] = alone.get_json()["items"]
    assert item["status"] == "conflict"
    assert item["problem"]["status"] == 409
    assert "delay" in item["problem"]["detail"]
    mixed = send(own_api, DEPARTED | {"delay_minutes": 7}, DEPARTED)
    assert mixed.status_code == 207
    assert statuses(mixed) == ["conflict", "duplicate"]


@pytest.mark.parametrize(
    "event", [DEPARTED | {"delay_minutes": 7}, SCHEDULED, WEATHER], ids=["flight", "schedule", "weather"]
)
def test_more_revisions_of_one_thing_than_a_request_may_wait_for_are_refused(own_api, event):
    """Each revision is compared with the one before it, so that each costs statements of its own."""
    before = EventStore(own_api.database).count()
    answer = send(own_api, ARRIVED, *[event] * (MAX_REVISIONS + 1))
    assert_field(answer, "events", f"at most {MAX_REVISIONS} .* the others in a request after this one")
    assert EventStore(own_api.database).count() == before


def test_a_request_may_revise_one_event_often_and_many_events_once(own_api):
    often = [
        DEPARTED | {"delay_minutes": n, "known_at": f"2013-04-12T04:00:{n:02}.5Z"}
        for n in range(MAX_REVISIONS)
    ]
    once = [CANCELLED | {"flight_id": f"UA{n}-EWR-20130410"} for n in range(1, 300)]
    assert set(statuses(send(own_api, *often, *once))) == {"accepted"}


def test_a_flight_is_retimed_to_another_date_and_keeps_its_identity(own_api):
    later = {"scheduled_departure": "2013-04-12T11:00:00Z", "scheduled_arrival": "2013-04-12T15:05:00Z"}
    retimed = SCHEDULED | later | {"flight_id": IDENTITY, "known_at": "2013-04-11T11:00:00Z"}
    assert send(own_api, retimed).status_code == 422, "nothing was scheduled under that date"
    published = SCHEDULED | {"known_at": "2013-04-01T11:00:00Z"}
    assert statuses(send(own_api, published, retimed)) == ["accepted", "accepted"]
    assert statuses(send(own_api, retimed)) == ["duplicate"]
    asked = {name: value for name, value in retimed.items() if name not in ("type", "known_at")}
    assert own_api.predict(**asked).get_json()["flight_id"] == IDENTITY
    asked.pop("flight_id")
    assert own_api.predict(**asked).get_json()["flight_id"] == "UA900-EWR-20130412"


def test_a_cancellation_is_taken_back(own_api):
    back = CANCELLED | {"type": "reinstated", "at": "2013-04-11T13:30:00Z"}
    assert statuses(send(own_api, CANCELLED, back, back)) == ["accepted", "accepted", "duplicate"]


@pytest.mark.parametrize(
    ("post", "word"), [(send, ARRIVED), (label, {"flight_id": IDENTITY, "arr_delay_minutes": 21})]
)
def test_what_claims_to_be_known_in_the_future_is_refused_and_the_right_version_is_taken(own_api, post, word):
    ClockStore(own_api.database).set_system()
    own_api.parts.cache.read_clock()
    now = datetime.now(UTC)
    wrong = post(own_api, word | {"known_at": f"{now + timedelta(minutes=7):%Y-%m-%dT%H:%M:%SZ}"})
    assert wrong.status_code == 422
    [error] = wrong.get_json()["items"][0]["problem"]["errors"]
    assert error["field"].endswith(".0.known_at")
    assert "at most 5 minutes after now" in error["expected"]
    # The clock of a feed may be a little ahead.
    right = post(own_api, word | {"known_at": f"{now + timedelta(minutes=3):%Y-%m-%dT%H:%M:%SZ}"})
    assert statuses(right) == ["accepted"]


@pytest.mark.parametrize(
    ("event", "field"),
    [(DEPARTED, "departed_at"), (ARRIVED, "arrived_at"), (WEATHER, "observed_at")],
)
def test_what_has_not_happened_yet_is_refused_as_of_a_feed_whose_clock_is_local(own_api, event, field):
    ClockStore(own_api.database).set_system()
    own_api.parts.cache.read_clock()
    now = datetime.now(UTC)
    ahead, known = (f"{now + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}" for minutes in (330, -60))
    refused = send(
        own_api, event | {field: ahead}, event | {field: f"{now:%Y-%m-%dT%H:%M:%SZ}", "known_at": known}
    )
    assert refused.status_code == 422
    for index, item in enumerate(refused.get_json()["items"]):
        [error] = item["problem"]["errors"]
        assert error["field"] == f"events.{index}.{field}"
        assert "minutes after it became known" in error["expected"]
    assert LabelStore(own_api.database).current(IDENTITY) is None
    happened = event | {field: f"{now + timedelta(minutes=3):%Y-%m-%dT%H:%M:%SZ}"}
    assert statuses(send(own_api, happened)) == ["accepted"]


def test_whoever_moves_a_simulated_clock_posts_before_it_moves(own_api):
    assert statuses(send(own_api, ARRIVED | {"known_at": "2013-04-11T20:00:00Z"})) == ["accepted"]


def test_a_number_that_flies_twice_from_one_airport_on_a_date_has_legs(own_api):
    evening = {"scheduled_departure": "2013-04-12T01:30:00Z", "scheduled_arrival": "2013-04-12T05:35:00Z"}
    assert statuses(send(own_api, SCHEDULED, SCHEDULED | evening | {"leg": 2})) == ["accepted", "accepted"]
    asked = {name: value for name, value in (SCHEDULED | evening).items() if name != "type"}
    assert own_api.predict(**asked, leg=2).get_json()["flight_id"] == "UA900-EWR-2-20130411"
    departed = DEPARTED | {"flight_id": "UA900-EWR-2-20130411"}
    assert statuses(send(own_api, DEPARTED, departed)) == ["accepted", "accepted"]


def test_a_corrected_arrival_is_a_revision_and_one_known_before_is_refused(own_api):
    known = {"known_at": "2013-04-12T08:00:00Z"}
    send(own_api, ARRIVED | known)
    corrected = ARRIVED | {"delay_minutes": 9, "known_at": "2013-04-12T09:00:00Z"}
    assert statuses(send(own_api, corrected)) == ["accepted"]
    assert LabelStore(own_api.database).current(IDENTITY).arr_delay_minutes == 9
    early = send(own_api, ARRIVED | {"delay_minutes": 3, "known_at": "2013-04-12T08:30:00Z"})
    assert early.status_code == 409
    detail = early.get_json()["items"][0]["problem"]["detail"]
    assert "known since 2013-04-12T09:00:00Z: a revision needs a later known_at" in detail


def test_some_bad_events_do_not_spoil_the_others_and_the_order_stays(own_api):
    events = [WEATHER, {"type": "landed"}, SCHEDULED, DEPARTED | {"delay_minutes": "6"}, None, DEPARTED, {}]
    answer = send(own_api, *events)
    assert answer.status_code == 207
    assert statuses(answer) == [
        "accepted",
        "invalid",
        "accepted",
        "invalid",
        "invalid",
        "accepted",
        "invalid",
    ]
    items = answer.get_json()["items"]
    fields = [item["problem"]["errors"][0]["field"] for item in items if "problem" in item]
    assert fields == ["events.1.type", "events.3.delay_minutes", "events.4.type", "events.6.type"]
    assert answer.get_json()["rejected"] == 4


@pytest.mark.parametrize("kind", ["[" * 1010 + "]" * 1010, '"' + "x" * 3_000_000 + '"'], ids=["deep", "long"])
def test_a_type_that_is_deep_or_long_spoils_no_other_event_and_is_not_repeated_whole(own_api, kind):
    body = b'{"events": [%b, {"type": %b}]}' % (orjson.dumps(SCHEDULED), kind.encode())
    answer = own_api.post("/v1/events", body, "ingest")
    assert answer.status_code == 207
    assert statuses(answer) == ["accepted", "invalid"]
    assert len(answer.data) < 5_000


@pytest.mark.parametrize(
    ("event", "field"),
    [
        (SCHEDULED | {"tailnum": "N1"}, "tailnum"),
        (SCHEDULED | {"flight_id": "UA901-EWR-20130411"}, "flight_id"),
        (SCHEDULED | {"flight_id": "UA900-EWR-20130412"}, "flight_id"),  # its date in UTC
        (SCHEDULED | {"flight_id": "UA900-EWR-2-20130411", "leg": 3}, "flight_id"),
        (SCHEDULED | {"leg": 0}, "leg"),
        (SCHEDULED | {"scheduled_departure": "2013-04-12T03:30:10Z"}, "scheduled_departure"),
        (SCHEDULED | {"scheduled_arrival": "2013-04-12T03:30:00Z"}, "scheduled_arrival"),
        (SCHEDULED | {"scheduled_arrival": "2013-04-12T03:44:00Z"}, "scheduled_arrival"),
        (SCHEDULED | {"scheduled_arrival": "2013-04-12T23:31:00Z"}, "scheduled_arrival"),
        (SCHEDULED | {"dest": "EWR"}, "dest"),
        (DEPARTED | {"flight_id": "UA900-EWR-20131341"}, "flight_id"),
        (DEPARTED | {"flight_id": "UA\uff11-EWR-20130411"}, "flight_id"),
        (DEPARTED | {"flight_id": "UA0900-EWR-20130411"}, "flight_id"),
        (DEPARTED | {"flight_id": "UA0-EWR-20130411"}, "flight_id"),
        (DEPARTED | {"departed_at": "9999-12-31T23:59:00-14:00"}, "departed_at"),
        (DEPARTED | {"delay_minutes": 10**12}, "delay_minutes"),
        (ARRIVED | {"air_time_minutes": -1}, "air_time_minutes"),
        (CANCELLED | {"at": None}, "at"),
        (ASSIGNED | {"tail": "n14228"}, "tail"),
        (ASSIGNED | {"tail": "N14228\n"}, "tail"),
        (ESTIMATED | {"delay_minutes": None}, "delay_minutes"),
        (WEATHER | {"temp_f": "warm"}, "temp_f"),
        (WEATHER | {"temp_f": "nan"}, "temp_f"),
        (WEATHER | {"airport": "jfk"}, "airport"),
        (WEATHER | {"known_at": "yesterday"}, "known_at"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_event_that_does_not_fit_names_its_field(own_api, event, field):
    answer = send(own_api, event)
    assert answer.status_code == 422
    [item] = answer.get_json()["items"]
    assert item["problem"]["errors"][0]["field"] == f"events.0.{field}"


@pytest.mark.parametrize("number", ["0900", "09", "0", "00"])
def test_a_label_of_a_flight_that_no_schedule_can_name_is_refused(own_api, number):
    """Schedules say UA900: a label of UA0900 would be stored and never meet its prediction."""
    answer = label(own_api, {"flight_id": f"UA{number}-EWR-20130411", "arr_delay_minutes": 21})
    assert answer.status_code == 422
    [error] = answer.get_json()["items"][0]["problem"]["errors"]
    assert error["field"] == "labels.0.flight_id"
    assert "no zero before it" in error["expected"]


def test_weather_may_lack_any_measure(own_api):
    nothing = WEATHER | dict.fromkeys(WEATHER_COLUMNS)
    assert statuses(send(own_api, nothing)) == ["accepted"]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("temp_f", 999, "from -80 to 140"),
        ("humidity_pct", 105, "from 0 to 100"),
        ("wind_speed_mph", -1, "from 0 to 200"),
        ("pressure_mb", 29.92, "from 870 to 1090"),
        ("wind_dir_deg", 1e300, "from 0 to 360"),  # no cast to whole numbers holds it
    ],
)
def test_what_no_instrument_reads_counts_as_not_measured_and_the_rest_of_the_observation_stays(
    own_api, name, value, expected
):
    answer = send(own_api, CANCELLED, WEATHER | {"temp_f": 51.1, "dewpoint_f": 40.0, name: value})
    assert answer.status_code == 200
    assert statuses(answer) == ["accepted", "accepted"]
    [note] = answer.get_json()["items"][1]["not_measured"]
    assert (note["field"], note["got"]) == (f"events.1.{name}", value)
    assert expected in note["expected"]
    assert "not_measured" not in answer.get_json()["items"][0]
    with own_api.database.transaction() as cursor:
        cursor.execute(f"SELECT {name}, dewpoint_f FROM weather_events WHERE source = 'api'")
        assert cursor.fetchall() == [(None, 40.0)]


@pytest.mark.parametrize("n", [0, 5001])
def test_1_to_5000_events_are_taken_at_once(api, n):
    assert_field(send(api, *[CANCELLED] * n), "events", "1 to 5000 events")


def test_a_new_label_the_same_and_another_one(own_api):
    word = {"flight_id": KNOWN, "arr_delay_minutes": 21}
    assert statuses(label(own_api, word)) == ["accepted"]
    assert statuses(label(own_api, word)) == ["duplicate"]
    other = label(own_api, word | {"arr_delay_minutes": 3})
    assert other.status_code == 409
    assert "a correction must say that it is one" in other.get_json()["items"][0]["problem"]["detail"]
    assert LabelStore(own_api.database).current(KNOWN).arr_delay_minutes == 21


def test_a_correction_is_the_newest_word_and_says_so(own_api):
    word = {"flight_id": KNOWN, "arr_delay_minutes": 21}
    label(own_api, word)
    answer = label(own_api, word | {"arr_delay_minutes": 3, "correction": True})
    assert statuses(answer) == ["accepted"]
    current = LabelStore(own_api.database).current(KNOWN)
    assert (current.arr_delay_minutes, current.is_late, current.corrected) == (3, False, True)


def test_labels_are_answered_one_by_one(own_api):
    good = {"flight_id": KNOWN, "arr_delay_minutes": 21}
    bad = [good | {"arr_delay_minutes": 2.5}, good | {"late": True}, good | {"correction": "yes"}, None]
    answer = label(own_api, good, *bad)
    assert answer.status_code == 207
    assert statuses(answer) == ["accepted"] + ["invalid"] * 4
    fields = [item["problem"]["errors"][0]["field"] for item in answer.get_json()["items"][1:]]
    assert fields == ["labels.1.arr_delay_minutes", "labels.2.late", "labels.3.correction", "labels.4"]


def test_a_label_of_a_year_nobody_can_read_back_is_refused(own_api):
    word = {"flight_id": KNOWN, "arr_delay_minutes": 21, "known_at": "0001-01-01T00:00:00+14:00"}
    assert label(own_api, word).status_code == 422
    assert LabelStore(own_api.database).current(KNOWN) is None


def test_while_postgres_takes_no_writes_the_caller_is_asked_to_come_again(own_api):
    late = {"flight_id": "UA1-EWR-20130411", "arr_delay_minutes": 1}
    with read_only(own_api.database):
        for _ in range(2):
            for answer in (label(own_api, late), send(own_api, SCHEDULED)):
                assert_problem(answer, 503)
                assert answer.headers["Retry-After"]
        assert own_api.predict().status_code == 200
    assert label(own_api, late).status_code == 200
    assert send(own_api, SCHEDULED).status_code == 200
