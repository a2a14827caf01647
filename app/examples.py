"""Requests and answers as the API's description shows them; the tests hold each to its schema."""

from typing import Any

CLOCK = {"now": "2013-04-11T12:00:00Z", "mode": "simulated"}
FLIGHT_ID = "UA1545-EWR-20130411"
FLIGHT = {
    "carrier": "UA",
    "flight": 1545,
    "origin": "EWR",
    "dest": "IAH",
    "scheduled_departure": "2013-04-11T15:00:00Z",
    "scheduled_arrival": "2013-04-11T19:05:00Z",
}
BATCH = {"flights": [FLIGHT, FLIGHT | {"flight": 1612}]}
EVENT = {
    "type": "departed",
    "flight_id": FLIGHT_ID,
    "departed_at": "2013-04-11T15:04:00Z",
    "delay_minutes": 4,
}
WEATHER = {
    "type": "weather",
    "airport": "EWR",
    "observed_at": "2013-04-11T11:51:00Z",
    "temp_f": 48.9,
    "wind_speed_mph": 11.5,
    "visibility_mi": 10,
}
LABEL = {"flight_id": FLIGHT_ID, "arr_delay_minutes": 21}
PROMOTE = {"version": 2, "expected_version": 1, "reason": "approved by the duty manager"}
ROLLBACK = {"reason": "worse at JFK"}
RETRAIN = {"reason": "new summer schedule"}
ACKNOWLEDGE = {"who": "duty manager"}

REQUEST_ID = "9f2c41d07a5be813"
PREDICTION_ID = "013df9a3-5e00-7c31-9d0f-2f7a6f0b51c4"
PREDICTION: dict[str, Any] = {
    "prediction_id": PREDICTION_ID,
    "flight_id": FLIGHT_ID,
    "probability": 0.3775406687981454,
    "lead_minutes": 180,
    "as_of": "2013-04-11T12:00:00Z",
    "model": {"name": "ontime", "version": 2, "contract": "3b4ff0f09dfa"},
    "features": {"state_tick": "2013-04-11T12:00:00Z", "age_seconds": 0, "stale": False},
}
EXPLANATION = {
    "log_odds": -0.5,
    "constant": -1.25,
    "shares": [
        {
            "feature": "origin_queue",
            "words": "departures past their time that have not left",
            "value": 14.0,
            "unit": "flights",
            "share": 0.5,
        }
    ],
    "rest": 0.25,
    "raw_score": -0.5,
    "calibration": {"slope": 1.0, "intercept": 0.0},
}
ANSWERED = PREDICTION | {"explanation": EXPLANATION, "clock": CLOCK}
REFUSED_FIELD = {
    "field": "flights.1.carrier",
    "expected": "two capital letters or digits, like UA",
    "got": "ua",
}
INVALID = {
    "type": "/problems/invalid-input",
    "title": "Input does not fit",
    "status": 422,
    "detail": "flights.1.carrier: expected two capital letters or digits, like UA",
    "errors": [REFUSED_FIELD],
    "request_id": REQUEST_ID,
}
REFUSED_ITEM = {"index": 1, "status": 422, "problem": INVALID}
BATCH_MIXED = {"items": [{"index": 0, "status": 200, "prediction": PREDICTION}, REFUSED_ITEM], "clock": CLOCK}
BATCH_REFUSED = {"items": [REFUSED_ITEM], "clock": CLOCK}

LABEL_KNOWN = {
    "arr_delay_minutes": 21,
    "is_late": True,
    "known_at": "2013-04-11T19:26:00Z",
    "corrected": False,
}
ASKED = {
    "prediction_id": PREDICTION_ID,
    "flight_id": FLIGHT_ID,
    **FLIGHT,
    "as_of": "2013-04-11T12:00:00Z",
    "lead_minutes": 180,
    "probability": 0.3775406687981454,
    "challenger": {"version": 3, "probability": 0.36},
    "served_at": "2026-04-11T12:00:00Z",
    "label": LABEL_KNOWN,
}
ORIGIN = {
    "name": "ontime",
    "version": 2,
    "data_hash": "5f0c9a",
    "git_commit": "62e7abb",
    "as_of": "2013-04-01T08:00:00Z",
    "trained_from": "2013-01-01",
    "trained_until": "2013-03-24",
    "model_hash": "a1f3d7",
}
LOGGED = {
    **ASKED,
    "request_id": REQUEST_ID,
    "state_tick": "2013-04-11T12:00:00Z",
    "features": {"origin_queue": 14.0, "lead_minutes": 180.0},
    "contract_hash": "3b4ff0f09dfa",
    "model": ORIGIN,
    "latency_us": 240,
    "clock": CLOCK,
}
CURSOR = "WyI3ZjJhIiwxMl0"
LISTED = {"predictions": [ASKED | {"model_version": 2}], "next_cursor": CURSOR, "clock": CLOCK}

