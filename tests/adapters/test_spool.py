import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.settings import PROJECT_ROOT
from adapters.spool import SpoolWriter
from adapters.spool_reader import Spooled, SpoolReader, unshipped_bytes
from domain.errors import NotReady
from tests.ordinary_user import ordinary_users_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    program = f"import sys; from pathlib import Path; folder = Path(sys.argv[1])\n{code}"
    command = [sys.executable, "-c", program, str(folder)]
    return subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False, timeout=60)


def test_what_was_written_is_read_from_any_offset(folder: Path) -> None:
    writer, reader = SpoolWriter(folder), SpoolReader(folder)
    writer.write(b"one\ttab\n")
    writer.write(b"two\nthree\n")
    (file,) = reader.files()
    assert reader.read(file, 0, 1000).lines == b"one\ttab\ntwo\nthree\n"
    assert reader.read(file, 8, 1000).lines == b"two\nthree\n"
    assert reader.read(file, 18, 1000) == reader.read(file, 5000, 1000)
    assert reader.backlog_bytes() == 18
    writer.close()


def test_a_read_is_bounded_but_gives_a_whole_line_at_least(folder: Path) -> None:
    writer, reader = SpoolWriter(folder), SpoolReader(folder)
    writer.write(b"a" * 50 + b"\n" + b"bb\n" * 10)
    (file,) = reader.files()
    first = reader.read(file, 0, 8)
    assert (first.lines, first.torn) == (b"a" * 50 + b"\nbb\n", 0)
    second = reader.read(file, 54, 8)
    assert (second.lines, second.torn) == (b"bb\nbb\n", 0)
    writer.close()


def test_a_file_is_abandoned_when_its_worker_is_gone(folder: Path) -> None:
    writer, reader = SpoolWriter(folder), SpoolReader(folder)
    (file,) = reader.files()
    assert not reader.is_abandoned(file)
    writer.close()
    assert reader.is_abandoned(file)


def test_a_killed_worker_loses_nothing_it_wrote(folder: Path) -> None:
    done = run(
        "from adapters.spool import SpoolWriter\nimport os\n"
        "writer = SpoolWriter(folder)\nwriter.write(b'kept\\n')\nos.kill(os.getpid(), 9)",
        folder,
    )
    assert done.returncode == -signal.SIGKILL
    reader = SpoolReader(folder)
    (file,) = reader.files()
    assert reader.is_abandoned(file)
    assert reader.read(file, 0, 1000).lines == b"kept\n"


def test_a_torn_last_line_is_distinguished_from_whole_ones(folder: Path) -> None:
    writer, reader = SpoolWriter(folder), SpoolReader(folder)
    writer.write(b"whole\n")
    writer.close()
    (file,) = reader.files()
    with file.open("ab") as stream:
        stream.write(b"tor")
    tail = reader.read(file, 0, 1000)
    assert (tail.lines, tail.torn) == (b"whole\n", 3)


def test_a_full_disk_is_not_ready_and_leaves_no_part_of_the_block(folder: Path) -> None:
    done = run(
        "import resource\nfrom adapters.spool import SpoolWriter\nfrom domain.errors import NotReady\n"
        "writer = SpoolWriter(folder)\nwriter.write(b'kept\\n')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))\n"
        "try:\n    writer.write(b'first line\\nsecond line\\n')\n"
        "except NotReady as error:\n    print(error)\n"
        "writer.write(b'fits again\\n')\n",
        folder,
    )
    assert done.stdout == "the spool cannot be written: the disk is full\n", done.stderr
    reader = SpoolReader(folder)
    assert [reader.read(f, 0, 1000).lines for f in reader.files()] == [b"kept\n", b"fits again\n"]


def test_a_block_that_does_not_fit_at_all_is_not_ready(folder: Path) -> None:
    done = run(
        "import resource\nfrom adapters.spool import SpoolWriter\nfrom domain.errors import NotReady\n"
        "writer = SpoolWriter(folder)\nresource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "try:\n    writer.write(b'x\\n')\nexcept NotReady as error:\n    print(error)\n",
        folder,
    )
    assert "cannot be written" in done.stdout, done.stderr


