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
    files = [PROJECT_ROOT / "Makefile", *(PROJECT_ROOT / "deploy").rglob("*.mk")]
    makefile = "".join(file.read_text() for file in files)
    named = set(re.findall(r"`?make ([a-z][a-z-]+)`?", README))
    missing = [target for target in named if not re.search(rf"^{target}:", makefile, re.MULTILINE)]
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


def commands_of_readme() -> list[str]:
    """Every command of README's blocks of shell, less what is said about it; a long one is one."""
    text = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL)).replace("\\\n", " ")
    lines = [
        line.split("  #")[0].strip() for line in re.sub(r"'\{.*?\}'", "'{}'", text, flags=re.S).splitlines()
    ]
    return [line for line in lines if line]


def test_every_command_of_the_readmes_blocks_is_one_of_make_or_the_question():
    assert [line for line in commands_of_readme() if not line.startswith(("make ", "curl "))] == []


@pytest.mark.parametrize(
    "command", [words for line in commands_of_readme() for words in re.findall(r"make [^,]+", line)]
)
def test_make_knows_every_command_of_the_readmes_blocks(command):
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
