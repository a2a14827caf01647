"""Lists: pages that are whole and stable, filters and cursors that say what does not fit."""

import base64
import re
from datetime import date, timedelta
from urllib.parse import urlencode
from uuid import UUID

import numpy as np
import orjson
import pytest

from adapters.label_store import LabelStore
from adapters.postgres import query
from adapters.prediction_lines import to_copy_line
from adapters.prediction_log import PredictionLog
from tests.app.worlds import assert_field
from tests.builders import DAY, MINUTE, NOON, flight_id, prediction

LISTS = {
    "/v1/predictions": "predictions",
    "/v1/model/ledger": "ledger",
    "/v1/monitoring/decisions": "decisions",
}
LEDGER_ROW = """
    INSERT INTO deployments (action, from_version, to_version, who, reason, status, at)
    VALUES ('promote', %(n)s, %(n)s + 1, 'test', 'better', 'done', '2013-04-01T00:00:00Z')
"""


def ship(api, *records):
    log = PredictionLog(api.database)
    offset = log.offset("list")
    log.ship("list", offset, b"".join(to_copy_line(record) for record in records))


def add_ledger_row(api, n):
    with api.database.transaction() as cursor:
        cursor.execute(LEDGER_ROW, {"n": n})


def add_decision(api, n, day=date(2013, 4, 1)):
    api.parts.monitoring.record_decision(
        "retrain" if n % 2 else "gate", day, False, f"reason {n}", {"n": n}, NOON, key=f"test {n}"
    )


def fill(api, path, n=7):
    """Seven rows; of predictions two and two have one moment."""
    if path == "/v1/predictions":
        ship(api, *(prediction(as_of=NOON + i // 2 * MINUTE) for i in range(n)))
    for i in range(n):
        if path == "/v1/model/ledger":
            add_ledger_row(api, i)
        if path == "/v1/monitoring/decisions":
            add_decision(api, i, date(2013, 4, 1) + timedelta(days=i // 3))


def page(api, path, **query):
    query = {name.rstrip("_"): value for name, value in query.items()}
    return api.get(f"{path}?{urlencode(query)}", "predict")


def walk(api, path, between=lambda: None, **query):
    """Every row of a list, page by page."""
    rows, cursor = [], {}
    while True:
        body = page(api, path, **query, **cursor).get_json()
        rows += body[LISTS[path]]
        if body["next_cursor"] is None:
            return rows
        cursor = {"cursor": body["next_cursor"]}
        between()


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 500])
def test_pages_of_any_size_hold_every_row_once_in_one_order(own_api, path, limit):
    fill(own_api, path)
    whole = page(own_api, path).get_json()
    assert len(whole[LISTS[path]]) == 7
    assert whole["next_cursor"] is None
    assert walk(own_api, path, limit=limit) == whole[LISTS[path]]


@pytest.mark.parametrize("path", LISTS)
def test_rows_that_come_between_pages_move_none(own_api, path):
    fill(own_api, path)
    before = walk(own_api, path)
    walked = walk(own_api, path, between=lambda: fill(own_api, path, 2), limit=2)
    assert [row for row in walked if row in before] == before


@pytest.mark.parametrize("path", LISTS)
def test_an_empty_list_is_a_page_without_rows(own_api, path):
    body = page(own_api, path).get_json()
    assert (body[LISTS[path]], body["next_cursor"]) == ([], None)


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": 0}, "limit"), ({"limit": 501}, "limit"), ({"limit": "ten"}, "limit"), ({"limit": "-1"}, "limit"),
        ({"cursor": "x"}, "cursor"), ({"cursor": ""}, "cursor"), ({"cursor": "é"}, "cursor"), ({"page": 2}, "page"),
    ],
    ids=str,
)  # fmt: skip
def test_a_page_that_makes_no_sense_is_refused_by_name(api, path, query, field):
    assert_field(page(api, path, **query), field, "")


@pytest.mark.parametrize("path", LISTS)
def test_a_parameter_that_is_there_twice_is_refused(api, path):
    assert_field(api.get(f"{path}?limit=1&limit=2", "predict"), "limit", "one value")


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "key", [None, [], {}, "x", -1, 2**63, 1.5, True, ["0001-01-01", -1], ["2013-04-11T00:00:00", "x"], [1, 2]]
)
def test_a_cursor_somebody_made_up_is_refused(own_api, path, key):
    assert_forged_is_refused(own_api, path, key)


