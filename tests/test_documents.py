"""What the documents say is there, is there."""

import ast
import json
import re
from pathlib import Path

import pytest

from adapters.settings import PROJECT_ROOT
from study.report import with_table

DOCUMENTS = [PROJECT_ROOT / "README.md", *sorted((PROJECT_ROOT / "docs").rglob("*.md"))]
README = (PROJECT_ROOT / "README.md").read_text()


def names_in(path: Path) -> set[str]:
    functions = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef))
    return {function.name for function in functions}


def test_every_test_the_readme_names_is_in_the_file_it_names():
    named = re.findall(r"\[`(test_\w+)`\]\(([\w/.]+)\)", README)
    assert len(named) >= 7
    missing = [name for name, file in named if name not in names_in(PROJECT_ROOT / file)]
    assert missing == []


def test_every_make_target_the_readme_names_exists():
    files = [PROJECT_ROOT / "Makefile", *(PROJECT_ROOT / "deploy").glob("*.mk")]
    makefile = "".join(file.read_text() for file in files)
    named = set(re.findall(r"`?make ([a-z][a-z-]+)`?", README))
    missing = [target for target in named if not re.search(rf"^{target}:", makefile, re.MULTILINE)]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_somewhere(document):
    links = re.findall(r"\]\(([^)#:]+)\)", document.read_text())
    missing = [link for link in links if not (document.parent / link).exists()]
    assert missing == []


def test_the_readme_asks_about_a_flight_of_the_day_after_the_demo():
    request = re.search(r"-d '(\{.*?\})'", README, re.DOTALL)
    assert request is not None
    assert '"scheduled_departure": "2013-04-11' in request.group(1)
    assert "as_of" not in request.group(1)


def test_the_readmes_table_is_that_of_the_kept_evaluation():
    kept = PROJECT_ROOT / "docs" / "reports" / "measured" / "evaluation.json"
    assert with_table(README, json.loads(kept.read_text())) == README
