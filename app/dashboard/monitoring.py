"""Health: alerts, quality, drift, service, what was not checked, and decisions, as the monitoring runs stored them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import Response, request

from adapters.monitoring_store import DayValue, SliceValue, StoredAlert
from app.dashboard.access import needs, who
from app.dashboard.charts import Chart, Point, Series, point_of_day
from app.dashboard.pages import REFRESH_SECONDS, back, blueprint, notify, render
from app.monitoring import report_response
from app.parts import Parts, parts
from app.readiness import WELL, readiness
from domain.airports import local_day
from domain.clock import minute_floor
from domain.errors import InvalidInput, NotFound
from domain.features.words import WORDS
from domain.monitored import ALL, GATE, GUARDRAIL, RETRAIN, RULES_UNABLE
from domain.run_days import GRACE, newest_due

SPANS = (30, 90, 365)
HEAT_DAYS, HEAT_ROWS = 21, 15
SLICE_DAYS, SLICE_ROWS, SLICE_MINIMUM = 14, 8, 200
STALE_DAYS = 2
"""Days after which the newest run is old: a day is monitored in the morning after."""
DECISIONS, RESOLVED_DAYS, CHECKED_DAYS = 12, 30, 30
QUALITY = ("auc", "log_loss", "brier", "late_rate")
SERVICE = (
    "predictions", "latency_us_p50", "latency_us_p99", "error_rate", "shed_rate", "schedule_coverage",
)  # fmt: skip


@dataclass(frozen=True)
class AlertView:
    """An alert, its value and its bound apart from what to do."""

    alert: StoredAlert
    says: str
    advice: str
    value: float | None
    bound: float | None
    breaches: list[tuple[str, Any]]

    @classmethod
    def of(cls, alert: StoredAlert) -> "AlertView":
        """Take a stored alert apart: its message ends with what to do, its evidence has the numbers."""
        says, _, advice = alert.message.removeprefix(f"{alert.rule}: ").partition(". ")
        days = alert.evidence.get("days")
        breaches = sorted(days.items(), reverse=True) if isinstance(days, dict) else []
        newest = breaches[0][1] if breaches else None
        bound = alert.evidence.get("bound")
        value = float(newest) if isinstance(newest, int | float) else None
        return cls(
            alert, says, advice, value, float(bound) if isinstance(bound, int | float) else None, breaches
        )


@blueprint.get("/health")
@needs("predict")
def health() -> Response:
    """Show how well the stack does: what needs somebody first."""
    p = parts()
    home, now = p.settings.home_airport, p.cache.now().now
    today, due = local_day(home, minute_floor(now)), newest_due(home, now - GRACE)
    newest, span = p.monitoring.newest_day(), _span()
    alerts = [AlertView.of(alert) for alert in p.monitoring.open_alerts()]
    rank = {"critical": 0, "warning": 1, "info": 2}
    alerts.sort(key=lambda view: (rank[view.alert.severity], -view.alert.alert_id))
    found = _measured(p, newest, span) if newest else {}
    return render(
        "health",
        refresh=REFRESH_SECONDS,
        alerts=alerts,
        resolved=_resolved(p, newest) if newest else [],
        newest=newest,
        late_days=(today - newest).days if newest else None,
        stale=newest is not None and (today - newest).days > STALE_DAYS,
        span=span,
        spans=SPANS,
        words=WORDS,
        missed=p.monitoring.missed_days(today - timedelta(days=CHECKED_DAYS), due),
        decisions=p.monitoring.newest_decisions((RETRAIN, GATE, GUARDRAIL), DECISIONS),
        not_ready=_not_ready(p),
        **found,
    )


@blueprint.post("/health/alerts/<int:alert_id>/acknowledge")
@needs("admin")
def acknowledge(alert_id: int) -> Response:
    """Note that the session's person has seen an alert."""
    p = parts()
    if alert_id >= 2**63:
        raise NotFound(f"there is no alert {alert_id}")
    p.monitoring.acknowledge(alert_id, who(), p.cache.now().now)
    notify(f"Alert {alert_id} is acknowledged; it stays open until its rule no longer fires.")
    return back("health")


@blueprint.get("/health/reports/<day>/<kind>")
@needs("predict")
def report(day: str, kind: str) -> Response:
    """Show Evidently's report of a day."""
    return report_response(day, kind)


def _span() -> int:
    wanted = request.args.get("days", str(SPANS[0]))
    if wanted not in map(str, SPANS):
        raise InvalidInput("days", f"one of {', '.join(map(str, SPANS))}", wanted[:20])
    return int(wanted)


def _measured(p: Parts, newest: date, span: int) -> dict[str, Any]:
    """Return what the runs of the newest days measured."""
    first = newest - timedelta(days=span - 1)
    names = [f"{kind}_{name}" for name in QUALITY for kind in ("realised", "estimated")]
    series = p.monitoring.series([*names, *SERVICE], first, newest)
    [run] = p.monitoring.runs(newest, newest)
    return {
        "run": run,
        "quality": _quality_charts(series),
        "service": _service_charts(series),
        "slices": _worst_slices(p, newest),
        "slice_days": SLICE_DAYS,
        "heat": _heat(p, newest),
        "unchecked": _unchecked(p, newest, run.labelled),
        "unable": _unable(p, newest),
    }


