"""Signing in and out, scopes, forms, and what headers forbid."""

import re

import pytest

from adapters.api_keys import ApiKeys
from tests.app.dashboard.browsing import key_of, sign_in, token

PAGES = ("now", "health", "model", "model/versions/1", "flights/UA1-EWR-20130411")
FORMS = ("health/alerts/1/acknowledge", "model/promote", "model/rollback", "model/retrain")


def test_a_browser_is_led_to_the_dashboard_and_a_program_is_not(api):
    led = api.client.get("/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert (led.status_code, led.location) == (302, "/dashboard/now")
    for accept in ("*/*", "application/json"):
        answer = api.client.get("/", headers={"Accept": accept})
        assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    assert api.client.get("/").status_code == 404


@pytest.mark.parametrize("page", PAGES)
def test_without_a_session_every_page_leads_to_the_sign_in_and_from_there_back(signed_out, page):
    led = signed_out.client.get(f"/dashboard/{page}")
    assert led.status_code == 303
    assert led.location.startswith("/dashboard/sign-in?next=")
    form = {"csrf_token": token(signed_out, led.location), "key": signed_out.keys["predict"]}
    form["next"] = re.findall(r'name="next" value="(.+?)"', signed_out.client.get(led.location).text)[-1]
    assert signed_out.client.post("/dashboard/sign-in", data=form).location == f"/dashboard/{page}"


@pytest.mark.parametrize("form", FORMS)
def test_without_a_session_no_form_does_anything(signed_out, form):
    answer = signed_out.client.post(
        f"/dashboard/{form}", data={"csrf_token": token(signed_out), "reason": "x"}
    )
    assert answer.location.startswith("/dashboard/sign-in")


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(signed_out):
    cookie = sign_in(signed_out).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/dashboard" in cookie
    assert "Secure" not in cookie
    assert key_of(signed_out, "admin") not in cookie
    form = {"csrf_token": token(signed_out, base="https://localhost"), "key": key_of(signed_out, "admin")}
    over_tls = signed_out.client.post(
        "/dashboard/sign-in",
        data=form,
        base_url="https://localhost",
        headers={"Referer": "https://localhost/"},
    )
    assert "Secure" in over_tls.headers["Set-Cookie"]


@pytest.mark.parametrize("key", ["", "ontime_admin_x", "é" * 50, "a" * 5000])
def test_an_unknown_key_opens_no_session(signed_out, key):
    answer = sign_in(signed_out, key=key)
    assert answer.status_code == 401
    assert "unknown" in answer.text
    assert signed_out.client.get("/dashboard/now").status_code == 303


def test_a_key_that_is_revoked_ends_its_session(own_api):
    key = ApiKeys(own_api.database).create("visitor", ["predict"])
    own_api.parts.keys.refresh()
    sign_in(own_api, key=key)
    assert own_api.client.get("/dashboard/health").status_code == 200
    ApiKeys(own_api.database).revoke("visitor")
    own_api.parts.keys.refresh()
    assert own_api.client.get("/dashboard/health").status_code == 303


def test_a_forged_cookie_is_no_session(signed_out):
    signed_out.client.set_cookie("ontime_dashboard", "eyJrZXlfaGFzaCI6ImFiYyJ9.aaaa.bbbb", path="/dashboard")
    assert signed_out.client.get("/dashboard/now").status_code == 303


def test_signing_out_ends_the_session(signed_out):
    sign_in(signed_out)
    assert (
        signed_out.client.post("/dashboard/sign-out", data={"csrf_token": token(signed_out)}).status_code
        == 303
    )
    assert signed_out.client.get("/dashboard/now").status_code == 303


def test_whoever_may_only_read_changes_nothing(signed_out):
    sign_in(signed_out, "predict")
    page = signed_out.client.get("/dashboard/model").text
    assert 'action="/dashboard/model/promote"' not in page
    for form in FORMS:
        answer = signed_out.client.post(
            f"/dashboard/{form}", data={"csrf_token": token(signed_out), "reason": "x"}
        )
        assert answer.status_code == 403
        assert "lacks the scope" in answer.text


def test_a_key_that_may_only_send_events_sees_nothing(signed_out):
    sign_in(signed_out, "ingest")
    assert signed_out.client.get("/dashboard/now").status_code == 403


@pytest.mark.parametrize("given", [None, "", "x", "Im9sZCI.aaaa.bbbb"])
@pytest.mark.parametrize("form", [*FORMS, "sign-in", "sign-out", "theme"])
def test_a_form_without_its_token_is_refused(signed_out, form, given):
    sign_in(signed_out)
    data = {"reason": "x"} | ({"csrf_token": given} if given is not None else {})
    answer = signed_out.client.post(f"/dashboard/{form}", data=data)
    assert answer.status_code == 400
    assert "out of date" in answer.text


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/v1/model",
     "\t//evil.example", "/dashboard\\..", "/dashboardx", "//[", "//\u2100"],
)  # fmt: skip
def test_the_sign_in_leads_nowhere_else(signed_out, elsewhere):
    assert sign_in(signed_out, next=elsewhere).location == "/dashboard/now"


def test_headers_forbid_what_no_page_needs(signed_out):
    page = signed_out.client.get("/dashboard/sign-in")
    policy = page.headers["Content-Security-Policy"]
    nonce = re.search(r"script-src 'nonce-([\w-]+)'", policy).group(1)
    assert f'nonce="{nonce}"' in page.text
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["X-Frame-Options"] == "DENY"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    again = signed_out.client.get("/dashboard/sign-in").headers["Content-Security-Policy"]
    assert nonce not in again


def test_the_theme_is_kept_for_the_next_page(signed_out):
    assert "data-theme" not in signed_out.client.get("/dashboard/sign-in").text
    form = {"csrf_token": token(signed_out), "theme": "dark", "next": "/dashboard/sign-in"}
    assert signed_out.client.post("/dashboard/theme", data=form).location == "/dashboard/sign-in"
    assert 'data-theme="dark"' in signed_out.client.get("/dashboard/sign-in").text
    signed_out.client.post("/dashboard/theme", data=form | {"theme": '"><script>'})
    assert 'data-theme="dark"' in signed_out.client.get("/dashboard/sign-in").text


def test_an_answer_of_the_api_carries_no_cookie(signed_out):
    sign_in(signed_out)
    assert "Set-Cookie" not in signed_out.predict().headers


def test_what_is_not_there_is_said_as_a_page(signed_out):
    sign_in(signed_out)
    for path in (
        "flights/UA9999-EWR-20130411",
        "flights/x",
        "flights/UA1-EWR-20139999",
        "flights/UA1-EWR-00010101",
        "flights/UA1-EWR-99991231",
        "health/reports/2013-04-03/html",
    ):
        answer = signed_out.client.get(f"/dashboard/{path}")
        assert answer.status_code == 404
        assert "<h1>Not found</h1>" in answer.text


def test_a_flight_that_no_calendar_has_is_not_looked_for(signed_out):
    sign_in(signed_out)
    for typed in ("x", "UA1-EWR-20139999", "UA1-EWR-00010101", "ua1-ewr-99991231"):
        answer = signed_out.client.get("/dashboard/flights", query_string={"flight_id": typed})
        assert answer.status_code == 422, typed
    answer = signed_out.client.get("/dashboard/flights", query_string={"flight_id": "ua1-ewr-20130411"})
    assert answer.headers["Location"] == "/dashboard/flights/UA1-EWR-20130411"
