"""The file of a backup: what is damaged, foreign or of a later release is refused before anything is touched."""

import json
import os
import platform
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from deploy.backups import bundle
from domain.errors import OntimeError


def made(tmp_path: Path, name: str = "made", **changes) -> Path:
    """A backup of a native stack: an artifact and one database's dump."""
    work = tmp_path / name
    (work / "artifacts").mkdir(parents=True)
    (work / "artifacts" / "model.txt").write_text("a tree")
    bundle.archive(work / "artifacts", work / bundle.ARTIFACTS)
    (work / "ontime.dump").write_bytes(b"rows" * 1000)
    manifest = bundle.begin(bundle.NATIVE, "abc") | {"rows": {"ontime": {"public.clock": 1}}} | changes
    return bundle.finish(manifest, work, tmp_path)


@pytest.fixture
def empty(tmp_path) -> Path:
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


def test_a_backup_unpacks_to_what_went_in_and_only_its_owner_reads_it(tmp_path, empty):
    file = made(tmp_path)
    manifest = bundle.unpack(file, empty, bundle.NATIVE)
    assert (empty / "ontime.dump").read_bytes() == b"rows" * 1000
    assert list(manifest["artifacts"]) == ["model.txt"]
    assert bundle.summary(manifest) == "ontime 1 rows, 1 artifact files, no secrets"
    assert file.stat().st_mode & 0o777 == 0o600
    assert bundle.kind_of(file) == bundle.NATIVE


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_a_byte_that_was_changed_anywhere_in_the_content_is_found(tmp_path, empty, share):
    file = made(tmp_path)
    content = bytearray(file.read_bytes())
    content[content.rindex(b"rows") - int(3000 * share)] ^= 1
    file.write_bytes(content)
    with pytest.raises(OntimeError, match=r"is damaged: ontime\.dump .* nothing was touched"):
        bundle.unpack(file, empty, bundle.NATIVE)


def test_a_backup_that_ends_too_soon_is_refused(tmp_path, empty):
    file = made(tmp_path)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(OntimeError, match="nothing was touched"):
        bundle.unpack(file, empty, bundle.NATIVE)


def test_a_tar_of_somebody_elses_and_what_is_no_tar_are_no_backups(tmp_path, empty):
    other = tmp_path / "other.tar"
    with tarfile.open(other, "w") as tar:
        tar.add(__file__, "manifest.json")
    (tmp_path / "text.tar").write_text("no tar")
    for file in (other, tmp_path / "text.tar", tmp_path / "missing.tar"):
        for refuse in (lambda f: bundle.unpack(f, empty, bundle.NATIVE), bundle.kind_of):
            with pytest.raises(OntimeError, match="is no backup of ontime"):
                refuse(file)


def test_a_backup_of_another_kind_of_stack_or_of_a_later_release_is_refused(tmp_path, empty):
    with pytest.raises(OntimeError, match="is of a compose stack, and this one is native"):
        bundle.unpack(made(tmp_path, stack=bundle.COMPOSE), empty, bundle.NATIVE)
    with pytest.raises(OntimeError, match="made by a later release"):
        bundle.unpack(made(tmp_path, "later", format=bundle.FORMAT + 1), empty, bundle.NATIVE)


def test_a_backup_of_the_release_before_is_one_of_compose(tmp_path, empty):
    work = tmp_path / "work"
    bundle.scratch(work)
    file = made(tmp_path)
    with tarfile.open(file) as tar:
        tar.extractall(work, filter="data")
    manifest = json.loads((work / bundle.MANIFEST).read_text())
    before = {name: value for name, value in manifest.items() if name not in ("format", "stack")}
    (work / bundle.MANIFEST).write_text(json.dumps(before))
    with tarfile.open(file, "w") as tar:
        for path in work.iterdir():
            tar.add(path, path.name)
    assert bundle.kind_of(file) == bundle.COMPOSE
    assert bundle.unpack(file, empty, bundle.COMPOSE)["rows"] == manifest["rows"]


