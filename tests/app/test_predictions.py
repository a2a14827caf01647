import resource
import time
import uuid
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from adapters.clock_store import ClockStore
from adapters.event_store import EventStore
from adapters.label_store import LabelStore
from adapters.prediction_log import PredictionLog
from app import feature_cache
from domain.clock import from_minute, minute_floor
from domain.features.catalogue import CONTRACT_HASH, FEATURE_NAMES
from domain.features.vectors import vectors_for
from domain.flights import Queries
from services.shipper import Shipper
from tests.app.worlds import FLIGHT, assert_field, assert_problem, busy_morning, look, refresh_at, serving
from tests.builders import MINUTE, NOON, scheduled

CLOCK = {"now": "2013-04-11T12:00:00Z", "mode": "simulated"}


def batch(api, flights, **more):
    return api.post("/v1/predictions", {"flights": flights} | more, "predict")


def test_a_flight_is_predicted_from_now(api):
    answer = api.predict()
    assert answer.status_code == 200
    body = answer.get_json()
    assert uuid.UUID(body.pop("prediction_id")).version == 7
    assert 0 < body.pop("probability") < 1
    assert body == {
        "flight_id": "UA1545-EWR-20130411",
        "lead_minutes": 60,
        "as_of": "2013-04-11T12:00:00Z",
        "model": {"name": "ontime", "version": 1, "contract": CONTRACT_HASH[:12]},
        "features": {"state_tick": "2013-04-11T12:00:00Z", "age_seconds": 0, "stale": False},
        "clock": CLOCK,
    }


def test_the_flight_id_has_the_local_date_of_the_origin(api):
    late = {"scheduled_departure": "2013-04-12T03:30:00Z", "scheduled_arrival": "2013-04-12T08:00:00Z"}
    assert api.predict(**late).get_json()["flight_id"] == "UA1545-EWR-20130411"


def test_a_time_is_the_same_with_any_offset(api):
    local = {
        "scheduled_departure": "2013-04-11T09:00:00-04:00",
        "scheduled_arrival": "2013-04-11T13:05:00-04:00",
    }
    one, other = api.predict().get_json(), api.predict(**local).get_json()
    assert one["probability"] == other["probability"]
    assert one["flight_id"] == other["flight_id"]


def test_a_prediction_is_in_the_spool_before_it_is_answered(api):
    body = api.predict().get_json()
    [record] = [r for r in api.spooled() if r.prediction_id == body["prediction_id"]]
    assert record.probability == body["probability"]
    assert record.model_version == 1
    assert record.contract_hash == CONTRACT_HASH
    assert len(record.features) == len(FEATURE_NAMES)
    assert record.latency_us > 0


def test_what_was_logged_is_what_training_computes_bit_for_bit(api):
    body = api.predict(as_of="2013-04-11T11:57:00Z", carrier="UA", flight=7).get_json()
    [record] = [r for r in api.spooled() if r.prediction_id == body["prediction_id"]]
    queries = Queries(
        carrier=np.array(["UA"]), number=np.array([7]), origin=np.array(["EWR"]), dest=np.array(["IAH"]),
        sched_dep=np.array([minute_floor(record.scheduled_departure)]),
        sched_arr=np.array([minute_floor(record.scheduled_arrival)]),
        as_of=np.array([minute_floor(record.as_of)]),
    )  # fmt: skip
    facts = EventStore(api.database).facts(record.as_of, NOON - timedelta(days=40), NOON + timedelta(days=2))
    assert vectors_for(queries, *facts)[0].tobytes() == record.features.tobytes()


@pytest.mark.parametrize("minutes", [0, 1440])
def test_a_flight_may_leave_now_or_in_a_day(api, minutes):
    departure = NOON + minutes * MINUTE
    times = {"scheduled_departure": departure.isoformat()}
    times["scheduled_arrival"] = (departure + 240 * MINUTE).isoformat()
    assert api.predict(**times).get_json()["lead_minutes"] == minutes


