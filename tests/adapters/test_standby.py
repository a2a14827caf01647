"""Reads from a real streaming standby: that they go there, wait for it, and go to the primary without it."""

import logging
import secrets
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.clock_store import ClockStore
from adapters.event_store import EventStore
from adapters.label_store import LabelStore
from adapters.migrations import migrate
from adapters.postgres import ConnectionParameters, Cursor, Database
from adapters.postgres_admin import MONITORING, create_databases, let_in
from adapters.prediction_lines import to_copy_line
from adapters.prediction_log import PredictionLog
from adapters.settings import Settings
from adapters.snapshots import Snapshot
from adapters.standby import APPLICATION, StandbyPolicy, StandbyReads, reads_of
from deploy.native.embedded_postgres import EmbeddedPostgres
from domain.errors import NotReady
from domain.features.catalogue import CONTRACT_HASH
from flows import parts as flow_parts
from flows import tasks
from flows.parts import make_parts
from tests.builders import DAY, NOON, arrived, prediction, scheduled
from tests.conftest import settings_for
from tests.session import free_port
from tests.standby import standby_of

pytestmark = pytest.mark.integration
NAME = "followed"
IMPATIENT = StandbyPolicy(patience_seconds=0.3)
FALLEN_BACK = "the primary is read in the place of the standby"


@pytest.fixture(scope="module")
def servers(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[EmbeddedPostgres, EmbeddedPostgres]]:
    """A primary and its standby. The primary commits durably: of what does not, no position is known at once."""
    home = tmp_path_factory.mktemp("followed")
    (home / "password").write_text(secrets.token_urlsafe(24))
    with EmbeddedPostgres(home / "primary", free_port(), home / "password", durable=True) as primary:
        create_databases(primary.parameters, [NAME])
        database = Database(primary.parameters.to_database(NAME))
        migrate(database)
        database.close()
        copy = tmp_path_factory.mktemp("standby")
        with standby_of(primary, copy, free_port()) as standby:
            yield primary, standby


@pytest.fixture
def primary(servers: tuple[EmbeddedPostgres, EmbeddedPostgres]) -> Iterator[Database]:
    database = Database(servers[0].parameters.to_database(NAME))
    yield database
    with database.transaction() as cursor:
        cursor.execute("TRUNCATE flight_events, labels, predictions, feature_ticks CASCADE")
    database.close()


@pytest.fixture
def standby(servers: tuple[EmbeddedPostgres, EmbeddedPostgres]) -> Iterator[EmbeddedPostgres]:
    yield servers[1]
    if servers[1].stopped:
        servers[1].start()
    replay(servers[1], "pg_wal_replay_resume()")


@pytest.fixture
def reads(primary: Database, standby: EmbeddedPostgres) -> Iterator[StandbyReads]:
    made = StandbyReads(primary, of(standby), IMPATIENT)
    yield made
    made.close()


def of(server: EmbeddedPostgres) -> ConnectionParameters:
    return server.parameters.to_database(NAME)


def replay(standby: EmbeddedPostgres, function: str) -> None:
    database = Database(of(standby))
    with database.transaction() as cursor:
        cursor.execute(f"SELECT {function} WHERE pg_is_in_recovery()")
    database.close()


def is_standby(cursor: Cursor) -> bool:
    cursor.execute("SELECT pg_is_in_recovery()")
    [(answer,)] = cursor.fetchall()
    return bool(answer)


def asked(database: Database) -> bool:
    """Whether the server of a database has been asked by connections of reads that are still open."""
    with database.transaction() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = %s", [APPLICATION])
        [(found,)] = cursor.fetchall()
    return bool(found)


def test_without_the_setting_the_primary_is_read_by_its_own_pool(primary: Database) -> None:
    assert reads_of(Settings(), primary) is primary


def test_the_settings_lead_to_the_standby(primary: Database, standby: EmbeddedPostgres) -> None:
    settings = Settings(postgres_replica_host="127.0.0.1", postgres_replica_port=standby.port)
    reads = reads_of(settings, primary)
    assert reads.parameters == of(standby)
    assert reads.run(is_standby)
    reads.close()


def test_a_read_is_the_standbys_and_finds_what_was_committed_the_moment_before(
    primary: Database, standby: EmbeddedPostgres, reads: StandbyReads
) -> None:
    store = EventStore(primary)
    for number in range(1, 21):
        store.append([scheduled(number)])
        flights, _ = EventStore(reads).facts(NOON, NOON - DAY)
        assert len(flights) == number
    there = Database(of(standby))
    assert asked(there)
    assert not asked(primary)
    assert reads.run(is_standby)
    there.close()


def test_a_snapshot_is_fixed_on_the_primary_and_read_from_the_standby(
    primary: Database, reads: StandbyReads
) -> None:
    EventStore(primary).append([scheduled(1), arrived(1, delay=20)])
    snapshot = Snapshot.now(primary, reads)
    EventStore(primary).append([scheduled(2), arrived(2)])
    assert snapshot.database is reads
    flights, _ = snapshot.facts(NOON + DAY, NOON - DAY)
    assert flights.flight_id.tolist() == ["UA1-EWR-20130411"]
    labels = snapshot.known_by(NOON + DAY, NOON.date(), NOON.date())
    assert labels.arr_delay_minutes.tolist() == [20]