def test_a_folder_that_cannot_be_made_is_not_ready_until_it_can(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    writer = SpoolWriter(tmp_path / "file" / "spool")
    assert [record.message for record in caplog.records] == ["spool not opened"]
    for attempt in (writer.check, lambda: writer.write(b"x\n")):
        with pytest.raises(NotReady, match="cannot be written"):
            attempt()
    (tmp_path / "file").unlink()
    writer.check()
    writer.write(b"x\n")
    assert [file.read_bytes() for file in SpoolReader(tmp_path / "file" / "spool").files()] == [b"x\n"]
    writer.close()


def test_a_large_file_is_left_for_a_new_one(folder: Path) -> None:
    writer, reader = SpoolWriter(folder, rotate_bytes=10), SpoolReader(folder)
    for n in range(4):
        writer.write(f"line {n}\n".encode())
    files = reader.files()
    assert [reader.read(f, 0, 1000).lines for f in files] == [b"line 0\nline 1\n", b"line 2\nline 3\n"]
    assert [reader.is_abandoned(f) for f in files] == [True, False]
    writer.close()


def test_a_file_never_looks_abandoned_while_it_is_made(folder: Path) -> None:
    reader, seen, stop = SpoolReader(folder), [], threading.Event()
    folder.mkdir()

    def watch() -> None:
        while not stop.is_set():
            seen.extend(file.name for file in reader.files() if reader.is_abandoned(file))

    watcher = threading.Thread(target=watch)
    watcher.start()
    writers = [SpoolWriter(folder) for _ in range(100)]
    stop.set()
    watcher.join()
    assert seen == []
    for writer in writers:
        writer.close()


def test_threads_do_not_mix_their_lines(folder: Path) -> None:
    writer, reader = SpoolWriter(folder), SpoolReader(folder)
    threads = [
        threading.Thread(target=lambda n=n: [writer.write(f"{n}{'x' * 300}\n".encode()) for _ in range(100)])
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (file,) = reader.files()
    lines = reader.read(file, 0, 10**7).lines.splitlines()
    assert sorted(lines) == sorted(f"{n}{'x' * 300}".encode() for n in range(4) for _ in range(100))
    writer.close()


def test_an_unshipped_prediction_is_found_by_its_id(folder: Path) -> None:
    first, second, reader = SpoolWriter(folder), SpoolWriter(folder), SpoolReader(folder)
    assert reader.find("id-1") is None
    first.write(b"id-1\tfirst\nxid-2\tnot this\n")
    second.write(b"id-2\tid-1\tsecond\n")
    assert reader.find("id-1") == Spooled(b"", b"id-1\tfirst\n")
    assert reader.find("id-2") == Spooled(b"", b"id-2\tid-1\tsecond\n")
    assert reader.find("id") is None
    first.close()
    second.close()


def test_a_file_that_cannot_be_read_hides_no_prediction_of_another() -> None:
    with ordinary_users_folder() as folder:
        (folder / "a.spool").write_bytes(b"id-1\tof another owner\n")
        (folder / "a.spool").chmod(0)
        own, reader = SpoolWriter(folder), SpoolReader(folder)
        own.write(b"id-2\tmine\n")
        assert reader.find("id-2") == Spooled(b"", b"id-2\tmine\n")
        assert reader.find("id-3") is None
        own.close()


def test_a_spool_without_room_fails_its_check(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = SpoolWriter(folder)
    writer.check()
    full = os.statvfs_result((4096, 4096, 10, 10, 10, 10, 10, 10, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _: full)
    with pytest.raises(NotReady, match="disk is full"):
        writer.check()
    writer.close()


def test_a_full_file_whose_folder_takes_no_new_one_fails_the_check_as_it_fails_the_write(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "spool"
    writer = SpoolWriter(folder, rotate_bytes=4)
    writer.write(b"full\n")
    folder.rename(tmp_path / "away")
    folder.write_text("in the way")
    for attempt in (writer.check, lambda: writer.write(b"x\n")):
        with pytest.raises(NotReady, match="cannot be written"):
            attempt()
    writer.close()


@pytest.mark.parametrize("checked", [True, False])
@pytest.mark.parametrize("removed", ["file", "folder"])
def test_a_file_that_was_removed_takes_no_line(folder: Path, removed: str, checked: bool) -> None:
    writer, reader = SpoolWriter(folder, header=b"#columns\n"), SpoolReader(folder)
    writer.write(b"one\n")
    [first] = reader.files()
    if removed == "file":
        first.unlink()
    else:
        shutil.rmtree(folder)
    if checked:
        writer.check()
    writer.write(b"two\n")
    [second] = reader.files()
    assert reader.lines(second) == [b"two\n"]
    writer.close()


def test_a_folder_that_is_gone_right_after_a_file_was_opened_is_not_ready(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def statvfs(path: Path) -> os.statvfs_result:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", str(path))

    writer = SpoolWriter(folder)
    monkeypatch.setattr(os, "statvfs", statvfs)
    with pytest.raises(NotReady, match="No such file or directory"):
        writer.check()
    writer.close()


def test_what_waits_to_be_stored_is_what_lies_beyond_the_offsets(tmp_path):
    writer, reader = SpoolWriter(tmp_path / "spool", "api"), SpoolReader(tmp_path / "spool")
    writer.write(b"one\n")
    writer.write(b"three\n")
    [file] = reader.files()
    assert unshipped_bytes(reader, {file.name: 0}.__getitem__) == 10
    assert unshipped_bytes(reader, {file.name: 4}.__getitem__) == 6
    assert unshipped_bytes(reader, {file.name: 10}.__getitem__) == 0
    writer.close()


def test_of_a_spool_that_cannot_be_seen_nothing_is_known(tmp_path):
    assert unshipped_bytes(SpoolReader(tmp_path / "elsewhere"), lambda name: 0) is None


def test_only_what_is_not_stored_is_searched_and_not_without_end(folder: Path) -> None:
    writer, reader = SpoolWriter(folder), SpoolReader(folder)
    writer.write(b"id-1\tstored\n")
    writer.write(b"id-2\twaits\n")
    [file] = reader.files()
    shipped = {file.name: len(b"id-1\tstored\n")}
    assert reader.find("id-1", shipped) is None
    assert reader.find("id-2", shipped, max_bytes=11) == Spooled(b"", b"id-2\twaits\n")
    with pytest.raises(NotReady, match="more than can be searched"):
        reader.find("id-1", {}, max_bytes=11)
    writer.close()


def test_every_file_begins_with_the_header(folder: Path) -> None:
    writer, reader = SpoolWriter(folder, header=b"#columns\ta\n", rotate_bytes=20), SpoolReader(folder)
    for n in range(3):
        writer.write(f"line {n}, long enough\n".encode())
    assert [reader.header(file) for file in reader.files()] == [b"#columns\ta\n"] * 3
    assert [reader.lines(file) for file in reader.files()] == [
        [f"line {n}, long enough\n".encode()] for n in range(3)
    ]
    writer.close()


def test_a_file_that_cannot_be_begun_leaves_nothing_behind(folder: Path) -> None:
    done = run(
        "import os, resource\nfrom adapters.spool import SpoolWriter\nfrom domain.errors import NotReady\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4, 4))\nbefore = len(os.listdir('/proc/self/fd'))\n"
        "for _ in range(3):\n"
        "    try:\n        SpoolWriter(folder, header=b'#columns').check()\n"
        "    except NotReady as error:\n        print(error)\n"
        "print(os.listdir(folder), len(os.listdir('/proc/self/fd')) - before)\n",
        folder,
    )
    assert done.stdout.splitlines()[-1] == "[] 0", done.stderr
    assert "No space left" in done.stdout


def test_after_a_failed_sync_nothing_is_acknowledged_until_the_disk_keeps_a_new_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, reader = SpoolWriter(folder, header=b"#columns\n", sync_seconds=0.01), SpoolReader(folder)
    broken, works = threading.Event(), os.fdatasync

    def fdatasync(file: int) -> None:
        if broken.is_set():
            raise OSError(errno.EIO, "Input/output error")
        works(file)

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    writer.write(b"safe\n")
    [first] = reader.files()
    broken.set()
    writer.write(b"perhaps lost\n")
    eventually(lambda: refused(writer.check) and refused(lambda: writer.write(b"never acknowledged\n")))
    broken.clear()
    eventually(lambda: not refused(writer.check))
    writer.write(b"safe again\n")
    assert reader.lines(first) == [b"safe\n", b"perhaps lost\n"]
    assert reader.is_abandoned(first)
    assert [line for file in reader.files() for line in reader.lines(file)][-1] == b"safe again\n"
    writer.close()


def refused(write: Callable[[], None]) -> bool:
    try:
        write()
    except NotReady as error:
        return "does not keep" in str(error)
    return False


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
