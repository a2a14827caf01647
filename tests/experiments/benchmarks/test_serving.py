"""The benchmarks of the API measure real servers: a small world, few rungs, few faults, a second or two each."""

import os
import shutil
import subprocess
import sys

import pytest

from experiments import measured
from experiments.benchmarks import chaos, report, servers, serving
from experiments.benchmarks.rungs import RUNGS
from training.train import TreeParameters

pytestmark = pytest.mark.integration
SMALL = TreeParameters(n_trees=10)
FEW = (
    "a worker killed every second",
    "the shipper killed every second",
    "PostgreSQL killed",
    "the spool shipped twice",
    "the disk full",
)


def test_the_ladder_overload_and_batches_are_measured(own_settings, tmp_path):
    found = serving.bench(own_settings, 1, 0.5, lambda line: None, SMALL, ("bare Flask", "whole"))
    rungs = {rung["rung"]: rung for rung in found["rungs"]}
    assert set(rungs) == {"bare Flask", "whole", serving.COLD}
    assert rungs["bare Flask"]["of_bare_flask"] == rungs["bare Flask"]["cpu_of_bare_flask"] == 1.0
    # A round of half a second on a busy machine says little of requests a second; CPU time says what was done.
    assert rungs["whole"]["of_bare_flask"] > 0
    assert rungs["whole"]["cpu_of_bare_flask"] > 1
    assert found["overload"]["apart"] == (len(os.sched_getaffinity(0)) > 1)
    assert [step["without_retry_after"] for step in found["overload"]["steps"]] == [0, 0]
    assert all(found["batches"][kind]["of_raw"] > 0 for kind in ("known", "new"))
    assert found["worker_megabytes"] > found["worker_proportional_megabytes"] > 20
    path = report.write_performance(own_settings, tmp_path / "pages")
    assert all(f"| {rung} |" in path.read_text() for rung in rungs)


class Alone(servers.Server):
    """A server that is its only worker."""

    def workers(self):
        return [self.process.pid]


def test_a_generator_and_workers_that_are_kept_apart_share_no_core():
    cores = os.sched_getaffinity(0)
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
    ) as one:
        with servers.kept_apart(Alone("a server", 0, one)) as apart:
            assert apart == os.sched_getaffinity(0).isdisjoint(os.sched_getaffinity(one.pid))
            assert apart == (len(cores) > 1)
        assert os.sched_getaffinity(0) == os.sched_getaffinity(one.pid) == cores


def test_no_acknowledged_prediction_is_lost_or_doubled(own_settings, tmp_path):
    faults = {name: chaos.FAULTS[name] for name in FEW}
    found = chaos.chaos(own_settings, 2.0, lambda line: None, faults, SMALL)
    audit = found["audit"]
    assert audit["acknowledged"] > 100
    assert (audit["missing"], audit["twice"], audit["different"]) == (0, 0, 0)
    assert chaos.is_sound(found)
    assert "503" in found["faults"][-1]["answers"]
    assert {case["status"] for case in found["hostile"]} <= {0, 400, 413, 422}
    path = report.write_reliability(own_settings, tmp_path / "pages")
    assert all(name in path.read_text() for name in FEW)


def test_the_audit_finds_what_is_missing_twice_or_different(postgres):
    ledger = chaos.Ledger()
    for name in ("a", "b", "a"):
        ledger.note(
            chaos.Answer(0, 200, 0.1, b"", b'{"prediction_id": "%s", "probability": 0.5}' % name.encode())
        )
    ledger.note(chaos.Answer(0, 503, 0.1, b"", b"{}"))
    assert ledger.audit(postgres) == {
        "acknowledged": 2,
        "logged": 0,
        "missing": 2,
        "twice": 1,
        "different": 0,
    }
    assert not chaos.is_sound({"audit": ledger.audit(postgres), "faults": []})


def test_a_fault_after_which_nobody_answers_or_whose_refusals_say_no_time_is_not_survived():
    audit = {"acknowledged": 1, "missing": 0, "twice": 0, "different": 0}
    fault = {"answered_afterwards": True, "without_retry_after": 0}
    assert chaos.is_sound({"audit": audit, "faults": [fault]})
    for worse in ({"answered_afterwards": False}, {"without_retry_after": 1}):
        assert not chaos.is_sound({"audit": audit, "faults": [fault, fault | worse]})


def test_every_rung_says_what_it_adds():
    assert next(iter(RUNGS)) == "bare Flask"
    assert list(RUNGS)[-1] == "whole"


def test_other_servers_have_a_table_of_their_own(own_settings, tmp_path):
    server = {
        "rung": "the API, Granian", "requests_a_second": 1234, "of_bare_flask": 0.5, "p50_ms": 1.0, "p99_ms": 2.0,
        "p99_of_bare_flask": 1.5, "cpu_microseconds": 900, "cpu_of_bare_flask": 2.0,
    }  # fmt: skip
    about = {"machine": {"cores": 2, "load": 1.0}, "tool": "wrk", "clients": 16, "rounds": 5, "seconds": 2.0}
    measured.write(own_settings, "bench-peers", about | {"servers": [server]}, "make bench-peers")
    (tmp_path / "measured").mkdir()
    shutil.copy(report.PAGES / "measured" / "bench.json", tmp_path / "measured")
    page = report.write_performance(own_settings, tmp_path)
    assert "| the API, Granian | 1,234 | 0.50 | 2.0 | 900 |" in page.read_text()
