"""The data of release 0.1.0, as that release wrote them, under today's code: every row is there and served.

`release_0_1_0` holds a dump of the database, the spool and a model's folder, all made by running that release.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from adapters.deployments import Deployments
from adapters.label_store import LabelStore
from adapters.model_keys import ModelKeys
from adapters.model_registry import ModelRegistry
from adapters.postgres import Database
from adapters.postgres_admin import ROLES, create_databases, drop_database
from adapters.prediction_log import PredictionLog
from adapters.settings import PROJECT_ROOT, Settings
from deploy.secret_files import add_public_key
from domain.errors import SignatureInvalid
from domain.features.catalogue import CONTRACT_HASH
from services.shipper import Shipper
from tests.app import worlds
from tests.builders import NOON
from tests.conftest import settings_for
from tests.session import without_settings

pytestmark = pytest.mark.integration
RELEASE = Path(__file__).parent / "release_0_1_0"
SIGNED_WITH = "the secret that signed its models"
KEYS = {scope: f"ontime_{scope}_" + 43 * "r" for scope in ("predict", "ingest", "admin")}
RENAMED = ("a night was not judged", "a day was not monitored")
BOOKKEEPING = "schema_migrations"
TABLES = """
    SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition
    AND relnamespace = 'public'::regnamespace ORDER BY 1
"""
Tables = dict[str, list[dict[str, Any]]]


def tables_of(database: Database) -> Tables:
    """Every row of every table."""
    found = {}
    with database.transaction() as cursor:
        cursor.execute(TABLES)
        for name in [name for (name,) in cursor.fetchall() if name != BOOKKEEPING]:
            cursor.execute(f"SELECT to_jsonb(t) FROM {name} t")
            found[name] = sorted((row for (row,) in cursor.fetchall()), key=json.dumps)
    return found


@dataclass(frozen=True)
class Upgraded:
    """A stack of release 0.1.0 that today's programs upgraded."""

    database: Database
    settings: Settings
    before: Tables
    after: Tables
    version: int


