"""A year behind the dashboard: runs of 275 days, a quarter of a million predictions, a busy afternoon ahead."""

from datetime import date, timedelta

import numpy as np

from adapters.event_store import EventStore
from adapters.monitoring_store import MonitoringStore
from adapters.postgres import Database
from adapters.settings import Settings
from domain.account_record import CHALLENGER, CHAMPION
from domain.evidence import EvidencePolicy, keep_account
from domain.features.catalogue import CONTRACT_HASH, FEATURE_NAMES
from monitoring.policy import ShadowPolicy, Standing, Trial, decide_guardrail, decide_shadow
from tests.app.worlds import refresh_at, ticks_before
from tests.builders import DAY, MINUTE, NOON, arrived, cancelled, departed, observation, scheduled

DAYS, A_DAY = 275, 920
TODAY = NOON.date()
LAST = TODAY - timedelta(days=1)
CARRIERS = ("UA", "B6", "DL", "AA", "EV", "MQ")
ORIGINS = ("EWR", "JFK", "LGA")
DESTS = ("IAH", "LAX", "ORD", "BOS", "MIA", "SFO", "CLT")
WIDE_DAYS = 35
"""Newest days whose predictions are as wide as real ones: all that a page reads of rows lies within."""

PREDICTIONS = """
INSERT INTO predictions
SELECT gen_random_uuid(), 'r', c || n || '-' || o || '-' || to_char(d, 'YYYYMMDD'), c, n, o, 'IAH',
    dep, dep + interval '4 hours',
    dep - interval '1 hour', 60, dep - interval '1 hour',
    CASE WHEN day >= %(wide)s::date THEN array_fill(0.1234567::double precision, ARRAY[%(features)s]) ELSE '{0.5}' END,
    %(contract)s, p, CASE WHEN day < %(last)s::date - 10 THEN 1 ELSE 2 END,
    CASE WHEN day < %(last)s::date - 10 AND day > %(last)s::date - 30 THEN 2 END,
    CASE WHEN day < %(last)s::date - 10 AND day > %(last)s::date - 30 THEN p * 0.95 + 0.01 END, 900, dep
FROM (
    SELECT day, day::date AS d, n + 100 AS n,
        (%(carriers)s::text[])[1 + n %% 6] AS c, (%(origins)s::text[])[1 + n %% 3] AS o,
        day + interval '10 hours' + n * interval '57 seconds' AS dep,
        0.03 + 0.9 * power((hashtext(day::text || n)::bigint + 2147483648) / 4294967296.0, 3) AS p
    FROM generate_series(%(first)s::timestamptz, %(last)s::timestamptz, interval '1 day') AS day,
        generate_series(0, %(a_day)s - 1) AS n
) AS made
"""
LABELS = """
INSERT INTO labels (flight_id, arr_delay_minutes, known_at, source)
SELECT flight_id,
    CASE WHEN (hashtext(flight_id)::bigint + 2147483648) / 4294967296.0 < probability * 0.9 THEN 40 ELSE -5 END,
    scheduled_arrival, 'test'
FROM predictions WHERE flight_id NOT IN (SELECT flight_id FROM labels)
"""
RUNS = """
INSERT INTO monitoring_runs
    (day, finished_at, model_version, predictions, labelled, report_html, report_json, seconds)
SELECT day, day + interval '34 hours', CASE WHEN day < %(last)s::date - 10 THEN 1 ELSE 2 END, %(a_day)s,
    %(a_day)s - 22, 'kept', 'kept', 21
FROM generate_series(%(first)s::timestamptz, %(last)s::timestamptz, interval '1 day') AS day
"""
METRICS = """
INSERT INTO monitoring_metrics (day, model_version, name, slice, value, low, high, n)
SELECT day, 2, m.name, m.slice, m.middle + m.swing * w,
    CASE WHEN m.interval THEN m.middle + m.swing * (w - 0.8) END,
    CASE WHEN m.name = 'drift' THEN m.middle WHEN m.interval THEN m.middle + m.swing * (w + 0.8) END, 880
FROM generate_series(%(first)s::timestamptz, %(last)s::timestamptz, interval '1 day') AS day,
    unnest(%(names)s::text[], %(slices)s::text[], %(middles)s::float8[], %(swings)s::float8[], %(intervals)s::bool[])
        AS m(name, slice, middle, swing, interval),
    LATERAL (SELECT 0.6 * sin(extract(doy FROM day) / 9 + length(m.slice))
        + 0.5 * hashtext(day::text || m.name || m.slice) / 2147483648.0 AS w) AS noise
"""
OVERALL = {
    "realised_auc": (0.78, 0.04, True), "estimated_auc": (0.785, 0.01, False),
    "realised_log_loss": (0.41, 0.07, True), "estimated_log_loss": (0.405, 0.03, False),
    "realised_brier": (0.13, 0.02, True), "estimated_brier": (0.13, 0.01, False),
    "realised_late_rate": (0.22, 0.1, False), "estimated_late_rate": (0.22, 0.05, False),
    "log_loss_gap": (0.01, 0.03, False), "late_rate_gap": (0.0, 0.05, False),
    "predictions": (920.0, 60.0, False),
    "latency_us_p50": (420.0, 60.0, False), "latency_us_p99": (2_400.0, 900.0, False),
    "error_rate": (0.0005, 0.0003, False), "shed_rate": (0.003, 0.002, False), "schedule_coverage": (0.97, 0.02, False),
    "volume_ratio": (1.0, 0.1, False), "weather_age_hours": (1.0, 0.5, False), "drift_columns": (1.0, 1.0, False),
}  # fmt: skip


