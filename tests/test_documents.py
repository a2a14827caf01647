"""What the documents say is there, is there."""

import ast
import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from adapters.settings import PROJECT_ROOT
from app import schemas
from app.explanations import MOST_FLIGHTS
from app.factory import MAX_BODY_BYTES
from app.monitoring import MOST_DAYS
from app.operations import OPERATIONS
from app.pages import MOST_ROWS
from app.serving import MAX_LEAD_MINUTES
from domain.runbook import anchor
from experiments.evaluation.report import with_table
from replay.readme import BEGINS, ENDS, KEPT, QUESTION, with_answer

# As a module: what this file asks it for is not run.
from tests import documented as documents

DOCUMENTS = [*sorted(PROJECT_ROOT.glob("*.md")), *sorted((PROJECT_ROOT / "docs").rglob("*.md"))]
DOCS = PROJECT_ROOT / "docs"
CURRENT = [path for path in DOCUMENTS if path.name != "CHANGELOG.md" and path.parent.name != "adr"]
"""Of what is; a changelog and a decision may name what is gone."""
ENVIRONMENT = (PROJECT_ROOT / ".env.example").read_text()
OTHER_PAGES = {"/openapi.json", "/apidocs/"}
README = (PROJECT_ROOT / "README.md").read_text()
PROMISES = PROJECT_ROOT / "docs" / "promises.md"
TYPED = ("README.md", "CONTRIBUTING.md", "docs/operations.md", "docs/runbook.md")
"""Documents with blocks of shell."""
STARTS = (
    "make ",
    "curl ",
    ".venv/bin/ontime ",
    "docker compose exec prefect-worker ontime ",
    "pg_basebackup ",
)


def names_in(path: Path) -> set[str]:
    functions = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef))
    return {function.name for function in functions}


def test_every_promise_has_a_test_that_is_in_the_file_it_names():
    text = PROMISES.read_text()
    named = re.findall(r"\[`(test_\w+)`\]\(([\w/.]+)\)", text)
    assert len(named) == len(re.findall(r"^\| ", text, re.MULTILINE)) - text.count("| test |\n")
    missing = [name for name, file in named if name not in names_in(PROMISES.parent / file)]
    assert missing == []


