"""What pages say when there is nothing yet, when it is old, and when a part is away."""

from dataclasses import replace
from datetime import UTC, datetime, time

import pytest

from adapters.clock_store import ClockStore
from adapters.event_store import EventStore
from adapters.monitoring_store import Measured, MonitoringRun
from adapters.postgres_admin import drop_database
from adapters.prediction_lines import to_copy_line
from app.dashboard.pages import reason
from monitoring.measures import Measure
from monitoring.rules import measure_unable
from tests.app import worlds
from tests.app.dashboard.browsing import sign_in, token
from tests.builders import DAY, MINUTE, NOON, cancelled, prediction

PAGES = ("now", "health", "model")


@pytest.fixture
def bare(postgres, own_settings):
    """A stack of this test's own that nothing has reached yet."""
    with worlds.serving(postgres, own_settings) as api:
        worlds.look(api)
        sign_in(api)
        yield api


def shown(api, page, status=200):
    answer = api.client.get(f"/dashboard/{page}")
    assert answer.status_code == status, answer.text
    return " ".join(answer.text.split())


def at(api, moment):
    """Let the clock be there, and the worker see it."""
    ClockStore(api.database).set_simulated(moment)
    api.parts.cache.refresh()


def test_before_the_first_state_the_page_says_what_it_waits_for(bare):
    page = shown(bare, "now", 503)
    assert "no feature state is loaded yet" in page
    assert "The feature refresher computes the first one" in page


def test_before_the_first_run_health_says_when_one_comes(bare):
    page = shown(bare, "health")
    assert "Nothing was monitored yet" in page
    assert "There is no monitoring run yet" in page
    assert "No decision was made yet" in page


def test_before_the_first_champion_the_model_page_says_how_to_get_one(postgres, stack_settings):
    with worlds.serving(postgres, stack_settings) as api:
        worlds.look(api)
        sign_in(api)
        page = shown(api, "model")
        assert "No champion is loaded." in page
        assert "make train-first" in page
        assert "The ledger is empty." in page
        assert "no champion model is loaded" not in shown(api, "health")
        assert "make train-first" in shown(api, "health")


def test_at_night_no_departure_is_scheduled(operator):
    at(operator, NOON + DAY)
    assert "No departure is scheduled in the next 6 hours." in shown(operator, "now")


def test_an_old_state_is_said_to_be_stale(operator):
    assert "Stale" not in shown(operator, "now")
    at(operator, NOON + 40 * MINUTE)
    page = shown(operator, "now")
    assert "The newest state of the network is 40 minutes old" in page
    assert "make status" in page


def test_what_keeps_a_worker_from_being_ready_is_shown_to_people_too(operator):
    assert "minutes old, more than" not in shown(operator, "health")
    at(operator, NOON + 40 * MINUTE)
    for part, said in operator.get("/health/ready").get_json()["checks"].items():
        assert (said == "ok") != (
            f"<strong>{part.capitalize()}:</strong> {said}" in shown(operator, "health")
        )


def test_a_rule_that_had_too_few_rows_is_named_with_how_many_it_needs(operator):
    measured = [Measure("realised_auc", 0.7, n=120)]
    kept = [
        Measured(m.name, m.slice, m.value, None, None, m.n) for m in [*measured, *measure_unable(measured)]
    ]
    run = MonitoringRun((NOON - DAY).date(), NOON, 1, 920, 120, None, None, 1.0)
    operator.parts.monitoring.save_run(run, kept)
    page = shown(operator, "health")
    assert "ranking is poor</th><td>120 rows, needs 300" in page
    assert "its measure has no value" in page
    assert "Everything was checked" not in page


def test_flights_that_left_or_were_called_off_are_not_to_act_on(operator):
    page = shown(operator, "now")
    assert "UA 1<" in page
    assert "UA 12<" not in page


