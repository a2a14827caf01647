import shlex
import signal
from pathlib import Path

import pytest
from supervisor.options import ServerOptions

from adapters.settings import Settings, read_settings
from deploy.native import layout
from deploy.native import programs as programs_module
from deploy.native.launcher import launched
from deploy.native.programs import programs, supervisor_configuration
from domain.errors import ConfigurationError
from services.health import CHECKS


@pytest.fixture
def settings(tmp_path) -> Settings:
    """A stack in a folder whose name has what configuration files trip over."""
    settings = read_settings({"ONTIME_STATE_DIR": str(tmp_path / "all;of it, 50% o'neill é")})
    layout.make_folders(settings)
    layout.make_secrets(settings)
    return settings


@pytest.fixture
def read_back(settings, tmp_path) -> dict:
    """Supervisord's own reading of the configuration, by program."""
    path = tmp_path / "supervisord.conf"
    path.write_text(supervisor_configuration(settings))
    options = ServerOptions()
    options.realize(["-c", str(path)])
    return {group.name: group.process_configs[0] for group in options.process_group_configs}


def test_supervisord_reads_what_we_meant(settings, read_back):
    for program in programs(settings):
        config = read_back[program.name]
        assert shlex.split(config.command) == launched(program.command, program.stop_signal, program.user)
        assert config.environment == program.environment


def test_every_program_is_started_again_whatever_ended_it(read_back):
    for config in read_back.values():
        assert config.autorestart is not False
        assert config.killasgroup
        assert config.startretries >= 1000


def test_every_program_has_a_probe_and_every_probe_a_program(settings):
    assert {program.name for program in programs(settings)} == set(CHECKS)


def test_every_log_is_bounded_and_in_the_state_folder(settings, read_back):
    for config in read_back.values():
        assert Path(config.stdout_logfile).is_relative_to(settings.state_dir)
        assert 0 < config.stdout_logfile_maxbytes <= 10 * 2**20


def test_no_password_is_on_a_command_line(settings):
    passwords = [file.read_text() for file in settings.api_keys_dir.iterdir() if "password" in file.name]
    assert len(passwords) >= 5
    for program in programs(settings):
        assert not [word for word in program.command for password in passwords if password in word]


def test_postgres_is_stopped_fast_whoever_is_connected(read_back):
    assert read_back["postgres"].stopsignal == signal.SIGINT


def test_a_checkout_from_which_mlflow_could_not_migrate_is_reported(settings, monkeypatch):
    monkeypatch.setattr(programs_module, "BIN", Path("/home/50%/ontime/.venv/bin"))
    with pytest.raises(
        ConfigurationError, match=r"a folder without % in its path: move /home/50%/ontime/.venv"
    ):
        programs(settings)
