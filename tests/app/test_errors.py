from dataclasses import replace

import orjson
import pytest
from flask import g

from adapters.prefect_client import PrefectClient
from adapters.settings import PROJECT_ROOT
from app import factory, schemas
from app.errors import problem_of
from app.problem_types import BY_NAME, PROBLEM_TYPES
from app.problems import prose
from domain.errors import (
    ConfigurationError,
    Conflict,
    ContractMismatch,
    NotReady,
    OntimeError,
    SignatureInvalid,
    StaleVersion,
)
from tests.app import worlds
from tests.app.worlds import FLIGHT, assert_field, assert_problem

BAD_BODIES = {
    "nothing": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "a text": b'"x"',
    "NaN": b'{"flight": NaN}',
    "Infinity": b'{"flight": Infinity}',
    "-Infinity": b'{"flight": -Infinity}',
    "a comment": b'{"flight": 1} // x',
    "latin-1": '{"carrier": "é"}'.encode("latin-1"),
    "half a surrogate": b'{"carrier": "\\ud800"}',
    "very deep": b"[" * 5000 + b"]" * 5000,
}


def test_an_unknown_path_is_a_problem(api):
    assert_problem(api.get("/v1/nothing"), 404)
    assert_problem(api.get("/v1/predictions/not-an-id", "predict"), 404)


def test_a_wrong_method_is_a_problem_that_names_the_right_ones(api):
    answer = api.get("/v1/events", "ingest")
    assert_problem(answer, 405)
    assert "POST" in answer.headers["Allow"]


@pytest.mark.parametrize("path", ["/v1/predictions", "/v1/events", "/v1/labels", "/v1/model/promote"])
@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_a_body_that_is_not_declared_as_json_is_refused(api, path, kind):
    scope = {"/v1/predictions": "predict", "/v1/model/promote": "admin"}.get(path, "ingest")
    answer = api.client.post(path, data=b"{}", content_type=kind, headers=api.headers(scope))
    assert_problem(answer, 415)


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_a_body_that_is_no_json_object_is_refused(api, body):
    assert_problem(api.post("/v1/predictions", body, "predict"), 400)


@pytest.mark.parametrize("path", ["/v1/events", "/v1/labels"])
def test_a_huge_body_is_refused_before_it_is_read(api, path):
    body = b" " * (factory.MAX_BODY_BYTES + 1)
    assert_problem(api.post(path, body, "ingest"), 413)


def test_a_retrain_while_prefect_is_away_is_refused_soon_and_tells_no_inner_address(own_api, caplog):
    nowhere = PrefectClient(worlds.NOWHERE, patience=0.2)
    own_api.app.extensions["ontime"] = replace(own_api.parts, flows=nowhere)
    answer = own_api.post("/v1/model/retrain", {"reason": "a test"}, "admin")
    assert assert_problem(answer, 503)["detail"] == "Prefect is not reachable"
    [record] = [record for record in caplog.records if record.message == "request was not answered"]
    assert record.reason == f"Prefect is not reachable: ConnectionError at {worlds.NOWHERE}"


def test_a_fault_of_our_own_is_a_problem_that_tells_nothing_and_is_logged_under_its_id(own_api, caplog):
    own_api.app.extensions["ontime"] = replace(own_api.parts, predictor=None)
    answer = own_api.predict()
    body = assert_problem(answer, 500)
    assert "NoneType" not in answer.text
    [record] = [record for record in caplog.records if record.message == "request failed"]
    assert record.request_id == body["request_id"]
    assert record.exc_info


def test_an_error_of_ours_that_no_kind_describes_is_logged_under_its_id(own_api, caplog, monkeypatch):
    def fail(*_):
        raise OntimeError("a thing that nobody thought of")

    monkeypatch.setattr(own_api.parts.predictor, "predict", fail)
    body = assert_problem(own_api.predict(), 500)
    [record] = [record for record in caplog.records if record.message == "request failed"]
    assert record.request_id == body["request_id"]
    assert "nobody thought of" in str(record.exc_info[1])


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({"carrier": "ua"}, "carrier", "two capital letters or digits"),
        ({"carrier": "UA\n"}, "carrier", "two capital letters or digits"),
        ({"carrier": 7}, "carrier", "text"),
        ({"carrier": None}, "carrier", "not null"),
        ({"flight": "1545"}, "flight", "a whole number"),
        ({"flight": 1545.0}, "flight", "a whole number"),
        ({"flight": True}, "flight", "a whole number"),
        ({"flight": 0}, "flight", "from 1 to 9999"),
        ({"origin": "ewr"}, "origin", "known airport"),
        ({"origin": "QQQ"}, "origin", "known airport"),
        ({"dest": "EWR"}, "dest", "another airport than the origin"),
        ({"scheduled_departure": "2013-04-11T13:00:00"}, "scheduled_departure", "with an offset"),
        ({"scheduled_departure": "13:00"}, "scheduled_departure", "with an offset"),
        ({"scheduled_departure": 1365685200}, "scheduled_departure", "with an offset"),
        ({"scheduled_departure": "2013-04-11T13:00:30Z"}, "scheduled_departure", "a whole minute"),
        ({"scheduled_departure": "0001-01-01T00:00:00+14:00"}, "scheduled_departure", "from 1987"),
        ({"as_of": "9999-12-31T23:59:00-14:00"}, "as_of", "before 2050"),
        ({"scheduled_arrival": "2013-04-11T12:59:00Z"}, "scheduled_arrival", "15 minutes to 20 hours after"),
        ({"scheduled_arrival": "2013-04-12T13:01:00Z"}, "scheduled_arrival", "15 minutes to 20 hours after"),
        ({"flight_id": "AA1-JFK-20130411"}, "flight_id", ""),
        ({"tailnum": "N1"}, "tailnum", "no such field"),
    ],
    ids=str,
)
def test_a_field_that_does_not_fit_is_named_with_what_is_expected(api, changes, field, expected):
    assert_field(api.predict(**changes), field, expected)