def fill(database: Database, days: int = DAYS) -> None:
    """Fill a database with so many days; the clock ends at noon."""
    _flights(database)
    refresh_at(database, *ticks_before(60))
    first = LAST - timedelta(days=days - 1)
    values = {
        "first": first, "last": LAST, "wide": LAST - timedelta(days=WIDE_DAYS), "a_day": A_DAY,
        "contract": CONTRACT_HASH, "features": len(FEATURE_NAMES), "carriers": list(CARRIERS), "origins": list(ORIGINS),
    }  # fmt: skip
    with database.transaction() as cursor:
        month = first.replace(day=1)
        while month <= TODAY:
            cursor.execute("SELECT ensure_prediction_partition(%s)", [month])
            month = (month + timedelta(days=32)).replace(day=1)
    with database.transaction() as cursor:
        for statement in (PREDICTIONS, LABELS, RUNS):
            cursor.execute(statement, values)
        cursor.execute(METRICS, values | _measures())
    with database.session() as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
            # In one process each, whose seconds can be counted.
            cursor.execute(
                f"ALTER DATABASE {database.parameters.database} SET max_parallel_workers_per_gather = 0"
            )
        connection.autocommit = False
    _monitored(MonitoringStore(database), LAST)


def keep_report(settings: Settings) -> None:
    """Leave the newest run's report where a run would."""
    folder = settings.reports_dir / "monitoring" / LAST.isoformat()
    folder.mkdir(parents=True)
    (folder / "drift.html").write_text("<!doctype html><title>drift</title><p>drift of a day</p>")


def _measures() -> dict[str, list[object]]:
    rows: list[tuple[object, ...]] = [(name, "all", *values) for name, values in OVERALL.items()]
    places = (
        [f"origin={o}" for o in ORIGINS]
        + [f"carrier={c}" for c in CARRIERS]
        + [f"hour={h:02}" for h in range(5, 23)]
    )
    for place in places:
        for name in ("realised_auc", "realised_log_loss", "realised_brier", "realised_ece"):
            rows.append((name, place, 0.4, 0.08, True))
    rows += [
        ("rules_unable", "rule=ranking is poor", 1_000.0, 0.0, False),
        ("rules_unable", "rule=lateness moved", 1.0, 0.0, False),
    ]
    for column in FEATURE_NAMES[:40]:
        rows += [("drift", column, 0.1, 0.09, False), ("drift_trailing", column, 0.1, 0.09, False)]
        rows += [
            ("missing_share", column, 0.01, 0.005, False),
            ("weather_missing_excess", f"EWR,{column}", 0.1, 0.05, False),
        ]
    keys = ("names", "slices", "middles", "swings", "intervals")
    return dict(zip(keys, map(list, zip(*rows, strict=True)), strict=True))