def ontime(settings: Settings, *words: str) -> None:
    own = without_settings()
    own |= {
        "ONTIME_STATE_DIR": str(settings.state_dir),
        "ONTIME_POSTGRES_HOST": settings.postgres_host,
        "ONTIME_POSTGRES_PORT": str(settings.postgres_port),
        "ONTIME_POSTGRES_DATABASE": settings.postgres_database,
        "ONTIME_MLFLOW_URL": settings.mlflow_url,
        "ONTIME_MODEL_NAME": settings.model_name,
    }
    done = subprocess.run(
        [sys.executable, "-m", "ontime", *words],
        env=own, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def registered_by_the_release(settings: Settings) -> int:
    """Register the model as the release did: no owner in its SIGNATURE, no tag that ties its number to it."""
    registry = ModelRegistry.of_trainer(settings)
    with registry.runs.open("of release 0.1.0") as run:
        client = registry._mlflow.client
        client.log_artifacts(run.run_id, str(RELEASE / "model"), "model")
        registry._ensure_model()
        source = f"{client.get_run(run.run_id).info.artifact_uri}/model"
        return int(client.create_model_version(settings.model_name, source, run.run_id).version)


@pytest.fixture(scope="module")
def upgraded(postgres_server, mlflow_address, tmp_path_factory) -> Iterator[Upgraded]:
    name = "release_before"
    create_databases(postgres_server.parameters, [name])
    database = Database(postgres_server.parameters.to_database(name))
    with database.transaction() as cursor:
        cursor.execute((RELEASE / "database.sql").read_text())
    database.close()  # the dump leaves its connection without a search path
    settings = settings_for(database, tmp_path_factory.mktemp("state"))
    settings = replace(settings, mlflow_url=mlflow_address, model_name=name)
    settings.signing_key_file.write_text(SIGNED_WITH)
    add_public_key(settings.signing_key_file, settings.public_keys_file)
    for file in ROLES.values():
        (settings.api_keys_dir / file).write_text("a password")
    before = tables_of(database)
    version = registered_by_the_release(settings)
    with pytest.raises(SignatureInvalid):
        ModelRegistry.from_settings(settings).fetch(version)
    # As an upgrade under Compose does: what only the earlier code uses goes when that has ended.
    for words in (("migrate", "--expand"), ("sign-again",), ("migrate",)):
        ontime(settings, *words)
    yield Upgraded(database, settings, before, tables_of(database), version)
    database.close()
    drop_database(postgres_server.parameters, name)


@pytest.fixture
def api(upgraded) -> Iterator[worlds.Api]:
    """Today's API on it, asked with the keys of before."""
    with worlds.serving(upgraded.database, upgraded.settings, keys=KEYS) as serving:
        worlds.look(serving)
        yield serving


def test_every_row_of_every_table_is_there(upgraded):
    assert sum(len(rows) for rows in upgraded.before.values()) == 99
    for name, rows in upgraded.before.items():
        kept = [{column: row[column] for column in rows[0]} for row in upgraded.after[name]]
        expected = [row | ({"rule": RENAMED[1]} if row.get("rule") == RENAMED[0] else {}) for row in rows]
        assert sorted(kept, key=json.dumps) == sorted(expected, key=json.dumps), name


def test_every_prediction_is_answered_with_what_then_happened(upgraded, api):
    rows = upgraded.before["predictions"]
    assert len(rows) == 4
    listed = api.get("/v1/predictions?limit=100", "predict").get_json()["predictions"]
    assert {row["prediction_id"] for row in listed} >= {row["prediction_id"] for row in rows}
    for row in rows:
        body = api.get(f"/v1/predictions/{row['prediction_id']}", "predict").get_json()
        assert (body["probability"], body["model"]["version"]) == (row["probability"], row["model_version"])


def test_every_label_and_event_still_counts(upgraded):
    labels = LabelStore(upgraded.database)
    for row in upgraded.before["labels"]:
        assert labels.current(row["flight_id"]).arr_delay_minutes == row["arr_delay_minutes"]


def test_ledger_runs_decisions_and_alerts_are_served(upgraded, api):
    ledger = api.get("/v1/model/ledger", "predict").get_json()["ledger"]
    assert [(row["action"], row["to_version"], row["who"]) for row in ledger][-3:] == [
        ("rollback", 1, "erika"), ("promote", 2, "erika"), ("promote", 1, "erika")
    ]  # fmt: skip
    window = "from=2013-04-01&to=2013-04-30"
    runs = api.get(f"/v1/monitoring/runs?{window}", "predict").get_json()["runs"]
    assert [run["day"] for run in runs] == ["2013-04-09", "2013-04-10"]
    measures = api.get("/v1/monitoring/runs/2013-04-10", "predict").get_json()["measures"]
    assert {(m["name"], m["value"]) for m in measures} == {("realised_auc", 0.75), ("psi", 0.1)}
    decisions = api.get(f"/v1/monitoring/decisions?{window}", "predict").get_json()["decisions"]
    assert {decision["kind"] for decision in decisions} == {"retrain", "gate"}
    alerts = api.get(f"/v1/monitoring/alerts?{window}", "predict").get_json()["alerts"]
    assert {alert["rule"] for alert in alerts} == {"too many late", RENAMED[1]}


def test_a_model_that_its_secret_signed_is_loaded_and_no_other_file_is(upgraded):
    folder = ModelRegistry.from_settings(upgraded.settings).fetch(upgraded.version)
    for name in ("model.txt", "model.json"):
        assert (folder / name).read_bytes() == (RELEASE / "model" / name).read_bytes()
    with pytest.raises(SignatureInvalid, match="not made with a key that this stack trusts"):
        ModelRegistry.from_settings(upgraded.settings, ModelKeys.of("another")).fetch(upgraded.version)


def test_it_goes_on_from_there(upgraded):
    """A model of today's features is promoted after the ledger's last word, predicts from the events, and is logged."""
    database, settings = upgraded.database, upgraded.settings
    assert Deployments(database).champion() == 1
    worlds.refresh_at(database, NOON)
    worlds.keep_in_cache(settings, worlds.trees(), 3)
    alias: list[int | None] = [1]
    Deployments(database).change(
        action="promote", to_version=3, expected_version=1, who="erika", reason="trained again",
        contract_hash=CONTRACT_HASH, move_alias=lambda to: alias.__setitem__(0, to), read_alias=lambda: alias[0],
    )  # fmt: skip
    (settings.model_cache_dir / "last_served").write_text("3")
    with worlds.serving(database, settings, keys=KEYS) as api:
        worlds.look(api)
        answer = api.predict()
        assert answer.status_code == 200, answer.text
        Shipper(database, settings.spool_dir).ship()
    assert PredictionLog(database).find(answer.get_json()["prediction_id"]) is not None


def test_what_waited_in_the_spool_is_shipped_from_where_it_was(upgraded, tmp_path):
    """Files of that release do not name their columns."""
    spool = shutil.copytree(RELEASE / "spool", tmp_path / "spool")
    [file] = spool.iterdir()
    ids = [line.split(b"\t")[0].decode() for line in file.read_bytes().splitlines()]
    log = PredictionLog(upgraded.database)
    assert [log.find(one) is not None for one in ids] == [True, True, True, True, False]
    assert Shipper(upgraded.database, spool).ship() > 0
    assert log.find(ids[-1]).as_of == NOON
    assert list(spool.iterdir()) == []
