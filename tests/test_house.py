"""The front door: folders, README's map, contracts and images agree; what documents name is there."""

import ast
import re
import tomllib
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from adapters.settings import PROJECT_ROOT
from ontime.cli import app
from tests.tree import project_files

README = (PROJECT_ROOT / "README.md").read_text()
FRONT = {
    path.relative_to(PROJECT_ROOT).as_posix(): path.read_text()
    for pattern in ("*.md", "docs/*.md", "docs/api/*.md", "docs/reports/*.md")
    for path in sorted(PROJECT_ROOT.glob(pattern))
    if path.name != "CHANGELOG.md"
}
"""Documents whose commands somebody types; a changelog and a decision may name what is gone."""
SETTINGS = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())["tool"]
CONTRACTS = {contract["name"]: contract for contract in SETTINGS["importlinter"]["contracts"]}
GROUP = get_command(app)
OTHER_FOLDERS = {"docs", "requirements", "tests"}
UNMIRRORED = {"e2e", "load", "deploy/small_stack"}
"""Folders of tests that are about no one folder: the whole loop, load, a stack that stands in for Compose's."""
LOOK_FOR = {
    "a feature": "COLUMNS = ",
    "an alert rule": "class AlertRule",
    "a route": "@blueprint.post",
    "the retrain policy": "class RetrainPolicy",
    "the feed's reader": "def read_flights",
    "the compose file": "services:",
    "an experiment": "def ablate",
}
"""What a newcomer looks for, and what stands in the file that README names for it."""
DIALECT = (
    r"anew",
    r"asked before departure",
    r"blam(e|ed|es|ing)",
    r"doors? to",
    r"facts? of the future",
    r"fast_and_forgetful",
    r"first word stands",
    r"(held|holds? \w+|hold a \w+) against",
    r"honest(ly)?",
    r"judg(e|ed|es|ing)",
    r"lived",
    r"lives? through",
    r"meets? the gate",
    r"nights",
    r"serve again",
    r"taken back",
    r"take-?backs?",
    r"tellers?",
    r"told",
    r"tonight",
    r"what well means",
    r"whom a rollback",
    r"wish(es)?",
)
"""Words of our own for things that have a name in the field: see docs/glossary.md."""
NO_VERBS = (
    r"an?|all|any|both|each|every|how|its?|no|none|nobody|nothing|on|one|some|so|that|the|their|there|these|they|this|"
    r"what|when|where|whether|which|who|whose|arrival|day|difference|fraction|hour|mean|most|quality|quantile|ratio|size"
)
"""How a docstring begins that describes a thing, and not what the function does."""
SINGULAR_IN_S = {"address", "bias", "bypass", "compress", "cross", "discuss", "pass", "process", "suppress"}


def rooms() -> set[str]:
    """Folders of the checkout that hold code of the product."""
    holding = {path.parent.name for path in PROJECT_ROOT.glob("*/*.py")}
    return {name for name in holding if not name.startswith(".")} - OTHER_FOLDERS - {"var"}


def section(title: str, text: str = README) -> str:
    return text.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def table(text: str) -> dict[str, str]:
    """The rows of a table, its first column to its second."""
    rows = [line.strip("|").split("|", 1) for line in text.splitlines() if line.startswith("| ")][1:]
    return {first.strip(): second.strip() for first, second in rows}


def map_rows() -> list[str]:
    return [re.sub(r"\[(.+)\]\(\1\)", r"\1", name) for name in table(section("Map"))]


def layers() -> list[set[str]]:
    return [set(layer.split(" | ")) for layer in CONTRACTS["imports point down"]["layers"]]


def test_the_map_names_every_folder_and_no_other():
    assert set(map_rows()) == rooms() | OTHER_FOLDERS
    assert {name.split("/")[0] for name in project_files("*/*") if not name.startswith(".")} == set(
        map_rows()
    )


def test_the_map_is_in_import_order():
    rank = {name: depth for depth, layer in enumerate(layers()) for name in layer}
    shown = [rank[name] for name in map_rows() if name in rank]
    assert shown == sorted(shown)


