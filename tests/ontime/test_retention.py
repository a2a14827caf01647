"""`ontime retention` and `ontime erase`, as an operator runs them: a real PostgreSQL and a real MLflow."""

import getpass
import os
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.clock_store import ClockStore
from adapters.deletion_store import DeletionStore
from adapters.prediction_lines import to_copy_line
from adapters.prediction_log import PredictionLog
from tests.builders import NOON, prediction
from tests.documented import documented
from tests.ontime import forked
from tests.session import without_settings

pytestmark = pytest.mark.integration
OLD = time.time() - 20 * 86_400
POLICY = {
    "ONTIME_KEEP_PREDICTION_MONTHS": "2",
    "ONTIME_KEEP_REPORT_DAYS": "30",
    "ONTIME_KEEP_LEFTOVER_DAYS": "10",
}
EXPIRED = {
    "predictions": ["predictions_2013_01"],
    "reports": ["2013-02-01"],
    "refused lines": ["old.refused"],
    "copies of models": ["3"],
}
UNKNOWN = "00000000-0000-4000-8000-000000000000"
Ontime = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environment(stack_environment, mlflow_address) -> dict[str, str]:
    """Of a stack whose policy keeps two months."""
    return without_settings() | stack_environment | POLICY | {
        "ONTIME_MLFLOW_URL": mlflow_address,
        "ONTIME_MODEL_NAME": stack_environment["ONTIME_POSTGRES_DATABASE"],
    }  # fmt: skip