def test_a_standby_that_lags_is_waited_for(primary: Database, reads: StandbyReads, standby) -> None:
    patient = StandbyReads(primary, of(standby), StandbyPolicy(patience_seconds=20))
    replay(standby, "pg_wal_replay_pause()")
    LabelStore(primary).append("UA1-EWR-20130411", 20, NOON, "test")
    resumed = threading.Timer(0.5, replay, [standby, "pg_wal_replay_resume()"])
    resumed.start()
    assert LabelStore(patient).count() == 1
    assert patient.run(is_standby)
    resumed.join()
    patient.close()


def test_one_that_lags_for_too_long_is_left_and_said_so(
    primary: Database, reads: StandbyReads, standby: EmbeddedPostgres, caplog: pytest.LogCaptureFixture
) -> None:
    replay(standby, "pg_wal_replay_pause()")
    LabelStore(primary).append("UA1-EWR-20130411", 20, NOON, "test")
    with caplog.at_level(logging.WARNING):
        assert LabelStore(reads).count() == 1
    [record] = [r for r in caplog.records if r.message == FALLEN_BACK]
    assert "it has not replayed" in record.reason
    assert not reads.run(is_standby)  # nor is it asked again at once


def test_one_that_is_away_is_left_and_asked_again_later(
    primary: Database, standby: EmbeddedPostgres, caplog: pytest.LogCaptureFixture
) -> None:
    reads = StandbyReads(primary, of(standby), replace(IMPATIENT, avoided_seconds=0))
    assert reads.run(is_standby)
    standby.stop(kill=True)
    with caplog.at_level(logging.WARNING):
        assert not reads.run(is_standby)
    assert [r.message for r in caplog.records] == [FALLEN_BACK]
    standby.start()
    assert reads.run(is_standby)
    reads.close()


def test_a_read_that_loses_its_standby_half_way_is_the_primarys(
    primary: Database, reads: StandbyReads, standby: EmbeddedPostgres
) -> None:
    LabelStore(primary).append("UA1-EWR-20130411", 20, NOON, "test")
    sides = []

    def work(cursor: Cursor) -> int:
        sides.append(is_standby(cursor))
        if sides[-1]:
            standby.stop(kill=True)
        cursor.execute("SELECT count(*) FROM labels")
        return int(cursor.fetchall()[0][0])

    assert reads.run(work) == 1
    assert sides == [True, False]


def test_a_server_that_is_no_standby_of_the_primary_is_not_read(
    primary: Database, caplog: pytest.LogCaptureFixture
) -> None:
    reads = StandbyReads(primary, primary.parameters, IMPATIENT)
    assert reads.row("count_labels") == (0,)
    [record] = [r for r in caplog.records if r.message == FALLEN_BACK]
    assert "is no standby of" in record.reason
    reads.close()


def test_what_would_write_is_refused_on_either(
    primary: Database, reads: StandbyReads, standby: EmbeddedPostgres
) -> None:
    def write() -> None:
        LabelStore(reads).append("UA1-EWR-20130411", 20, NOON, "test")

    with pytest.raises(NotReady, match="read-only"):
        write()
    with pytest.raises(NotReady, match="read-only"):
        reads.rows("make_partitions_ahead")
    assert LabelStore(primary).count() == 0
    assert not reads.run(is_standby)
    with pytest.raises(NotReady, match="read-only"):
        reads.rows("make_partitions_ahead")


def test_the_role_that_monitors_may_ask_both_where_they_are(
    primary: Database, standby: EmbeddedPostgres
) -> None:
    let_in(primary, {MONITORING: "a password"})
    owners = StandbyReads(primary, of(standby), StandbyPolicy(10))
    assert owners.run(is_standby), "it has the password too"
    owners.close()
    own = Database(primary.parameters.as_user(MONITORING, "a password"))
    reads = StandbyReads(own, of(standby).as_user(MONITORING, "a password"), StandbyPolicy(10))
    assert reads.run(is_standby)
    reads.close()
    own.close()


def test_a_monitoring_run_measures_from_the_standby_what_it_would_from_the_primary(
    primary: Database, standby: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ClockStore(primary).set_simulated(NOON + 2 * DAY)
    EventStore(primary).append([scheduled(1), scheduled(2), arrived(1, delay=30), arrived(2)])
    log = PredictionLog(primary)
    log.ship("api-1", 0, b"".join(to_copy_line(prediction(n, contract_hash=CONTRACT_HASH)) for n in (1, 2)))
    there = Database(of(standby))
    measured = []
    for host in ("127.0.0.1", ""):
        settings = replace(
            settings_for(primary, tmp_path), postgres_replica_host=host, postgres_replica_port=standby.port
        )
        own = make_parts(settings)
        monkeypatch.setattr(flow_parts, "make_parts", lambda _, own=own: own)
        flow_parts.parts.cache_clear()
        run = tasks.begin.fn(NOON.date())
        totals = tasks.count_predictions.fn(run)
        sample, _ = tasks.sample_predictions.fn(run, totals, totals, 1)
        quality = tasks.measure_quality.fn(run, tasks.fetch_facts.fn(run))
        measured.append(
            (totals.predictions, len(sample.predictions), quality.scheduled, repr(quality.measures))
        )
        assert asked(there) == bool(host)
        own.analysis.database.close()
        own.database.close()
    flow_parts.parts.cache_clear()
    there.close()
    assert measured[0] == measured[1]
    assert measured[0][:3] == (2, 2, 2)
