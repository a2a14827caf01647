import errno
import time
from contextlib import suppress
from dataclasses import replace

import pytest

from adapters import model_artifact
from adapters.deployments import Deployments
from adapters.model_artifact import Owner
from adapters.model_registry import CHALLENGER, CHAMPION, SUCCESSOR, ModelRegistry
from adapters.monitoring_store import MonitoringStore
from app import model_holder
from app.model_holder import ModelHolder
from domain.errors import NotFound, NotReady
from domain.features.catalogue import CONTRACT_HASH
from tests.app import worlds
from tests.app.worlds import NOWHERE, assert_field, assert_problem
from tests.builders import NOON
from tests.mlflow_server import KEYS

pytestmark = pytest.mark.integration


def register(registry, trees, folder, contract_hash=CONTRACT_HASH, intercept=0.0):
    """A new signed version in the registry; returns its number."""
    model_artifact.write(folder, trees, worlds.manifest(intercept, contract_hash), KEYS)
    with registry.runs.open("test") as run:
        return registry.register(run.run_id, folder, {"contract_hash": contract_hash, "data_hash": "b" * 64})


@pytest.fixture
def versions(registry, trees, tmp_path):
    """Three versions that give different probabilities; 1 serves."""
    made = [register(registry, trees, tmp_path / f"made{n}", intercept=float(n)) for n in range(3)]
    registry.set_alias(CHAMPION, made[0])
    return made


@pytest.fixture
def holder(registry, versions):
    holder = ModelHolder(registry)
    holder.refresh()
    return holder


def pair(holder):
    return tuple(served and served.version for served in (holder.champion, holder.challenger))


def test_a_moved_alias_is_followed(holder, registry):
    assert pair(holder) == (1, None)
    registry.set_alias(CHALLENGER, 2)
    holder.refresh()
    assert pair(holder) == (1, 2)
    registry.set_alias(CHAMPION, 2)
    registry.delete_alias(CHALLENGER)
    holder.refresh()
    assert pair(holder) == (2, None)


def test_a_promoted_challenger_is_at_no_moment_its_own_challenger(holder, registry, monkeypatch):
    registry.set_alias(CHALLENGER, 2)
    holder.refresh()
    seen = []
    monkeypatch.setattr(model_holder, "_log_swap", lambda *_: seen.append(pair(holder)))
    registry.set_alias(CHAMPION, 2)
    holder.refresh()
    assert pair(holder) == (2, None)
    assert seen == [(2, None)]


def test_the_champion_before_stays_warm_even_beside_newer_versions(holder, registry, monkeypatch):
    registry.set_alias(CHAMPION, 2)
    registry.set_alias(CHALLENGER, 3)
    holder.refresh()
    registry.delete_alias(CHALLENGER)
    holder.refresh()
    monkeypatch.setattr(registry, "load", None)  # whoever loads now, fails
    registry.set_alias(CHAMPION, 1)
    holder.refresh()
    assert pair(holder) == (1, None)
    assert {served.version for served in holder._warm.values()} == {1, 2}


def test_without_an_alias_the_champion_serves_on(holder, registry):
    registry.delete_alias(CHAMPION)
    holder.refresh()
    assert pair(holder) == (1, None)


def test_a_version_of_another_contract_never_serves(holder, registry, trees, tmp_path, caplog):
    other = register(registry, trees, tmp_path / "other", contract_hash="0" * 64)
    registry.set_alias(CHAMPION, other)
    registry.set_alias(CHALLENGER, other)
    holder.refresh()
    assert pair(holder) == (1, None)
    assert "model refused" in caplog.messages


def test_while_the_champion_is_of_another_contract_its_successor_serves(registry, versions, trees, tmp_path):
    """What a release with other features begins with, before the one that serves goes."""
    other = register(registry, trees, tmp_path / "other", contract_hash="0" * 64)
    registry.set_alias(CHAMPION, other)
    registry.set_alias(SUCCESSOR, versions[1])
    holder = ModelHolder(registry)
    holder.refresh()
    assert (pair(holder), holder.problem) == ((versions[1], None), "")
    # The old release is gone, and the successor is champion.
    registry.set_alias(CHAMPION, versions[1])
    registry.delete_alias(SUCCESSOR)
    holder.refresh()
    assert (pair(holder), holder.problem) == ((versions[1], None), "")


