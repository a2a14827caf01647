import os
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psycopg2
import pytest

from adapters.embedded_postgres import (
    EmbeddedPostgres,
    create_databases,
    initialise,
    require_free_port,
    server_command,
    wait_ready,
)
from adapters.postgres import Database
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


def test_a_lock_of_a_dead_server_is_forgotten_even_if_its_pid_lives(server: EmbeddedPostgres) -> None:
    with server:
        pass
    (server.data_dir / "postmaster.pid").write_text(f"{os.getpid()}\n{server.data_dir}\n")
    with server as running:
        Database(running.parameters).listen().wait(0)


def test_a_cluster_is_made_once(server: EmbeddedPostgres, tmp_path: Path) -> None:
    leftover = tmp_path / "data.unfinished"
    leftover.mkdir()
    (leftover / "rubbish").write_text("of an interrupted attempt")
    assert initialise(server.data_dir, tmp_path / "password")
    assert not leftover.exists()
    assert not initialise(server.data_dir, tmp_path / "password")


def test_a_failed_initdb_says_why(tmp_path: Path) -> None:
    with pytest.raises(OntimeError, match="no-such-file"):
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


def test_the_command_never_runs_as_root(server: EmbeddedPostgres) -> None:
    command = server_command(server.data_dir, server.port)
    assert ("--reuid=65534" in command) == (os.geteuid() == 0)
    assert "fsync=off" not in command


def test_databases_are_created_once(
    postgres_server: EmbeddedPostgres, fresh_database: Callable[[], Database]
) -> None:
    name = fresh_database().parameters.database
    create_databases(postgres_server.parameters, [name])
    with pytest.raises(psycopg2.Error), fresh_database().transaction() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
