"""Which code a native stack was started with; a stack that is upgraded: tests/deploy/native/test_starting.py."""

import shutil

import pytest

from adapters.settings import PROJECT_ROOT
from deploy.native.release import RUNS, release_hash


@pytest.fixture
def checkout(tmp_path):
    """A folder for each that the stack runs from, with one file."""
    for name in RUNS:
        file = tmp_path / name if name.endswith(".txt") else tmp_path / name / "module.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("before\n")
    return tmp_path


@pytest.mark.parametrize("name", ["app/module.py", "adapters/sql/new.sql", "requirements/all.txt"])
def test_another_release_is_seen_by_its_files_and_by_the_lock_of_its_libraries(checkout, name):
    before = release_hash(checkout)
    (checkout / name).parent.mkdir(exist_ok=True)
    (checkout / name).write_text("after\n")
    assert release_hash(checkout) != before


def test_documents_and_caches_are_no_other_release(checkout, tmp_path_factory):
    before = release_hash(checkout)
    for name in ("docs", "tests", "app/__pycache__"):
        (checkout / name).mkdir()
        (checkout / name / "file").write_text("something")
    assert release_hash(checkout) == before
    elsewhere = tmp_path_factory.mktemp("moved") / "checkout"
    shutil.copytree(checkout, elsewhere)
    assert release_hash(elsewhere) == before


def test_what_a_stack_runs_is_in_the_checkout():
    assert [name for name in RUNS if not (PROJECT_ROOT / name).exists()] == []
