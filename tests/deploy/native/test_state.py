import json
import os
import time
from pathlib import Path

import pytest

from adapters.settings import Settings, read_settings
from deploy.native import state
from domain.errors import ConfigurationError


@pytest.fixture
def settings(tmp_path) -> Settings:
    return read_settings({"ONTIME_STATE_DIR": str(tmp_path / "state")})


def write(settings: Settings, *names: str) -> None:
    for name in names:
        path = settings.state_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1234567")


def left(settings: Settings) -> set[str]:
    return {str(p.relative_to(settings.state_dir)) for p in settings.state_dir.rglob("*") if p.is_file()}


def test_what_the_stack_made_is_forgotten_and_all_else_stays(settings):
    of_others = {"secrets/predict.key", "backups/ontime.tar", "demo/postgres/PG_VERSION", "tuning/optuna.db"}
    write(settings, "postgres/PG_VERSION", "spool/a", "replay.json", *of_others)
    assert state.beside(settings) == ["backups", "demo", "secrets", "tuning"]
    state.forget(settings)
    assert left(settings) == of_others


def test_what_is_to_be_kept_is_kept(settings):
    write(settings, "data/flights.parquet", "postgres/PG_VERSION")
    state.forget(settings, keep=("data",))
    assert left(settings) == {"data/flights.parquet"}


def test_who_is_killed_while_deleting_leaves_no_half_of_anything_and_may_begin_again(settings, monkeypatch):
    write(settings, "postgres/PG_VERSION", "mlflow/a", "secrets/predict.key")
    with monkeypatch.context() as patch:
        patch.setattr(state.shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            state.forget(settings)
    assert not (settings.state_dir / "postgres").exists()
    assert [part.path.name for part in state.parts(settings)] == [state.FORGOTTEN]
    write(settings, "postgres/PG_VERSION")
    state.forget(settings)
    assert left(settings) == {"secrets/predict.key"}


def killed(path: Path) -> None:
    raise KeyboardInterrupt


def test_a_part_is_named_with_its_size_and_age(settings):
    write(settings, "postgres/PG_VERSION", "postgres/base/1")
    now = time.time()
    for path in (settings.state_dir / "postgres").rglob("*"):
        os.utime(path, (now - 3600 * 50, now - 3600 * 50))
    os.utime(settings.state_dir / "postgres", (now - 600, now - 600))
    (part,) = state.parts(settings)
    assert part.size >= 14
    line = part.line(now)
    assert line.startswith("postgres ")
    assert line.endswith("0.0 MB   written from 2 days ago to 10 minutes ago")


def test_a_part_that_is_a_link_is_named_as_one_and_what_it_leads_to_stays(settings, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    (disk / "PG_VERSION").write_bytes(b"x" * 3_000_000)
    write(settings, "spool/a")
    (settings.state_dir / "postgres").symlink_to(disk)
    (settings.state_dir / "mlflow").symlink_to(tmp_path / "gone")
    found = state.parts(settings)
    assert [part.line().split("   ")[-1] for part in found[:2]] == [
        f"a link to {disk}, which stays", f"a link to {tmp_path / 'gone'}, which stays"
    ]  # fmt: skip
    assert state.summary(found).startswith("0.0 MB, ")
    assert state.summary(found).endswith(
        f"; left where they are, links led there: {disk}, {tmp_path / 'gone'}"
    )
    state.forget(settings)
    assert left(settings) == set()
    assert not (settings.state_dir / "mlflow").is_symlink()
    assert (disk / "PG_VERSION").exists()


def test_an_empty_folder_is_claimed_once_and_for_good(settings):
    state.claim(settings, "demo")
    mark = settings.state_dir / state.MARK_FILE
    assert json.loads(mark.read_text())["made_by"] == "demo"
    write(settings, "postgres/PG_VERSION", "secrets/predict.key")
    before = mark.read_text()
    state.claim(settings, "demo")
    state.forget(settings)
    assert mark.read_text() == before
    assert state.made_by(settings) == "demo"


def test_a_folder_that_somebody_else_filled_is_not_claimed(settings):
    write(settings, "postgres/PG_VERSION")
    with pytest.raises(ConfigurationError, match="was not made by `ontime demo`"):
        state.claim(settings, "demo")
    assert left(settings) == {"postgres/PG_VERSION"}


@pytest.mark.parametrize("mark", ["", "[]", '{"made_by": "somebody"}'])
def test_a_mark_that_is_not_the_demos_does_not_count(settings, mark):
    write(settings, state.MARK_FILE)
    (settings.state_dir / state.MARK_FILE).write_text(mark)
    with pytest.raises(ConfigurationError, match="was not made by"):
        state.claim(settings, "demo")
