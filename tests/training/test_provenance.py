import subprocess

import pytest

from training import provenance
from training.provenance import git_commit


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout of its own with one commit."""
    monkeypatch.setattr(provenance, "PROJECT_ROOT", tmp_path)
    (tmp_path / "code.py").write_text("1\n")
    who = ["-c", "user.name=a test", "-c", "user.email=test@example.org"]
    for command in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    return tmp_path


def test_the_commit_says_when_code_differs_from_it(checkout):
    clean = git_commit()
    assert len(clean) == 40
    (checkout / "code.py").write_text("2\n")
    assert git_commit() == f"{clean}-dirty"


def test_documents_are_no_code(checkout):
    clean = git_commit()
    (checkout / "docs").mkdir()
    for name in ("README.md", "docs/report.md"):
        (checkout / name).write_text("what a command wrote\n")
    assert git_commit() == clean


def test_outside_a_checkout_the_commit_is_unknown(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "PROJECT_ROOT", tmp_path)
    assert git_commit() == "unknown"
