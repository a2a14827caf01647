import json
import os
import secrets
import shutil
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Thread

import pytest
import requests

from adapters import model_artifact, model_version, signatures_before, training_runs
from adapters.model_keys import ModelKeys
from adapters.model_registry import CHAMPION, ModelRegistry
from adapters.settings import read_settings
from deploy.secret_files import replace_signing_secret
from domain.errors import NotFound, NotReady, SignatureInvalid
from domain.model import ModelManifest
from tests.adapters.test_model_artifact import manifest, trees  # noqa: F401  fixtures
from tests.mlflow_server import KEYS, SECRET
from tests.session import free_port

pytestmark = pytest.mark.integration
NOWHERE = "http://127.0.0.1:9"
"""The discard port: nothing listens there."""


@pytest.fixture
def folder(tmp_path, trees, manifest):  # noqa: F811
    model_artifact.write(tmp_path / "made", trees, manifest, KEYS, {"card.md": "# A model\n"})
    return tmp_path / "made"


@pytest.fixture
def version(registry, folder):
    return register(registry, folder, {"data_hash": "b" * 64, "auc": "0.78"})


def register(registry, folder, tags):
    with registry.runs.open("test") as run:
        return registry.register(run.run_id, folder, tags)


def test_a_registered_version_says_where_it_came_from(registry, version):
    found = registry.version(version)
    assert found.version == version == 1
    assert found.tags == {"data_hash": "b" * 64, "auc": "0.78"}
    assert registry._mlflow.client.get_run(found.run_id).info.status == "FINISHED"


@pytest.fixture
def own_experiment(monkeypatch):
    """Of this test alone: others, in other processes, have open runs in the one that all share."""
    monkeypatch.setattr(training_runs, "EXPERIMENT", f"experiment-{secrets.token_hex(4)}")


@pytest.mark.usefixtures("own_experiment")
def test_an_experiment_that_two_restore_at_once_is_restored(registry, monkeypatch):
    client = registry._mlflow.client
    with registry.runs.open("before") as run:
        experiment = client.get_run(run.run_id).info.experiment_id
    client.delete_experiment(experiment)
    restore = client.restore_experiment

    def after_another(number: str) -> None:
        restore(number)
        restore(number)

    monkeypatch.setattr(client, "restore_experiment", after_another)
    with registry.runs.open("after") as run:
        assert client.get_run(run.run_id).info.experiment_id == experiment


@pytest.mark.usefixtures("own_experiment")
def test_an_experiment_that_an_operator_deleted_is_restored_before_anything_is_fitted(registry):
    client = registry._mlflow.client
    with registry.runs.open("before") as run:
        experiment = client.get_run(run.run_id).info.experiment_id
    client.delete_experiment(experiment)
    assert registry.runs.close_abandoned() == []
    with registry.runs.open("after") as run:
        assert client.get_run(run.run_id).info.experiment_id == experiment


def test_a_run_records_what_training_tells_it(registry, tmp_path):
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "a.txt").write_text("a plot")
    with registry.runs.open("test") as run:
        run.parameters({"n_trees": 350, "leads": "(60,)"})
        run.metrics({"auc": 0.78, "undefined": float("nan")})
        run.tags({"reason": "a test"})
        run.dictionary("evaluation.json", {"auc": 0.78})
        run.folder(tmp_path / "plots", "plots")
        run.dataset("flights", "d" * 64, {"table": "flight_events", "as_of": "2013-04-01T12:00:00Z"})
    found = registry._mlflow.client.get_run(run.run_id)
    assert found.data.params == {"n_trees": "350", "leads": "(60,)"}
    assert found.data.metrics == {"auc": 0.78}
    assert found.data.tags["reason"] == "a test"
    assert found.inputs.dataset_inputs[0].dataset.digest == "d" * 36
    assert "d" * 64 in found.inputs.dataset_inputs[0].dataset.source
    assert {file.path for file in registry._mlflow.client.list_artifacts(run.run_id)} == {
        "evaluation.json",
        "plots",
    }


def test_a_run_that_raises_ends_as_failed(registry):
    with pytest.raises(RuntimeError, match="no data"), registry.runs.open("test") as run:
        raise RuntimeError("no data")
    assert registry._mlflow.client.get_run(run.run_id).info.status == "FAILED"


