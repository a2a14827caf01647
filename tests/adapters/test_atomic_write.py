import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from adapters.atomic_write import atomic_write


def test_what_fails_leaves_the_file_before(tmp_path):
    file = tmp_path / "made" / "report.json"
    with atomic_write(file) as unfinished:
        unfinished.write_text("first")
    with pytest.raises(TypeError), atomic_write(file) as unfinished:
        unfinished.write_text(None)
    assert file.read_text() == "first"
    assert list(file.parent.iterdir()) == [file]


def test_writers_at_once_do_not_take_each_others_file_away(tmp_path):
    file, both = tmp_path / "flights.parquet", Barrier(2)

    def write(text: str) -> None:
        with atomic_write(file) as unfinished:
            unfinished.write_text(text)
            both.wait(10)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(write, ["one", "two"]))
    assert file.read_text() in ("one", "two")
    assert list(tmp_path.iterdir()) == [file]


def test_what_has_its_name_would_outlast_a_loss_of_power(tmp_path, monkeypatch):
    """The disk holds the content before the name is the file's, and then the name."""
    file, synced = tmp_path / "key", []

    def sync(number: int) -> None:
        held = Path(f"/proc/self/fd/{number}").resolve()
        content = held.read_text() if held.is_file() else [entry.name for entry in held.iterdir()]
        synced.append((held, content, file.exists()))

    monkeypatch.setattr(os, "fsync", sync)
    with atomic_write(file) as unfinished:
        unfinished.write_text("whole")
    assert synced == [(unfinished, "whole", False), (tmp_path, ["key"], True)]
