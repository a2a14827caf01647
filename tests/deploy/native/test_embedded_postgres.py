import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.postgres import Database
from deploy.native import embedded_postgres
from deploy.native.embedded_postgres import (
    EmbeddedPostgres,
    binary,
    initialise,
    require_callable,
    require_free_port,
    server_command,
    server_user,
    wait_ready,
)
from domain.errors import ConfigurationError, NotReady, OntimeError


@pytest.fixture
def server(tmp_path: Path, free_port_number: int) -> EmbeddedPostgres:
    password = tmp_path / "password"
    password.write_text("secret")
    return EmbeddedPostgres(tmp_path / "data", free_port_number, password, durable=True)


def test_rows_survive_a_killed_server(server: EmbeddedPostgres) -> None:
    with server:
        database = Database(server.parameters)
        with database.transaction() as cursor:
            cursor.execute("CREATE TABLE kept (n integer)")
            cursor.execute("INSERT INTO kept VALUES (7)")
        server.stop(kill=True)
        assert (server.data_dir / "postmaster.pid").exists()
    with server, database.transaction() as cursor:
        cursor.execute("SELECT n FROM kept")
        assert cursor.fetchall() == [(7,)]
    database.close()


def test_a_server_that_cannot_stop_is_killed(server: EmbeddedPostgres, monkeypatch) -> None:
    """As on a full disk, where its last checkpoint is written for ever."""
    monkeypatch.setattr(embedded_postgres, "STOP_SECONDS", 1.0)
    with server:
        pid = int((server.data_dir / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGSTOP)
        server.stop()
        assert not Path(f"/proc/{pid}").exists()
        server.start()


def test_a_lock_of_a_dead_server_is_forgotten_even_if_its_pid_lives(server: EmbeddedPostgres) -> None:
    with server:
        pass
    (server.data_dir / "postmaster.pid").write_text(f"{os.getpid()}\n{server.data_dir}\n")
    with server as running:
        Database(running.parameters).listen().wait(0)


def test_a_lock_whose_pid_is_now_another_clusters_server_is_forgotten(
    server: EmbeddedPostgres, postgres_server: EmbeddedPostgres
) -> None:
    assert postgres_server._process is not None
    with server:
        pass
    # As a server that was killed left it, of a cluster whose pid another has by now.
    (server.data_dir / "postmaster.pid").write_text(
        f"{postgres_server._process.pid}\n{server.data_dir}\n1\n5432\n\n127.0.0.1\n\nready\n"
    )
    with server as running:
        Database(running.parameters).listen().wait(0)


def test_a_lock_of_a_server_that_runs_stays(server: EmbeddedPostgres, tmp_path: Path) -> None:
    with server:
        initialise(server.data_dir, tmp_path / "password")
        assert (server.data_dir / "postmaster.pid").exists()


def test_a_cluster_is_made_once(server: EmbeddedPostgres, tmp_path: Path) -> None:
    leftover = tmp_path / "data.unfinished"
    leftover.mkdir()
    (leftover / "rubbish").write_text("of an interrupted attempt")
    assert initialise(server.data_dir, tmp_path / "password")
    assert not leftover.exists()
    assert not initialise(server.data_dir, tmp_path / "password")


def test_a_failed_initdb_says_why(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret")
    with pytest.raises(OntimeError, match=r'initdb failed: .*"pg_mine" is disallowed'):
        initialise(tmp_path / "data", tmp_path / "password", user="pg_mine")
    assert not (tmp_path / "data").exists()


def test_a_password_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(OntimeError, match=r"cannot use .*no-such-file: No such file"):
        initialise(tmp_path / "data", tmp_path / "no-such-file")
    assert not (tmp_path / "data").exists()


def test_a_wrong_password_does_not_get_in(server: EmbeddedPostgres) -> None:
    with server, pytest.raises(NotReady, match="password authentication failed"):
        replace(server.parameters, password="wrong").connect()


def test_a_taken_port_is_named_with_its_setting() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"ONTIME_POSTGRES_PORT: port {port} is taken"):
            require_free_port(port)


def test_waiting_ends_when_the_server_has_ended(server: EmbeddedPostgres) -> None:
    with pytest.raises(NotReady, match="ended while it was starting"):
        wait_ready(server.parameters, alive=lambda: False)


@pytest.mark.parametrize("sign", list('"$`\\'))
def test_a_folder_from_which_initdb_could_not_call_the_server_is_named(sign: str) -> None:
    with pytest.raises(
        ConfigurationError, match=f"without .* in its path, got {re.escape(f'/home/{sign}')};"
    ):
        require_callable(Path(f"/home/{sign}/__init__.py"))


def test_it_never_runs_as_root() -> None:
    assert (server_user() or os.geteuid()) != 0


def test_root_without_the_rights_to_become_another_user_is_reported_which() -> None:
    """A container may withhold them; here a process gives them up."""
    code = (
        "import ctypes, os; from deploy.native.embedded_postgres import server_user; "
        "[ctypes.CDLL(None).prctl(24, capability, 0, 0, 0) for capability in (1, 8)]; "
        "os.geteuid = lambda: 0; server_user()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert re.search(r"ConfigurationError: .* without the capabilities .*DAC_OVERRIDE.*SETPCAP", done.stderr)


def test_a_user_without_a_name_is_refused_before_anything_is_written(tmp_path, monkeypatch) -> None:
    """As `docker run --user` makes one: PostgreSQL's programs look up their user's name, and end without one."""
    nameless = 987_654_321
    (tmp_path / "password").write_text("secret")
    monkeypatch.setattr(os, "geteuid", lambda: nameless)
    with pytest.raises(ConfigurationError, match=f"user {nameless} has no name .*/etc/passwd"):
        initialise(tmp_path / "data", tmp_path / "password")
    assert [path.name for path in tmp_path.iterdir()] == ["password"]


def test_a_stack_keeps_what_it_acknowledged(server: EmbeddedPostgres) -> None:
    assert "fsync=off" not in server_command(server.data_dir, server.port)


@pytest.fixture
def home_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home that only its owner may enter, as root's is, with PostgreSQL's programs in it; umask 077."""
    home = tmp_path / "home, 50% o'neill é"
    home.mkdir(mode=0o700)
    site = binary("postgres").parents[3]
    programs = binary("postgres").parent.relative_to(site)
    for folder in (programs.parent, Path(f"{embedded_postgres.PACKAGE}.libs")):
        shutil.copytree(site / folder, home / folder)
    monkeypatch.setattr(embedded_postgres, "binary", lambda name: home / programs / name)
    mask = os.umask(0o077)
    yield home
    os.umask(mask)


def test_it_runs_in_a_home_that_only_its_owner_may_enter(home_of_one: Path, free_port_number: int) -> None:
    password = home_of_one / "secrets" / "password"
    password.parent.mkdir()
    password.write_text("secret")
    data = home_of_one / "var" / "stack" / "postgres"
    with EmbeddedPostgres(data, free_port_number, password) as server:
        Database(server.parameters).listen().wait(0)


def test_a_server_that_ends_at_its_start_says_what_its_log_says(server: EmbeddedPostgres) -> None:
    with server:
        pass
    (server.data_dir / "postgresql.conf").write_text("max_connections = many\n")
    with pytest.raises(NotReady, match=r"ended while it was starting(?s:.)*max_connections"):
        server.start()