def test_a_proxy_is_not_asked_for_mlflow(registry, folder, monkeypatch):
    monkeypatch.setenv("no_proxy", "10.0.0.1")
    monkeypatch.setenv("NO_PROXY", "10.0.0.1")
    for name in ("http_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    address = registry.runs._mlflow.address
    here = ModelRegistry(address, registry.model_name, folder.parent / "cache", KEYS)
    with here.runs.open("behind a proxy") as run:
        version = here.register(run.run_id, folder, {})
    assert here.version(version).run_id == run.run_id
    assert os.environ["no_proxy"].split(",") == os.environ["NO_PROXY"].split(",") == ["10.0.0.1", "127.0.0.1"]


def test_an_alias_names_a_version_until_it_is_moved_or_deleted(registry, folder, version):
    assert registry.alias(CHAMPION) is None
    registry.set_alias(CHAMPION, version)
    assert registry.alias(CHAMPION) == version
    second = register(registry, folder, {})
    registry.set_alias(CHAMPION, second)
    assert registry.alias(CHAMPION) == second
    registry.delete_alias(CHAMPION)
    registry.delete_alias(CHAMPION)
    assert registry.alias(CHAMPION) is None


def test_a_version_that_is_not_there_is_not_found(registry, version):
    for ask in (registry.version, registry.load, lambda v: registry.set_alias(CHAMPION, v)):
        with pytest.raises(NotFound, match="no version 99"):
            ask(99)


def test_a_model_nobody_registered_has_no_alias(registry):
    assert registry.alias(CHAMPION) is None
    with pytest.raises(NotFound):
        registry.version(1)


def test_a_loaded_version_is_the_registered_one(registry, version, manifest):  # noqa: F811
    assert registry.load(version).manifest == manifest
    assert sorted(p.name for p in registry.fetch(version).iterdir()) == [
        "SIGNATURE", "card.md", "model.json", "model.txt"
    ]  # fmt: skip


def test_a_cached_version_loads_while_mlflow_is_away(registry, version, tmp_path, manifest):  # noqa: F811
    registry.load(version)
    away = ModelRegistry(NOWHERE, registry.model_name, tmp_path / "models", KEYS)
    assert away.load(version).manifest == manifest
    with pytest.raises(NotReady, match="not reachable"):
        away.load(version + 1)


def test_an_unreachable_server_is_said_within_seconds(tmp_path):
    away = ModelRegistry(NOWHERE, "ontime", tmp_path, KEYS)
    for ask in (lambda: away.alias(CHAMPION), lambda: away.set_alias(CHAMPION, 1), lambda: away.version(1)):
        with pytest.raises(NotReady, match="not reachable"):
            ask()
    with pytest.raises(NotReady, match="not reachable"), away.runs.open("test"):
        pass


@pytest.fixture
def slow_at_first(mlflow_address):
    """An address at which the first question has no answer, and MLflow answers the rest."""
    questions = count()

    class Passing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if next(questions) == 0:
                self.close_connection = True
                return
            answer = requests.get(f"{mlflow_address}{self.path}", timeout=60)
            self.send_response(answer.status_code)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Passing) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(("patience", "answers"), [(0.0, False), (20.0, True)])
def test_what_starts_the_stack_asks_again_where_mlflow_is_slow(
    registry, version, slow_at_first, tmp_path, patience, answers
):
    registry.set_alias(CHAMPION, version)
    asking = ModelRegistry(slow_at_first, registry.model_name, tmp_path, KEYS, patience=patience)
    with nullcontext() if answers else pytest.raises(NotReady):
        assert asking.alias(CHAMPION) == version


def test_a_damaged_copy_in_the_cache_is_fetched_again(registry, version, manifest):  # noqa: F811
    copy = registry.fetch(version) / model_artifact.TREES
    copy.write_text(copy.read_text()[:500])
    assert registry.load(version).manifest == manifest


def test_a_damaged_copy_is_never_loaded_while_mlflow_is_away(registry, version, tmp_path):
    copy = registry.fetch(version) / model_artifact.TREES
    copy.write_text(copy.read_text()[:500])
    with pytest.raises(NotReady):
        ModelRegistry(NOWHERE, registry.model_name, tmp_path / "models", KEYS).load(version)


def test_an_unsigned_folder_is_not_registered(registry, folder):
    (folder / model_artifact.SIGNATURE).unlink()
    with pytest.raises(SignatureInvalid), registry.runs.open("test") as run:
        registry.register(run.run_id, folder, {})
    with pytest.raises(NotFound):
        registry.version(1)


def test_a_version_tampered_with_on_the_server_is_refused_and_not_kept(registry, folder, version):
    run_id = registry.version(version).run_id
    edited = (folder / model_artifact.TREES).read_text().replace("leaf_value=", "leaf_value=9", 1)
    (folder / model_artifact.TREES).write_text(edited)
    registry._mlflow.client.log_artifact(run_id, str(folder / model_artifact.TREES), "model")
    with pytest.raises(SignatureInvalid, match=r"model\.txt"):
        registry.load(version)
    assert list(registry._cache.directory.iterdir()) == []


