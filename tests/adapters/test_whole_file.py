from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from adapters.whole_file import whole_file


def test_what_fails_leaves_the_file_before(tmp_path):
    file = tmp_path / "made" / "report.json"
    with whole_file(file) as unfinished:
        unfinished.write_text("first")
    with pytest.raises(TypeError), whole_file(file) as unfinished:
        unfinished.write_text(None)
    assert file.read_text() == "first"
    assert list(file.parent.iterdir()) == [file]


def test_writers_at_once_do_not_take_each_others_file_away(tmp_path):
    file, both = tmp_path / "flights.parquet", Barrier(2)

    def write(text: str) -> None:
        with whole_file(file) as unfinished:
            unfinished.write_text(text)
            both.wait(10)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(write, ["one", "two"]))
    assert file.read_text() in ("one", "two")
    assert list(tmp_path.iterdir()) == [file]
