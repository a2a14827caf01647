"""What Compose is run with, without an engine."""

import pytest

from deploy.compose import engine


@pytest.mark.parametrize(("given", "commit"), [({}, "unknown"), ({"GIT_COMMIT": "1a2b3c"}, "1a2b3c")])
def test_a_machine_without_git_has_no_commit_but_that_of_the_environment(
    tmp_path, monkeypatch, given, commit
):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("GIT_COMMIT", raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert engine.environment()["GIT_COMMIT"] == commit