def test_a_number_beyond_64_bits_is_a_number_that_does_not_fit(api):
    body = orjson.dumps(FLIGHT).replace(b"1545", b"1" * 30)
    assert_field(api.post("/v1/predictions", body, "predict"), "flight", "a whole number|from 1 to 9999")


def test_a_missing_field_is_named(api):
    for name in FLIGHT:
        body = {key: value for key, value in FLIGHT.items() if key != name}
        assert_field(api.post("/v1/predictions", body, "predict"), name, "the field is required")


def test_what_was_found_is_shown_but_not_at_any_length(api):
    [error] = assert_problem(api.predict(carrier="u" * 5000), 422)["errors"]
    assert error["got"] == "u" * 100
    assert "got" not in assert_problem(api.predict(carrier=[1, 2]), 422)["errors"][0]


def test_every_answer_carries_a_request_id_and_ours_is_taken_over_where_it_is_harmless(api):
    ours = api.client.get("/health/live", headers={"X-Request-ID": "abc-123"})
    assert ours.headers["X-Request-ID"] == "abc-123"
    for strange in ("a b", "x" * 65, "a;b", "é"):
        given = api.client.get("/health/live", headers={"X-Request-ID": strange}).headers["X-Request-ID"]
        assert given != strange
        assert len(given) == 16


def test_every_kind_of_problem_has_a_page_that_says_what_to_do(api):
    assert len(BY_NAME) == len(PROBLEM_TYPES)
    for kind in PROBLEM_TYPES:
        page = api.get(kind.uri)
        assert page.status_code == 200
        assert page.mimetype == "text/html"
        assert all(prose(text) in page.text for text in (kind.title, kind.meaning, kind.remedy))
    assert_problem(api.get("/problems/none"), 404)


def test_the_type_of_an_error_is_its_own_and_leads_to_its_page(api):
    answers = {
        "invalid-input": api.predict(carrier="x"),
        "invalid-json": api.post("/v1/predictions", b"{", "predict"),
        "unauthorized": api.get("/v1/model"),
        "forbidden": api.get("/v1/model", "ingest"),
        "not-found": api.get("/v1/nothing"),
        "method-not-allowed": api.get("/v1/events"),
        "unsupported-media-type": api.client.post("/v1/predictions", headers=api.headers("predict")),
        "body-too-large": api.post("/v1/events", b" " * (factory.MAX_BODY_BYTES + 1), "ingest"),
    }
    for name, answer in answers.items():
        body = answer.get_json()
        assert body["type"] == f"/problems/{name}"
        assert (body["title"], body["status"]) == (BY_NAME[name].title, answer.status_code)
        assert api.get(body["type"]).status_code == 200


def test_errors_of_our_own_have_the_type_of_their_kind(api):
    with api.app.test_request_context():
        g.request_id = "x"
        kinds = {
            StaleVersion(1, 2): "stale-version",
            Conflict("c"): "conflict",
            ContractMismatch("m"): "contract-mismatch",
            SignatureInvalid("s"): "signature-invalid",
            NotReady("n"): "not-ready",
            ConfigurationError("c"): "misconfigured",
            OntimeError("o"): "internal-error",
        }
        for error, name in kinds.items():
            assert problem_of(error)["type"] == f"/problems/{name}"


def test_the_catalogue_says_the_limits_that_hold():
    assert f"{factory.MAX_BODY_BYTES // 2**20} MiB" in BY_NAME["body-too-large"].meaning
    assert f"{schemas.MAX_FLIGHTS:,} flights" in BY_NAME["body-too-large"].remedy
    assert f"{schemas.MAX_EVENTS:,} events" in BY_NAME["body-too-large"].remedy


def test_the_gateways_own_answer_is_of_the_catalogue():
    gateway = (PROJECT_ROOT / "deploy" / "images" / "nginx" / "gateway.conf").read_text()
    kind = BY_NAME["no-replica"]
    assert f'"type":"{kind.uri}","title":"{kind.title}","status":{kind.status}' in gateway


def test_the_prose_of_a_page_is_escaped_and_has_code_letters():
    assert prose("`Bearer <key>` & more") == "<code>Bearer &lt;key&gt;</code> &amp; more"
