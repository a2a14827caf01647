import socket
from dataclasses import replace

import psutil
import pytest

from adapters.dask_cluster import workers_of
from adapters.settings import Settings, read_settings
from deploy.native import dask, processes
from domain.errors import ConfigurationError, OntimeError
from tests.documented import documented
from tests.session import free_port, without_settings


@pytest.fixture
def settings(tmp_path) -> Settings:
    return replace(
        read_settings({"ONTIME_STATE_DIR": str(tmp_path / "50% of it")}),
        dask_scheduler=f"tcp://127.0.0.1:{free_port()}",
    )


def test_a_cluster_starts_once_and_leaves_no_process(settings):
    own = without_settings()
    own |= {"ONTIME_STATE_DIR": str(settings.state_dir), "ONTIME_DASK_SCHEDULER": settings.dask_scheduler}
    folder = dask.state_folder(settings)
    try:
        documented("make dask-up WORKERS=2").run(own)
        assert workers_of(settings.dask_scheduler) == 2
        assert addresses_of_listeners(folder) == {"127.0.0.1"}
        said = []
        dask.up(settings, 2, said.append)
        assert "already" in said[-1]
    finally:
        documented("make dask-down").run(own)
    assert processes.of_stack(folder) == []
    with pytest.raises(ConfigurationError, match="no Dask scheduler answers"):
        workers_of(settings.dask_scheduler)


def addresses_of_listeners(folder):
    """Where the processes of a cluster listen."""
    sockets = [c for pid in processes.of_stack(folder) for c in psutil.Process(pid).net_connections("inet")]
    return {c.laddr.ip for c in sockets if c.status == psutil.CONN_LISTEN}


@pytest.mark.parametrize("address", ["tcp://0.0.0.0:8786", "tcp://10.0.0.5:8786", "8786", "tcp://127.0.0.1"])
def test_a_scheduler_is_started_on_loopback_only(settings, address):
    with pytest.raises(ConfigurationError, match=r"ONTIME_DASK_SCHEDULER: .* loopback only"):
        dask.up(replace(settings, dask_scheduler=address), 1, print)


def test_a_port_that_is_taken_is_named_with_its_setting(settings):
    with socket.socket() as other:
        other.bind(("127.0.0.1", int(settings.dask_scheduler.rpartition(":")[2])))
        other.listen()
        with pytest.raises(ConfigurationError, match="ONTIME_DASK_SCHEDULER"):
            dask.up(settings, 1, print)


def test_a_part_that_cannot_start_says_so(settings, monkeypatch):
    monkeypatch.setattr(dask, "START_SECONDS", 3.0)
    monkeypatch.setattr(dask, "worker_command", lambda address: ["/bin/sh", "-c", "echo no room; exit 3"])
    with pytest.raises(OntimeError, match=r"0 of 1 workers after 3 s[\s\S]*dask-worker-0.log[\s\S]*no room"):
        dask.up(settings, 1, print)
    assert processes.of_stack(dask.state_folder(settings)) == []
