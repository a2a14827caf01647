"""The monitoring report takes its figures from files and names the command where there is none."""

import json
import re
import xml.etree.ElementTree as ElementTree

import pytest

from adapters.settings import read_settings
from monitoring.rules import NIGHTLY
from ontime import monitoring_report


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setattr(monitoring_report, "REPORT", tmp_path / "docs" / "monitoring.md")
    monkeypatch.setattr(monitoring_report, "FIGURE", tmp_path / "docs" / "figures" / "estimate.svg")
    return read_settings({"ONTIME_STATE_DIR": str(tmp_path)})


def leave(settings, day: str, nights: dict) -> None:
    folder = settings.reports_dir / "monitoring" / day
    folder.mkdir(parents=True)
    (folder / "estimate.json").write_text(json.dumps(nights))


def test_every_rule_is_in_it_and_what_was_not_measured_says_so(settings):
    text = monitoring_report.write_report(settings).read_text()
    assert all(f"| {rule.name} | `{rule.metric}` |" in text for rule in NIGHTLY)
    assert len(re.findall("Not measured yet", text)) == 3
    assert not monitoring_report.FIGURE.exists()


def test_the_newest_nights_estimates_stand_beside_what_came(settings):
    old = {"auc": [["2013-04-01", 0.5, 0.9], ["2013-04-02", 0.5, 0.9]]}
    new = {"auc": [["2013-04-02", 0.70, 0.72], ["2013-04-03", 0.80, 0.70]], "brier": []}
    leave(settings, "2013-04-02", old)
    leave(settings, "2013-04-03", new)
    leave(settings, "2013-04-04", {"auc": [], "brier": []})  # a night without a label
    text = monitoring_report.write_report(settings).read_text()
    assert "| auc | 2 | 2013-04-02 to 2013-04-03 | 0.7500 | 0.7100 | 0.0600 | +0.0400 |" in text
    assert "(figures/estimate.svg)" in text
    lines = ElementTree.parse(monitoring_report.FIGURE).getroot().iter("{http://www.w3.org/2000/svg}polyline")
    assert [line.get("class") for line in lines] == ["e", "r"]
