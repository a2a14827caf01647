import uuid

import pytest

from adapters.api_keys import ApiKeys, new_key
from tests.app.worlds import FLIGHT, assert_problem

ROUTES = {
    ("POST", "/v1/predictions"): "predict",
    ("GET", "/v1/predictions/<uuid:prediction_id>"): "predict",
    ("GET", "/v1/predictions"): "predict",
    ("POST", "/v1/events"): "ingest",
    ("POST", "/v1/labels"): "ingest",
    ("GET", "/v1/model"): "predict",
    ("GET", "/v1/model/ledger"): "predict",
    ("POST", "/v1/model/promote"): "admin",
    ("POST", "/v1/model/rollback"): "admin",
    ("POST", "/v1/model/retrain"): "admin",
    ("GET", "/v1/monitoring/runs"): "predict",
    ("GET", "/v1/monitoring/runs/<day>"): "predict",
    ("GET", "/v1/monitoring/runs/<day>/report.<kind>"): "predict",
    ("GET", "/v1/monitoring/decisions"): "predict",
    ("GET", "/v1/monitoring/alerts"): "predict",
    ("POST", "/v1/monitoring/alerts/<int:alert_id>/acknowledge"): "admin",
}
OPEN = {
    "/health/live", "/health/ready", "/metrics", "/openapi.json", "/apidocs/", "/apidocs/assets/<path:filename>",
    "/problems/<name>",
}  # fmt: skip
PAGES = {
    ("GET", "/dashboard/"): "predict",
    ("GET", "/dashboard/now"): "predict",
    ("GET", "/dashboard/flights"): "predict",
    ("GET", "/dashboard/flights/<flight_id>"): "predict",
    ("GET", "/dashboard/health"): "predict",
    ("GET", "/dashboard/health/reports/<day>/<kind>"): "predict",
    ("POST", "/dashboard/health/alerts/<int:alert_id>/acknowledge"): "admin",
    ("GET", "/dashboard/model"): "predict",
    ("GET", "/dashboard/model/versions/<int:number>"): "predict",
    ("GET", "/dashboard/model/compare"): "predict",
    ("POST", "/dashboard/model/promote"): "admin",
    ("POST", "/dashboard/model/rollback"): "admin",
    ("POST", "/dashboard/model/retrain"): "admin",
}
OPEN_PAGES = {
    "/", "/dashboard/sign-in", "/dashboard/sign-out", "/dashboard/theme", "/dashboard/static/<path:filename>"
}  # fmt: skip
SCOPES = ("predict", "ingest", "admin")


def ask(api, method, rule, headers):
    path = rule.replace("<uuid:prediction_id>", str(uuid.uuid4())).replace("<int:alert_id>", "7")
    path = path.replace("<day>", "2013-04-03").replace("<kind>", "html")
    return api.client.open(path, method=method, json={} if method == "POST" else None, headers=headers)


def test_every_route_is_either_open_or_names_its_scope(api):
    rules = list(api.app.url_map.iter_rules())
    guarded = {
        (method, rule.rule): getattr(api.app.view_functions[rule.endpoint], "required_scope", None)
        for rule in rules
        if rule.rule not in OPEN and rule.rule != "/" and not rule.rule.startswith("/dashboard/")
        for method in rule.methods & {"GET", "POST", "PUT", "PATCH", "DELETE"}
    }
    assert guarded == ROUTES
    assert {rule.rule for rule in rules} >= OPEN


def test_every_page_is_either_open_or_names_its_scope(api):
    scopes = {
        (method, rule.rule): getattr(api.app.view_functions[rule.endpoint], "session_scope", None)
        for rule in api.app.url_map.iter_rules()
        if rule.rule == "/" or rule.rule.startswith("/dashboard/")
        for method in rule.methods & {"GET", "POST", "PUT", "PATCH", "DELETE"}
    }
    assert {page: scope for page, scope in scopes.items() if page[1] not in OPEN_PAGES} == PAGES
    assert {rule for _, rule in scopes} >= OPEN_PAGES


@pytest.mark.parametrize(("method", "rule"), ROUTES)
def test_without_a_key_nothing_is_reported(api, method, rule):
    answer = ask(api, method, rule, {})
    assert_problem(answer, 401)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("method", "rule"), ROUTES)
