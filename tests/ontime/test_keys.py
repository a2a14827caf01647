"""`ontime keys`, as an administrator uses it: a real PostgreSQL."""

import json
import subprocess

import pytest

from adapters.api_keys import KEY_FORM, ApiKeys, hash_key
from deploy.native import layout
from tests.documented import documented
from tests.ontime.forked import ontime
from tests.session import without_settings

pytestmark = pytest.mark.integration


@pytest.fixture
def environment(stack_environment) -> dict[str, str]:
    return without_settings() | stack_environment


def keys(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess:
    return ontime(environment, "keys", *words)


def test_a_key_is_made_listed_rotated_and_revoked(environment, postgres):
    made = keys(environment, "create", "erika", "--scope", "predict", "--scope", "ingest", "--days", "90")
    assert made.returncode == 0, made.stderr
    key = made.stdout.strip()
    assert KEY_FORM.fullmatch(key)
    (shown,) = json.loads(keys(environment, "list", "--json").stdout)
    assert (shown["name"], shown["scopes"], shown["last_used_at"]) == ("erika", ["ingest", "predict"], None)
    assert shown["expires_at"] > shown["created_at"]

    again = keys(environment, "rotate", "erika", "--overlap-hours", "0").stdout.strip()
    assert set(ApiKeys(postgres).load_active()) == {hash_key(again)}
    assert key not in keys(environment, "list", "--all").stdout
    assert "1 key revoked" in keys(environment, "revoke", "erika").stdout
    assert ApiKeys(postgres).load_active() == {}


def test_the_commands_of_operations_make_list_rotate_and_revoke_a_key(environment, postgres):
    made = documented(".venv/bin/ontime keys create dashboard --scope predict --days 365").run(environment)
    assert KEY_FORM.fullmatch(made.stdout.strip())
    assert "dashboard" in documented(".venv/bin/ontime keys list").run(environment).stdout
    rotated = documented(".venv/bin/ontime keys rotate dashboard").run(environment).stdout.strip()
    # The one before ends after a day.
    assert set(ApiKeys(postgres).load_active()) == {hash_key(key) for key in (made.stdout.strip(), rotated)}
    documented(".venv/bin/ontime keys revoke dashboard").run(environment)
    assert ApiKeys(postgres).load_active() == {}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["create", "x", "--scope", "root"], "scopes: expected one or more of predict, ingest, admin"),
        (["create", "admin.key", "--scope", "admin"], "delete the file and start again"),
        (["rotate", "admin.key"], "delete the file and start again"),
        (["create", "a\nline", "--scope", "predict"], "name: expected a name on one line"),
        (["rotate", "nobody"], "no active key is named 'nobody'"),
        (["revoke", "nobody"], "no active key is named 'nobody'"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(environment, words, expected):
    done = keys(environment, *words)
    assert done.returncode == 1
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["create", "x", "--scope", "predict", "--days", "3000000"], "less than or equal to 36500"),
        (["create", "x", "--scope", "predict", "--days", "99999999999"], "less than or equal to 36500"),
        (["rotate", "x", "--overlap-hours", "1e9"], "less than or equal to 876000"),
        (["rotate", "x", "--overlap-hours", "inf"], "less than or equal to 876000"),
        (["rotate", "x", "--overlap-hours", "nan"], "less than or equal to 876000"),
    ],
)
def test_a_time_that_no_key_has_is_refused_and_no_traceback(environment, postgres, words, expected):
    done = keys(environment, *words)
    assert done.returncode == 2
    assert expected in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr
    assert ApiKeys(postgres).load_all() == []


def test_a_files_key_that_was_revoked_is_not_called_recorded(environment, stack_settings):
    layout.make_secrets(stack_settings)
    assert keys(environment, "record").returncode == 0
    assert keys(environment, "revoke", "admin.key").returncode == 0
    done = keys(environment, "record")
    assert done.returncode == 1
    assert (
        f"{stack_settings.api_keys_dir / 'admin.key'}: revoked, and stays so: remove the file" in done.stdout
    )
    assert f"{stack_settings.api_keys_dir / 'predict.key'}: predict\n" in done.stdout
