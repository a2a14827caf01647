import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from adapters.settings import read_settings
from data.dataset import Dataset
from data.events import DatasetEvents, no_flight_events, no_weather_events
from data.site import NEW_YORK, Period, Site
from domain.errors import InvalidInput
from experiments.drills import drill
from experiments.drills import report as drill_report
from experiments.drills import stack as drill_stack
from experiments.drills.faults import FAULTS


def alert(rule: str, run: int, severity: str = "warning") -> dict[str, Any]:
    return {"rule": rule, "severity": severity, "day": "2013-04-09", "run": run, "message": rule}


def found(*alerts: dict[str, Any], **more: Any) -> dict[str, Any]:
    about = [alert["rule"] for alert in alerts]
    return {
        "fault": "something breaks",
        "about": about,
        "alerts": list(alerts),
        "changes": [],
        "decisions": [],
    } | more


def test_a_page_that_the_undisturbed_runs_have_not_detects_the_fault():
    said = drill_report.verdict(
        found(alert("weather is missing", 1), alert("cold", 1)), found(alert("cold", 1))
    )
    assert (said["paged"], said["run"], said["in_time"]) == (True, 1, True)
    assert said["rules"] == ["weather is missing (warning, run 1)"]


def test_what_fires_undisturbed_as_well_detects_nothing():
    said = drill_report.verdict(found(alert("cold", 2)), found(alert("cold", 1)))
    assert (said["paged"], said["noticed"], said["run"]) == (False, False, None)


def test_a_rule_about_something_else_detects_nothing():
    said = drill_report.verdict(found(alert("cold", 1), alert("late", 2), about=["late"]), found())
    assert (said["run"], said["rules"]) == (2, ["late (warning, run 2)"])
    assert not drill_report.verdict(found(alert("cold", 1), about=["late"]), found())["noticed"]


def test_a_rule_that_fires_sooner_than_undisturbed_does():
    assert drill_report.verdict(found(alert("cold", 1)), found(alert("cold", 2)))["paged"]


def test_an_info_is_noticed_and_no_page():
    said = drill_report.verdict(found(alert("drift", 1, "info")), found())
    assert (said["paged"], said["noticed"], said["in_time"]) == (False, True, False)


def test_a_page_after_the_second_run_is_late():
    assert not drill_report.verdict(found(alert("late", 3)), found())["in_time"]


def test_a_poisoned_candidate_that_served_is_a_false_promotion():
    poison = {"version": 7, "promoted": False, "by_hand": 409, "said": "refused"}
    change = {"action": "promote", "from": 1, "to": 7, "who": "run", "reason": "held"}
    assert drill_report.verdict(found(changes=[change], poison=poison), found())["false_promotion"]
    assert not drill_report.verdict(found(poison=poison), found())["false_promotion"]


def test_a_bad_challenger_that_the_shadow_measured_and_refused_was_found():
    early = {
        "kind": "shadow",
        "run": 1,
        "day": "2013-04-09",
        "verdict": False,
        "reason": "",
        "measured": False,
    }
    late = early | {"run": 2, "measured": True}
    poison = {"version": 7, "promoted": False}
    said = drill_report.verdict(found(decisions=[early, late], poison=poison), found())
    assert (said["refused_on_run"], said["in_time"], said["paged"]) == (2, True, False)
    assert not drill_report.verdict(found(decisions=[early], poison=poison), found())["in_time"]


def test_drills_are_merged_one_by_one_and_compared_with_whichever_control_there_is(tmp_path):
    drill_report.record(tmp_path, "weather-missing", found(alert("cold", 1)))
    assert json.loads((tmp_path / drill_report.FILE).read_text())["summary"]["weather-missing"]["paged"]
    drill_report.record(tmp_path, "none", found(alert("cold", 1)))
    report = drill_report.read(tmp_path)
    assert set(report["drills"]) == {"weather-missing", "none"}
    assert not report["summary"]["weather-missing"]["paged"]
    assert "none" not in report["summary"]


def test_the_drills_have_a_state_and_ports_of_their_own(tmp_path):
    own = read_settings({"ONTIME_STATE_DIR": str(tmp_path), "ONTIME_API_PORT": "8100"})
    variables = drill_stack.environment(own)
    drilled = read_settings({n: v for n, v in variables.items() if n.startswith("ONTIME_")})
    assert drilled.state_dir == tmp_path / "drills" / "stack"
    assert drilled.spool_dir == tmp_path / "drills" / "stack" / "spool"
    assert (drilled.api_port, drilled.postgres_port) == (8120, own.postgres_port + 20)


def test_a_fault_that_does_not_exist_is_refused_with_those_that_do(tmp_path):
    own = read_settings({"ONTIME_STATE_DIR": str(tmp_path)})
    with pytest.raises(Exception, match=r"weather-celsius, .*candidate-tampered, all"):
        drill.drill(own, "weather-hot", tmp_path, print)


def test_faults_of_weather_where_there_is_none_are_left_out_before_the_base_is_prepared(
    tmp_path, monkeypatch
):
    own, said, prepared, drilled = read_settings({"ONTIME_STATE_DIR": str(tmp_path)}), [], [], []
    dry = Dataset(DatasetEvents(no_flight_events(), no_weather_events()), {})
    monkeypatch.setattr(drill, "load_dataset", lambda folder: dry)
    monkeypatch.setattr(drill, "ensure_base", lambda own, say: prepared.append(own))
    monkeypatch.setattr(drill, "_run", lambda own, name, say: drilled.append(name))
    for name in ("record", "print_table", "record_calm", "calibrate"):
        monkeypatch.setattr(drill, name, lambda *given: tmp_path / "calm.json")
    (tmp_path / "calm.json").write_text("{}")
    with pytest.raises(InvalidInput, match="FAULT: expected one that is not about the weather"):
        drill.drill(own, "weather-stuck", tmp_path, said.append)
    assert not prepared
    drill.drill(own, "all", tmp_path, said.append)
    assert drilled == [name for name in drill.NAMES if not name.startswith("weather-")]
    assert "weather-stuck: left out" in said[0]


def test_every_fault_begins_after_the_undisturbed_days():
    plan = drill_stack.DrillPlan.of(NEW_YORK)
    assert plan.base == Period(date(2013, 4, 1), date(2013, 4, 8))
    assert plan.onset.date() == plan.drilled.first == date(2013, 4, 9)
    assert "none" in FAULTS


def test_another_place_is_drilled_on_its_own_days_and_its_base_state_is_not_new_yorks():
    phoenix = Site("phoenix", date(2024, 1, 1), date(2024, 12, 31), date(2024, 6, 1), "PHX")
    plan = drill_stack.DrillPlan.of(phoenix)
    assert (plan.base.first, plan.drilled) == (
        date(2024, 6, 1),
        Period(date(2024, 6, 9), date(2024, 6, 10)),
    )
    assert drill_stack.fingerprint(phoenix) != drill_stack.fingerprint(NEW_YORK)
    short = replace(phoenix, last_day=date(2024, 6, 9))
    with pytest.raises(InvalidInput, match="2024-06-09"):
        drill_stack.DrillPlan.of(short)
