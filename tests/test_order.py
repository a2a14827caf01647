import subprocess
import sys
from pathlib import Path

import pytest

from adapters.settings import PROJECT_ROOT

STORY = """
import pytest
pytestmark = pytest.mark.e2e
@pytest.mark.parametrize("n", range(9))
def test_chapter(n): pass
"""
OTHERS = """
import pytest
@pytest.mark.parametrize("n", range(9))
def test_other(n): pass
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in (("e2e/test_first", STORY), ("e2e/test_then", STORY), ("domain/test_early", OTHERS)):
        path = tmp_path / "tests" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = e2e\n")
    return tmp_path


def collected(folder: Path, *words: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.order", "--collect-only", "-q", *words],
        cwd=folder, env={"PYTHONPATH": str(PROJECT_ROOT)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [line for line in done.stdout.splitlines() if "::" in line]


def test_what_takes_longest_comes_first_stories_in_order_and_the_rest_in_any(folder: Path):
    one, other = (collected(folder, f"--randomly-seed={seed}") for seed in (1, 2))
    chapters = [
        f"tests/e2e/test_{name}.py::test_chapter[{n}]" for name in ("first", "then") for n in range(9)
    ]
    assert one[:18] == other[:18] == chapters
    assert sorted(one[18:]) == sorted(other[18:])
    assert one[18:] != other[18:]


def test_a_run_without_a_random_order_is_possible(folder: Path):
    assert collected(folder, "-p", "no:randomly")[18] == "tests/domain/test_early.py::test_other[0]"