def test_a_version_without_our_signature_is_refused(registry, version, tmp_path):
    stranger = ModelRegistry(
        registry._mlflow.address, registry.model_name, tmp_path / "other", ModelKeys.of("another secret")
    )
    with pytest.raises(SignatureInvalid, match="not made with a key that this stack trusts"):
        stranger.load(version)
    with registry.runs.open("by hand") as run:
        registry._mlflow.client.log_text(run.run_id, "tree", "model/model.txt")
    source = f"{registry._mlflow.client.get_run(run.run_id).info.artifact_uri}/model"
    unsigned = registry._mlflow.client.create_model_version(registry.model_name, source, run.run_id)
    with pytest.raises(SignatureInvalid, match="no file SIGNATURE"):
        registry.load(int(unsigned.version))


@pytest.fixture(params=["named", "files only"])
def version_before(request, registry, folder):
    """A version as earlier releases registered it, the earliest without naming model and run."""
    files = model_artifact.signed_files(model_artifact.signature_of(folder), KEYS)
    with registry.runs.open("of an earlier release") as run:
        owner = {"model": registry.model_name, "run_id": run.run_id}
        named = {"files": files, "owner": owner}
        signed = named if request.param == "named" else files
        signature = {"files": files} | (named if request.param == "named" else {})
        signature |= {"hmac_sha256": signatures_before.make(signed, SECRET.encode())}
        (folder / "SIGNATURE").write_text(json.dumps(signature, indent=1, sort_keys=True) + "\n")
        registry._mlflow.client.log_artifacts(run.run_id, str(folder), "model")
        registry._ensure_model()
        source = f"{registry._mlflow.client.get_run(run.run_id).info.artifact_uri}/model"
        made = int(
            registry._mlflow.client.create_model_version(registry.model_name, source, run.run_id).version
        )
        if request.param == "named":
            bound = signatures_before.make({"owner": owner, "version": made, "files": files}, SECRET.encode())
            tag_before(registry, made, bound)
    return made


def tag_before(registry, version, value):
    registry._mlflow.client.set_model_version_tag(
        registry.model_name, str(version), model_version.BINDING_BEFORE, value
    )


def test_a_version_of_an_earlier_release_loads_once_it_is_signed_again(registry, version_before, manifest):  # noqa: F811
    with pytest.raises(SignatureInvalid):
        registry.load(version_before)
    assert registry.sign_again(SECRET.encode()) == {version_before: ""}
    assert registry.load(version_before).manifest == manifest
    assert registry.sign_again(SECRET.encode()) == {}


def test_the_earlier_release_still_reads_what_was_signed_again(registry, version_before):
    """One can go back to it."""
    registry.sign_again(SECRET.encode())
    signed = json.loads((registry.fetch(version_before) / "SIGNATURE").read_text())
    over = {"files": signed["files"], "owner": signed["owner"]} if "owner" in signed else signed["files"]
    assert signed["hmac_sha256"] == signatures_before.make(over, SECRET.encode())


def test_a_cached_copy_of_an_earlier_release_serves_while_mlflow_is_away(
    registry,
    version_before,
    folder,
    tmp_path,
    manifest,  # noqa: F811
):
    there = registry.version(version_before)
    shutil.copytree(folder, tmp_path / "models" / there.folder)
    away = ModelRegistry(NOWHERE, registry.model_name, tmp_path / "models", KEYS)
    away.sign_cached_again(SECRET.encode())
    assert away.load(version_before).manifest == manifest


def test_what_no_earlier_release_of_this_stack_signed_is_not_signed_now(registry, version_before):
    assert "secret" in registry.sign_again(b"another secret")[version_before]
    tag_before(registry, version_before, "0" * 64)
    with pytest.raises(SignatureInvalid):
        registry.load(version_before)


def test_a_copy_under_another_number_is_not_signed_again(registry, version):
    """Today's signature without today's number: an interrupted registration, or somebody's copy."""
    there = registry.version(version)
    copied = int(
        registry._mlflow.client.create_model_version(registry.model_name, there.source, there.run_id).version
    )
    assert registry.sign_again(SECRET.encode()) == {copied: "there is no signature of an earlier release"}
    with pytest.raises(SignatureInvalid, match="signed as another version's"):
        registry.load(copied)


