"""What the documents say is there, is there."""

import ast
import json
import re
import subprocess
from pathlib import Path

import pytest

from adapters.settings import PROJECT_ROOT
from experiments.evaluation.report import with_table
from replay.readme import BEGINS, ENDS, KEPT, QUESTION, with_answer

DOCUMENTS = [*sorted(PROJECT_ROOT.glob("*.md")), *sorted((PROJECT_ROOT / "docs").rglob("*.md"))]
README = (PROJECT_ROOT / "README.md").read_text()
PROMISES = PROJECT_ROOT / "docs" / "promises.md"
TYPED = ("README.md", "CONTRIBUTING.md", "docs/operation.md")
"""Documents with blocks of shell."""
STARTS = ("make ", "curl ", ".venv/bin/ontime ", "docker compose exec prefect-worker ontime ")


def names_in(path: Path) -> set[str]:
    functions = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef))
    return {function.name for function in functions}


def test_every_promise_has_a_test_that_is_in_the_file_it_names():
    text = PROMISES.read_text()
    named = re.findall(r"\[`(test_\w+)`\]\(([\w/.]+)\)", text)
    assert len(named) == len(re.findall(r"^\| ", text, re.MULTILINE)) - 1
    missing = [name for name, file in named if name not in names_in(PROMISES.parent / file)]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_somewhere(document):
    links = re.findall(r"\]\(([^)#:]+)\)", document.read_text())
    missing = [link for link in links if not (document.parent / link).exists()]
    assert missing == []


def test_the_readme_asks_what_was_asked_for_the_answer_it_shows():
    request = re.search(r"-d '(\{.*?\})'", README, re.DOTALL)
    assert request is not None
    assert json.loads(request.group(1)) == QUESTION


def test_the_readmes_answer_is_the_kept_one():
    assert with_answer(README, json.loads(KEPT.read_text())) == README


def test_an_answer_takes_the_place_of_the_one_before():
    text = f"before\n\n{BEGINS}\n\nold\n\n{ENDS}\n\nafter\n"
    expected = f'before\n\n{BEGINS}\n\n```json\n{{"a": 1,\n "b": {{"c": null}}}}\n```\n\n{ENDS}\n\nafter\n'
    assert with_answer(text, {"a": 1, "b": {"c": None}}) == expected


def commands_typed() -> list[str]:
    """Every command of the documents' blocks of shell, less what is said about it; a long one is one."""
    whole = "\n".join((PROJECT_ROOT / name).read_text() for name in TYPED)
    text = "\n".join(re.findall(r"```sh\n(.*?)```", whole, re.DOTALL)).replace("\\\n", " ")
    lines = [
        line.split("  #")[0].strip() for line in re.sub(r"'\{.*?\}'", "'{}'", text, flags=re.S).splitlines()
    ]
    return [line for line in lines if line]


def test_every_command_of_the_documents_blocks_is_one_of_make_or_of_ontime_or_the_question():
    assert [line for line in commands_typed() if not line.startswith(STARTS)] == []


@pytest.mark.parametrize(
    "command", [words for line in commands_typed() for words in re.findall(r"make [^,]+", line)]
)
def test_make_knows_every_command_of_the_documents_blocks(command):
    """A run that does nothing: the target is there and takes the variables."""
    command = command.replace("...", "a-backup.tar")
    done = subprocess.run(
        ["make", "--dry-run", *command.split()[1:]],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    makefiles = "".join(
        path.read_text() for path in [PROJECT_ROOT / "Makefile", *PROJECT_ROOT.glob("deploy/**/*.mk")]
    )
    for variable in re.findall(r"([A-Z_]+)=", command):
        assert f"$({variable})" in makefiles


def test_the_readmes_table_is_that_of_the_kept_evaluation():
    kept = PROJECT_ROOT / "docs" / "reports" / "measured" / "evaluation.json"
    assert with_table(README, json.loads(kept.read_text())) == README
