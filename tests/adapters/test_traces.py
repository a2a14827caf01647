"""Which predictions are traced, and what a collector that is away costs."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from adapters import telemetry
from adapters.telemetry import is_on
from adapters.traces import FLUSH_SECONDS, MOST, Traces
from app.serving import new_ids
from domain.errors import ConfigurationError
from tests.collector import DEAD, Collector

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.fixture
def make(traced) -> Iterator[Callable[[str], Traces]]:
    """Makes the traces of a process; closed afterwards."""
    with ExitStack() as made:

        def make(process: str) -> Traces:
            traces = telemetry.begin(process)
            made.callback(traces.close)
            return traces

        yield make


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {ENDPOINT: ""},
        {ENDPOINT: DEAD, "OTEL_SDK_DISABLED": "true"},
        {ENDPOINT: DEAD, "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_traces_are_off_unless_a_collector_is_named(environment):
    assert not is_on(environment)
    assert is_on({ENDPOINT: DEAD})
    assert is_on({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": DEAD})


@pytest.mark.parametrize(
    ("name", "value"), [(ENDPOINT, "collector:4317"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]
)
def test_what_cannot_be_sent_to_is_refused_by_its_name(name, value):
    with pytest.raises(ConfigurationError, match=name):
        is_on({ENDPOINT: DEAD} | {name: value})


@pytest.mark.parametrize("sampler", ["traceidratio", "parentbased_traceidratio"])
def test_a_tenth_is_a_tenth_of_predictions_and_the_same_in_every_process(make, monkeypatch, sampler):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.1")
    ids = new_ids(4000)
    one, other = make("one"), make("other")
    chosen = [found for found in ids if one.chosen([found])]
    assert 300 < len(chosen) < 500
    assert [found for found in ids if other.chosen([found])] == chosen


@pytest.mark.parametrize(("sampler", "expected"), [("always_on", MOST), ("always_off", 0)])
def test_of_a_batch_at_most_a_hundred_are_traced_and_those_of_a_larger_one_are_among_them(
    make, monkeypatch, sampler, expected
):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    traces = make("test")
    ids = new_ids(1000)
    chosen = traces.chosen(ids)
    assert len(chosen) == expected
    block = traces.chosen([*new_ids(3000), *ids])
    assert set(block) & set(ids) <= set(chosen)


def test_a_span_is_below_the_root_that_another_process_recorded(make, traced: Collector):
    [trace] = new_ids(1)
    one, other = make("one"), make("other")
    one.root(trace, "root", 10, 20)
    other.child(other.root_of(trace), "child", 30, 40, attributes={"n": 1})
    root, child = traced.of_trace(trace, 2)
    assert (root.service, root.parent, root.began, root.ended) == ("ontime-one", "", 10, 20)
    assert (child.service, child.parent, child.attributes) == ("ontime-other", root.id, {"n": 1})


def record(traces: Traces, count: int = 1) -> None:
    for trace in new_ids(count):
        traces.root(trace, "root", 1, 2)


def test_a_collector_that_refuses_is_said_once_and_what_was_lost_when_it_takes_spans_again(
    make, traced: Collector, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.WARNING)
    traced.status = 404
    traces = make("test")
    for _ in range(3):
        record(traces)
        traces.flush()
    [line] = caplog.records
    assert line.getMessage() == "the collector takes no spans"
    assert "404" in line.reason
    traced.status = 200
    record(traces)
    traces.flush()
    again = caplog.records[-1]
    assert (again.getMessage(), again.lost) == ("the collector takes spans again", 3)


@pytest.mark.parametrize("slow", [True, False])
def test_a_collector_that_is_slow_or_away_holds_nobody_up(make, traced: Collector, monkeypatch, slow):
    traced.seconds = 4.0
    monkeypatch.setenv(ENDPOINT, traced.address if slow else DEAD)
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "600")
    traces = make("test")
    began = time.monotonic()
    record(traces, 2000)  # more than the queue holds
    recorded = time.monotonic()
    traces.flush()
    assert recorded - began < 2.0
    assert time.monotonic() - recorded < FLUSH_SECONDS + 1.0
