"""The pipeline's file, and the checks it calls."""

import re
import shutil
import subprocess
import sys

import pytest
import yaml

from adapters.settings import PROJECT_ROOT

FILE = PROJECT_ROOT / ".gitlab-ci.yml"
PIPELINE = yaml.safe_load(FILE.read_text())
GLOBAL = {"stages", "variables", "default", "workflow"}
JOBS = {name: job for name, job in PIPELINE.items() if name not in GLOBAL and not name.startswith(".")}
MAKEFILES = "".join(
    (PROJECT_ROOT / name).read_text()
    for name in ("Makefile", "deploy/compose/compose.mk", "deploy/pipeline/pipeline.mk")
)
IN_PRODUCTION = ("deploy", "verify", "rollback", "validate-model")

each_job = pytest.mark.parametrize("name", JOBS)


@each_job
def test_a_job_runs_make_targets_that_exist(name):
    for command in JOBS[name]["script"]:
        assert re.search(rf"^{command.removeprefix('make ')}:", MAKEFILES, re.MULTILINE), command
    assert JOBS[name]["stage"] in PIPELINE["stages"]


def runs(source: str, **variables: str) -> bool:
    """Whether a pipeline is made, by the rules of `workflow`, for an event with these variables."""
    known = {"CI_PIPELINE_SOURCE": source, "CI_DEFAULT_BRANCH": "main"} | variables
    for rule in PIPELINE["workflow"]["rules"]:
        if all(_holds(part.strip(), known) for part in rule["if"].split("&&")):
            return rule.get("when") != "never"
    return False


def _holds(part: str, known: dict[str, str]) -> bool:
    name, comparison, other = (*part.split(" "), "", "")[:3]
    value, right = known.get(name.removeprefix("$"), ""), known.get(other.removeprefix("$"), other.strip('"'))
    return {"": bool(value), "==": value == right, "!=": value != right}[comparison]


@pytest.mark.parametrize(
    ("source", "variables", "expected"),
    [
        ("push", {"CI_COMMIT_BRANCH": "a-branch"}, True),
        ("push", {"CI_COMMIT_BRANCH": "a-branch", "CI_OPEN_MERGE_REQUESTS": "group/ontime!1"}, False),
        ("merge_request_event", {"CI_OPEN_MERGE_REQUESTS": "group/ontime!1"}, True),
        ("push", {"CI_COMMIT_BRANCH": "main", "CI_OPEN_MERGE_REQUESTS": "group/ontime!1"}, True),
        ("push", {"CI_COMMIT_TAG": "v1"}, True),
        ("schedule", {"CI_COMMIT_BRANCH": "main"}, True),
        ("trigger", {"CI_COMMIT_BRANCH": "main", "MODEL_VERSION": "7"}, True),
    ],
)
def test_a_commit_has_one_pipeline(source, variables, expected):
    assert runs(source, **variables) is expected


@each_job
def test_a_job_that_hangs_ends(name):
    limits = {**PIPELINE["default"], **JOBS[name]}
    assert re.fullmatch(r"\d+ (minutes|hours)", limits["timeout"])


def test_the_tests_leave_what_gitlab_shows():
    reports = JOBS["test"]["artifacts"]["reports"]
    for path in (reports["junit"], reports["coverage_report"]["path"]):
        assert path.replace("var/reports/tests", "$(TEST_REPORTS)") in MAKEFILES
    assert JOBS["test"]["artifacts"]["when"] == "always"
    pattern = JOBS["test"]["coverage"].strip("/")
    assert re.search(pattern, "TOTAL                9000    900    90%", re.MULTILINE).group(1) == "90"


def test_nothing_is_fetched_from_elsewhere():
    assert "include" not in PIPELINE
    assert not any("image" in job for job in [*JOBS.values(), PIPELINE["default"]])
    assert "://" not in FILE.read_text()


@each_job
def test_a_pipeline_for_a_model_runs_the_validation_alone(name):
    first = JOBS[name]["rules"][0]
    if name == "validate-model":
        assert JOBS[name]["rules"] == [{"if": "$MODEL_VERSION"}]
    else:
        assert first == {"if": "$MODEL_VERSION", "when": "never"}


@pytest.mark.parametrize("name", IN_PRODUCTION)
def test_what_touches_production_runs_one_at_a_time(name):
    assert JOBS[name]["resource_group"] == "production"
    assert JOBS[name]["environment"]["name"] == "production"
    assert JOBS[name].get("interruptible") is False or name == "verify"


def test_the_way_back_is_by_hand_and_waits_for_nothing():
    assert JOBS["rollback"]["rules"][-1]["when"] == "manual"
    assert JOBS["rollback"]["needs"] == []


def check_locks(folder):
    return subprocess.run(
        [sys.executable, "-m", "deploy.pipeline.check_locks", str(folder)],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def locks(tmp_path):
    return shutil.copytree(PROJECT_ROOT / "requirements", tmp_path / "requirements")


def test_the_locks_are_fresh(locks):
    done = check_locks(locks)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (
            "api.in",
            "flask==3.1.3",
            "flask==3.1.2",
            "api.txt: api.in asks for flask==3.1.2, the lock has 3.1.3",
        ),
        (
            "worker.in",
            "orjson",
            "orjson\nnobody-locked-this",
            "asks for nobody-locked-this, the lock has None",
        ),
        ("api.txt", "--hash=sha256:", "--hash=md5:", "has no hash"),
        # A lock that was made for Python 3.11 alone.
        (
            "all.txt",
            "\nwhenever==0.10.5 ; python_full_version >= '3.13'",
            "\nnobody-asked-for==0.10.5",
            "the lock has None on Python 3.13.0 on x86_64",
        ),
        (
            "worker.txt",
            "\npendulum==3.3.0 ; python_full_version < '3.13'",
            "\npendulum==3.3.0 ; python_full_version < '3.12'",
            "the lock has None on Python 3.12.0 on x86_64",
        ),
        (
            "mlflow.txt",
            "\nmlflow==3.17.2",
            "\nmlflow==3.17.1",
            "mlflow.txt: mlflow is 3.17.1, all.txt has 3.17.2",
        ),
    ],
)
def test_a_lock_that_is_stale_is_reported_by_file_and_package(locks, file, old, new, message):
    text = (locks / file).read_text()
    assert old in text
    (locks / file).write_text(text.replace(old, new))
    done = check_locks(locks)
    assert done.returncode == 1
    assert message in done.stderr


def test_a_version_that_is_no_number_is_refused_before_anything_runs():
    done = subprocess.run(
        ["deploy/pipeline/validate_model.sh"],
        cwd=PROJECT_ROOT,
        env={"PATH": "/usr/bin:/bin", "MODEL_VERSION": "7; true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "MODEL_VERSION: expected a whole number" in done.stderr
