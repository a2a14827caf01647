"""The monitoring report takes its figures from files and names the command where there is none."""

import json
import re
import xml.etree.ElementTree as ElementTree

import pytest

from adapters.settings import read_settings
from experiments.alert_rules import report as monitoring_report
from experiments.alert_rules import tables
from experiments.alert_rules.calibration import HELD_OUT, SET_EARLY, SET_ON
from monitoring import estimate
from monitoring.policy import RetrainPolicy
from monitoring.rules import NIGHTLY
from training.gate import GatePolicy


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setattr(monitoring_report, "REPORT", tmp_path / "docs" / "monitoring.md")
    monkeypatch.setattr(monitoring_report, "FIGURE", tmp_path / "docs" / "figures" / "estimate.svg")
    return read_settings({"ONTIME_STATE_DIR": str(tmp_path)})


def leave(settings, day: str, days: dict) -> None:
    folder = settings.reports_dir / "monitoring" / day
    folder.mkdir(parents=True)
    (folder / "estimate.json").write_text(json.dumps({"of": estimate.OF, "days": days}))


def test_every_rule_is_in_it_and_what_was_not_measured_says_so(settings):
    text = monitoring_report.write_report(settings).read_text()
    assert all(f"| {rule.name} | `{rule.metric}` |" in text for rule in NIGHTLY)
    assert len(re.findall("Not measured yet", text)) == 4
    assert not monitoring_report.FIGURE.exists()


def test_the_newest_days_estimates_stand_beside_what_came(settings):
    old = {"auc": [["2013-04-01", 0.5, 0.9], ["2013-04-02", 0.5, 0.9]]}
    new = {"auc": [["2013-04-02", 0.70, 0.72], ["2013-04-03", 0.80, 0.70]], "brier": []}
    leave(settings, "2013-04-02", old)
    leave(settings, "2013-04-03", new)
    leave(settings, "2013-04-04", {"auc": [], "brier": []})  # a day without a label
    text = monitoring_report.write_report(settings).read_text()
    assert "| auc | 2 | 2013-04-02 to 2013-04-03 | 0.7500 | 0.7100 | 0.0600 | +0.0400 |" in text
    assert "(figures/estimate.svg)" in text
    assert "Both are of the flights whose label came." in text
    groups = ElementTree.parse(monitoring_report.FIGURE).getroot().iter("{http://www.w3.org/2000/svg}g")
    drawn = [name for group in groups if (name := group.get("id", "")).startswith(("auc", "brier"))]
    assert drawn == ["auc", "auc-estimated", "auc-realised", "brier"]


def test_estimates_that_were_kept_of_all_flights_are_shown_as_such(settings):
    settings.reports_dir.mkdir(parents=True)
    kept = {"days": {"auc": [["2013-04-02", 0.70, 0.72]]}}
    (settings.reports_dir / "estimates.json").write_text(json.dumps(kept))
    # What a run of an earlier release left says nothing of its flights.
    (settings.reports_dir / "monitoring" / "2013-04-03").mkdir(parents=True)
    (settings.reports_dir / "monitoring" / "2013-04-03" / "estimate.json").write_text(
        json.dumps(kept["days"])
    )
    text = monitoring_report.write_report(settings).read_text()
    assert "| auc | 1 | 2013-04-02 to 2013-04-02 |" in text
    assert "Estimated is of all flights asked about, realised of those whose label came." in text


def test_what_was_found_of_smaller_faults_is_a_table_and_a_figure(settings):
    def onset(day: str, run: int | None) -> dict:
        return {
            "day": day,
            "run": run,
            "rules": ["weather is stale"] if run else [],
            "loss_added": 0.031,
        }

    sizes = [
        {"size": 3, "onsets": [onset("2013-06-01", None), onset("2013-10-01", 2)]},
        {"size": 24, "onsets": [onset("2013-06-01", 1), onset("2013-10-01", 1)]},
    ]
    fault = {
        "fault": "none comes",
        "about": ["weather is stale"],
        "unit": "hours",
        "sizes": sizes,
    }
    found = {
        "onsets": {"spring": ["2013-06-01"], "autumn": ["2013-10-01"]}, "runs": 2,
        "faults": {"weather-missing": fault},
    }  # fmt: skip
    settings.reports_dir.mkdir(parents=True, exist_ok=True)
    (settings.reports_dir / "detection-curves.json").write_text(json.dumps(found))
    text = monitoring_report.write_report(settings).read_text()
    assert "| `weather-missing` | 3 hours | 0 of 2 | 0 of 1 | 1 of 1 | +0.031 | weather is stale 1 |" in text
    assert "| `weather-missing` | 24 hours | 2 of 2 | 1 of 1 | 1 of 1 | +0.031 | weather is stale 2 |" in text
    drawn = monitoring_report.FIGURE.with_name("detection.svg").read_text()
    assert ">weather-missing<" in drawn
    assert "(figures/detection.svg)" in text


