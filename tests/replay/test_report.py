import json
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from adapters.deployments import ANY, Deployments
from adapters.event_store import EventStore
from adapters.monitoring_store import Measured, MonitoringRun, MonitoringStore
from adapters.prediction_lines import to_copy_line
from adapters.prediction_log import PredictionLog
from replay import page, report
from tests.builders import NOON, arrived, prediction, scheduled

FIRST, SECOND = date(2013, 4, 11), date(2013, 4, 12)
DAY = timedelta(days=1)
SPENT = {"wall_seconds": 90.0, "compute_seconds": 180.0}


def run_of(day: date) -> MonitoringRun:
    finished = datetime(day.year, day.month, day.day, 10, tzinfo=UTC) + DAY
    return MonitoringRun(day, finished, 1, 2, 2, None, None, 3.0)


def measured(name: str, value: float, where: str = "all") -> Measured:
    return Measured(name, where, value, None, None, 2)


@pytest.fixture
def replayed(postgres):
    """Two days: on the first two flights are predicted, one of them twice; on the second one, and one is not."""
    EventStore(postgres).append(
        [scheduled(1), scheduled(2), arrived(1, delay=30), arrived(2, delay=0), scheduled(3, NOON + DAY)]
    )
    records = [prediction(1, probability=0.8), prediction(1, probability=0.8), prediction(2, probability=0.3)]
    records.append(prediction(3, NOON + DAY))
    PredictionLog(postgres).ship("spool", 0, b"".join(map(to_copy_line, records)))
    store = MonitoringStore(postgres)
    quality = [
        measured("realised_auc", 0.75),
        measured("estimated_auc", 0.7),
        measured("parity_mismatches", 2),
    ]
    store.save_run(run_of(FIRST), [*quality, measured("realised_auc", 0.1, "origin=EWR")])
    store.save_run(run_of(SECOND), [measured("parity_mismatches", 0)])
    store.open_alert("ranking is poor", "warning", FIRST, NOON + DAY, "AUC is low", {})
    store.open_alert("features drifted", "info", SECOND, NOON + 2 * DAY, "3 columns", {})
    store.record_decision("retrain", FIRST, True, "enough labels", {}, NOON + DAY)
    store.record_decision("gate", FIRST, False, "not better", {}, NOON + DAY)
    alias: list[int] = []
    Deployments(postgres).change(
        action="promote", to_version=1, expected_version=ANY, who="train", reason="first", at=NOON,
        move_alias=alias.append, read_alias=lambda: alias[-1] if alias else None,
    )  # fmt: skip
    return postgres


@pytest.fixture
def made(replayed):
    return report.build(report.read_tables(replayed, FIRST, SECOND), {FIRST: 2, SECOND: 2}, SPENT)


@pytest.mark.integration
def test_what_was_asked_is_compared_with_what_is_in_the_log(made):
    totals = made["totals"]
    assert (totals["asked"], totals["logged"], totals["logged_twice"]) == (4, 3, 1)
    assert totals["days_not_wholly_logged"] == ["2013-04-12"]


@pytest.mark.integration
def test_the_totals_count_what_the_tables_hold(made):
    totals = made["totals"]
    assert (totals["retrains"], totals["gates_passed"], totals["gates_refused"]) == (1, 0, 1)
    assert (totals["promotions"], totals["rollbacks"]) == (1, 0)
    assert (totals["alerts"], totals["pages"]) == ({"warning": 1, "info": 1}, 1)
    assert (totals["parity_mismatches"], totals["runs"], totals["runs_missing"]) == (2, 2, 0)
    assert (totals["wall_minutes"], totals["compute_minutes"], totals["run_minutes"]) == (1.5, 3.0, 0.1)


@pytest.mark.integration
def test_a_day_shows_its_overall_quality_and_none_where_it_was_not_measured(made):
    first, second = made["days"]
    assert (first["realised_auc"], first["estimated_auc"], first["alerts"]) == (
        0.75,
        0.7,
        ["ranking is poor"],
    )
    assert second["realised_auc"] is None


@pytest.mark.integration
def test_a_month_takes_each_flight_once(made):
    month = made["months"]["2013-04"]
    assert (month["n"], month["auc"], month["late_rate"]) == (2, 1.0, 0.5)
    assert month["brier"] == pytest.approx((0.2**2 + 0.3**2) / 2)


@pytest.mark.integration
def test_the_report_is_a_file_a_picture_and_a_page_with_everything_in_it(made, tmp_path):
    kept = report.write(made, tmp_path)
    written = json.loads(kept.read_text())
    assert written.pop("made_with")["command"] == "make replay"
    assert written == made
    text = page.write(made, tmp_path).read_text()
    assert "AUC is low" in text
    assert "estimates, too, of the flights whose label came" in text
    assert "http" not in text.replace("</html>", "")
    assert (tmp_path / page.PLOT).read_bytes().startswith(b"\x89PNG")


def test_a_week_without_any_value_has_no_mean():
    assert np.isnan(page.trailing([float("nan")])).all()
