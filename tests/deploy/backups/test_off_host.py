"""Backups kept off the host, in real repositories of restic."""

import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.backups import bundle, off_host
from deploy.backups.off_host import Repository
from deploy.backups.sealing import PASSPHRASE
from domain.errors import OntimeError

WORDS = "correct horse battery"


def with_passphrase(folder: Path) -> Path:
    folder.mkdir()
    (folder / PASSPHRASE).write_text(f"{WORDS}\n")
    return folder


@pytest.fixture
def secrets(tmp_path) -> Path:
    return with_passphrase(tmp_path / "secrets")


@pytest.fixture(scope="module")
def empty(tmp_path_factory) -> Path:
    """A repository without a snapshot, made once: restic takes a second to choose what its key costs to try."""
    home = tmp_path_factory.mktemp("empty")
    Repository(str(home / "repository"), with_passphrase(home / "secrets"))._make_ready()
    return home / "repository"


@pytest.fixture
def kept(tmp_path, secrets, empty) -> Repository:
    """A repository on another disk."""
    return Repository(str(shutil.copytree(empty, tmp_path / "other disk" / "repository")), secrets)


def made(folder: Path, days_ago: int = 0, content: bytes = b"rows") -> Path:
    """A file that is named as backups are."""
    at = datetime.now(UTC) - timedelta(days=days_ago)
    folder.mkdir(exist_ok=True)
    file = folder / f"ontime-{at:%Y%m%dT%H%M%SZ}.tar"
    file.write_bytes(content)
    return file


def restic(kept: Repository, *arguments: str) -> str:
    """What an operator sees who asks restic itself."""
    done = subprocess.run(
        ["restic", "--no-cache", *arguments],
        env=kept._environment, input="rows", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def aged(kept: Repository, name: str, days: int) -> None:
    """Kept as one that was made so many days ago: nobody can wait for that."""
    at = datetime.now() - timedelta(days=days)  # noqa: DTZ005  restic reads it as local time
    words = ("--tag", off_host.TAG, "--stdin", "--stdin-filename", name, "--time", f"{at:%Y-%m-%d %H:%M:%S}")
    restic(kept, "backup", *words)


@pytest.mark.restic
def test_a_backup_comes_back_on_a_host_that_has_the_passphrase_alone(tmp_path, secrets):
    content = os.urandom(3_000_000)
    kept = Repository(str(tmp_path / "other disk" / "not yet made"), secrets)
    kept.keep(made(tmp_path / "backups", content=content), days=0)
    elsewhere = Repository(kept.address, secrets)
    found = elsewhere.fetch(tmp_path / "empty host")
    assert found.read_bytes() == content
    assert found.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in found.parent.iterdir()] == [found.name]


@pytest.mark.restic
def test_nobody_reads_it_without_the_passphrase(tmp_path, kept, secrets):
    kept.keep(made(tmp_path / "backups", content=b"UA1 was late" * 1000), days=0)
    stored = b"".join(file.read_bytes() for file in Path(kept.address).rglob("*") if file.is_file())
    assert b"UA1 was late" not in stored
    (secrets / PASSPHRASE).write_text("another passphrase")
    for ask in (lambda: kept.fetch(tmp_path / "here"), lambda: kept.keep(made(tmp_path / "backups"), days=0)):
        with pytest.raises(OntimeError, match="wrong password"):
            ask()
    assert not (tmp_path / "here").exists()


@pytest.mark.restic
def test_the_newest_comes_back_or_the_one_that_is_named(tmp_path, kept):
    older, newer = (made(tmp_path / "backups", days, str(days).encode()) for days in (3, 1))
    for file in (newer, older):  # the order in which they were sent says nothing
        kept.keep(file, days=0)
    assert kept.fetch(tmp_path / "here").name == newer.name
    assert kept.fetch(tmp_path / "here", older.name).read_bytes() == b"3"
    with pytest.raises(
        OntimeError, match=f"no backup ontime-1.tar; the last it has: {older.name}, {newer.name}"
    ):
        kept.fetch(tmp_path / "here", "ontime-1.tar")