def test_the_release_that_goes_serves_its_champion_whoever_succeeds(holder, registry, trees, tmp_path):
    other = register(registry, trees, tmp_path / "other", contract_hash="0" * 64)
    registry.set_alias(SUCCESSOR, other)
    holder.refresh()
    assert (pair(holder), holder.problem) == ((1, None), "")
    registry.set_alias(CHAMPION, other)
    registry.delete_alias(SUCCESSOR)
    holder.refresh()
    assert pair(holder) == (1, None)


def test_a_successor_of_a_third_contract_serves_nowhere(registry, versions, trees, tmp_path):
    other, third = (register(registry, trees, tmp_path / c, contract_hash=c * 64) for c in "01")
    registry.set_alias(CHAMPION, other)
    registry.set_alias(SUCCESSOR, third)
    holder = ModelHolder(registry)
    holder.refresh()
    assert pair(holder) == (None, None)
    assert "feature contract" in holder.problem


def test_a_refused_version_is_tried_again_only_after_a_while(holder, registry, trees, tmp_path, monkeypatch):
    other = register(registry, trees, tmp_path / "other", contract_hash="0" * 64)
    tried = []
    load = registry.load
    monkeypatch.setattr(
        registry, "load", lambda version, *known: tried.append(version) or load(version, *known)
    )
    monkeypatch.setattr(model_holder, "FIRST_REST_SECONDS", 1000.0)
    registry.set_alias(CHAMPION, other)
    for _ in range(3):
        holder.refresh()
    assert tried == [other]
    monkeypatch.setattr(model_holder, "FIRST_REST_SECONDS", 0.0)
    holder._refused.clear()
    holder.refresh()
    holder.refresh()
    assert tried == [other] * 3


def test_a_version_whose_files_were_away_serves_once_they_are_back(holder, registry, monkeypatch):
    monkeypatch.setattr(model_holder, "FIRST_REST_SECONDS", 0.05)
    file = registry._rest.file
    monkeypatch.setattr(registry._rest, "file", _no_file)
    registry.set_alias(CHAMPION, 2)
    for _ in range(3):
        holder.refresh()
        time.sleep(0.06)
    assert pair(holder) == (1, None)
    assert "no file" in holder.problem
    rests = [refused.rest for refused in holder._refused.values()]
    assert rests
    assert rests[0] > 0.05
    monkeypatch.setattr(registry._rest, "file", file)
    time.sleep(rests[0])
    holder.refresh()
    assert pair(holder) == (2, None)
    assert holder.problem == ""


def _no_file(source, name):
    raise NotFound(f"MLflow has no file {name} in {source}")


@pytest.mark.parametrize("trouble", ["deleted alias", "refused version", "deleted version", "no artifacts"])
def test_a_worker_that_starts_while_the_alias_names_no_sound_version_serves_the_ledgers_last_sound_champion(
    registry, versions, trees, tmp_path, monkeypatch, trouble
):
    """With an empty cache: the ledger says 3, then 2, then 1; the files of 3 are not those that were signed."""
    _tamper(registry, 3)
    registry.set_alias(CHAMPION, 3)
    if trouble == "deleted alias":
        registry.delete_alias(CHAMPION)
    elif trouble == "deleted version":
        registry._mlflow.client.delete_model_version(registry.model_name, "3")
    elif trouble == "refused version":
        other = register(registry, trees, tmp_path / "other", contract_hash="0" * 64)
        registry.set_alias(CHAMPION, other)
    else:
        file = registry._rest.file
        monkeypatch.setattr(
            registry._rest,
            "file",
            lambda source, name: file(source, name) if source != _source(registry, 3) else _away(),
        )
    holder = ModelHolder(registry, lambda: [3, 2, 1])
    try:
        holder.refresh()
    except NotReady:
        assert trouble == "no artifacts"
    assert pair(holder) == (2, None)
    if trouble != "no artifacts":
        assert holder.problem