def _flights(database: Database) -> None:
    """A morning that is over, and an afternoon that is not; one flight is gone, one called off."""
    flights = []
    for n in range(1, 340):
        leaves = NOON + (n - 90) * 2 * MINUTE
        origin, dest = ORIGINS[n % 3], DESTS[n % 7]
        own = {"origin": origin, "dest": dest, "flight_id": f"UA{n}-{origin}-{TODAY:%Y%m%d}"}
        flights.append(scheduled(n, departure=leaves, **own))
        if leaves < NOON - 20 * MINUTE:
            flights.append(departed(n, departure=leaves, delay=n % 20, flight_id=own["flight_id"]))
        if n == 300:
            flights.append(
                cancelled(n, departure=leaves, known_at=NOON - 5 * MINUTE, flight_id=own["flight_id"])
            )
    weather = [
        observation(station, NOON - hours * 60 * MINUTE, temp_f=50.0 + hours, wind_speed_mph=12.0, precip_in=0.0)
        for station in ORIGINS for hours in range(1, 6)
    ]  # fmt: skip
    yesterday = NOON - 1440 * MINUTE
    flights += [scheduled(100, departure=yesterday), departed(100, departure=yesterday, delay=12)]
    flights += [arrived(100, departure=yesterday, delay=31)]
    EventStore(database).append(flights, weather)


def _monitored(store: MonitoringStore, day: date) -> None:
    opened = (
        (
            "ranking is poor", "warning", "realised_auc", 0.56, 0.541,
            "below 0.56, 2 of 3 days. Look at the slices: one airport, or all?",
        ),
        (
            "an artifact was refused", "critical", "refused_artifacts", 0, 1.0,
            "above 0. A model's files are not those that were signed: do not promote; find out who changed them.",
        ),
        (
            "features drifted", "info", "drift_columns", 0, 3.0,
            "above 0. Look at the drift report: season, feed or sensor?",
        ),
    )  # fmt: skip
    for back, (rule, severity, metric, bound, value, rest) in enumerate(opened):
        evidence = {"metric": metric, "bound": bound, "days": {f"{day}": value, f"{day - DAY}": value}}
        said = f"{rule}: {metric} is {value:.4g} on {day}, {rest}"
        store.open_alert(rule, severity, day, NOON - (120 - back) * MINUTE, said, evidence)
    store.open_alert(
        "weather is stale", "warning", day, NOON - 2 * DAY, "weather is stale: 4 h. See why.", {}
    )
    store.resolve_alerts(["weather is stale"], [], NOON - DAY)
    for back in range(40, 0, -1):
        at = NOON - back * DAY
        reason = "no lasting breach, and only 12000 new labels, 9% of the 133000 it was fitted on"
        store.record_decision("retrain", at.date(), False, reason, {"growth": 0.09, "breaches": 0}, at)
    _accounts(store)


def _accounts(store: MonitoringStore) -> None:
    """A challenger that serves from its sixth day on, watched since, beside the anchor: as the flows decide."""
    losses = 0.012 * np.random.default_rng(1).normal(size=(2, 20)) - 0.002
    for day in range(3, 20):
        before, anchor = (keep_account(row[:day], EvidencePolicy()) for row in losses)
        decisions = {
            "guardrail": decide_guardrail(Standing(1, before), Standing(1, anchor)).naming({CHAMPION: 2})
        }
        if day < 9:
            trial = Trial(A_DAY, 0, 150.0)
            shadow = decide_shadow(trial, before, day, ShadowPolicy(minimum_days=8, give_up_days=14))
            decisions = {"shadow": shadow.naming({CHALLENGER: 2, CHAMPION: 1})}
        for kind, made in decisions.items():
            at = NOON - (20 - day) * DAY
            store.record_decision(kind, at.date(), made.verdict, made.reason, made.evidence, at)