def test_a_flight_that_was_called_off_and_is_reinstated_is_to_leave_again(operator):
    known = NOON + 3 * MINUTE
    EventStore(operator.database).append([cancelled(3, departure=NOON + 39 * MINUTE, known_at=known)], [])
    at(operator, NOON + 4 * MINUTE)
    page = shown(operator, "flights/UA3-EWR-20130411")
    assert "Cancelled: it has no outcome to predict" in page
    assert "The strongest reasons" not in page
    assert "UA 3<" not in shown(operator, "now")
    back = replace(cancelled(3, departure=NOON + 39 * MINUTE, known_at=known + MINUTE), kind="reinstated")
    EventStore(operator.database).append([back], [])
    at(operator, NOON + 5 * MINUTE)
    page = shown(operator, "flights/UA3-EWR-20130411")
    assert "The strongest reasons" in page
    assert "reinstated" in page
    assert "UA 3<" in shown(operator, "now")


def test_old_monitoring_runs_and_days_without_one_are_named(operator):
    store = operator.parts.monitoring
    day = (NOON - 5 * DAY).date()
    store.save_run(
        MonitoringRun(day, NOON - 4 * DAY, 1, 1, 0, None, None, 1.0),
        [
            Measured("realised_auc", "all", None, None, None, 0),
            Measured("volume_ratio", "all", 1.0, None, None, 9),
        ],
    )
    line = to_copy_line(prediction(7, departure=NOON - 2 * DAY + 120 * MINUTE))
    operator.parts.log.ship("api-1.spool", 0, line)
    page = shown(operator, "health")
    assert "The newest monitoring run is of 5 days ago" in page
    assert f"1 day has predictions and no monitoring run:</strong> {(NOON - 2 * DAY).date()}" in page
    assert "1 measures had no value" in page
    assert "no flight of that day had a label yet" in page


def test_a_day_whose_run_is_not_due_yet_is_not_missed(operator):
    """From midnight until five in the morning of standard time, and two hours for the run, nobody expects one."""
    day = NOON.date()
    line = to_copy_line(prediction(7, departure=NOON + 120 * MINUTE))
    operator.parts.log.ship("api-1.spool", 0, line)
    for hours, missed in ((6, False), (11.9, False), (12.1, True)):
        at(operator, datetime.combine(day + DAY, time(), UTC) + hours * 60 * MINUTE)
        assert ("predictions and no monitoring run" in shown(operator, "health")) is missed
        assert (f"run:</strong> {day}" in shown(operator, "health")) is missed


def test_a_reason_says_its_value_as_a_person_would():
    share = {"feature": "distance_miles", "words": "distance", "unit": "statute miles"}
    assert reason(share | {"value": 1398.0}) == "distance: 1,398 statute miles"
    assert reason(share | {"value": 83.64}) == "distance: 83.6 statute miles"
    assert reason(share | {"value": None}) == "distance: unknown"


def test_a_registry_that_is_away_leaves_what_serves_in_sight(operator):
    page = shown(operator, "model")
    assert "The registry is away." in page
    assert "1 Jan 2013 to 24 Mar 2013" in page
    assert "b" * 64 in shown(operator, "model/versions/1")
    assert "MLflow is not reachable" in shown(operator, "model/versions/9", 503)


@pytest.mark.parametrize("page", [*PAGES, "flights/UA1-EWR-20130411"])
def test_a_database_that_is_gone_is_said_at_once_with_what_to_do(operator, postgres_server, page):
    operator.database.close()
    drop_database(postgres_server.parameters, operator.database.parameters.database)
    said = shown(operator, page, 503)
    assert "PostgreSQL" in said
    assert "Predictions are still served from memory" in said
    assert operator.database.parameters.password not in said
    assert operator.predict().status_code == 200


def test_while_no_key_was_read_nobody_is_called_unknown(bare):
    bare.parts.keys._active = None
    form = {"csrf_token": token(bare), "key": "ontime_admin_x"}
    answer = bare.client.get("/dashboard/now")
    assert answer.status_code == 503
    assert bare.client.post("/dashboard/sign-in", data=form).status_code == 503


@pytest.mark.parametrize("query", ["days=7", "days=x", "days=-1"])
def test_a_span_that_is_not_offered_is_refused_by_name(operator, query):
    assert "days: expected one of 30, 90, 365" in shown(operator, f"health?{query}", 422)


@pytest.mark.parametrize("query", ["", "one=1", "one=1&other=1", "one=1&other=x", "one=1&other=99999999999"])
def test_versions_that_cannot_be_compared_are_refused_by_name(operator, query):
    shown(operator, f"model/compare?{query}", 422)
