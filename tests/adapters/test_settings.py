from dataclasses import fields
from pathlib import Path

import pytest

from adapters.settings import PROJECT_ROOT, Settings, example_env, read_settings
from domain.errors import ConfigurationError


def test_every_setting_is_documented_in_the_example_file():
    assert (PROJECT_ROOT / ".env.example").read_text().startswith(example_env())


def test_one_variable_moves_the_whole_state():
    settings = read_settings({"ONTIME_STATE_DIR": "/elsewhere"})
    assert settings.spool_dir == Path("/elsewhere/spool")
    assert settings.postgres_password_file == Path("/elsewhere/secrets/postgres_password")


def test_a_relative_state_dir_counts_from_the_project():
    assert read_settings({"ONTIME_STATE_DIR": "var/a"}).state_dir == PROJECT_ROOT / "var" / "a"


def test_a_single_path_can_be_set_on_its_own():
    settings = read_settings({"ONTIME_SPOOL_DIR": "/data/spool"})
    assert settings.spool_dir == Path("/data/spool")
    assert settings.model_cache_dir == PROJECT_ROOT / "var" / "models"


def test_pages_of_prefect_are_where_its_api_is_unless_a_browser_finds_them_elsewhere():
    inside = {"ONTIME_PREFECT_URL": "http://prefect-server:4200/api"}
    assert read_settings(inside).prefect_pages == "http://prefect-server:4200"
    mapped = read_settings(inside | {"ONTIME_PREFECT_PAGES_URL": "http://127.0.0.1:4201/"})
    assert mapped.prefect_pages == "http://127.0.0.1:4201"


def test_the_home_airport_is_three_letters():
    assert read_settings({"ONTIME_HOME_AIRPORT": "PHX"}).home_airport == "PHX"
    with pytest.raises(ConfigurationError, match=r"ONTIME_HOME_AIRPORT: expected an airport's three letters"):
        read_settings({"ONTIME_HOME_AIRPORT": "Phoenix"})


def test_a_port_that_is_no_number_is_refused_by_name():
    with pytest.raises(
        ConfigurationError, match=r"ONTIME_API_PORT: expected a whole number, 0 or more, got 'http'"
    ):
        read_settings({"ONTIME_API_PORT": "http"})


@pytest.mark.parametrize("name", [f.name.upper() for f in fields(Settings) if f.name.endswith("_port")])
@pytest.mark.parametrize("port", ["0", "65536", "99999"])
def test_a_port_that_there_is_not_is_refused_by_name(name, port):
    with pytest.raises(
        ConfigurationError, match=rf"ONTIME_{name}: expected a port, 1 to 65535, got '{port}'"
    ):
        read_settings({f"ONTIME_{name}": port})


def test_a_level_that_logging_does_not_have_is_refused_by_name():
    assert read_settings({"ONTIME_LOG_LEVEL": "debug"}).log_level == "debug"
    with pytest.raises(
        ConfigurationError, match=r"ONTIME_LOG_LEVEL: expected DEBUG, INFO, WARNING or ERROR, got 'loud'"
    ):
        read_settings({"ONTIME_LOG_LEVEL": "loud"})


@pytest.mark.parametrize(("said", "meant"), [("true", True), ("False", False)])
def test_a_switch_is_true_or_false(said, meant):
    assert read_settings({"ONTIME_PROMOTION_NEEDS_APPROVAL": said}).promotion_needs_approval is meant


def test_a_switch_of_another_value_is_refused_by_name():
    with pytest.raises(
        ConfigurationError, match=r"PROMOTION_NEEDS_APPROVAL: expected true or false, got '1'"
    ):
        read_settings({"ONTIME_PROMOTION_NEEDS_APPROVAL": "1"})


@pytest.mark.parametrize(
    "own",
    [
        {"ONTIME_DECISION_ALPHA": "0"},
        {"ONTIME_DECISION_ALPHA": "1"},
        {"ONTIME_DECISION_MARGIN": "0.05"},
        {"ONTIME_DECISION_MARGIN": "0.01", "ONTIME_DECISION_CLIP": "0.01"},
    ],
)
def test_what_no_account_of_evidence_can_be_kept_by_is_refused_at_the_start(own):
    with pytest.raises(ConfigurationError, match=f"{next(iter(own))}: expected"):
        read_settings(own)


def test_a_misspelt_setting_is_refused_and_the_known_ones_are_named():
    with pytest.raises(ConfigurationError, match=r"ONTIME_API_PROT: no such setting.*ONTIME_API_PORT"):
        read_settings({"ONTIME_API_PROT": "8000"})


def test_variables_of_other_programs_are_left_alone():
    assert read_settings({"HOME": "/root", "API_PORT": "1"}).api_port == 8000


def test_a_missing_secret_names_its_setting_and_file(tmp_path):
    settings = read_settings({"ONTIME_SIGNING_KEY_FILE": str(tmp_path / "key")})
    with pytest.raises(ConfigurationError, match=r"ONTIME_SIGNING_KEY_FILE: cannot read .*key: No such file"):
        _ = settings.signing_key


def test_an_empty_secret_is_refused(tmp_path):
    (tmp_path / "password").write_text("\n")
    settings = read_settings({"ONTIME_POSTGRES_PASSWORD_FILE": str(tmp_path / "password")})
    with pytest.raises(ConfigurationError, match="is empty"):
        _ = settings.postgres_password