@pytest.mark.parametrize("minutes", [-1, 1441])
def test_a_flight_that_has_left_or_leaves_later_is_refused(api, minutes):
    departure = NOON + minutes * MINUTE
    times = {"scheduled_departure": departure.isoformat()}
    times["scheduled_arrival"] = (departure + 240 * MINUTE).isoformat()
    assert_field(api.predict(**times), "scheduled_departure", "between 0 and 1440 minutes after as_of")


def test_the_future_cannot_be_seen(api):
    assert_field(
        api.predict(as_of="2013-04-11T12:00:01Z"), "as_of", "not after the stack's clock, 2013-04-11T12:00"
    )


def test_a_clock_that_moved_on_is_seen_by_the_next_question(own_api):
    ClockStore(own_api.database).set_simulated(NOON + MINUTE)
    own_api.app.extensions["loops"][0].once()
    answer = own_api.predict(as_of="2013-04-11T12:01:00Z")
    assert answer.status_code == 200
    assert answer.get_json()["clock"]["now"] == "2013-04-11T12:01:00Z"


def test_a_moment_of_the_past_sees_the_state_stored_for_it(own_api):
    refresh_at(own_api.database, NOON + 5 * MINUTE, NOON + 10 * MINUTE)
    own_api.app.extensions["loops"][0].once()
    EventStore(own_api.database).append([scheduled(900, NOON + 30 * MINUTE, known_at=NOON + MINUTE)])
    body = own_api.predict(as_of="2013-04-11T12:06:59Z").get_json()
    assert body["features"] == {"state_tick": "2013-04-11T12:05:00Z", "age_seconds": 119, "stale": False}
    [record] = own_api.spooled()
    assert record.state_tick == NOON + 5 * MINUTE


def test_a_moment_before_all_stored_states_is_computed_from_the_events(own_api):
    body = own_api.predict(as_of="2013-04-11T09:02:00Z").get_json()
    assert body["features"]["state_tick"] == "2013-04-11T09:00:00Z"


def test_a_moment_before_all_events_is_refused(own_api):
    old = {"as_of": "2001-01-01T00:00:00Z", "scheduled_departure": "2001-01-01T01:00:00Z"}
    old["scheduled_arrival"] = "2001-01-01T05:00:00Z"
    assert_field(own_api.predict(**old), "as_of", "a moment at which flights were known")
    mixed = batch(own_api, [FLIGHT, FLIGHT | old])
    assert [item["status"] for item in mixed.get_json()["items"]] == [200, 422]


def test_a_state_older_than_15_minutes_is_called_stale(own_api):
    for minutes, stale in ((15, False), (16, True)):
        ClockStore(own_api.database).set_simulated(NOON + minutes * MINUTE)
        own_api.parts.cache.read_clock()
        features = own_api.predict().get_json()["features"]
        assert features == {
            "state_tick": "2013-04-11T12:00:00Z", "age_seconds": minutes * 60, "stale": stale
        }  # fmt: skip


def test_a_batch_is_answered_in_order_and_equals_single_answers(api):
    flights = [FLIGHT | {"flight": n, "as_of": f"2013-04-11T11:{50 + n % 10}:00Z"} for n in range(1, 31)]
    answer = batch(api, flights)
    assert answer.status_code == 200
    items = answer.get_json()["items"]
    assert [item["index"] for item in items] == list(range(30))
    for flight, item in zip(flights, items, strict=True):
        single = api.post("/v1/predictions", flight, "predict").get_json()
        for name in ("flight_id", "as_of", "lead_minutes", "features", "model"):
            assert item["prediction"][name] == single[name]
        assert item["prediction"]["probability"] == pytest.approx(single["probability"], rel=1e-12)


def test_a_batch_with_some_bad_flights_answers_for_each(api):
    flights = [
        FLIGHT,
        FLIGHT | {"carrier": "x"},
        7,
        None,
        FLIGHT | {"dest": "EWR"},
        FLIGHT | {"as_of": "x"},
        FLIGHT,
    ]
    before = len(api.spooled())
    answer = batch(api, flights)
    assert answer.status_code == 207
    body = answer.get_json()
    assert body["clock"] == CLOCK
    assert [item["status"] for item in body["items"]] == [200, 422, 422, 422, 422, 422, 200]
    fields = [item["problem"]["errors"][0]["field"] for item in body["items"] if "problem" in item]
    assert fields == ["flights.1.carrier", "flights.2", "flights.3", "flights.4.dest", "flights.5.as_of"]
    assert len(api.spooled()) == before + 2