@pytest.fixture
def ontime(environment) -> Ontime:
    """The program, on that stack."""

    def run(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return forked.ontime(environment | settings, *words)

    return run


@pytest.fixture
def log(postgres) -> PredictionLog:
    """Predictions of January to April 2013; the clock is in April."""
    ClockStore(postgres).set_simulated(NOON)
    log = PredictionLog(postgres)
    for month in (1, 2, 3, 4):
        log.ship(f"api-{month}", 0, to_copy_line(prediction(month, datetime(2013, month, 9, 18, tzinfo=UTC))))
    return log


@pytest.fixture
def files(tmp_path, log) -> Path:
    """Of each kind of files one that is to go and one that is to stay, beside the predictions."""
    for name, is_old in (
        ("reports/monitoring/2013-02-01/drift.json", True),
        ("reports/monitoring/2013-04-01/drift.json", False),
        ("spool/old.refused", True),
        ("spool/new.refused", False),
        ("models/3/model.txt", True),
        ("models/4/model.txt", False),
    ):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x" * 100_000)
        if is_old:
            os.utime(file, (OLD, OLD))
            os.utime(file.parent, (OLD, OLD))
    return tmp_path


def left_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def months(postgres) -> list[str]:
    found = DeletionStore(postgres).partitions(datetime(2013, 5, 1, tzinfo=UTC))
    return [partition.name for partition in found]


def test_what_the_policy_keeps_no_longer_is_listed_and_stays(environment, files, postgres):
    before = left_in(files), months(postgres)
    done = documented(".venv/bin/ontime retention").run(environment)
    *listed, last = done.stdout.splitlines()
    assert [line.rpartition(",")[0] for line in listed] == [f"{kind}: {n}" for kind, [n] in EXPIRED.items()]
    assert all(line.endswith(" MB") for line in listed)
    assert "refused lines: old.refused, 0.1 MB" in listed
    assert last == "nothing was deleted: --delete deletes it"
    assert (left_in(files), months(postgres)) == before
    assert DeletionStore(postgres).newest() == []


def test_delete_takes_just_that_and_the_ledger_says_what_who_and_why(ontime, files, postgres):
    before = left_in(files)
    done = ontime("retention", "--delete", "--who", "erika", "--reason", "a year is over")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "deleted; row 1 of the ledger of deletions"
    assert before - left_in(files) == {
        "reports/monitoring/2013-02-01/drift.json", "spool/old.refused", "models/3/model.txt"
    }  # fmt: skip
    assert months(postgres) == ["predictions_2013_02", "predictions_2013_03", "predictions_2013_04"]
    [row] = DeletionStore(postgres).newest()
    assert (row.kind, row.who, row.reason) == ("retention", "erika", "a year is over")
    assert row.deleted == EXPIRED

    again = ontime("retention", "--delete")
    assert again.stdout == "nothing is older than the policy keeps\n"
    assert len(DeletionStore(postgres).newest()) == 1


def test_by_default_the_ledger_names_the_user_and_the_policy(environment, log, postgres):
    documented(".venv/bin/ontime retention --delete").run(environment)
    [row] = DeletionStore(postgres).newest()
    assert (row.who, row.reason) == (getpass.getuser(), "the policy of the settings")


def test_each_setting_of_the_policy_keeps_its_own_kind_for_ever_where_it_is_0(ontime, files):
    done = ontime("retention", ONTIME_KEEP_PREDICTION_MONTHS="0")
    assert [line.partition(":")[0] for line in done.stdout.splitlines()[:-1]] == [*EXPIRED][1:]
    # With no copies to look at, MLflow, which names those to keep, need not answer.
    done = ontime(
        "retention", **dict.fromkeys(POLICY, "0"), ONTIME_MLFLOW_URL="http://127.0.0.1:9"
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "nothing is older than the policy keeps\n"), done.stderr


@pytest.mark.parametrize("name", POLICY)
def test_a_policy_that_is_no_number_of_days_is_refused_by_its_setting(ontime, postgres, name):
    done = ontime("retention", "--delete", **{name: "-1"})
    assert done.returncode == 1
    assert name in done.stderr
    assert "Traceback" not in done.stderr
    assert DeletionStore(postgres).newest() == []


def test_a_month_that_somebody_reads_for_long_stays_and_leaves_no_row(ontime, log, postgres):
    with postgres.transaction() as reader:
        reader.execute("SELECT count(*) FROM predictions_2013_01")
        done = ontime("retention", "--delete")
    assert done.returncode == 1
    assert done.stderr.startswith("ontime: PostgreSQL could not finish: ")
    assert "predictions_2013_01" in months(postgres)
    assert DeletionStore(postgres).newest() == []


def test_a_prediction_is_erased_by_its_id_and_no_other(environment, ontime, log, postgres):
    erased, other = prediction(9, NOON), prediction(10, NOON)
    log.ship("api-9", 0, to_copy_line(erased) + to_copy_line(other))
    done = ontime("erase", erased.prediction_id, "--reason", "was asked for", "--who", "erika")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"prediction {erased.prediction_id} is erased; row 1 of the ledger of deletions\n"
    assert log.find(erased.prediction_id) is None
    assert log.find(other.prediction_id) is not None
    [row] = DeletionStore(postgres).newest()
    assert (row.kind, row.who, row.reason) == ("erasure", "erika", "was asked for")
    assert row.deleted == {"prediction_id": erased.prediction_id}

    again = ontime("erase", erased.prediction_id, "--reason", "was asked for")
    assert again.returncode == 1
    assert f"the log has no prediction {erased.prediction_id}: it may be in the spool still" in again.stderr
    erase = documented(
        '.venv/bin/ontime erase PREDICTION_ID --reason "asked for"', {"PREDICTION_ID": other.prediction_id}
    )
    erase.run(environment)
    assert DeletionStore(postgres).newest()[0].reason == "asked for"
    assert [row.who for row in DeletionStore(postgres).newest()] == [getpass.getuser(), "erika"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((UNKNOWN,), "--reason"),
        (
            ("seven", "--reason", "was asked for"),
            "Invalid value for 'prediction': Input should be a valid UUID",
        ),
        (("--reason", "was asked for"), "Missing argument 'prediction'"),
    ],
)
def test_an_erasure_without_id_or_reason_is_refused(ontime, postgres, words, message):
    done = ontime("erase", *words, COLUMNS="200")
    assert done.returncode == 2
    assert message in done.stderr
    assert DeletionStore(postgres).newest() == []
