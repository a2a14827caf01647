from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest

from adapters.api_keys import KEY_FORM, ApiKeys, hash_key, new_key
from adapters.postgres import Database
from domain.errors import Conflict, InvalidInput, NotFound


@pytest.fixture
def keys(postgres: Database) -> ApiKeys:
    return ApiKeys(postgres)


def scopes_of(keys: ApiKeys) -> dict[str, frozenset[str]]:
    return {hashed: key.scopes for hashed, key in keys.load_active().items()}


def test_an_active_key_is_known_by_its_name(keys: ApiKeys) -> None:
    keys.create("dashboard", ["predict"])
    assert [key.name for key in keys.load_active().values()] == ["dashboard"]


def test_a_key_is_known_by_its_hash_and_scopes_only(keys: ApiKeys, postgres: Database) -> None:
    key = keys.create("dashboard", ["predict", "ingest"])
    assert KEY_FORM.fullmatch(key)
    assert scopes_of(keys) == {hash_key(key): frozenset({"predict", "ingest"})}
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


def test_a_key_expires_by_itself(keys: ApiKeys, postgres: Database) -> None:
    keys.create("visitor", ["predict"], timedelta(days=1))
    assert len(keys.load_active()) == 1
    with postgres.transaction() as cursor:
        cursor.execute("UPDATE api_keys SET expires_at = now()")
    assert keys.load_active() == {}
    assert [record.active for record in keys.load_all()] == [False]
    assert keys.create("visitor", ["predict"]), "the name is free again"


def test_a_name_has_one_key(keys: ApiKeys) -> None:
    keys.create("dashboard", ["predict"])
    with pytest.raises(Conflict, match="rotate or revoke"):
        keys.create("dashboard", ["predict"])


def test_a_rotated_key_ends_after_the_overlap(keys: ApiKeys) -> None:
    first = keys.create("dashboard", ["predict", "ingest"], timedelta(days=400))
    second = keys.rotate("dashboard", timedelta(hours=1))
    both = frozenset({"predict", "ingest"})
    assert scopes_of(keys) == {hash_key(first): both, hash_key(second): both}
    older, newer = keys.load_all()
    assert older.expires_at - newer.created_at <= timedelta(hours=1)
    assert newer.expires_at - newer.created_at == timedelta(days=400), (
        "a rotation makes no key that never ends"
    )
    third = keys.rotate("dashboard", timedelta(0))
    assert scopes_of(keys) == {hash_key(third): both}
    keys.create("for good", ["predict"])
    keys.rotate("for good", timedelta(hours=1))
    assert keys.load_all()[-1].expires_at is None
    with pytest.raises(NotFound, match="nobody"):
        keys.rotate("nobody", timedelta(0))


def test_the_key_of_a_new_file_takes_the_place_of_the_one_before(keys: ApiKeys) -> None:
    lost, own, kept = new_key("admin"), new_key("admin"), new_key("predict")
    keys.register("admin.key", ["admin"], lost)
    keys.register("predict.key", ["predict"], kept)
    assert keys.register("admin.key", ["admin"], own)
    assert set(keys.load_active()) == {hash_key(own), hash_key(kept)}
    assert not keys.register("admin.key", ["admin"], lost), "a revoked key stays revoked"


def test_it_is_seen_which_keys_are_in_use(keys: ApiKeys) -> None:
    used = keys.create("used", ["predict"])
    keys.create("idle", ["predict"])
    keys.record_uses([hash_key(used), "of no key"])
    seen = {record.name: record.last_used_at for record in keys.load_all()}
    assert seen["used"].utcoffset() == timedelta(0)
    assert seen["idle"] is None
    keys.record_uses([hash_key(used)])
    assert keys.load_all()[0].last_used_at == seen["used"], "to the minute"


def test_of_several_that_create_one_name_at_once_one_does(postgres: Database) -> None:
    databases = [Database(postgres.parameters) for _ in range(4)]
    at_once = Barrier(len(databases))

    def create(database: Database) -> str:
        with database.transaction():  # connected before the others begin
            pass
        at_once.wait()
        try:
            return ApiKeys(database).create("erika", ["predict"])
        except Conflict:
            return "refused"

    with ThreadPoolExecutor(len(databases)) as pool:
        made = list(pool.map(create, databases))
    for database in databases:
        database.close()
    assert made.count("refused") == 3
    assert len(ApiKeys(postgres).load_all()) == 1


@pytest.mark.parametrize("lifetime", [timedelta(days=3_000_000), timedelta.max, timedelta(0)])
def test_a_lifetime_that_no_key_has_is_refused(keys: ApiKeys, lifetime: timedelta) -> None:
    with pytest.raises(InvalidInput, match="lifetime: expected more than nothing and 36500 days at most"):
        keys.create("erika", ["predict"], lifetime)
    assert keys.load_all() == []


def test_an_overlap_that_no_rotation_has_is_refused(keys: ApiKeys) -> None:
    key = keys.create("erika", ["predict"])
    for overlap in (timedelta(seconds=-1), timedelta.max):
        with pytest.raises(InvalidInput, match="overlap: expected nothing or more and 36500 days at most"):
            keys.rotate("erika", overlap)
    assert set(keys.load_active()) == {hash_key(key)}


def test_a_key_that_was_made_to_expire_after_every_date_is_listed(keys: ApiKeys, postgres: Database) -> None:
    keys.create("erika", ["predict"])
    with postgres.transaction() as cursor:
        cursor.execute("UPDATE api_keys SET expires_at = '10240-01-01 00:00:00+00'")
    (listed,) = keys.load_all()
    assert listed.active
    assert listed.expires_at == datetime(9999, 12, 31, tzinfo=UTC)
