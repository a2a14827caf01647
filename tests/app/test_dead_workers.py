"""Files of Prometheus' counters: each worker is a process of its own, as under Gunicorn."""

import os
import subprocess
import sys

import pytest

from adapters.settings import PROJECT_ROOT
from app import dead_workers

COUNT = """
import os
from app.metrics import BUCKETS, METRICS, Spread
spread = Spread(BUCKETS)
for seconds in (0.003, 0.3):
    spread.add(seconds)
METRICS.add_requests("/v1/predictions", "POST", 201, spread)
METRICS.observe_state(7, 5, 0)
METRICS.serves(3)
print(os.getpid())
"""
RENDER = "from app.metrics import METRICS; print(METRICS.render().decode())"


@pytest.fixture
def run(tmp_path):
    def run(code: str) -> str:
        environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout

    return run


def sums(text: str) -> list[str]:
    return sorted(
        line for line in text.splitlines() if line.startswith(("ontime_requests", "ontime_request_sec"))
    )


def test_what_dead_workers_counted_stays_and_their_files_go(run, tmp_path):
    workers = [int(run(COUNT)) for _ in range(4)]
    before = run(RENDER)
    assert 'ontime_requests_total{method="POST",route="/v1/predictions",status="201"} 8.0' in before
    for pid in workers:
        dead_workers.sweep(tmp_path, pid)
        dead_workers.sweep(tmp_path, pid)  # a second word of it changes nothing
    assert sums(run(RENDER)) == sums(before)
    left = {path.name for path in tmp_path.iterdir()}
    assert [name for name in left if any(f"_{pid}.db" in name for pid in workers)] == []
    assert {"counter_dead.db", "histogram_dead.db"} <= left
    assert "ontime_state_tick_minutes 7.0" not in run(RENDER)
