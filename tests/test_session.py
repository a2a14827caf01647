import socket
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.settings import PROJECT_ROOT
from tests import session
from tests.session import fast_folder, free_port

SESSION = """
import pytest
from tests.session import needed

@pytest.fixture(scope="session")
def server(request):
    with needed(request.session, "the server"):
        raise OSError("no room for it")

@pytest.mark.parametrize("n", range(50))
def test_asks(server, n):
    pass
"""


def run(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder, env={"PYTHONPATH": str(PROJECT_ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("workers", [0, 2])
def test_a_server_that_does_not_start_ends_the_session_with_its_reason(tmp_path: Path, workers: int):
    (tmp_path / "test_some.py").write_text(SESSION)
    words = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null", f"-n{workers}", str(tmp_path))
    done = run(*words, folder=tmp_path)
    assert done.returncode in (1, 2)
    assert "the server does not start: no room for it" in done.stdout
    assert done.stdout.count("\nERROR ") in range(1, workers + 2)


def test_a_port_is_given_to_one_test_process_while_that_lives(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("tests.session.PORTS", range(19_990, 19_992))
    first, second = free_port(), free_port()
    assert {first, second} == {19_990, 19_991}
    with pytest.raises(RuntimeError, match="no port is free"):
        free_port()
    other = (
        "import tests.session as session; session.PORTS = range(19_990, 19_993); print(session.free_port())"
    )
    assert run("-c", other, folder=tmp_path).stdout == "19992\n"
    with socket.socket() as server:
        server.bind(("127.0.0.1", first))


def test_a_port_whose_neighbour_is_taken_is_not_given(monkeypatch):
    monkeypatch.setattr("tests.session.PORTS", range(19_980, 19_981))
    with socket.socket() as neighbour:
        neighbour.bind(("127.0.0.1", 19_985))
        with pytest.raises(RuntimeError, match="no port is free"):
            free_port(5)
    assert free_port(5) == 19_980


@pytest.fixture
def memory(tmp_path: Path, monkeypatch) -> Path:
    """What stands for the machine's memory, with room for all."""
    monkeypatch.setattr(session, "MEMORY", tmp_path)
    monkeypatch.setattr(session, "ROOM", 0)
    return tmp_path


def test_a_folder_in_memory_goes_with_its_block(memory: Path):
    with fast_folder(memory / "elsewhere") as folder, fast_folder(memory / "elsewhere") as other:
        (folder / "file").write_text("something")
        assert folder.parent == other.parent == memory
        assert folder != other
    assert list(memory.iterdir()) == []


def test_what_a_killed_process_left_in_memory_is_removed_and_what_lives_is_not(memory: Path):
    left = memory / f"{session.IN_MEMORY}left"
    left.mkdir()
    with fast_folder(memory / "elsewhere") as first, fast_folder(memory / "elsewhere") as second:
        assert {first, second} == set(memory.iterdir())


def test_without_room_in_memory_a_folder_is_on_the_disk(memory: Path, monkeypatch):
    monkeypatch.setattr(session, "ROOM", 2**80)
    with fast_folder(memory / "elsewhere") as folder:
        assert folder == memory / "elsewhere"
    monkeypatch.setattr(session, "MEMORY", memory / "nowhere")
    with fast_folder(memory / "elsewhere") as folder:
        assert folder == memory / "elsewhere"