def test_keys_roll_over_with_an_overlap(registry, version, folder, tmp_path):
    """Two lines are trusted; a line that is taken away is not, at once."""
    settings = read_settings({"ONTIME_STATE_DIR": str(tmp_path), "ONTIME_MODEL_NAME": registry.model_name})
    settings = replace(settings, mlflow_url=registry._mlflow.address)
    settings.api_keys_dir.mkdir()
    settings.signing_key_file.write_text(SECRET)
    replace_signing_secret(settings.signing_key_file, settings.public_keys_file)
    model_artifact.write(
        folder, (folder / "model.txt").read_text(), _manifest(folder), ModelKeys.of_trainer(settings)
    )
    second = register(ModelRegistry.of_trainer(settings), folder, {})
    serves = ModelRegistry.from_settings(settings)
    assert [serves.version(v).version for v in (version, second) if serves.load(v)] == [version, second]
    lines = settings.public_keys_file.read_text().splitlines()
    settings.public_keys_file.write_text(f"{lines[1]}\n")
    assert serves.load(second)
    with pytest.raises(SignatureInvalid, match="not made with a key that this stack trusts"):
        serves.load(version)


def _manifest(folder) -> ModelManifest:
    return ModelManifest.from_json((folder / model_artifact.MANIFEST).read_text())


def test_a_tag_that_names_another_contract_than_was_signed_is_refused(registry, folder):
    version = register(registry, folder, {"contract_hash": "f" * 64})
    with pytest.raises(SignatureInvalid, match="tagged with another feature contract"):
        registry.audit(version)


def test_files_of_another_version_run_or_model_are_refused(registry, folder, version, tmp_path):
    """A copy is signed, and yet not this version's."""
    there = registry.version(version)
    make = registry._mlflow.client.create_model_version
    same_run = make(registry.model_name, there.source, there.run_id)
    with registry.runs.open("copy") as run:
        registry._mlflow.client.log_artifacts(run.run_id, str(registry.fetch(version)), "model")
        source = f"{registry._mlflow.client.get_run(run.run_id).info.artifact_uri}/model"
        copied = make(registry.model_name, source, run.run_id)
    for made in (same_run, copied):
        with pytest.raises(SignatureInvalid, match="signed as another version's"):
            registry.load(int(made.version))
    renamed = ModelRegistry(registry._mlflow.address, f"renamed-{secrets.token_hex(4)}", tmp_path / "r", KEYS)
    renamed._ensure_model()
    tags = {model_version.BINDING: there.binding}
    moved = make(renamed.model_name, there.source, there.run_id, tags=tags)
    with pytest.raises(SignatureInvalid, match="signed as another version's"):
        renamed.load(int(moved.version))


def test_a_copy_whose_source_is_another_version_is_refused(registry, version):
    """As "Promote model" on MLflow's page makes it: the server hands out no files of such a source."""
    source = f"models:/{registry.model_name}/{version}"
    copied = registry._mlflow.client.copy_model_version(source, registry.model_name)
    with pytest.raises(SignatureInvalid, match="does not hand out the files of models:/"):
        registry.load(int(copied.version))


def test_a_version_that_could_not_be_bound_does_not_stay(registry, folder, monkeypatch):
    def away(*_):
        raise requests.ConnectionError("it was stopped")

    monkeypatch.setattr(registry._mlflow.client, "set_model_version_tag", away)
    with pytest.raises(NotReady, match="it was stopped"):
        register(registry, folder, {})
    assert registry.versions() == []


def test_a_cached_copy_of_another_model_is_no_copy_of_this_one(registry, folder, version):
    registry.fetch(version)
    other = ModelRegistry(NOWHERE, "another", registry._cache.directory, KEYS)
    with pytest.raises(NotReady):
        other.load(version)


def test_a_signed_version_that_cannot_be_parsed_is_refused(registry, tmp_path, trees, manifest):  # noqa: F811
    model_artifact.write(tmp_path / "broken", trees[:2_000], manifest, KEYS)
    broken = register(registry, tmp_path / "broken", {})
    with pytest.raises(SignatureInvalid, match="test load"):
        registry.load(broken)


def test_the_version_that_served_last_is_remembered(registry, version):
    registry.fetch(version)
    assert registry.last_served() is None
    registry.remember_served(version)
    assert registry.last_served() == version


def test_reading_does_not_import_mlflow(registry, version):
    # A worker that imports it pays seconds and 150 MB.
    code = (
        "import sys; from pathlib import Path; from adapters.model_keys import ModelKeys\n"
        "from adapters.model_registry import ModelRegistry\n"
        f"r = ModelRegistry({registry._mlflow.address!r}, {registry.model_name!r},\n"
        f"                  Path({str(registry._cache.directory)!r}), ModelKeys.public(*{KEYS.trusted()!r}))\n"
        f"r.alias('champion'); r.version({version}); r.load({version})\n"
        "print(sorted({'mlflow', 'pandas', 'lightgbm', 'sklearn'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_two_registries_of_one_server_do_not_meet(registry, version, tmp_path):
    other = ModelRegistry(registry._mlflow.address, f"other-{secrets.token_hex(4)}", tmp_path / "o", KEYS)
    with pytest.raises(NotFound):
        other.version(version)
