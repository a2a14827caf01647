"""The slides: their figures are those that were measured, and what is shown was made from them."""

import re

import pytest

from domain.errors import OntimeError
from experiments.documents import slides
from experiments.documents.slides import FOLDER, MOST_SLIDES, TEMPLATE, mark, render


def test_no_more_slides_than_fit_into_a_talk():
    assert 10 <= render().count("\n---\n") - 1 <= MOST_SLIDES


def test_every_slide_has_speaker_notes():
    shown = render().split("\n---\n")[2:]
    assert [slide for slide in shown if not re.search(r"<!--\n.{40,}?-->", slide, re.DOTALL)] == []


def test_the_pages_were_made_from_todays_figures():
    assert mark(render()) in (FOLDER / "slides.html").read_text(), "run `make slides`"


def test_a_page_asks_nothing_of_anybody():
    page = (FOLDER / "slides.html").read_text()
    assert re.findall(r"(?:src=|url\(|@import )['\"]?https?:", page) == []


def test_a_picture_that_is_shown_is_there():
    named = re.findall(r"!\[[^]]*\]\(([^)]+)\)", render())
    assert named
    assert [name for name in named if not (FOLDER / name).exists()] == []


@pytest.mark.parametrize("figure", ["evaluation.by_lead['61'].auc", "policies.nothing|decimals"])
def test_a_figure_that_was_not_measured_is_an_error_that_names_it(monkeypatch, tmp_path, figure):
    template = tmp_path / "slides.md"
    template.write_text(TEMPLATE.read_text() + "{{ " + figure + " }}\n")
    monkeypatch.setattr(slides, "TEMPLATE", template)
    with pytest.raises(OntimeError, match=r"no such figure.*(61|nothing)"):
        render()


def test_figures_of_another_measurement_need_other_pages(monkeypatch):
    measured = slides.figures()
    measured["replay"]["totals"]["pages"] += 1
    before = mark(render())
    monkeypatch.setattr(slides, "figures", lambda: measured)
    assert mark(render()) != before
