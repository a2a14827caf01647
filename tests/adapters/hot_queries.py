"""Which queries are hot, what each is asked with, and which are not hot and why."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from adapters.sealing import REACH

NOW = datetime(2013, 4, 20, 12, tzinfo=UTC)
DAY, YESTERDAY = date(2013, 4, 20), date(2013, 4, 19)
FLIGHT = "UA31-EWR-20130419"
LAST = 2**62
EVERYTHING = frozenset({"2012_12", "2013_01", "2013_02", "2013_03", "2013_04"})


@dataclass(frozen=True)
class Hot:
    """What a query is asked with, and the months of predictions whose partitions it may read."""

    parameters: dict[str, Any] = field(default_factory=dict)
    months: frozenset[str] = frozenset()
    by: str = ""
    """A column that an index has to find rows by, where another index would do, and read more."""
    staged: str = ""
    """The statement that makes the staging table which it reads."""


def _window(first: date, last: date) -> dict[str, Any]:
    start, end = (datetime(d.year, d.month, d.day, tzinfo=UTC) for d in (first, last))
    bounds = {"as_of_from": start - timedelta(days=2), "as_of_until": end + timedelta(days=3)}
    return bounds | {"from": f"{first:%Y%m%d}", "until": f"{last:%Y%m%d}", "lead": 60, "tolerance": 30}


def _facts(days: int) -> dict[str, Any]:
    return {
        "known_by": NOW, "scheduled_from": NOW - timedelta(days=days), "scheduled_until": NOW + timedelta(days=1),
        "known_from": NOW - timedelta(days=days + 1), "last_event": LAST,
    }  # fmt: skip


APRIL = frozenset({"2013_04"})
NEW_EVENTS = {"after": 168_000, "until": 168_100, "kinds": ["aircraft_assigned"]}
PAGE = {"flight_id": None, "from": NOW - timedelta(days=1), "until": NOW, "as_of": NOW, "limit": 50,
        "prediction_id": "ffffffff-ffff-ffff-ffff-ffffffffffff"}  # fmt: skip
MONTH = {"first": DAY - timedelta(days=30), "last": DAY, "day": YESTERDAY}
RISKIEST = {
    "size": 10, "seconds": 21_600, "from": NOW - timedelta(days=7), "until": NOW, "lead": 60
}  # fmt: skip
HOT = {
    # A request that is answered, and a worker that follows the state.
    "read_clock": Hot(),
    "active_keys": Hot(),
    "load_state": Hot({"tick": NOW, "contract_hash": "contract"}),
    "state_ticks": Hot({"until": NOW, "contract_hash": "contract", "limit": 12}),
    "find_prediction": Hot({"prediction_id": "00000000-0000-4000-8000-000000000000"}, EVERYTHING),
    "current_label": Hot({"flight_id": FLIGHT}),
    "list_predictions": Hot(PAGE, APRIL),
    "list_predictions of a flight": Hot(PAGE | {"flight_id": FLIGHT}, APRIL, by="flight_id"),
    # An event or a label that is taken.
    "append_flight_events": Hot({"reach": REACH}, staged="stage_flight_events"),
    "append_weather_events": Hot({"reach": REACH}, staged="stage_weather_events"),
    "compare_flight_events": Hot({"items": [1, 2]}, staged="stage_flight_events"),
    "compare_weather_events": Hot({"items": [1, 2]}, staged="stage_weather_events"),
    "revise_flight_events": Hot(
        {"items": [1, 2], "revised": [0, 0], "reach": REACH}, staged="stage_flight_events"
    ),
    "revise_weather_events": Hot(
        {"items": [1, 2], "revised": [0, 0], "reach": REACH}, staged="stage_weather_events"
    ),
    "newest_label": Hot({"flight_id": FLIGHT}),
    "scheduled_of": Hot({"flight_ids": [FLIGHT, "UA32-EWR-20130419"]}),
    "called_off_of": Hot({"flight_ids": [FLIGHT, "UA32-EWR-20130419"]}),
    "arrived_of": Hot({"flight_ids": [FLIGHT, "UA32-EWR-20130419"]}),
    # A tick.
    "sealing_clock": Hot(),
    "seal_tick": Hot({"tick": NOW}),
    "has_state": Hot({"tick": NOW, "contract_hash": "contract"}),
    "has_flight_events": Hot(),
    "changed_flight_events": Hot(NEW_EVENTS),
    "changed_weather_events": Hot(NEW_EVENTS),
    "changed_announcements": Hot(NEW_EVENTS),
    "revised_flights_of": Hot({"flight_ids": [FLIGHT], "last_event": LAST}),
    "prune_states": Hot({"before": NOW - timedelta(days=2, hours=23)}),
    # Shipping.
    "spool_offset": Hot({"file": "api-1"}),
    "move_spool_offset": Hot({"file": "api-1", "from": 1000, "until": 2000}),
    # A page of the dashboard.
    "upcoming_flights": Hot({"now": NOW, "from": NOW, "until": NOW + timedelta(hours=6)}),
    "newest_event_times": Hot({"now": NOW}),
    "flight_history": Hot({"flight_id": FLIGHT, "now": NOW}),
    "predictions_of_flight": Hot(
        {"flight_id": FLIGHT} | _window(YESTERDAY, YESTERDAY), APRIL, by="flight_id"
    ),
    "precision_of_riskiest": Hot(RISKIEST, APRIL),
    "predictions_of_both": Hot(RISKIEST | {"one": 1, "other": 2}, APRIL),
    "newest_monitored_day": Hot(),
    "monitoring_runs": Hot(MONTH),
    "monitoring_series": Hot(MONTH | {"names": ["measure_1", "measure_2"]}),
    "monitoring_drift": Hot(MONTH),
    "monitoring_of_slices": Hot(MONTH | {"name": "measure_1"}),
    "monitoring_unmeasured": Hot(MONTH),
    "monitoring_measures": Hot(MONTH),
    "decision_page": Hot(MONTH | {"kind": None, "day": DAY, "decision_id": LAST, "limit": 51}),
    "service_day": Hot(MONTH),
    # A monitoring run, and the watchman, which asks every quarter of a minute.
    "monitoring_missed": Hot({"first": DAY - timedelta(days=7), "last": YESTERDAY}, EVERYTHING),
    "alert_claim_due": Hot({"pause": "10 seconds"}),
    "service_acknowledged": Hot(MONTH),
    "prediction_totals": Hot(_window(YESTERDAY, YESTERDAY), APRIL),
    "prediction_flights": Hot(_window(YESTERDAY, YESTERDAY), APRIL),
    "predictions_by_day": Hot(_window(date(2013, 3, 17), date(2013, 4, 13)), APRIL | {"2013_03"}),
    "sample_predictions": Hot(
        _window(YESTERDAY, YESTERDAY)
        | {"contract_hash": "contract", "share": 1, "known_by": NOW, "features_from": f"{YESTERDAY:%Y%m%d}"},
        APRIL,
    ),
    "fetch_predictions": Hot(
        _window(YESTERDAY, YESTERDAY) | {"contract_hash": "contract", "known_by": NOW}, APRIL
    ),
    "flight_facts": Hot(_facts(29)),
    "revised_flights": Hot(_facts(29)),
    "weather_facts": Hot(_facts(29)),
    # Of vectors that are computed again; over four weeks of a year all of them are read as quickly.
    "announcements": Hot(_facts(3) | {"kinds": ["aircraft_assigned"]}),
    "labels_known_by": Hot(_window(YESTERDAY, YESTERDAY) | {"known_by": NOW, "last_label": LAST}),
    "count_new_labels": Hot(
        _window(date(2012, 4, 20), YESTERDAY) | {"known_by": NOW, "after": NOW - timedelta(days=7)}
    ),
    "newest_prediction": Hot(months=EVERYTHING),
    "newest_labelled_day": Hot({"known_by": NOW}),
    "monitoring_history": Hot({"until": YESTERDAY, "days": 14}),
    "monitoring_version_losses": Hot(MONTH),
    "decision_list": Hot(MONTH),
    "service_forget": Hot({"before": date(2013, 3, 22)}),
}
SMALL = (
    "reads or writes tables that stay small: a row a key, a deployment, an alert, a decision, a spool file"
)
ROW = "writes the rows it is given"
SELDOM = "asked by a person, at a start or once a month, where all of a table may be read"
ELSEWHERE = "reads no table, or the catalogue"
NOT_HOT = {
    SMALL: {
        "active_keys_for_update", "alert_acknowledge", "alert_delivered_to", "alert_deliveries", "alert_find",
        "alert_list", "alert_notified", "alert_open", "alert_record_delivery", "alert_resolve",
        "begin_spool_file", "decision_last_retrain", "decisions_newest", "deletion_list", "expire_other_keys",
        "forget_spool_file", "key_list", "key_uses", "ledger_champion", "ledger_finish", "ledger_history",
        "ledger_plan", "ledger_planned", "ledger_repeated", "register_key", "revoke_keys",
        "revoke_other_keys", "spool_offsets",
    },
    ROW: {
        "append_label", "decision_record", "deletion_record", "monitoring_save_metric", "monitoring_save_run",
        "save_state", "service_count", "set_clock", "undate_flight_events", "undate_weather_events",
        "monitoring_forget_day", "monitoring_prune_reports",
    },
    SELDOM: {
        "count_flight_events", "count_labels", "count_predictions", "old_states", "deletion_erase", "newest_rows",
        "analyze_events",
    },
    ELSEWHERE: {
        "commit_soon", "create_schema_migrations", "drop_partition", "ensure_partition", "has_replayed",
        "is_connected", "lock_key_name", "lock_label", "lock_labels", "log_position", "make_partitions_ahead",
        "notify_state", "old_partitions", "schema_dump", "settle_events", "stage_flight_events", "stage_weather_events",
    },
}  # fmt: skip
NEEDED = {
    "decisions_by_day": "decision_list",
    "feature_states_pkey": "load_state",
    "feature_ticks_pkey": "sealing_clock",
    "flight_events_by_known_at": "newest_event_times",
    "flight_events_by_scheduled_departure": "flight_facts",
    "flight_events_called_off": "flight_facts",
    "flight_events_pkey": "changed_flight_events",
    "flight_events_revised": "revised_flights",
    "flight_events_revision": "upcoming_flights",
    "labels_by_flight": "current_label",
    "labels_by_known_at": "predictions_of_both",
    "labels_by_local_day": "labels_known_by",
    "monitoring_metrics_pkey": "monitoring_history",
    "predictions_by_as_of": "prediction_totals",
    "predictions_by_flight": "predictions_of_flight",
    "predictions_pkey": "find_prediction",
    "service_counts_by_day": "service_day",
    "weather_events_by_known_at": "weather_facts",
    "weather_events_pkey": "changed_weather_events",
    "weather_events_revision": "compare_weather_events",
}
"""Of each index a hot query that needs it."""
