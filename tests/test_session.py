import subprocess
import sys
from pathlib import Path

from adapters.settings import PROJECT_ROOT

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


def test_a_server_that_does_not_start_ends_the_session_with_its_reason(tmp_path: Path):
    (tmp_path / "test_some.py").write_text(SESSION)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        "/dev/null",
        str(tmp_path),
    ]
    environment = {"PYTHONPATH": str(PROJECT_ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "the server does not start: no room for it" in done.stdout
    assert "1 error in" in done.stdout