def test_the_contracts_name_every_folder():
    assert set().union(*layers()) == rooms()
    assert set(SETTINGS["importlinter"]["root_packages"]) == rooms()


@pytest.mark.parametrize(
    ("library", "adapter"), [("psycopg2", {"adapters"}), ("mlflow", {"adapters", "training"})]
)
def test_a_library_that_has_an_adapter_is_forbidden_elsewhere(library, adapter):
    forbidden = [
        set(c["source_modules"]) for c in CONTRACTS.values() if library in c.get("forbidden_modules", ())
    ]
    assert set().union(*forbidden) >= rooms() - adapter


def test_types_are_checked_in_every_folder():
    assert {name.split("/")[0] for name in SETTINGS["mypy"]["files"]} == rooms()


def test_images_copy_folders_that_the_build_may_see():
    dockerfile = (PROJECT_ROOT / "Dockerfile").read_text()
    copied = [
        word for line in re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.M) for word in line.split()
    ]
    seen = re.findall(r"^!([\w./*]+)$", (PROJECT_ROOT / ".dockerignore").read_text(), re.M)
    assert [name for name in copied if not (PROJECT_ROOT / name).exists()] == []
    assert {name.split("/")[0] for name in copied} <= rooms() | {"requirements"}
    assert {name.split("/")[0] for name in copied} == {name.split("/")[0] for name in seen}
    assert [name for name in copied if not any(fnmatch(name, p) or p == f"{name}/**" for p in seen)] == []


@pytest.mark.parametrize("wanted", LOOK_FOR)
def test_readme_leads_to_what_a_newcomer_looks_for(wanted):
    first = re.search(r"\]\(([\w./-]+)\)", table(section("Where to look"))[wanted])
    assert first is not None
    assert LOOK_FOR[wanted] in (PROJECT_ROOT / first.group(1)).read_text()


def test_that_is_all_that_readme_says_to_look_for():
    assert set(table(section("Where to look"))) == set(LOOK_FOR)


def test_readme_shows_what_it_is_before_where_things_are():
    titles = ["Two commands", "Ask it", "How good it is", "Where next", "Where to look", "Map"]
    assert re.findall(r"^## (.+)$", README, re.M) == titles


def test_readme_leads_to_every_document():
    pages = [
        name
        for name in project_files("docs/*.md", "docs/api/*.md")
        if re.fullmatch(r"docs/(api/)?[\w-]+\.md", name)
    ]
    assert [name for name in pages if f"]({name})" not in section("Where next")] == []