@pytest.mark.parametrize(
    "key",
    [
        ["2013-04-11T12:00:00+00:00", 5], ["2013-04-11T12:00:00+00:00", None], [5, str(UUID(int=1))],
        ["0001-01-01T00:00:00+00:00", str(UUID(int=1))], ["9999-12-31T23:59:59-15:00", str(UUID(int=1))],
        ["2013-04-11T12:00:00", str(UUID(int=1))],
    ],
    ids=str,
)  # fmt: skip
def test_a_cursor_of_predictions_holds_a_time_of_the_calendar_and_an_id(own_api, key):
    assert_forged_is_refused(own_api, "/v1/predictions", key)


def test_a_cursor_may_name_its_time_with_any_offset(own_api):
    fill(own_api, "/v1/predictions")
    far = forged(own_api, "/v1/predictions", ["2013-04-12T11:59:30+23:59", str(UUID(int=2**128 - 1))])
    assert len(page(own_api, "/v1/predictions", cursor=far).get_json()["predictions"]) == 2


def assert_forged_is_refused(api, path, key):
    fill(api, path)
    assert_field(page(api, path, cursor=forged(api, path, key)), "cursor", "unchanged")


def forged(api, path, key):
    """A cursor of a list that has rows, with another key than any that was returned."""
    real = page(api, path, limit=1).get_json()["next_cursor"]
    [mark, _] = orjson.loads(base64.urlsafe_b64decode(real + "=" * (-len(real) % 4)))
    text = orjson.dumps([mark, key]) if key != 2**63 else b'["%s", %d]' % (mark.encode(), key)
    return base64.urlsafe_b64encode(text).decode()


def test_a_cursor_belongs_to_its_filters(own_api):
    fill(own_api, "/v1/predictions")
    cursor = page(own_api, "/v1/predictions", limit=1, flight_id=flight_id()).get_json()["next_cursor"]
    assert_field(page(own_api, "/v1/predictions", cursor=cursor), "cursor", "same filters")
    again = page(own_api, "/v1/predictions", cursor=cursor, flight_id=flight_id(), limit=3)
    assert len(again.get_json()["predictions"]) == 3


def test_predictions_are_found_by_flight_with_what_then_happened(own_api):
    ship(
        own_api,
        prediction(),
        prediction(flight_id=flight_id(2), challenger_version=4, challenger_probability=0.25),
    )
    LabelStore(own_api.database).append(flight_id(2), 21, NOON + 6 * 60 * MINUTE, "test")
    LabelStore(own_api.database).append(flight_id(2), 9, NOON + 7 * 60 * MINUTE, "test", correct=True)
    [row] = page(own_api, "/v1/predictions", flight_id=flight_id(2)).get_json()["predictions"]
    assert row["challenger"] == {"version": 4, "probability": 0.25}
    assert (row["label"]["arr_delay_minutes"], row["label"]["is_late"], row["label"]["corrected"]) == (
        9,
        False,
        True,
    )
    [other] = page(own_api, "/v1/predictions", flight_id=flight_id()).get_json()["predictions"]
    assert (other["label"], other["challenger"]) == (None, None)
    shown = own_api.get(f"/v1/predictions/{row['prediction_id']}", "predict").get_json()
    assert {name: shown[name] for name in row if name != "model_version"} == {
        name: row[name] for name in row if name != "model_version"
    }