def _quality_charts(series: dict[str, list[DayValue]]) -> list[Chart]:
    titles = {
        "auc": "AUC: how well risk is ranked (higher is better, 0.5 is chance)",
        "log_loss": "Log-loss: how far probabilities are from what happened (lower is better)",
        "late_rate": "Share of flights that were late, and the share that was expected",
    }
    return [
        Chart(
            titles[name],
            [
                Series(
                    "realised" if name == "late_rate" else "realised, 95% interval",
                    "one",
                    _points(series[f"realised_{name}"]),
                ),
                Series("estimated without labels", "two", _points(series[f"estimated_{name}"])),
            ],
            unit="share" if name == "late_rate" else "",
        )
        for name in titles
    ]


def _service_charts(series: dict[str, list[DayValue]]) -> list[Chart]:
    def in_ms(name: str) -> list[Point]:
        return [
            Point(p.x, None if p.value is None else p.value / 1000, p.label) for p in _points(series[name])
        ]

    return [
        Chart(
            "Latency of an answer in the server, milliseconds",
            [
                Series("99 of 100 are faster", "two", in_ms("latency_us_p99")),
                Series("median", "one", in_ms("latency_us_p50")),
            ],
            low=0.0,
        ),
        Chart("Predictions a day", [Series("predictions", "one", _points(series["predictions"]))], low=0.0),
        Chart(
            "Share of requests that failed (5xx) or were shed (503)",
            [
                Series("failed", "one", _points(series["error_rate"])),
                Series("shed", "two", _points(series["shed_rate"])),
            ],
            unit="share",
            low=0.0,
        ),
    ]


def _points(values: Sequence[DayValue]) -> list[Point]:
    return [point_of_day(v.day, v.value, v.low, v.high) for v in values]


def _worst_slices(p: Parts, newest: date) -> dict[str, list[SliceValue]]:
    """Return the slices that lose most, by kind, beside the overall loss."""
    found = p.monitoring.slices("realised_log_loss", newest - timedelta(days=SLICE_DAYS - 1), newest)
    slices: dict[str, list[SliceValue]] = {ALL: [], "origin": [], "carrier": [], "hour": []}
    for value in found:
        kind = value.slice.partition("=")[0]
        if kind in slices and (kind == ALL or value.n >= SLICE_MINIMUM):
            slices[kind].append(value)
    return {kind: values[:SLICE_ROWS] for kind, values in slices.items()}


@dataclass(frozen=True)
class Heat:
    """Drift by feature and day."""

    days: list[date]
    rows: list[tuple[str, list[float | None]]]
    more: int
    """Features that are not shown, because they drifted less."""
    reports: frozenset[date]
    """Days whose report is still kept."""

    @staticmethod
    def level(multiple: float | None) -> str:
        """Return the class of a cell: from the third on the feature drifted."""
        if multiple is None:
            return ""
        return f"h{sum(multiple >= bound for bound in (0.0, 0.5, 1.0, 1.5, 2.5))}"


def _heat(p: Parts, newest: date) -> Heat:
    days = [newest - timedelta(days=i) for i in reversed(range(HEAT_DAYS))]
    drift = p.monitoring.drift(days[0], newest)
    rows = [(name, [by_day.get(day) for day in days]) for name, by_day in drift.items()]
    rows.sort(key=lambda row: (-max((v for v in row[1] if v is not None), default=0.0), row[0]))
    kept = frozenset(run.day for run in p.monitoring.runs(days[0], newest) if run.report_html)
    return Heat(days, rows[:HEAT_ROWS], max(len(rows) - HEAT_ROWS, 0), kept)


def _unchecked(p: Parts, newest: date, labelled: int) -> list[tuple[str, date | None, str]]:
    """Return what the newest run could not measure, since when, and why."""
    found = p.monitoring.unmeasured(newest - timedelta(days=CHECKED_DAYS), newest)
    return [(name, last, _reason(name, labelled)) for name, last in found]


@dataclass(frozen=True)
class UnableRule:
    """A rule that could not evaluate a day."""

    name: str
    needed: float
    """Rows it needs."""
    rows: int

    @property
    def why(self) -> str:
        """Return why not."""
        if 0 < self.rows < self.needed:
            return f"{self.rows:,} rows, needs {self.needed:,.0f}"
        return "its measure has no value: too few days before, or its feed sent nothing"


def _unable(p: Parts, newest: date) -> list[UnableRule]:
    """Return the rules that could not evaluate the newest day, as its run kept them."""
    return [
        UnableRule(m.slice.partition("=")[2], m.value or 0.0, m.n or 0)
        for m in p.monitoring.measures_of(newest)
        if m.name == RULES_UNABLE and m.slice != ALL
    ]


def _reason(name: str, labelled: int) -> str:
    needs_labels = name.startswith(("realised_", "window_", "log_loss_gap", "late_rate_gap", "estimate_"))
    if needs_labels:
        return "no flight of that day had a label yet" if not labelled else "too few labelled flights or days"
    if "trailing" in name:
        return "the four weeks before are not all there, or too few values came"
    if "drift" in name or name == "missing_excess":
        return "no reference of the champion, or too few values came"
    if name in ("error_rate", "shed_rate", "refused_rate", "log_missing", "log_surplus", "acknowledged"):
        return "no worker counted a request of that day"
    return "its feed sent nothing, or too little, that day"


def _resolved(p: Parts, newest: date) -> list[StoredAlert]:
    found = p.monitoring.alerts(newest - timedelta(days=RESOLVED_DAYS), date.max)
    return [alert for alert in reversed(found) if alert.resolved_at is not None]


def _not_ready(p: Parts) -> list[tuple[str, str]]:
    """Return what keeps this worker from answering, or from following the registry, by part."""
    found = {part: said for part, said in readiness(p).items() if said != WELL}
    if p.models.problem:
        found["champion"] = p.models.problem
    elif "champion" in found:
        found["champion"] = "no model is loaded: make train-first"
    return list(found.items())
