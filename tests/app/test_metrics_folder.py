"""Where the workers' counters are.

A page of a mapped file that a full disk has no room for ends its process with SIGBUS: so nothing that a process of the
API maps to write to lies on the disk of the state folder.
"""

import os
import signal
from pathlib import Path

import pytest

from app import metrics_folder
from tests.app.test_gunicorn import FLIGHT, eventually, serving
from tests.ordinary_user import NOBODY


@pytest.mark.integration
def test_no_process_of_the_api_maps_a_file_on_the_disk_of_the_state_to_write_to_it(postgres, tmp_path, trees):
    with serving(postgres, tmp_path, trees) as server:
        in_memory, first = metrics_folder.choose(server.settings.state_dir, server.port), server.workers()[0]
        eventually(lambda: asked(server) and (in_memory / f"counter_{first}.db").exists())
        os.kill(first, signal.SIGKILL)
        eventually((in_memory / "counter_dead.db").exists)  # the master added up what it counted
        eventually(lambda: len(set(server.workers()) - {first}) == 2 and asked(server))
        for pid in (server.process.pid, *server.workers()):
            assert [file for file in mapped(pid) if file.startswith(str(tmp_path))] == []
    assert not in_memory.exists()


def asked(server) -> bool:
    status, _ = server.ask("/v1/predictions", FLIGHT)
    return status == 200


def mapped(pid: int) -> list[str]:
    """The files that a process shares its writes to memory with."""
    lines = [line.split(maxsplit=5) for line in Path(f"/proc/{pid}/maps").read_text().splitlines()]
    return [line[5] for line in lines if len(line) == 6 and line[1].startswith("rw-s")]


def test_each_stack_has_a_folder_of_its_own_that_others_cannot_read(tmp_path):
    one, other = (metrics_folder.choose(tmp_path / "state", port, memory=tmp_path) for port in (8000, 8001))
    assert one != other
    assert one.parent.parent == other.parent.parent == tmp_path
    assert one.parent.stat().st_mode & 0o777 == 0o700
    assert metrics_folder.choose(tmp_path / "state", 8000, memory=tmp_path) == one


def test_without_a_folder_in_memory_counters_lie_beside_the_state(tmp_path):
    state = tmp_path / "state"
    assert metrics_folder.choose(state, 8000, memory=tmp_path / "none") == state / "run" / "prometheus"


def test_a_folder_that_somebody_else_made_or_points_elsewhere_is_not_taken(tmp_path):
    state, mine = tmp_path / "state", metrics_folder.choose(tmp_path, 8000, memory=tmp_path).parent
    mine.rmdir()
    mine.symlink_to(tmp_path)
    assert metrics_folder.choose(state, 8000, memory=tmp_path) == state / "run" / "prometheus"
    mine.unlink()
    mine.write_text("in the way")
    assert metrics_folder.choose(state, 8000, memory=tmp_path) == state / "run" / "prometheus"


def test_a_folder_of_another_user_is_not_taken(tmp_path):
    mine = metrics_folder.choose(tmp_path, 8000, memory=tmp_path).parent
    assert metrics_folder.is_own(mine)
    assert not metrics_folder.is_own(mine, user=NOBODY)


def test_what_an_earlier_life_counted_is_forgotten(tmp_path):
    folder = metrics_folder.choose(tmp_path, 8000, memory=tmp_path)
    for _ in range(2):
        metrics_folder.begin(folder)
        assert list(folder.iterdir()) == []
        (folder / "counter_1.db").touch()
    metrics_folder.remove(folder, memory=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_of_a_folder_outside_memory_nothing_is_removed(tmp_path):
    folder = metrics_folder.choose(tmp_path, 8000, memory=tmp_path / "none")
    metrics_folder.begin(folder)
    metrics_folder.remove(folder)
    assert folder.is_dir()