def _source(registry, version):
    return registry.version(version).source


def _away():
    raise NotReady("MLflow answered 500")


def _tamper(registry, version):
    registry._mlflow.client.log_text(
        registry.version(version).run_id, "tree\nleaf_value=9\n", "model/model.txt"
    )


def test_while_the_alias_is_gone_an_alert_is_open_and_it_resolves_once_the_champion_serves(live, registry):
    store = MonitoringStore(live.database)

    def open_rules():
        worlds.look(live)
        return [alert.rule for alert in store.alerts(NOON.date(), NOON.date(), open_only=True)]

    assert open_rules() == []
    registry.delete_alias(CHAMPION)
    assert open_rules() == ["the champion does not serve"]
    assert live.predict().get_json()["model"]["version"] == 1
    _tamper(registry, 2)
    registry.set_alias(CHAMPION, 2)
    assert open_rules() == ["the champion does not serve"]
    registry.set_alias(CHAMPION, 1)
    assert open_rules() == []


def test_a_restored_registry_whose_numbers_mean_other_models_is_followed_by_content(
    holder, registry, versions, trees, tmp_path, monkeypatch
):
    """The same number names another run: neither the warm model nor the cached one serves for it."""
    other = register(registry, trees, tmp_path / "other", intercept=7.0)
    there = registry.version(other)
    bound = model_artifact.binding(Owner(registry.model_name, there.run_id), 1, _files(registry, other), KEYS)
    restored = replace(there, version=1, binding=bound)
    monkeypatch.setattr(registry, "aliased", lambda name: restored if name == CHAMPION else None)
    holder.refresh()
    assert pair(holder) == (1, None)
    assert holder.champion.model.manifest.calibration.intercept == 7.0


def _files(registry, version):
    folder = registry.fetch(version)
    return model_artifact.signed_files(model_artifact.signature_of(folder), KEYS)


def test_a_tampered_version_never_serves(holder, registry, versions, tmp_path):
    run_id = registry.version(2).run_id
    text = (tmp_path / "made1" / model_artifact.TREES).read_text()
    (tmp_path / "made1" / model_artifact.TREES).write_text(text.replace("leaf_value=", "leaf_value=9", 1))
    registry._mlflow.client.log_artifact(run_id, str(tmp_path / "made1" / model_artifact.TREES), "model")
    registry.set_alias(CHAMPION, 2)
    holder.refresh()
    assert pair(holder) == (1, None)


def test_while_mlflow_is_away_what_serves_serves_on_and_a_new_worker_begins_with_it(
    holder, registry, tmp_path
):
    away = ModelRegistry(NOWHERE, registry.model_name, tmp_path / "models", KEYS)
    holder._registry = away
    with pytest.raises(NotReady):
        holder.refresh()
    assert pair(holder) == (1, None)
    fresh = ModelHolder(away)
    with pytest.raises(NotReady):
        fresh.refresh()
    assert pair(fresh) == (1, None)


def test_while_the_cache_takes_no_new_version_a_worker_that_starts_serves_what_lies_in_it(
    holder, registry, monkeypatch
):
    monkeypatch.setattr(registry, "_download", _no_room)
    registry.set_alias(CHAMPION, 2)
    fresh = ModelHolder(registry)
    with suppress(NotReady):
        fresh.refresh()
    assert pair(fresh) == (1, None)
    for attempt in (registry.fetch, registry.audit):
        with pytest.raises(NotReady, match=r"model cache .*: No space left on device"):
            attempt(2)


def _no_room(found, folder):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_worker_that_never_had_a_model_says_so(tmp_path):
    holder = ModelHolder(ModelRegistry(NOWHERE, "ontime", tmp_path, KEYS))
    with pytest.raises(NotReady, match="not reachable"):
        holder.refresh()
    with pytest.raises(NotReady, match="no champion"):
        holder.require_champion()