def test_a_late_rule_names_the_flight_of_the_batch_as_well(api):
    answer = batch(
        api, [FLIGHT | {"as_of": "2013-04-11T12:30:00Z"}, FLIGHT | {"as_of": "2013-04-10T00:00:00Z"}]
    )
    assert answer.status_code == 422
    fields = [item["problem"]["errors"][0]["field"] for item in answer.get_json()["items"]]
    assert fields == ["flights.0.as_of", "flights.1.scheduled_departure"]


def test_a_batch_may_have_one_moment_for_all_and_a_flight_its_own(api):
    own = FLIGHT | {"as_of": "2013-04-11T11:50:00Z"}
    items = batch(api, [FLIGHT, own], as_of="2013-04-11T11:55:00Z").get_json()["items"]
    assert [item["prediction"]["lead_minutes"] for item in items] == [65, 70]


@pytest.mark.parametrize("n", [0, 1001])
def test_a_batch_has_1_to_1000_flights(api, n):
    assert_field(batch(api, [FLIGHT] * n), "flights", "1 to 1000 flights")


def test_a_batch_of_1000_is_one_write(own_api):
    sizes = []
    write = own_api.parts.spool.write
    object.__setattr__(
        own_api.parts.spool, "write", lambda block: (sizes.append(block.count(b"\n")), write(block))
    )
    assert batch(own_api, [FLIGHT] * 1000).status_code == 200
    assert sizes == [1000]
    assert len(own_api.spooled()) == 1000


def test_a_big_batch_about_one_distant_moment_computes_its_state_once(own_api, monkeypatch):
    computed = []
    compute = feature_cache.compute_block
    monkeypatch.setattr(feature_cache, "compute_block", lambda *a: computed.append(a[2]) or compute(*a))
    fill_ring(own_api)
    answer = batch(own_api, [FLIGHT] * 300, as_of="2013-04-11T02:00:00Z")
    assert answer.status_code == 200
    assert len(computed) == 1
    assert batch(own_api, [FLIGHT] * 3, as_of="2013-04-11T02:00:00Z").status_code == 200
    assert len(computed) == 1


def fill_ring(api):
    """States of the next four hours, so that memory has no room for older ones among them."""
    refresh_at(api.database, *[NOON + 5 * n * MINUTE for n in range(1, feature_cache.RING + 1)])
    api.parts.cache.refresh()
    ClockStore(api.database).set_simulated(NOON)
    api.parts.cache.read_clock()


def test_a_request_cannot_have_any_number_of_distant_states_computed(own_api):
    moments = [(NOON - timedelta(hours=4, minutes=5 * n)).isoformat() for n in range(25)]
    items = batch(own_api, [FLIGHT | {"as_of": moment} for moment in moments]).get_json()["items"]
    assert [item["status"] for item in items] == [200] * 20 + [422] * 5
    assert "at most 20 moments" in items[-1]["problem"]["errors"][0]["expected"]


def test_a_batch_about_the_future_looks_at_the_clock_once(own_api, monkeypatch):
    reads = []
    monkeypatch.setattr(own_api.parts.cache, "catch_up", lambda: reads.append(1) or True)
    assert batch(own_api, [FLIGHT] * 50, as_of="2013-04-11T12:30:00Z").status_code == 422
    assert len(reads) == 1


def test_an_answer_is_found_by_its_id_at_once(api):
    made = api.predict().get_json()
    found = api.get(f"/v1/predictions/{made['prediction_id']}", "predict")
    assert found.status_code == 200
    body = found.get_json()
    for name in ("prediction_id", "flight_id", "probability", "lead_minutes", "as_of", "clock"):
        assert body[name] == made[name]
    assert list(body["features"]) == list(FEATURE_NAMES)
    assert body["model"]["version"] == 1
    assert body["label"] is None
    assert body["challenger"] is None