def headings(document):
    """The anchors of a document's headings, outside of blocks."""
    text = re.sub(r"```.*?```", "", document.read_text(), flags=re.S)
    return {anchor(heading) for heading in re.findall(r"^#+ (.+)$", text, re.M)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_heading_leads_to_one(document):
    links = re.findall(r"\]\(([^)#:]*)#([^)]+)\)", document.read_text())
    missing = [
        (file, fragment)
        for file, fragment in links
        if fragment not in headings((document.parent / file) if file else document)
    ]
    assert missing == []


@pytest.mark.parametrize("document", CURRENT, ids=lambda path: path.name)
def test_every_setting_that_is_named_exists(document):
    known = set(re.findall(r"[A-Z][A-Z_]{4,}", ENVIRONMENT))
    assert [name for name in re.findall(r"\bONTIME_[A-Z_]+", document.read_text()) if name not in known] == []


def is_route(path, method=None):
    """Whether a path that a document names is one of the API's: a part in braces stands for any."""
    path = path.split("?")[0].rstrip("/.") or "/"
    patterns = [
        re.sub(r"\\\{\w+\\\}", r"[^/]+", re.escape(operation.path))
        for operation in OPERATIONS
        if method in (None, operation.method.upper())
    ]
    return any(re.fullmatch(pattern, path) for pattern in patterns)


def test_a_route_that_is_not_there_is_found():
    assert is_route("/v1/predictions/{id}", "GET")
    assert is_route("/v1/monitoring/alerts?state=open", "GET")
    assert not is_route("/v1/predictions/{id}", "POST")
    assert not is_route("/v1/nothing")


@pytest.mark.parametrize("document", CURRENT, ids=lambda path: path.name)
def test_every_route_that_is_named_exists(document):
    text = document.read_text()
    named = re.findall(r"\b(GET|POST|PUT|DELETE) (/[\w{}/.?=&-]*)", text)
    alone = [(None, path) for path in re.findall(r"(?<![\w/.])(/v1/[\w{}/.-]+)", text)]
    assert [
        (m, path) for m, path in (*named, *alone) if not is_route(path, m) and path not in OTHER_PAGES
    ] == []


@pytest.mark.parametrize("document", CURRENT, ids=lambda path: path.name)
def test_every_file_that_is_named_in_code_letters_exists(document):
    """Of the repository's; what a stack makes is below its own folder."""
    text = re.sub(r"```.*?```", "", document.read_text(), flags=re.S)
    named = re.findall(r"`((?:[\w-]+/)+[\w.-]+\.(?:py|sql|md|toml|yml|mk|txt|json|svg|conf))`", text)
    folders = {path.name for path in PROJECT_ROOT.iterdir() if path.is_dir()} - {"var", ".venv"}
    missing = [name for name in named if name.split("/")[0] in folders and not (PROJECT_ROOT / name).exists()]
    assert missing == []


def rows(text, heading):
    """The rows of the table below a heading."""
    part = text.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| ")]
    return {line[0]: line[1:] for line in lines[1:]}


def test_the_guides_limits_are_those_that_hold():
    limits = {
        what: value for what, [value] in rows((DOCS / "api" / "guide.md").read_text(), "Limits").items()
    }
    assert limits.pop("lead time").startswith(f"from {MAX_LEAD_MINUTES // 60} hours")
    assert limits == {
        "body of a request": f"{MAX_BODY_BYTES // 2**20} MiB",
        "flights or labels a request": f"{schemas.MAX_FLIGHTS:,}",
        "flights a request with `explain`": f"{MOST_FLIGHTS}",
        "events a request": f"{schemas.MAX_EVENTS:,}",
        "events of one flight and kind, or one airport and hour, a request": f"{schemas.MAX_REVISIONS:,}",
        "rows a page": f"{MOST_ROWS}",
        "days of monitoring runs or alerts a request": f"{MOST_DAYS}",
    }


def test_the_guide_names_every_type_of_event():
    text = (DOCS / "api" / "guide.md").read_text()
    named = {
        name
        for cell in rows(text, "What became known: events and labels")
        for name in re.findall(r"`(\w+)`", cell)
    }
    assert named == set(schemas.EVENTS)


def test_the_sizes_of_operations_are_those_of_the_compose_file():
    services = yaml.safe_load((PROJECT_ROOT / "docker-compose.yml").read_text())["services"]
    lasting = {
        name: [re.sub(r"\$\{\w+:-(.+)\}", r"\1", str(one[limit])) for limit in ("mem_limit", "cpus")]
        for name, one in services.items()
        if one.get("restart") != "no" and "profiles" not in one
    }
    shown = rows((DOCS / "operations.md").read_text(), "Size")
    assert {name.split(",")[0]: values for name, values in shown.items()} == lasting


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


def test_the_recorded_demo_ends_with_the_answer_of_the_readme():
    recorded = (DOCS / "demo.svg").read_text()
    answer = json.loads(KEPT.read_text())
    assert f"{answer['flight_id']} will be late with probability {answer['probability']:.4f}" in recorded


def test_an_answer_takes_the_place_of_the_one_before():
    text = f"before\n\n{BEGINS}\n\nold\n\n{ENDS}\n\nafter\n"
    expected = f'before\n\n{BEGINS}\n\n```json\n{{"a": 1,\n "b": {{"c": null}}}}\n```\n\n{ENDS}\n\nafter\n'
    assert with_answer(text, {"a": 1, "b": {"c": None}}) == expected


def commands_typed() -> list[str]:
    """Every command of the documents' blocks of shell."""
    return [command for name in TYPED for command in documents.of_blocks((PROJECT_ROOT / name).read_text())]


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


SUITE = {"make test", "make test-stack", "make test-fresh"}
"""They are the tests: the pipeline runs them."""


def test_the_pipeline_runs_the_commands_that_are_the_suite():
    jobs = yaml.safe_load((PROJECT_ROOT / ".gitlab-ci.yml").read_text()).values()
    scripts = [line for job in jobs if isinstance(job, dict) for line in job.get("script", [])]
    step = (PROJECT_ROOT / ".ci" / "run").read_text()
    assert set(documents.commands()) >= SUITE
    assert [command for command in SUITE - set(scripts) if not re.search(rf"\b{command}$", step, re.M)] == []


def test_every_command_of_the_documents_is_run_by_a_test():
    there = {text: name for text, name in documents.commands().items() if text not in SUITE}
    assert documents.not_run(there, documents.asked_for(PROJECT_ROOT / "tests")) == []


def test_every_command_that_a_test_runs_is_in_a_document():
    run = documents.asked_for(PROJECT_ROOT / "tests")
    assert [(file, text) for text, file in run.items() if text not in documents.commands()] == []


def test_a_command_that_no_test_runs_is_found():
    text = """```sh
    make status, make logs S=api   # what runs, and its logs: `make clean`
    .venv/bin/ontime erase PREDICTION_ID --reason "asked for"
    curl -s http://127.0.0.1 \\
      -d '{"a": 1,
           "b": 2}'
    ```
    <!-- written by `make evaluate` --> `make up` starts it, `make train ENGINE=dask && make tune` at night, by `cron`.
    """.replace("    ```", "```")
    in_blocks, in_prose = list(documents.of_blocks(text)), list(documents.of_prose(text))
    erase = '.venv/bin/ontime erase PREDICTION_ID --reason "asked for"'
    question = """curl -s http://127.0.0.1 -d '{"a": 1, "b": 2}'"""
    assert in_blocks == ["make status", "make logs S=api", erase, question]
    assert in_prose == ["make up", "make train ENGINE=dask", "make tune"]

    there = dict.fromkeys([*in_blocks, *in_prose], "a page")
    run = """
        documented("make status").run({})
        documented("make logs S=api", {"api": "gateway"})
        documented('.venv/bin/ontime erase PREDICTION_ID '
                   '--reason "asked for"')
        documented("make up SUCCESSOR=7")
        other("make tune")
    """
    asked = dict.fromkeys(documents.in_code("if True:" + run), "a test")
    assert documents.not_run(there, asked) == [
        f"a page: {question}", "a page: make train ENGINE=dask", "a page: make tune"
    ]  # fmt: skip


def test_a_command_of_a_document_is_run_as_it_is_there_but_for_what_a_test_replaces():
    command = documents.documented(
        '.venv/bin/ontime erase PREDICTION_ID --reason "asked for"', {"PREDICTION_ID": "an id"}
    )
    assert command.argv == [".venv/bin/ontime", "erase", "an id", "--reason", "asked for"]
    command = documents.documented("COMPOSE_FILE=docker-compose.yml:collector.yml make up")
    assert command.argv == ["make", "up"]
    assert command.variables == {"COMPOSE_FILE": "docker-compose.yml:collector.yml"}
    with pytest.raises(ValueError, match="no document has the command `make up TOMORROW=1`"):
        documents.documented("make up TOMORROW=1")
    with pytest.raises(ValueError, match="`make up SUCCESSOR=7` has no 8"):
        documents.documented("make up SUCCESSOR=7", {"8": "9"})


def test_the_readmes_table_is_that_of_the_kept_evaluation():
    kept = PROJECT_ROOT / "docs" / "reports" / "measured" / "evaluation.json"
    assert with_table(README, json.loads(kept.read_text())) == README
