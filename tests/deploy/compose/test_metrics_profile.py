"""Prometheus and Grafana beside the stack: what their files say is what the API exposes. Neither is started here."""

import json
import re

import pytest
import yaml

from adapters.settings import PROJECT_ROOT
from app.metrics import METRICS
from tests.deploy.compose.test_compose_file import SERVICES

FOLDER = PROJECT_ROOT / "deploy" / "images" / "metrics"
DASHBOARD = json.loads((FOLDER / "grafana/dashboards/ontime.json").read_text())
SCRAPED = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
[SOURCE] = yaml.safe_load((FOLDER / "grafana/datasources/prometheus.yml").read_text())["datasources"]
OF_HISTOGRAMS = ("_bucket", "_sum", "_count")
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def exposed() -> dict[str, str]:
    """The type of each metric of ours that /metrics exposes; when each began is the library's own."""
    found = re.findall(r"^# TYPE (ontime_\w+) (\w+)$", METRICS.render().decode(), re.MULTILINE)
    return {name: kind for name, kind in found if not name.endswith("_created")}


@pytest.mark.parametrize("query", QUERIES)
def test_each_query_names_a_metric_that_the_api_exposes(query):
    [name] = re.findall(r"ontime_\w+", query)
    kinds = exposed()
    base = next((name.removesuffix(end) for end in OF_HISTOGRAMS if name.endswith(end)), name)
    assert kinds.get(name) or kinds.get(base) == "histogram", f"{name} is not among {sorted(kinds)}"
    assert ("rate(" in query) == (kinds.get(name, "histogram") != "gauge")


def test_the_wall_shows_every_gauge_of_the_api_but_a_place_in_time():
    gauges = {name for name, kind in exposed().items() if kind == "gauge"}
    shown = {name for query in QUERIES for name in re.findall(r"ontime_\w+", query)}
    assert gauges - shown == {"ontime_state_tick_minutes"}


def test_each_panel_asks_the_provisioned_source_where_prometheus_listens():
    sources = {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]}
    assert sources == {SOURCE["uid"]}
    assert SOURCE["url"] == "http://prometheus:9090"
    assert (
        f"./{FOLDER.relative_to(PROJECT_ROOT)}/grafana:/etc/grafana/provisioning:ro"
        in SERVICES["grafana"]["volumes"]
    )


def test_prometheus_scrapes_every_replica_of_the_api():
    [job] = SCRAPED["scrape_configs"]
    [found] = job["dns_sd_configs"]
    assert (found["names"], found["port"]) == (["api"], 8000)
    assert "metrics_path" not in job


@pytest.mark.parametrize("name", ["prometheus", "grafana"])
def test_neither_is_part_of_the_stack_unless_asked_for(name):
    assert SERVICES[name]["profiles"] == ["metrics"]
