"""The table of monitored days at the end of a demo and of a replay."""

from datetime import date

from rich.console import Console
from rich.table import Table

from adapters.monitoring_store import MonitoringStore
from adapters.postgres import Database
from domain.monitored import ALL


def print_runs(database: Database, first: date, last: date) -> None:
    """Print a row a monitored day: flights, late rate, quality, drift, alerts, version."""
    store = MonitoringStore(database)
    alerts = store.alerts(first, last)
    table = Table("day", "flights", "late", "AUC", "log-loss", "estimated", "drifted", "alerts", "version")
    for run in store.runs(first, last):
        values = {m.name: m.value for m in store.measures_of(run.day) if m.slice == ALL}
        table.add_row(
            run.day.isoformat(),
            str(run.predictions),
            _number(values.get("realised_late_rate"), "{:.1%}"),
            _number(values.get("realised_auc")),
            _number(values.get("realised_log_loss")),
            _number(values.get("estimated_log_loss")),
            _number(values.get("drift_columns"), "{:.0f}"),
            str(sum(alert.day == run.day for alert in alerts)),
            str(run.model_version or ""),
        )
    console = Console(width=120)
    console.print(table)
    for decision in store.decisions(first, last):
        if decision.verdict:
            console.print(f"{decision.day} {decision.kind}: {decision.reason}", highlight=False)


def _number(value: float | None, form: str = "{:.3f}") -> str:
    return form.format(value) if value is not None else "-"