def commands_in(text: str) -> list[str]:
    """What follows `ontime` in blocks of shell and in quotes, less what is said about it."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.S)
    lines = [line.split("  #")[0] for block in blocks for line in block.splitlines()]
    quoted = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.S))
    found = (re.fullmatch(r"(?:.*[/ ])?ontime ([a-z-].*)", words.strip()) for words in (*lines, *quoted))
    return [match.group(1) for match in found if match]


def unknown(words: str) -> list[str]:
    """Words of a call that the command line does not take."""
    name, *rest = words.split()
    if name == "--help":
        return []
    command = GROUP.commands.get(name)
    if isinstance(command, TyperGroup) and rest:
        name, *rest = rest
        command = command.commands.get(name)
    if command is None:
        return [name]
    if command.context_settings.get("ignore_unknown_options"):
        return []
    options = {"--help"} | {option for parameter in command.params for option in parameter.opts}
    return [word for word in rest if word.startswith("--") and word.split("=")[0] not in options]


def test_a_command_that_is_not_there_is_found():
    assert commands_in("```sh\n.venv/bin/ontime nothing  # and why\n```\nor `ontime status --wrong`") == [
        "nothing",
        "status --wrong",
    ]
    assert unknown("nothing") == ["nothing"]
    assert unknown("status --wrong") == ["--wrong"]
    assert unknown("keys nothing") == ["nothing"]
    assert unknown("keys list --wrong") == ["--wrong"]


@pytest.mark.parametrize("document", FRONT)
def test_every_command_that_is_named_exists_with_its_options(document):
    assert [(words, unknown(words)) for words in commands_in(FRONT[document]) if unknown(words)] == []


def test_readme_and_its_neighbours_name_the_command_as_it_is_called():
    assert {name for name, text in FRONT.items() if commands_in(text)} >= {
        "README.md", "CONTRIBUTING.md", "docs/operations.md",
    }  # fmt: skip
    assert [name for name, text in FRONT.items() if "python -m ontime" in text] == []


@pytest.mark.parametrize("document", FRONT)
def test_every_make_target_that_is_named_exists(document):
    files = [PROJECT_ROOT / "Makefile", *(PROJECT_ROOT / "deploy").rglob("*.mk")]
    makefile = "".join(file.read_text() for file in files)
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", FRONT[document], re.S))
    named = re.findall(r"`make ([a-z][a-z-]+)", FRONT[document]) + re.findall(
        r"\bmake ([a-z][a-z-]+)", blocks
    )
    assert [target for target in named if not re.search(rf"^{target}:", makefile, re.M)] == []


def test_folders_of_tests_mirror_those_of_the_code():
    tests = PROJECT_ROOT / "tests"
    folders = {path.parent.relative_to(tests).as_posix() for path in tests.rglob("test_*.py")} - {"."}
    assert {name for name in folders if not list((PROJECT_ROOT / name).glob("*.py"))} <= UNMIRRORED
    assert rooms() <= {name.split("/")[0] for name in folders}


@cache
def prose() -> dict[str, str]:
    """Every file of code, SQL and documents but this one, as one line each."""
    own = Path(__file__).relative_to(PROJECT_ROOT).as_posix()
    names = project_files("*.py", "*.sql", "*.md", "*.mk", "*.yml", "*.toml", "Makefile")
    # A changelog names what was renamed; a migration that was applied stays as it is, and so does its test, and what
    # a release wrote that is out.
    excepted = [
        name
        for name in names
        if name
        in {own, "CHANGELOG.md", "tests/adapters/test_postgres.py", "tests/app/test_release_before.py"}
        or "/migrations/" in name
        or "/release_" in name
    ]
    texts = {name: (PROJECT_ROOT / name).read_text() for name in names if name not in excepted}
    return {name: " ".join(text.split()) for name, text in texts.items()}


@pytest.mark.parametrize("words", DIALECT)
def test_words_of_our_own_do_not_come_back(words):
    pattern = re.compile(rf"(?<![^\W_])(?:{words})(?![^\W_])", re.IGNORECASE)
    assert [name for name, text in prose().items() if pattern.search(text)] == []


def functions_with_docstrings(text: str) -> list[tuple[str, str]]:
    """Names and first words of the docstrings of the functions of a module."""
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    return [(node.name, said.split()[0].strip(",.;:")) for node in nodes if (said := ast.get_docstring(node))]


def is_verb(word: str) -> bool:
    plain = word.lower()
    plural_or_third_person = plain.endswith("s") and plain not in SINGULAR_IN_S
    return (
        word.isalpha()
        and word[0].isupper()
        and not re.fullmatch(NO_VERBS, plain)
        and not plural_or_third_person
    )


def test_a_docstring_that_describes_a_thing_is_found():
    text = 'def f():\n    """Weights of rows."""\n\ndef g():\n    """Return the weights."""\n'
    assert [word for _, word in functions_with_docstrings(text) if not is_verb(word)] == ["Weights"]
    assert [word for word in ("Returns", "It", "What", "YYYY-MM", "Evidently's") if is_verb(word)] == []


@pytest.mark.parametrize("room", sorted(rooms()))
def test_a_docstring_says_what_its_function_does_and_begins_with_the_verb(room):
    begins = [
        (name, function, word)
        for name in project_files(f"{room}/*.py")
        for function, word in functions_with_docstrings((PROJECT_ROOT / name).read_text())
    ]
    assert [found for found in begins if not is_verb(found[2])] == []