@pytest.fixture
def live(postgres, stack_settings, mlflow_address, registry, versions):
    """The API over the registry of `versions`; promotions go through it."""
    stack_settings.public_keys_file.write_text("\n".join(KEYS.trusted()))
    settings = replace(stack_settings, model_name=registry.model_name)
    worlds.busy_morning(postgres)
    worlds.refresh_at(postgres, NOON)
    registry.delete_alias(CHAMPION)
    with worlds.serving(postgres, settings, mlflow_address) as api:
        worlds.look(api)
        assert promote(api, 1, None).status_code == 200
        worlds.look(api)
        yield api


def promote(api, version, expected, **more):
    body = {"version": version, "expected_version": expected, "reason": "a test"} | more
    return api.post("/v1/model/promote", body, "admin")


def rollback(api, **more):
    return api.post("/v1/model/rollback", {"reason": "a test"} | more, "admin")


def test_a_promotion_and_a_rollback_change_what_serves_and_are_in_the_ledger(live):
    row = promote(live, 2, 1, who="duty manager").get_json()
    assert (row["action"], row["from_version"], row["to_version"], row["who"]) == (
        "promote",
        1,
        2,
        "duty manager",
    )
    live.parts.models.refresh()
    assert live.predict().get_json()["model"]["version"] == 2
    shown = live.get("/v1/model", "predict").get_json()
    assert shown["champion"]["version"] == 2
    assert shown["champion"]["data_hash"] == "b" * 64
    assert [entry["to_version"] for entry in shown["ledger"]] == [2, 1]

    assert rollback(live, expected_version=1).status_code == 409
    assert rollback(live, to_version=1, expected_version=2).get_json()["to_version"] == 1
    live.parts.models.refresh()
    assert live.predict().get_json()["model"]["version"] == 1


def test_the_model_a_rollback_would_bring_back_is_shown(live):
    assert live.get("/v1/model", "predict").get_json()["previous"] is None
    promote(live, 2, 1)
    promote(live, 3, 2)
    previous = live.get("/v1/model", "predict").get_json()["previous"]
    assert previous["version"] == 2
    assert rollback(live).get_json()["to_version"] == previous["version"]


def test_a_stale_promotion_is_refused_and_says_what_serves(live):
    promote(live, 2, 1)
    assert "version 2 is serving" in assert_problem(promote(live, 3, 1), 409)["detail"]
    assert_problem(promote(live, 2, 2), 409)


def test_a_version_whose_files_were_changed_in_mlflow_is_not_promoted(live, registry):
    run_id = registry.version(2).run_id
    registry._mlflow.client.log_text(run_id, "tree\nleaf_value=9\n", "model/model.txt")
    assert "not the file that was signed" in assert_problem(promote(live, 2, 1), 409)["detail"]
    assert registry.alias(CHAMPION) == 1
    assert [row["to_version"] for row in live.get("/v1/model", "predict").get_json()["ledger"]] == [1]


def test_a_version_that_is_not_there_or_of_another_contract_is_not_promoted(live, registry, trees, tmp_path):
    assert_problem(promote(live, 99, 1), 404)
    assert_problem(promote(live, 2**31 - 1, 1), 404)
    other = register(registry, trees, tmp_path / "other", contract_hash="0" * 64)
    assert "contract" in assert_problem(promote(live, other, 1), 409)["detail"]
    assert registry.alias(CHAMPION) == 1


def test_a_rollback_passes_over_what_no_worker_can_load(live, registry, tmp_path):
    promote(live, 2, 1)
    promote(live, 3, 2)
    _tamper(registry, 2)
    row = rollback(live).get_json()
    assert row["to_version"] == 1
    assert "not the file that was signed" in row["evidence"]["passed_over"]["2"]
    assert registry.alias(CHAMPION) == 1


def test_a_rollback_to_a_named_version_that_no_worker_can_load_is_refused(live, registry):
    promote(live, 2, 1)
    promote(live, 3, 2)
    _tamper(registry, 2)
    assert "not the file that was signed" in assert_problem(rollback(live, to_version=2), 409)["detail"]
    assert registry.alias(CHAMPION) == 3
    assert Deployments(live.database).champion() == 3


