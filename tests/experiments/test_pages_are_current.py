"""The pages say what the kept figures and the rules in force say: written again, they are the same."""

import shutil
from pathlib import Path

import pytest

from adapters.settings import PROJECT_ROOT, Settings, read_settings
from experiments.alert_rules import report as monitoring
from experiments.benchmarks import dask as bench_dask
from experiments.capacity import report as capacity
from experiments.evaluation import command as evaluation

REPORTS = PROJECT_ROOT / "docs" / "reports"


@pytest.fixture
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Settings, Path]:
    """A copy of the reports and of README to write into, and settings of a machine that measured nothing itself."""
    reports = tmp_path / "docs" / "reports"
    shutil.copytree(REPORTS, reports)
    shutil.copy(PROJECT_ROOT / "README.md", tmp_path)
    monkeypatch.setattr(monitoring, "REPORT", reports / "monitoring.md")
    monkeypatch.setattr(monitoring, "FIGURE", reports / "figures" / "estimate.svg")
    monkeypatch.setattr(evaluation, "PAGE", reports / "model.md")
    monkeypatch.setattr(evaluation, "README", tmp_path / "README.md")
    return read_settings({"ONTIME_STATE_DIR": str(tmp_path / "state")}), tmp_path


def test_the_monitoring_report_is_current(apart):
    """After a change of a rule, a bound or a policy: `make monitoring-report`."""
    settings, folder = apart
    monitoring.write_report(settings)
    assert (folder / "docs/reports/monitoring.md").read_text() == (REPORTS / "monitoring.md").read_text()


def test_the_page_on_dask_is_current(apart):
    settings, folder = apart
    page = folder / "docs/reports/dask.md"
    bench_dask.write_page(settings, page)
    assert page.read_text() == bench_dask.PAGE.read_text()


def test_the_model_report_and_readmes_table_are_current(apart):
    settings, folder = apart
    evaluation.write_pages(settings)
    assert (folder / "docs/reports/model.md").read_text() == (REPORTS / "model.md").read_text()
    assert (folder / "README.md").read_text() == (PROJECT_ROOT / "README.md").read_text()


def test_the_capacity_page_is_current(apart):
    """After a change of the plan's arithmetic: `make bench-capacity`, or `write_page` alone."""
    settings, folder = apart
    capacity.write_page(settings, folder / "docs/capacity.md", folder / "docs/reports")
    assert (folder / "docs/capacity.md").read_text() == (PROJECT_ROOT / "docs/capacity.md").read_text()
