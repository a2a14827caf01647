"""The recorded terminal: what a command printed is in the picture, in its order and at its time."""

import re
import sys
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from domain.errors import OntimeError
from experiments.documents.recording import COLUMNS, LONGEST_WAIT, ROWS, Line, drawn, record

TEXT = "{http://www.w3.org/2000/svg}text"


def texts(picture: str) -> list[str]:
    return [found.text or "" for found in ElementTree.fromstring(picture).iter(TEXT)]


def moments(picture: str) -> list[float]:
    length = float(re.search(r"scroll ([\d.]+)s", picture)[1])
    return [float(share) * length / 100 for share in re.findall(r"([\d.]+)%\{", picture)[1:-1]]


def test_what_a_command_prints_is_drawn_without_its_colours(tmp_path):
    script = "print('\\033[1mone\\033[0m & <two>'); print('x' * 200)"
    said = []
    picture = record(said.append, (sys.executable, "-c", script), tmp_path / "it.svg").read_text()
    assert texts(picture)[-3:] == ["one & <two>", "x" * COLUMNS, "x" * (200 - COLUMNS)]
    assert said == ["one & <two>", "x" * 200]


def test_a_command_that_fails_leaves_no_picture(tmp_path):
    with pytest.raises(OntimeError, match="exit status 3"):
        record(str, (sys.executable, "-c", "raise SystemExit(3)"), tmp_path / "it.svg")
    assert not (tmp_path / "it.svg").exists()


def test_lines_enter_in_their_order_and_long_waits_are_shortened():
    found = moments(drawn([Line(0, "$ it"), Line(0.5, "a"), Line(90, "b"), Line(90, "c")]))
    waits = [after - before for before, after in pairwise(found)]
    assert waits == pytest.approx([0.5, LONGEST_WAIT, 0.06], abs=0.01)


def test_the_newest_line_is_at_the_bottom():
    picture = drawn([Line(n, f"line {n}") for n in range(ROWS + 5)])
    shifts = [int(pixels) for pixels in re.findall(r"translateY\((-?\d+)px\)", picture)]
    first, last = max(shifts), min(shifts)
    assert (first - last) // 18 == ROWS + 4
