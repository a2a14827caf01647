"""What is generated from the API's description is current, and the guide's runner sees what does not hold."""

import json
import re

import pytest

from app.operations import OPERATIONS
from app.postman import collection, environment
from domain.errors import OntimeError
from replay.api_documents import documents
from replay.guide import GUIDE, agrees, examples, run, with_answers
from replay.newman import APPENDING, ASKING, LOCKED


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_a_generated_document_is_current(path):
    """After a change of the API: `make api-docs`."""
    assert path.read_text() == documents()[path]


def requests_in(node):
    for item in node["item"]:
        if "request" in item:
            yield item
        else:
            yield from requests_in(item)


def test_the_collection_has_every_operation_and_every_example():
    sent = [item["request"] for item in requests_in(collection())]
    assert len(sent) == sum(max(1, len(operation.requests)) for operation in OPERATIONS)
    assert {request["method"] for request in sent} == {"GET", "POST"}


def test_the_collection_names_no_variable_that_nothing_sets():
    text = json.dumps(collection())
    given = {value["key"] for value in environment()["values"]}
    scripted = {"now", "departure", "arrival", "flight_id", "day", "prediction_id"}
    assert all(f"set('{name}'" in text for name in scripted)
    assert set(re.findall(r"\{\{(\w+)\}\}", text)) <= given | scripted


def test_no_key_is_in_the_environment():
    assert {v["key"]: v["value"] for v in environment()["values"] if v["type"] == "secret"} == {
        "predict_key": "", "ingest_key": "", "admin_key": "",
    }  # fmt: skip


def test_the_folders_that_run_change_nothing_that_a_person_answers_for():
    folders = {folder["name"]: folder for folder in collection()["item"]}
    assert {*ASKING, *APPENDING} == set(folders) - {"operator"}
    posted = {
        item["request"]["url"]["raw"]
        for name in ASKING
        for item in folders[name]["item"]
        if item["request"]["method"] != "GET"
    }
    assert posted == {"{{address}}/v1/predictions"}


def test_newmans_lock_is_whole_and_names_no_registry():
    lock = json.loads((LOCKED / "npm-shrinkwrap.json").read_text())
    wanted = json.loads((LOCKED / "package.json").read_text())["dependencies"]
    packages = {name: one for name, one in lock["packages"].items() if name}
    assert all("integrity" in one and "resolved" not in one for one in packages.values())
    assert {name: packages[f"node_modules/{name}"]["version"] for name in wanted} == wanted


def test_the_guide_shows_an_answer_below_every_example_but_the_first():
    shown = [example.shown is not None for example in examples(GUIDE.read_text())]
    assert shown == [False] + [True] * (len(shown) - 1)
    assert len(shown) > 12


@pytest.mark.parametrize(
    ("shown", "got", "agreeing"),
    [
        ({"a": 1}, {"a": 2.5}, True),
        ({"a": 1}, {"a": "1"}, False),
        ({"a": 1}, {"a": True}, False),
        ({"a": 1}, {}, False),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": 1, "...": "9 in all"}, {"a": 1, "b": 2}, True),
        ({"a": {"b": 1}}, {"a": None}, True),
        ([{"a": 1}], [{"a": 2}, {"a": 3}], True),
        ([{"a": 1}], [{"b": 2}], False),
        ([{"a": 1}], [], True),
    ],
)
def test_an_answer_agrees_with_the_one_shown_in_its_shape(shown, got, agreeing):
    assert agrees(shown, got) is agreeing


PAGE = """# A page

```sh
export WHO="$(printf world)"
```

```sh
echo '{"hello": "there"}'
```

```json
{"hello": "old"}
```

```python
import json, os
print(json.dumps({"who": os.environ["WHO"]}))
```
"""


def test_blocks_run_in_one_shell_with_what_holds_here():
    outputs = run(PAGE, {"world": "here"})
    assert [json.loads(output) if output else None for output in outputs] == [
        None, {"hello": "there"}, {"who": "here"},
    ]  # fmt: skip
    written = with_answers(PAGE, outputs)
    assert [example.shown for example in examples(written)] == [None, {"hello": "there"}, {"who": "here"}]
    assert with_answers(written, outputs) == written


def test_an_example_that_fails_is_an_error_that_says_which_words():
    with pytest.raises(OntimeError, match="no such thing"):
        run("```sh\necho 'no such thing' >&2; false\n```\n", {})