def test_a_rollback_whose_answer_was_lost_goes_back_once(live, registry):
    promote(live, 2, 1)
    promote(live, 3, 2)
    first, again = rollback(live).get_json(), rollback(live).get_json()
    assert (first["to_version"], registry.alias(CHAMPION)) == (2, 2)
    assert again["deployment_id"] == first["deployment_id"]
    assert "asked for again" in again["note"]
    assert rollback(live, expected_version=2).get_json()["to_version"] == 1


def test_a_rollback_that_names_who_served_and_whose_answer_was_lost_is_no_conflict(live, registry):
    promote(live, 2, 1)
    promote(live, 3, 2)
    first, again = (rollback(live, expected_version=3).get_json() for _ in range(2))
    assert again["deployment_id"] == first["deployment_id"]
    assert registry.alias(CHAMPION) == 2


def test_a_rollback_for_another_reason_is_another_rollback(live, registry):
    promote(live, 2, 1)
    promote(live, 3, 2)
    rollback(live)
    assert rollback(live, reason="that one is bad too").get_json()["to_version"] == 1


def test_a_promotion_that_cannot_take_the_challengers_alias_away_is_a_success_with_a_note(
    live, registry, monkeypatch
):
    registry.set_alias(CHALLENGER, 2)
    monkeypatch.setattr(live.parts.registry._rest, "delete_alias", lambda *_: _away())
    answer = promote(live, 2, 1)
    assert answer.status_code == 200
    assert "alias challenger" in answer.get_json()["note"]
    assert registry.alias(CHAMPION) == 2


def test_with_nothing_to_go_back_to_a_rollback_is_refused(live):
    assert_problem(rollback(live), 404)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"version": 0}, "version"),
        ({"version": 2**31}, "version"),
        ({"version": "2"}, "version"),
        ({"expected_version": -1}, "expected_version"),
        ({"reason": ""}, "reason"),
        ({"reason": "  "}, "reason"),
        ({"reason": "a\0b"}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"force": True}, "force"),
    ],
    ids=str,
)
def test_a_change_request_that_does_not_fit_is_refused(api, changes, field):
    body = {"version": 2, "expected_version": 1, "reason": "a test"} | changes
    assert_field(api.post("/v1/model/promote", body, "admin"), field, ".")


def test_a_challenger_is_scored_beside_the_champion_on_the_same_vector(live, registry):
    registry.set_alias(CHALLENGER, 3)
    live.parts.models.refresh()
    made = live.predict().get_json()
    shown = live.get(f"/v1/predictions/{made['prediction_id']}", "predict").get_json()
    assert made["model"]["version"] == 1
    assert shown["challenger"]["version"] == 3
    assert shown["challenger"]["probability"] != shown["probability"]
    assert shown["model"]["data_hash"] == "b" * 64


def test_an_alias_moved_by_hand_is_followed_and_recorded_with_the_next_change(live, registry):
    registry.set_alias(CHAMPION, 3)
    live.parts.models.refresh()
    assert live.predict().get_json()["model"]["version"] == 3
    assert promote(live, 2, 3).status_code == 200
    actions = [row.action for row in Deployments(live.database).history()]
    assert actions == ["promote", "outside", "promote"]


def test_requests_never_fail_and_never_mix_models_while_champions_are_swapped(live, registry):
    """A thread swaps as the worker's own does; every answer is wholly one model's."""
    expected = {}
    for version in (1, 2, 3):
        registry.set_alias(CHAMPION, version)
        live.parts.models.refresh()
        expected[version] = live.predict().get_json()["probability"]
    assert len(set(expected.values())) == 3
    app_loop = live.app.extensions["loops"][1]
    app_loop._pause = 0.01
    app_loop.start()
    seen = set()
    try:
        for n in range(400):
            if n % 40 == 0:
                registry.set_alias(CHAMPION, n // 40 % 3 + 1)
            answer = live.predict()
            assert answer.status_code == 200
            body = answer.get_json()
            assert body["probability"] == expected[body["model"]["version"]]
            seen.add(body["model"]["version"])
    finally:
        app_loop.stop()
    assert seen == {1, 2, 3}