def test_a_folder_that_takes_no_backup_is_named(tmp_path):
    """As one that is a file, is read-only, or is full."""
    (tmp_path / "backups").write_text("a file where the folder should be")
    with pytest.raises(OntimeError, match="cannot work in"), bundle.scratch(tmp_path / "backups"):
        pass
    with pytest.raises(OntimeError, match="cannot work in"), bundle.scratch(tmp_path / "free") as work:
        bundle.archive(work / "gone meanwhile", work / "artifacts.tar")
    assert list((tmp_path / "free").iterdir()) == []


def test_a_disk_that_fills_while_a_backup_is_unpacked_is_no_damaged_backup(tmp_path, empty):
    file = made(tmp_path)

    def unpack() -> None:
        with bundle.scratch(empty) as work:
            (work / "ontime.dump").symlink_to("/dev/full")
            bundle.unpack(file, work, bundle.NATIVE)

    with pytest.raises(OntimeError, match=r"cannot work in .*No space left"):
        unpack()


def test_what_a_killed_command_left_is_removed_by_the_next(tmp_path):
    code = f"""
import os, pathlib, signal
from deploy.backups import bundle
with bundle.scratch(pathlib.Path({str(tmp_path)!r})) as work:
    (work / "postgres").mkdir()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.Popen([sys.executable, "-c", code])
    os.waitid(os.P_PID, killed.pid, os.WEXITED | os.WNOWAIT)  # as where nobody asks what became of it
    [left] = tmp_path.iterdir()
    of_another_host = tmp_path / left.name.replace(platform.node(), "another")
    of_another_host.mkdir()
    with bundle.scratch(tmp_path) as first, bundle.scratch(tmp_path) as second:
        assert set(tmp_path.iterdir()) == {first, second, of_another_host}
    assert list(tmp_path.iterdir()) == [of_another_host]
    killed.wait()


def test_only_the_newest_are_kept_where_that_is_asked_for(tmp_path):
    files = [
        made(tmp_path, str(day)).rename(tmp_path / f"ontime-2013040{day}T000000Z.tar") for day in range(1, 6)
    ]
    for number in (0, 5, 6, 7, 14):
        bundle.keep_newest(files[-1], number)
        assert all(file.exists() for file in files), number
    bundle.keep_newest(files[-1], 2)
    assert sorted(tmp_path.glob("*.tar")) == files[-2:]
    assert bundle.newest(tmp_path) == files[-1]


def test_one_that_was_just_made_and_those_of_another_kind_of_stack_stay(tmp_path):
    """The clock was ahead once; a stack under Compose keeps its own in the same folder; a file may be none of both."""
    ahead = made(tmp_path, "ahead").rename(tmp_path / "ontime-20270101T000000Z.tar")
    foreign = made(tmp_path, "foreign", stack=bundle.COMPOSE).rename(tmp_path / "ontime-20130401T000000Z.tar")
    torn = tmp_path / "ontime-20130402T000000Z.tar"
    torn.write_bytes(b"no tar")
    fresh = made(tmp_path, "fresh").rename(tmp_path / "ontime-20130410T000000Z.tar")
    bundle.keep_newest(fresh, 1)
    assert sorted(tmp_path.glob("*.tar")) == sorted([foreign, torn, fresh])
    assert not ahead.exists()


def test_a_folder_that_is_a_link_goes_in_with_what_is_in_it(tmp_path, empty):
    disk = tmp_path / "disk"
    disk.mkdir()
    (disk / "model.txt").write_text("a tree")
    (tmp_path / "mlflow").symlink_to(disk)
    bundle.archive(tmp_path / "mlflow", tmp_path / "artifacts.tar")
    bundle.extract(tmp_path / "artifacts.tar", empty)
    assert (empty / "model.txt").read_text() == "a tree"


def test_what_cannot_be_unpacked_is_an_error_in_words(tmp_path, empty):
    with tarfile.open(tmp_path / "bad.tar", "w") as tar:
        link = tarfile.TarInfo("out")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        tar.addfile(link)
    with pytest.raises(OntimeError, match=r"bad\.tar cannot be unpacked"):
        bundle.extract(tmp_path / "bad.tar", empty)
