import pytest

from adapters.api_keys import KEY_FORM, ApiKeys, hash_key, new_key
from adapters.postgres import Database
from domain.errors import InvalidInput, NotFound


@pytest.fixture
def keys(postgres: Database) -> ApiKeys:
    return ApiKeys(postgres)


def test_a_key_is_known_by_its_hash_and_scopes_only(keys: ApiKeys, postgres: Database) -> None:
    key = keys.create("dashboard", ["predict", "ingest"])
    assert KEY_FORM.fullmatch(key)
    assert keys.load_active() == {hash_key(key): frozenset({"predict", "ingest"})}
    with postgres.transaction() as cursor:
        cursor.execute("SELECT api_keys::text FROM api_keys")
        assert key not in cursor.fetchone()[0]


def test_a_revoked_key_is_no_longer_active_and_stays_so(keys: ApiKeys) -> None:
    key = new_key("predict")
    assert keys.register("feed", ["predict"], key)
    assert not keys.register("feed", ["predict"], key), "again the same"
    assert keys.revoke("feed") == 1
    assert keys.load_active() == {}
    assert not keys.register("feed", ["predict"], key)
    assert keys.load_active() == {}


def test_after_a_rotation_only_the_keys_in_the_files_are_active(keys: ApiKeys) -> None:
    old, kept = keys.create("predict", ["predict"]), keys.create("ingest", ["ingest"])
    new = keys.create("predict", ["predict"])
    assert keys.revoke_others([new, kept]) == 1
    assert set(keys.load_active()) == {hash_key(new), hash_key(kept)}
    assert keys.revoke_others([new, kept]) == 0
    assert not keys.register("predict", ["predict"], old), "a revoked key stays revoked"


def test_revoking_an_unknown_name_is_an_error(keys: ApiKeys) -> None:
    with pytest.raises(NotFound, match="nobody"):
        keys.revoke("nobody")


@pytest.mark.parametrize("scopes", [[], ["root"], ["predict", "root"]])
def test_unknown_scopes_are_refused(keys: ApiKeys, scopes: list[str]) -> None:
    with pytest.raises(InvalidInput, match="scopes"):
        keys.create("x", scopes)


def test_a_weak_key_is_refused_without_being_shown(keys: ApiKeys) -> None:
    with pytest.raises(InvalidInput, match="ontime_<scope>_") as refusal:
        keys.register("x", ["predict"], "hunter2")
    assert "hunter2" not in str(refusal.value)


def test_an_admin_key_says_so() -> None:
    assert new_key("admin").startswith("ontime_admin_")
    assert new_key("admin") != new_key("admin")
