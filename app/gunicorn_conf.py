"""Gunicorn: one sync worker a core; a buffering proxy stands in front wherever clients may be slow."""

import gc
import os
from importlib import import_module
from pathlib import Path
from typing import Any

from adapters.settings import settings
from app import metrics_folder, succession

_settings = settings()
bind = f"{_settings.api_host}:{_settings.api_port}"
workers = _settings.api_workers
worker_class = "app.shedding_worker.SheddingWorker"
timeout = 30
graceful_timeout = 20
preload_app = False  # threads and OpenMP do not survive a fork: each worker loads its own
control_socket_disable = True
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  a heartbeat's file, in memory
forwarded_allow_ips = "127.0.0.1"
accesslog = None
errorlog = "-"

LIBRARIES = (
    "apispec.ext.marshmallow", "flasgger", "flask_wtf", "numpy", "orjson", "prometheus_client", "psycopg2", "requests",
)  # fmt: skip
"""What the master loads for its workers: they share those pages, and whoever replaces a worker begins sooner. None of
our own code, so that a reload takes it as it is then; nor LightGBM, for OpenMP does not survive a fork."""

_metrics = Path(
    os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    or metrics_folder.choose(_settings.state_dir, _settings.api_port)
)
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(_metrics)


def on_starting(server: Any) -> None:
    """Forget the counters of workers of an earlier life, and load what all workers share."""
    metrics_folder.begin(_metrics)
    for name in LIBRARIES:
        import_module(name)
    gc.freeze()  # a collection would write into every page, and a page that is written to is shared no more


def on_exit(server: Any) -> None:
    """Leave no counters in memory."""
    metrics_folder.remove(_metrics)


def on_reload(server: Any) -> None:
    """Have the workers that are replaced serve on until the others can answer."""
    succession.begin(server)


def child_exit(server: Any, worker: Any) -> None:
    """Keep what a dead worker counted, and none of its files."""
    from app import dead_workers

    dead_workers.sweep(_metrics, worker.pid)


def worker_exit(server: Any, worker: Any) -> None:
    """Make what the worker wrote safe and leave its spool to the shipper."""
    extensions = getattr(getattr(worker, "wsgi", None), "extensions", {})
    parts = extensions.get("ontime")
    if parts is not None:
        for loop in extensions["loops"]:
            loop.stop()
        parts.spool.close()
        parts.counts.close()
        parts.database.close()
        parts.followed.close()
        if extensions["traces"] is not None:
            extensions["traces"].close()