def calibration(pages: dict[str, dict[str, float]]) -> dict:
    """What `make calibrate-alerts` keeps of the parts of a year."""
    whole = {"mean": 0.5, "share_of_draws_above_one": 0.1, "by_rule": {}}
    return {
        "draws": 1000, "block_days": 7, "days_drawn_from": "2013-04-01 to 2013-12-28", "rules": [],
        "pages_in_60_days": whole, "by_part": {part: whole | {"by_rule": found} for part, found in pages.items()},
    }  # fmt: skip


def test_it_says_whose_bounds_the_later_part_of_the_year_did_not_set_and_what_they_page_there(settings):
    settings.reports_dir.mkdir(parents=True)
    later = {"hours have moved": 0.6, "losing more than expected": 0.05, "ranking is poor": 0.3}
    found = calibration({SET_ON: {"losing more than expected": 0.4}, HELD_OUT: later})
    (settings.reports_dir / "alert-calibration.json").write_text(json.dumps(found))
    text = monitoring_report.write_report(settings).read_text()
    assert (
        'Only the bounds of "hours have moved" and "losing more than expected" were set without September to December; '
        "the others were set on the whole year. In sixty days of that part those rules page 0.65 times, mean."
        in text
    )
    assert set(SET_EARLY) <= {rule.name for rule in NIGHTLY}


def test_of_another_place_no_days_set_a_bound(settings):
    settings.reports_dir.mkdir(parents=True)
    found = calibration({"2024-04-01 to 2024-06-30": {"hours have moved": 0.6}})
    (settings.reports_dir / "alert-calibration.json").write_text(json.dumps(found))
    assert "were set without" not in monitoring_report.write_report(settings).read_text()


def test_faults_found_in_the_later_part_of_the_year_are_not_shown_as_new_to_every_bound():
    found = {"onsets": {SET_ON: ["2013-06-01"], HELD_OUT: ["2013-10-01"]}, "runs": 2, "faults": {}}
    text = tables.detection(found, "figure.svg")
    assert (
        'Only the bounds of "hours have moved" and "losing more than expected" were set without September to December; '
        "the others were set on the whole year." in text
    )


def test_a_replay_and_drills_become_tables_of_it(settings):
    day = {"asked": 9, "logged": 9, "logged_twice": 0, "parity_mismatches": 0, "rollbacks": 1, "pages": 2}
    minutes = {"wall_minutes": 3.5, "compute_minutes": 3.0, "run_minutes": 1.0}
    totals = {"runs": 2, "runs_missing": 0, "retrains": 1, "gates_passed": 1, "promotions": 2}
    month = dict.fromkeys(("late_rate", "auc", "log_loss", "estimated_log_loss", "brier"), 0.25)
    replay = {
        "first": "2013-04-01", "last": "2013-04-02",
        "months": {"2013-04": month | {"n": 1234.0}, "2013-05": month | {"n": 3702.0, "log_loss": 0.45}},
        "totals": day | minutes | totals | {"pages_by_rule": {"weather is stale": 2}},
        "decisions": [
            {"day": "2013-04-02", "kind": "retrain", "verdict": True, "reason": "much is new"},
            {"day": "2013-04-01", "kind": "retrain", "verdict": False, "reason": "nothing is new"},
        ],
        "changes": [
            {"day": "2013-04-01", "action": "promote", "from": None, "to": 1, "who": "first", "reason": "first"}
        ],
    }  # fmt: skip
    one = {"fault": "no observation", "paged": True, "run": 1, "refused_on_run": None, "in_time": True}
    drills = {"summary": {"weather-missing": one | {"rules": ["weather is stale"], "false_promotion": False}}}
    settings.reports_dir.mkdir(parents=True)
    (settings.reports_dir / "replay.png").write_bytes(b"a plot")
    for name, found in (("replay", replay), ("drills", drills)):
        (settings.reports_dir / f"{name}.json").write_text(json.dumps(found))
    text = monitoring_report.write_report(settings).read_text()
    assert "| 2013-04 | 1,234 | 0.2500 |" in text
    assert "over all 4,936 flights with a label: 0.4000." in text
    assert "Figures of a month, estimates included, are of the flights whose label came." in text
    assert "| 2013-04-02 | retrain: yes | much is new |" in text
    assert "nothing is new" not in text
    assert "| 2013-04-01 | promote nothing to 1 by first | first |" in text
    assert "1 of 1 were detected within two monitoring runs" in text
    assert "| `weather-missing` | no observation | paged | 1 | weather is stale | no |" in text
    assert (monitoring_report.FIGURE.parent / "replay.png").read_bytes() == b"a plot"
    # Where the figures are no more, what was written stays.
    (settings.reports_dir / "drills.json").unlink()
    assert "`weather-missing`" in monitoring_report.write_report(settings).read_text()


def test_every_policy_in_force_is_shown_with_its_values(settings):
    text = monitoring_report.write_report(settings).read_text()
    assert f"`cadence_days` {RetrainPolicy().cadence_days}" in text
    assert f"`largest_ece` {GatePolicy().largest_ece}" in text
