"""What Compose is run with, without an engine."""

import shutil

import pytest

from adapters.settings import PROJECT_ROOT
from deploy.compose import engine, secrets


@pytest.mark.parametrize(("given", "commit"), [({}, "unknown"), ({"GIT_COMMIT": "1a2b3c"}, "1a2b3c")])
def test_a_machine_without_git_has_no_commit_but_that_of_the_environment(
    tmp_path, monkeypatch, given, commit
):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("GIT_COMMIT", raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert engine.environment()["GIT_COMMIT"] == commit


@pytest.fixture
def engine_of(tmp_path, monkeypatch):
    """A client of an engine with so many processors, and a settings file."""

    def make(processors: int, settings: str) -> engine.Compose:
        for name in ("docker-compose.yml", "Dockerfile"):
            shutil.copy(PROJECT_ROOT / name, tmp_path)
        (tmp_path / ".env").write_text(settings)
        client = tmp_path / "docker"
        client.write_text(f'#!/bin/sh\ncase "$*" in *NCPU*) echo {processors} ;; esac\n')
        client.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        monkeypatch.setattr(engine, "ROOT", tmp_path)
        for name in engine.PROCESSORS:
            monkeypatch.delenv(name, raising=False)
        return engine.Compose()

    return make


@pytest.mark.parametrize(("processors", "limit"), [(1, "1"), (2, "2"), (64, "2")])
def test_what_may_use_two_processors_uses_no_more_than_the_engine_has(engine_of, processors, limit):
    found = engine_of(processors, "").environment
    assert {name: found[name] for name in engine.PROCESSORS} == dict.fromkeys(engine.PROCESSORS, limit)


def test_a_number_of_processors_that_is_set_stays(engine_of, monkeypatch):
    compose = engine_of(8, "API_CPUS=4\n")
    # Compose reads the file by itself; a variable would be stronger.
    assert "API_CPUS" not in compose.environment
    assert compose.environment["POSTGRES_CPUS"] == "2"


def test_a_checkout_whose_path_compose_would_write_otherwise_is_refused(tmp_path, monkeypatch):
    for name in ("docker-compose.yml", "Dockerfile"):
        (tmp_path / "5$").mkdir(exist_ok=True)
        shutil.copy(PROJECT_ROOT / name, tmp_path / "5$")
    monkeypatch.setattr(engine, "ROOT", tmp_path / "5$")
    with pytest.raises(engine.StackError, match=r"without \$ in its path, got .*/5\$; move the checkout"):
        engine.Compose()


@pytest.mark.parametrize("given", ["/srv/5$/secrets", "$HOME/secrets"])
def test_so_is_a_folder_of_the_secrets(monkeypatch, given):
    monkeypatch.setenv("SECRETS_DIR", given)
    with pytest.raises(
        engine.StackError, match=r"SECRETS_DIR: expected a folder without \$ in its path, got "
    ):
        secrets.folder()