@pytest.mark.parametrize("key", [new_key("admin"), "ontime_admin_x", "é", "a" * 5000], ids=len)
def test_an_unknown_key_is_no_key(api, method, rule, key):
    assert_problem(ask(api, method, rule, {"X-API-Key": key}), 401)


@pytest.mark.parametrize(("route", "needed"), ROUTES.items(), ids=str)
@pytest.mark.parametrize("scope", SCOPES)
def test_a_key_opens_the_routes_of_its_scope_and_no_other(api, route, needed, scope):
    answer = ask(api, *route, api.headers(scope))
    if scope == needed:
        assert answer.status_code not in (401, 403, 405, 500)
    else:
        assert needed in assert_problem(answer, 403)["detail"]


@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "BEARER  {}"])
def test_a_key_may_come_as_a_bearer_token_or_in_a_header_of_its_own(api, form):
    key = api.keys["predict"]
    assert api.client.get("/v1/model", headers={"Authorization": form.format(key)}).status_code == 200
    assert api.client.get("/v1/model", headers={"X-API-Key": key}).status_code == 200
    assert_problem(api.client.get("/v1/model", headers={"Authorization": f"Basic {key}"}), 401)


def test_open_routes_need_no_key(api):
    for path in ("/health/live", "/health/ready", "/metrics", "/openapi.json", "/apidocs/"):
        assert api.get(path).status_code == 200


def test_a_new_key_is_known_soon_and_a_revoked_one_soon_is_not(own_api):
    keys = ApiKeys(own_api.database)
    own_api.keys["late"] = keys.create("late", ["predict"])
    assert_problem(own_api.post("/v1/predictions", FLIGHT, "late"), 401)
    own_api.parts.keys.refresh()
    assert own_api.post("/v1/predictions", FLIGHT, "late").status_code == 200
    keys.revoke("late")
    own_api.parts.keys.refresh()
    assert_problem(own_api.post("/v1/predictions", FLIGHT, "late"), 401)


def test_no_key_is_kept_in_memory_or_in_the_database_as_it_is(api):
    (held,) = [api.parts.keys._active]
    assert held
    assert not set(api.keys.values()) & set(held)
    with api.database.transaction() as cursor:
        cursor.execute("SELECT string_agg(api_keys::text, ' ') FROM api_keys")
        [stored] = cursor.fetchone()
    assert not any(key in stored for key in api.keys.values())


def test_an_unknown_key_costs_no_look_at_the_database(own_api, monkeypatch):
    monkeypatch.setattr(
        own_api.parts.keys._keys, "load_active", lambda: pytest.fail("a request asked PostgreSQL")
    )
    for n in range(20):
        answer = own_api.client.get("/v1/model", headers={"X-API-Key": f"unknown {n}"})
        assert_problem(answer, 401)


def test_an_answer_says_whose_key_it_was_for_the_gateways_log(own_api):
    own_api.keys["late"] = ApiKeys(own_api.database).create("Zoë's", ["predict"])
    with own_api.database.transaction() as cursor:
        # No key is given such a name now; one on record may have it.
        cursor.execute("UPDATE api_keys SET name = %s WHERE name = %s", ("Zoë's\r\nnotebook", "Zoë's"))
    own_api.parts.keys.refresh()
    assert (
        own_api.post("/v1/predictions", FLIGHT, "late").headers["X-Key-Name"] == "Zo%C3%AB%27s%0D%0Anotebook"
    )
    assert "X-Key-Name" not in own_api.client.get("/v1/model", headers={"X-API-Key": "unknown"}).headers


def test_before_the_keys_were_read_nobody_is_refused_as_unknown(own_api):
    own_api.parts.keys._active = None
    assert "keys" in assert_problem(own_api.predict(), 503)["detail"]


def test_it_goes_on_record_which_keys_are_used(own_api):
    keys = ApiKeys(own_api.database)
    own_api.keys["busy"] = keys.create("busy", ["predict"])
    keys.create("idle", ["predict"])
    own_api.parts.keys.refresh()
    assert own_api.post("/v1/predictions", FLIGHT, "busy").status_code == 200
    own_api.parts.keys._uses_written = -1e9
    own_api.parts.keys.refresh()
    used = {record.name for record in keys.load_all() if record.last_used_at}
    assert "busy" in used
    assert "idle" not in used