LOADED = {
    "version": 2,
    "contract_hash": "3b4ff0f09dfa",
    "trained_from": "2013-01-01",
    "trained_until": "2013-03-24",
    "as_of": "2013-04-01T08:00:00Z",
    "data_hash": "5f0c9a",
    "git_commit": "62e7abb",
    "metrics": {"auc": 0.78, "log_loss": 0.41},
}
LEDGER_ROW = {
    "deployment_id": 12,
    "action": "promote",
    "from_version": 1,
    "to_version": 2,
    "who": "api",
    "reason": "approved by the duty manager",
    "evidence": {},
    "status": "done",
    "at": "2013-04-09T10:02:00Z",
}
ROLLED_BACK = LEDGER_ROW | {
    "deployment_id": 13,
    "action": "rollback",
    "from_version": 2,
    "to_version": 1,
    "reason": "worse at JFK",
}
MODEL = {
    "name": "ontime",
    "champion": LOADED,
    "challenger": None,
    "previous": ORIGIN | {"version": 1},
    "ledger": [LEDGER_ROW],
    "clock": CLOCK,
}
LEDGER = {"ledger": [LEDGER_ROW], "next_cursor": None, "clock": CLOCK}
RETRAINING = {
    "flow_run_id": "5c0b4c9e-0b62-4b8a-9f4e-0a4f3b9f1d55",
    "flow_run": "amber-heron",
    "clock": CLOCK,
}


def appended(*statuses: str) -> dict[str, Any]:
    """Return what became of appended items."""
    items: list[dict[str, Any]] = [{"index": i, "status": status} for i, status in enumerate(statuses)]
    for item in items:
        if item["status"] == "conflict":
            item["problem"] = {
                "type": "/problems/conflict",
                "title": "Conflict",
                "status": 409,
                "detail": f"item {item['index']}: another value is recorded",
                "request_id": REQUEST_ID,
            }
        if item["status"] == "invalid":
            item["problem"] = INVALID
    return {
        "items": items,
        "accepted": statuses.count("accepted"),
        "duplicates": statuses.count("duplicate"),
        "rejected": sum(status in ("conflict", "invalid") for status in statuses),
        "clock": CLOCK,
    }


RUN = {
    "day": "2013-04-10",
    "finished_at": "2013-04-11T10:05:00Z",
    "model_version": 2,
    "predictions": 940,
    "labelled": 921,
    "seconds": 11.4,
    "report_html": "/v1/monitoring/runs/2013-04-10/report.html",
    "report_json": "/v1/monitoring/runs/2013-04-10/report.json",
}
MEASURE = {
    "name": "realised_auc",
    "slice": "origin=EWR",
    "value": 0.76,
    "low": 0.71,
    "high": 0.81,
    "n": 330,
}
ALERT = {
    "alert_id": 7,
    "rule": "an airport is closed",
    "severity": "warning",
    "day": "2013-04-10",
    "message": "an airport is closed: departed_origin_low is 0.2 on 2013-04-10, below 0.25.",
    "runbook": "docs/runbook.md#an-airport-is-closed",
    "evidence": {"metric": "departed_origin_low", "bound": 0.25, "days": {"2013-04-10": 0.2}},
    "opened_at": "2013-04-11T10:05:00Z",
    "acknowledged_at": None,
    "acknowledged_by": None,
    "notified_at": "2013-04-11T10:05:04Z",
    "resolved_at": None,
}
ACKNOWLEDGED = ALERT | {
    "acknowledged_at": "2013-04-11T12:00:00Z",
    "acknowledged_by": "duty manager",
    "clock": CLOCK,
}
DECISION = {
    "decision_id": 31,
    "kind": "retrain",
    "day": "2013-04-10",
    "verdict": False,
    "reason": "no breach and too few new labels",
    "evidence": {"new_labels": 921},
    "decided_at": "2013-04-11T10:05:00Z",
}
RUNS = {"runs": [RUN], "clock": CLOCK}
RUN_REPORT = RUN | {"measures": [MEASURE], "alerts": [ALERT], "decisions": [DECISION], "clock": CLOCK}
ALERTS = {"alerts": [ALERT], "clock": CLOCK}
DECISIONS = {"decisions": [DECISION], "next_cursor": None, "clock": CLOCK}
LIVE = {"status": "live"}
READY = {
    "status": "ready",
    "checks": {"champion": "ok", "spool": "ok", "state": "ok"},
    "model_version": 2,
    "clock": CLOCK,
}
NOT_READY = {
    "status": "not ready",
    "checks": {"champion": "no champion is loaded", "spool": "ok", "state": "ok"},
    "model_version": None,
}