@pytest.mark.restic
def test_what_is_here_already_is_not_replaced_by_another(tmp_path, kept):
    file = made(tmp_path / "backups")
    kept.keep(file, days=0)
    assert kept.fetch(file.parent) == file
    file.write_bytes(b"another")
    with pytest.raises(OntimeError, match="move it away"):
        kept.fetch(file.parent)
    assert file.read_bytes() == b"another"
    assert [left.name for left in file.parent.iterdir()] == [file.name]


@pytest.mark.restic
def test_old_ones_go_and_those_of_others_stay(tmp_path, kept):
    folder = tmp_path / "backups"
    old, recent = made(folder, 100), made(folder, 10)
    kept.keep(made(folder, 120), days=0)  # the repository is there, and this snapshot is of today
    for file, days in ((old, 100), (recent, 10)):
        aged(kept, file.name, days)
    restic(kept, "backup", "--tag", "others", "--time", "2020-01-01 00:00:00", str(recent))
    kept.keep(made(folder), days=90)
    assert old.name not in kept.names()
    assert recent.name in kept.names()
    assert "others" in restic(kept, "snapshots")
    assert "no errors were found" in restic(kept, "check", "--read-data")


@pytest.mark.restic
def test_a_lock_that_a_killed_command_left_is_no_obstacle(tmp_path, kept):
    file = made(tmp_path / "backups", content=os.urandom(50_000_000))
    kept.keep(made(tmp_path / "backups", 1), days=0)
    words = ["restic", "--no-cache", "backup", "--stdin", "--stdin-filename", file.name]
    with file.open("rb") as content:
        killed = subprocess.Popen(words, env=kept._environment, stdin=content, stdout=subprocess.DEVNULL)
        while not list(Path(kept.address, "locks").iterdir()):
            assert killed.poll() is None
        killed.kill()
        killed.wait()
    kept.keep(file, days=30)
    assert file.name in kept.names()


@pytest.mark.restic
def test_a_damaged_repository_gives_nothing_rather_than_something_else(tmp_path, kept):
    kept.keep(made(tmp_path / "backups", content=os.urandom(100_000)), days=0)
    packs = [file for file in Path(kept.address, "data").rglob("*") if file.is_file()]
    for pack in packs:
        pack.chmod(0o600)
        content = bytearray(pack.read_bytes())
        content[100:200] = bytes(100)
        pack.write_bytes(content)
    with pytest.raises(OntimeError, match="restic"):
        kept.fetch(tmp_path / "here")
    assert list((tmp_path / "here").iterdir()) == []


@pytest.mark.restic
def test_a_repository_that_cannot_be_reached_is_said_and_the_backup_stays(tmp_path, secrets):
    (tmp_path / "a file").write_text("")
    away = Repository(str(tmp_path / "a file" / "repository"), secrets)
    file = made(tmp_path / "backups")
    with pytest.raises(OntimeError, match=f"a file/repository: .*; the backup is here only, in {file}"):
        away.keep(file, days=90)
    assert file.exists()


@pytest.mark.restic
def test_what_an_operator_has_set_for_another_repository_is_left_alone(tmp_path, secrets, kept, monkeypatch):
    monkeypatch.setenv("RESTIC_PASSWORD_COMMAND", "echo of another")
    monkeypatch.setenv("RESTIC_REPOSITORY_FILE", str(tmp_path / "another"))
    file = made(tmp_path / "backups")
    Repository(kept.address, secrets).keep(file, days=0)
    assert file.name in kept.names()


@pytest.mark.restic
def test_what_is_missing_is_said_before_the_backup(tmp_path):
    def make() -> Path:
        raise AssertionError("it began")

    with pytest.raises(OntimeError, match=f"12 characters or more into {tmp_path / PASSPHRASE}"):
        off_host.keep_too(make, "anywhere", tmp_path, 0, lambda text: None)


def test_without_restic_it_says_what_to_install(tmp_path, secrets, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OntimeError, match="apt-get install restic"):
        Repository("anywhere", secrets)


def test_without_a_repository_a_backup_is_what_it_was(tmp_path):
    file = made(tmp_path / "backups")
    assert off_host.keep_too(lambda: file, "", tmp_path, 90, lambda text: None) == file
    assert bundle.newest(tmp_path / "backups") == file