def test_a_model_of_another_name_is_named_so_wherever_an_answer_is_read(postgres, own_settings):
    busy_morning(postgres)
    refresh_at(postgres, NOON)
    with serving(postgres, replace(own_settings, model_name="delays")) as api:
        look(api)
        made = api.predict().get_json()
        found = api.get(f"/v1/predictions/{made['prediction_id']}", "predict").get_json()
        [listed] = batch(api, [FLIGHT]).get_json()["items"]
    names = [answer["model"]["name"] for answer in (made, found, listed["prediction"])]
    assert names == ["delays"] * 3


def test_an_answer_is_found_after_it_was_shipped_and_with_its_label(own_api):
    made = own_api.predict().get_json()
    before = own_api.get(f"/v1/predictions/{made['prediction_id']}", "predict").get_json()
    own_api.parts.spool.close()
    Shipper(own_api.database, own_api.parts.settings.spool_dir).ship()
    assert own_api.spooled() == []
    LabelStore(own_api.database).append(made["flight_id"], 21, NOON, "api")
    after = own_api.get(f"/v1/predictions/{made['prediction_id']}", "predict").get_json()
    assert PredictionLog(own_api.database).count() == 1
    label = {"arr_delay_minutes": 21, "is_late": True, "known_at": "2013-04-11T12:00:00Z", "corrected": False}
    assert after == before | {"label": label}


def test_a_stored_prediction_is_found_without_a_look_at_the_spool(own_api, monkeypatch):
    made = own_api.predict().get_json()
    Shipper(own_api.database, own_api.parts.settings.spool_dir).ship()
    monkeypatch.setattr(own_api.parts.spooled, "find", lambda *_: pytest.fail("the spool was searched"))
    assert own_api.get(f"/v1/predictions/{made['prediction_id']}", "predict").status_code == 200


def test_a_prediction_that_is_shipped_between_two_looks_is_found(own_api, monkeypatch):
    made = own_api.predict().get_json()
    own_api.parts.spool.close()
    shipper = Shipper(own_api.database, own_api.parts.settings.spool_dir)
    find = own_api.parts.spooled.find
    monkeypatch.setattr(own_api.parts.spooled, "find", lambda *given: shipper.ship() and find(*given))
    assert own_api.get(f"/v1/predictions/{made['prediction_id']}", "predict").status_code == 200
    assert own_api.spooled() == []


def test_an_id_nobody_was_given_is_not_found(api):
    assert_problem(api.get(f"/v1/predictions/{uuid.uuid4()}", "predict"), 404)


def test_with_a_full_disk_nothing_is_acknowledged_and_nothing_is_left_behind(own_api):
    """The limit on a file's size stops a write as a full disk does: with a part of it written."""
    assert own_api.predict().status_code == 200
    [file] = own_api.parts.spooled.files()
    size = file.stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, hard))
    try:
        answers = [own_api.predict(), batch(own_api, [FLIGHT] * 3)]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    for answer in answers:
        assert "spool" in assert_problem(answer, 503)["detail"]
        assert answer.headers["Retry-After"]
    assert len(own_api.spooled()) == 1
    assert own_api.predict().status_code == 200
    assert len(own_api.spooled()) == 2


def test_ids_sort_by_time(api):
    made = [api.predict().get_json()["prediction_id"] for _ in range(3)]
    moments = [int(uuid.UUID(name)) >> 80 for name in made]
    assert moments == sorted(moments)
    assert from_minute(moments[0] // 60_000).year >= 2026


def test_the_logged_latency_is_that_of_the_whole_request_up_to_its_line(own_api, monkeypatch):
    question = own_api.parts.predictor.question

    def slowly(*given):
        time.sleep(0.05)
        return question(*given)

    monkeypatch.setattr(own_api.parts.predictor, "question", slowly)
    assert own_api.predict().status_code == 200
    [record] = own_api.spooled()
    assert record.latency_us >= 50_000
