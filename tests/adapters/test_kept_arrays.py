import os
import resource
import subprocess
import sys
import threading

import numpy as np
import pytest

from adapters.kept_arrays import DIGEST_BYTES, KeptArrays
from adapters.settings import PROJECT_ROOT

KEY = "a" * 64
MATRIX = np.arange(12.0).reshape(4, 3)
MATRIX[1, 1] = np.nan
SIZE = MATRIX.nbytes + DIGEST_BYTES


@pytest.fixture
def kept(tmp_path):
    return KeptArrays(tmp_path / "vectors", 10 * SIZE)


def read(kept, key=KEY):
    found = kept.read(key, *MATRIX.shape)
    return None if found is None else found.tobytes()


def names(tmp_path):
    return sorted(path.name for path in (tmp_path / "vectors").iterdir())


def test_a_matrix_is_read_as_it_was_written_also_one_that_lies_otherwise_in_memory(kept):
    assert read(kept) is None
    kept.write(KEY, np.asfortranarray(MATRIX))
    assert read(kept) == MATRIX.tobytes()
    assert read(KeptArrays(kept._folder, 1)) == MATRIX.tobytes()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1],
        lambda content: content[:DIGEST_BYTES],
        lambda content: b"",
        lambda content: content + b"\0",
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda content: bytes([content[0] ^ 1]) + content[1:],
    ],
)
def test_a_file_that_was_cut_short_or_altered_is_none_and_goes(kept, tmp_path, damage):
    kept.write(KEY, MATRIX)
    file = tmp_path / "vectors" / KEY
    file.write_bytes(damage(file.read_bytes()))
    assert read(kept) is None
    assert names(tmp_path) == []


def test_a_file_under_the_name_of_another_is_none(kept, tmp_path):
    kept.write(KEY, MATRIX)
    (tmp_path / "vectors" / KEY).rename(tmp_path / "vectors" / ("b" * 64))
    assert read(kept, "b" * 64) is None


def test_a_matrix_of_another_shape_is_none(kept):
    kept.write(KEY, MATRIX)
    assert kept.read(KEY, 5, 3) is None


def test_beyond_the_limit_what_was_used_longest_ago_goes_first(tmp_path):
    kept = KeptArrays(tmp_path / "vectors", 3 * SIZE)
    for age, key in enumerate(("a", "b", "c")):
        kept.write(key, MATRIX)
        os.utime(tmp_path / "vectors" / key, (1000 + age, 1000 + age))
    assert read(kept, "a") == MATRIX.tobytes()
    kept.write("d", MATRIX)
    assert names(tmp_path) == ["a", "c", "d"]
    # Another process counts what it finds, also what a killed one left unfinished.
    (tmp_path / "vectors" / ".e.1-2").write_bytes(bytes(SIZE))
    os.utime(tmp_path / "vectors" / ".e.1-2", (1, 1))
    KeptArrays(tmp_path / "vectors", 3 * SIZE).write("f", MATRIX)
    assert names(tmp_path) == ["a", "d", "f"]


def test_a_matrix_larger_than_the_limit_is_not_kept_and_removes_nothing(tmp_path):
    KeptArrays(tmp_path / "vectors", SIZE).write(KEY, MATRIX)
    KeptArrays(tmp_path / "vectors", SIZE - 1).write("b", MATRIX)
    assert names(tmp_path) == [KEY]


def test_a_full_disk_keeps_nothing_and_raises_nothing(kept, tmp_path, caplog):
    kept.write("before", MATRIX)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SIZE - 1, hard))
    try:
        kept.write(KEY, MATRIX)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    kept.write("after", MATRIX)
    assert names(tmp_path) == ["before"]
    assert [(record.message, record.why) for record in caplog.records] == [("cannot keep", "File too large")]


def test_a_folder_that_cannot_be_made_keeps_nothing_and_raises_nothing(tmp_path):
    (tmp_path / "vectors").write_text("a file in its place")
    kept = KeptArrays(tmp_path / "vectors", SIZE)
    kept.write(KEY, MATRIX)
    assert read(kept) is None


def test_processes_and_threads_that_write_and_remove_at_once_leave_whole_files(tmp_path):
    code = (
        "import sys, numpy as np, pathlib\n"
        "from adapters.kept_arrays import KeptArrays\n"
        "kept = KeptArrays(pathlib.Path(sys.argv[1]), int(sys.argv[2]))\n"
        "matrix = np.full((4, 3), 1.0)\n"
        "for i in range(150):\n"
        "    kept.write(str(i % 20), matrix)\n"
        "    found = kept.read(str((i * 7) % 20), 4, 3)\n"
        "    assert found is None or found.tobytes() == matrix.tobytes()\n"
        "assert kept._writable\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "vectors"), str(8 * SIZE)]
    processes = [subprocess.Popen(command, cwd=PROJECT_ROOT) for _ in range(2)]
    kept = KeptArrays(tmp_path / "vectors", 8 * SIZE)
    same = threading.Thread(target=lambda: [kept.write("0", np.full((4, 3), 1.0)) for _ in range(100)])
    same.start()
    same.join()
    assert [process.wait(60) for process in processes] == [0, 0]
    KeptArrays(tmp_path / "vectors", 8 * SIZE).write("last", MATRIX)
    assert len(names(tmp_path)) <= 8