def test_predictions_are_found_by_time_the_end_not_included(own_api):
    fill(own_api, "/v1/predictions")
    found = page(own_api, "/v1/predictions", from_="2013-04-11T12:01:00Z", to="2013-04-11T14:03:00+02:00")
    assert {row["as_of"] for row in found.get_json()["predictions"]} == {
        "2013-04-11T12:01:00Z", "2013-04-11T12:02:00Z",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from_": "2013-04-11"}, "from"), ({"to": "2013-04-11T12:00:00"}, "to"),
        ({"flight_id": "UA1545"}, "flight_id"),
        ({"from_": "2013-04-12T00:00:00Z", "to": "2013-04-11T00:00:00Z"}, "from"),
    ],
    ids=str,
)  # fmt: skip
def test_filters_of_predictions_that_do_not_fit_are_named(api, query, field):
    assert_field(page(api, "/v1/predictions", **query), field, "")


def test_decisions_are_found_by_kind_and_day(own_api):
    fill(own_api, "/v1/monitoring/decisions")
    found = page(
        own_api, "/v1/monitoring/decisions", kind="gate", from_="2013-04-02", to="2013-04-02"
    ).get_json()
    assert [(row["kind"], row["evidence"]) for row in found["decisions"]] == [("gate", {"n": 4})]
    assert_field(page(own_api, "/v1/monitoring/decisions", kind="none"), "kind", "retrain, gate")
    assert_field(page(own_api, "/v1/monitoring/decisions", from_="2013-4-2"), "from", "a day like")
    assert_field(
        page(own_api, "/v1/monitoring/decisions", from_="2013-04-02", to="2013-04-01"), "from", "not after"
    )


def plan(api, name, parameters):
    with api.database.transaction() as cursor:
        cursor.execute("EXPLAIN " + query(name), parameters)
        return "\n".join(line for (line,) in cursor.fetchall())


PLANS = (
    ("list_predictions", {"flight_id": flight_id(3)}, "predictions_2013_0._flight_id_idx"),
    ("list_predictions", {}, "predictions_2013_0._as_of_idx"),
    (
        "list_predictions",
        {"from": NOON - 20 * DAY, "until": NOON + 20 * DAY},
        "predictions_2013_0._as_of_idx",
    ),
    ("ledger_history", {}, "deployments_pkey"),
    ("decision_page", {}, "decisions_by_day"),
    ("decision_page", {"first": date(2013, 4, 2), "last": date(2013, 4, 3)}, "decisions_by_day"),
)


def test_a_page_is_read_through_an_index(own_api):
    """A page reads as many rows as it shows, however many there are."""
    usual = {
        "limit": 51, "flight_id": None, "from": NOON - 400 * DAY, "until": NOON + 400 * DAY, "as_of": NOON + 300 * DAY,
        "prediction_id": "f" * 32, "before": 10**9, "first": date(2000, 1, 1), "last": date(2040, 1, 1),
        "day": date(2039, 1, 1), "decision_id": 10**9, "kind": None,
    }  # fmt: skip
    for day in (0, 30):
        ship(
            own_api,
            *(
                prediction(
                    as_of=NOON + day * DAY + i // 20 * MINUTE,
                    flight_id=flight_id(1 + i % 900),
                    features=np.zeros(1),
                )
                for i in range(4000)
            ),
        )
    with own_api.database.transaction() as cursor:
        cursor.execute(
            "INSERT INTO deployments (action, to_version, who, reason, status, at)"
            " SELECT 'promote', n, 'test', 'r', 'done', now() FROM generate_series(1, 3000) n"
        )
        cursor.execute(
            "INSERT INTO decisions (kind, day, verdict, reason, evidence, decided_at)"
            " SELECT 'gate', DATE '2013-01-01' + n % 365, false, 'r', '{}', now() FROM generate_series(1, 3000) n"
        )
        cursor.execute(
            "INSERT INTO labels (flight_id, arr_delay_minutes, known_at, source)"
            " SELECT format('UA%s-EWR-20130411', n), 5, now(), 'test' FROM generate_series(1, 3000) n"
            " ON CONFLICT DO NOTHING"
        )
        for table in ("predictions", "labels", "deployments", "decisions"):
            cursor.execute("ANALYZE " + table)
    for name, parameters, index in PLANS:
        described = plan(own_api, name, usual | parameters)
        assert re.search(index, described), described
        assert "Seq Scan" not in described, described
