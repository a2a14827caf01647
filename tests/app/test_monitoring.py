from datetime import UTC, date, datetime, timedelta

import pytest

from adapters.clock_store import ClockStore
from adapters.monitoring_store import Measured, MonitoringRun
from tests.app.worlds import assert_problem

DAY = date(2013, 4, 3)
MORNING = datetime(2013, 4, 4, 10, tzinfo=UTC)
RUNS = "/v1/monitoring/runs"


@pytest.fixture
def monitored(own_api):
    """A run with a report, a measure and an alert."""
    folder = own_api.parts.settings.reports_dir / "monitoring" / DAY.isoformat()
    folder.mkdir(parents=True)
    (folder / "drift.html").write_text("<p>drift</p>")
    (folder / "drift.json").write_text('{"drift": 1}')
    run = MonitoringRun(
        DAY, MORNING, 1, 900, 880, str(folder / "drift.html"), str(folder / "drift.json"), 2.5
    )
    own_api.parts.monitoring.save_run(run, [Measured("realised_auc", "origin=JFK", 0.7, 0.6, None, 300)])
    own_api.parts.monitoring.open_alert(
        "an airport is closed", "warning", DAY, MORNING, "EWR. Look.", {"n": 1}
    )
    own_api.parts.monitoring.record_decision("retrain", DAY, False, "quiet", {}, MORNING)
    return own_api


def test_runs_are_listed_with_where_their_reports_are(monitored):
    body = monitored.get(RUNS, "predict").get_json()
    [run] = body["runs"]
    assert (run["day"], run["predictions"], run["model_version"]) == ("2013-04-03", 900, 1)
    assert monitored.get(run["report_json"], "predict").get_json() == {"drift": 1}
    page = monitored.get(run["report_html"], "predict")
    assert page.text == "<p>drift</p>"
    assert page.mimetype == "text/html"
    assert page.headers["Content-Security-Policy"].startswith("sandbox allow-scripts; default-src 'none'")
    other_days = monitored.get(f"{RUNS}?from=2013-04-04&to=2013-04-10", "predict").get_json()
    assert other_days["runs"] == []


def test_a_run_shows_measures_alerts_and_decisions(monitored):
    body = monitored.get(f"{RUNS}/2013-04-03", "predict").get_json()
    assert body["measures"] == [
        {"name": "realised_auc", "slice": "origin=JFK", "value": 0.7, "low": 0.6, "high": None, "n": 300}
    ]
    assert [a["rule"] for a in body["alerts"]] == ["an airport is closed"]
    assert [(d["kind"], d["verdict"]) for d in body["decisions"]] == [("retrain", False)]


def test_a_day_that_was_not_monitored_is_not_found(monitored):
    assert_problem(monitored.get(f"{RUNS}/2013-04-02", "predict"), 404)
    assert_problem(monitored.get(f"{RUNS}/2013-04-02/report.html", "predict"), 404)


def test_a_report_that_is_pruned_is_not_found(monitored):
    for path in (monitored.parts.settings.reports_dir / "monitoring" / "2013-04-03").iterdir():
        path.unlink()
    assert_problem(monitored.get(f"{RUNS}/2013-04-03/report.html", "predict"), 404)


@pytest.mark.parametrize(
    "path",
    [
        "../../secrets/admin.key", "%2e%2e%2f%2e%2e%2fsecrets", "2013-04-03%2f..", "2013-4-3", "20130403", "x" * 3000,
        "2013-04-03/report.npz", "2013-04-03/report.html%00", "2013-04-03/report.html/../../../../secrets/x",
        "2013-04-03/report.%2e%2e%2f%2e%2e%2fsecrets",
    ],
)  # fmt: skip
def test_no_path_leads_out_of_the_reports(monitored, path):
    assert monitored.get(f"{RUNS}/{path}", "predict").status_code in (404, 422)


def test_what_the_database_names_is_no_path_that_is_read(monitored):
    secret = monitored.parts.settings.state_dir / "secrets" / "postgres_password"
    run = MonitoringRun(DAY, MORNING, 1, 1, 1, str(secret), str(secret), 1.0)
    monitored.parts.monitoring.save_run(run, [])
    assert monitored.get(f"{RUNS}/2013-04-03/report.html", "predict").text == "<p>drift</p>"


@pytest.mark.parametrize(
    "query", ["from=x", "to=2013-13-01", "from=2013-04-05&to=2013-04-01", "from=0001-01-01"]
)
def test_days_that_make_no_sense_are_refused_by_name(monitored, query):
    problem = assert_problem(monitored.get(f"{RUNS}?{query}", "predict"), 422)
    assert problem["errors"][0]["field"] in ("from", "to")


def test_an_alert_is_acknowledged_once_and_stays_open(monitored):
    [alert] = monitored.get("/v1/monitoring/alerts?state=open", "predict").get_json()["alerts"]
    path = f"/v1/monitoring/alerts/{alert['alert_id']}/acknowledge"
    first = monitored.post(path, {"who": "ada"}, "admin").get_json()
    again = monitored.post(path, {"who": "bob"}, "admin").get_json()
    assert first["acknowledged_by"] == again["acknowledged_by"] == "ada"
    assert first["resolved_at"] is None
    assert_problem(monitored.post("/v1/monitoring/alerts/99999/acknowledge", {"who": "ada"}, "admin"), 404)
    assert_problem(monitored.post(f"/v1/monitoring/alerts/{2**70}/acknowledge", {"who": "ada"}, "admin"), 404)
    assert_problem(monitored.post(path, {}, "admin"), 422)
    assert_problem(monitored.post(path, {"who": "ada"}, "predict"), 403)


def test_an_open_alert_is_listed_however_long_it_has_been_open(monitored):
    ClockStore(monitored.database).set_simulated(MORNING + timedelta(days=500))
    monitored.parts.cache.refresh()
    assert monitored.get("/v1/monitoring/alerts", "predict").get_json()["alerts"] == []
    assert len(monitored.get("/v1/monitoring/alerts?state=open", "predict").get_json()["alerts"]) == 1
    asked = "/v1/monitoring/alerts?state=open&from=2014-01-01&to=2014-01-31"
    assert monitored.get(asked, "predict").get_json()["alerts"] == []


def test_resolved_alerts_are_no_longer_among_the_open_ones(monitored):
    monitored.parts.monitoring.resolve_alerts(["an airport is closed"], [], MORNING)
    assert monitored.get("/v1/monitoring/alerts?state=open", "predict").get_json()["alerts"] == []
    assert len(monitored.get("/v1/monitoring/alerts", "predict").get_json()["alerts"]) == 1
    assert_problem(monitored.get("/v1/monitoring/alerts?state=shut", "predict"), 422)
