import logging
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.clock_store import ClockStore
from adapters.deletion_store import DeletionStore
from adapters.migrations import migrate
from adapters.postgres import Database, query
from adapters.prediction_lines import COLUMNS, HEADER, to_copy_line
from adapters.prediction_log import PredictionLog
from adapters.settings import PROJECT_ROOT
from adapters.spool import SpoolWriter
from adapters.spool_reader import SpoolReader
from deploy.native.embedded_postgres import EmbeddedPostgres
from domain.errors import NotReady
from services import shipper as shipper_module
from services.shipper import Shipper, ship_the_rest
from tests.builders import DAY, NOON, prediction
from tests.ordinary_user import ordinary_users_folder
from tests.read_only import read_only


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def log(postgres: Database) -> PredictionLog:
    return PredictionLog(postgres)


def lines(n: int, **changes: object) -> bytes:
    return b"".join(to_copy_line(prediction(i % 9000 + 1, **changes)) for i in range(n))


def stored_ids(database: Database) -> list[str]:
    with database.transaction() as cursor:
        cursor.execute("SELECT prediction_id::text FROM predictions ORDER BY 1")
        return [name for (name,) in cursor.fetchall()]


def ids_of(block: bytes) -> list[str]:
    return sorted(line.split(b"\t")[0].decode() for line in block.splitlines())


def test_lines_are_shipped_once_and_a_living_worker_keeps_its_file(
    postgres: Database, folder: Path, log: PredictionLog
) -> None:
    writer, shipper = SpoolWriter(folder), Shipper(postgres, folder)
    writer.write(lines(3))
    assert shipper.ship() > 0
    assert shipper.ship() == 0
    writer.write(lines(2))
    shipper.ship()
    assert log.count() == 5
    (file,) = SpoolReader(folder).files()
    assert log.offset(file.name) == file.stat().st_size
    writer.close()
    shipper.ship()
    assert list(folder.iterdir()) == []
    assert log.offset(file.name) == 0
    assert log.count() == 5


def test_a_torn_last_line_of_a_dead_worker_is_dropped_and_said(
    postgres: Database, folder: Path, log: PredictionLog, caplog: pytest.LogCaptureFixture
) -> None:
    writer = SpoolWriter(folder)
    writer.write(lines(2))
    writer.close()
    (file,) = SpoolReader(folder).files()
    with file.open("ab") as stream:
        stream.write(lines(1)[:40])
    with caplog.at_level(logging.WARNING):
        Shipper(postgres, folder).ship()
    assert log.count() == 2
    assert not file.exists()
    assert [(r.message, r.bytes) for r in caplog.records] == [("torn line dropped", 40)]


def test_a_torn_line_of_a_living_worker_is_waited_for(
    postgres: Database, folder: Path, log: PredictionLog
) -> None:
    writer, shipper, line = SpoolWriter(folder), Shipper(postgres, folder), lines(1)
    writer.write(line[:50])
    assert shipper.ship() == 0
    writer.write(line[50:])
    assert shipper.ship() == len(line)
    assert stored_ids(postgres) == ids_of(line)
    writer.close()


def test_a_refused_line_is_set_aside_and_stops_no_other(
    postgres: Database, folder: Path, log: PredictionLog, caplog: pytest.LogCaptureFixture
) -> None:
    good, bad = lines(7), [to_copy_line(prediction(prediction_id=f"bad {n}")) for n in (1, 2)]
    writer = SpoolWriter(folder)
    writer.write(bad[0] + good + bad[1] + lines(1))
    writer.close()
    with caplog.at_level(logging.ERROR):
        Shipper(postgres, folder).ship()
    assert log.count() == 8
    (refused,) = folder.iterdir()
    assert refused.suffix == ".refused"
    assert refused.read_bytes() == bad[0] + bad[1]
    assert [r.message for r in caplog.records] == ["line refused"] * 2


@pytest.mark.parametrize("already", [0, 1])
def test_a_refused_line_that_the_disk_has_no_room_for_leaves_no_piece_and_is_set_aside_later(
    postgres: Database, folder: Path, log: PredictionLog, monkeypatch: pytest.MonkeyPatch, already: int
) -> None:
    """The limit on a file's size stops a write as a full disk does: with a part of it written."""
    monkeypatch.setattr(shipper_module, "UNKNOWN_SECONDS", 0.0)
    bad = [to_copy_line(prediction(prediction_id=f"bad {n}")) for n in range(already + 1)]
    writer, shipper = SpoolWriter(folder, header=HEADER), Shipper(postgres, folder)
    writer.write(b"".join(bad[:already]) + lines(1))
    shipper.ship()
    writer.write(lines(1) + bad[-1] + lines(1))
    writer.close()
    whole = HEADER + b"".join(bad[:already]) if already else b""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (max(len(whole), len(HEADER)) + 40, hard))
    try:
        shipper.ship()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    [refused] = folder.glob("*.refused")
    assert refused.read_bytes() == whole
    shipper.ship()
    assert refused.read_bytes() == HEADER + b"".join(bad)
    assert log.count() == 3
    assert SpoolReader(folder).files() == []


@pytest.mark.parametrize("broken", [b"no tabs at all\n", b"\n", b"\\.\n", b"a\tb\n", b"\xff\xfe\n"])
def test_a_line_that_is_no_prediction_at_all_is_set_aside_and_stops_no_other(
    postgres: Database, folder: Path, log: PredictionLog, broken: bytes
) -> None:
    writer = SpoolWriter(folder, header=HEADER)
    writer.write(lines(3) + broken + lines(2))
    writer.close()
    shipper = Shipper(postgres, folder)
    shipper.ship()
    assert log.count() == 5
    (refused,) = folder.iterdir()
    assert SpoolReader(folder).lines(refused) == [broken]


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "2013-04-11", "noon"])
def test_a_moment_that_cannot_be_costs_its_line_alone(
    postgres: Database, folder: Path, log: PredictionLog, moment: str
) -> None:
    fields = lines(1).split(b"\t")
    fields[COLUMNS.index("as_of")] = moment.encode()
    writer = SpoolWriter(folder, header=HEADER)
    writer.write(lines(1) + b"\t".join(fields) + lines(1))
    writer.close()
    Shipper(postgres, folder).ship()
    assert log.count() + len(list(folder.iterdir())) == 3


def test_files_of_an_earlier_and_of_a_later_release_are_shipped_by_their_own_columns(
    postgres: Database, folder: Path, log: PredictionLog
) -> None:
    """The later one has a column more, not at the end; its migration is already applied."""
    with postgres.transaction() as cursor:
        cursor.execute("ALTER TABLE predictions ADD COLUMN note text")
    later = "\t".join(["#columns", "note", *COLUMNS]).encode() + b"\n"
    earlier, now, then = (
        SpoolWriter(folder, "a"),
        SpoolWriter(folder, "b", HEADER),
        SpoolWriter(folder, "c", later),
    )
    old, new = lines(2), lines(2)
    earlier.write(old)
    now.write(new)
    record = prediction(7)
    then.write(b"of tomorrow\t" + to_copy_line(record))
    for writer in (earlier, now, then):
        writer.close()
    Shipper(postgres, folder).ship()
    assert list(folder.iterdir()) == []
    assert stored_ids(postgres) == sorted([*ids_of(old), *ids_of(new), record.prediction_id])
    with postgres.transaction() as cursor:
        cursor.execute("SELECT flight_id, note FROM predictions WHERE note IS NOT NULL")
        assert cursor.fetchall() == [(record.flight_id, "of tomorrow")]


def test_a_file_of_a_release_whose_migration_is_missing_waits_whole_and_stops_no_other(
    postgres: Database, folder: Path, log: PredictionLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipper_module, "UNKNOWN_SECONDS", 0.0)
    later = "\t".join(["#columns", *COLUMNS, "note"]).encode() + b"\n"
    then, now, shipper = (
        SpoolWriter(folder, "a", later),
        SpoolWriter(folder, "b", HEADER),
        Shipper(postgres, folder),
    )
    then.write(lines(2).replace(b"\n", b"\tof tomorrow\n"))
    now.write(lines(3))
    shipper.ship()
    assert log.count() == 3
    assert list(folder.glob("*.refused")) == []
    with postgres.transaction() as cursor:
        cursor.execute("ALTER TABLE predictions ADD COLUMN note text")
    shipper.ship()
    assert log.count() == 5
    then.close()
    now.close()


def test_a_file_that_cannot_be_read_waits_whole_and_stops_no_other(
    postgres: Database, log: PredictionLog, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A spool that root restored or copied; its owner is set right while the shipper runs."""
    monkeypatch.setattr(shipper_module, "UNKNOWN_SECONDS", 0.0)
    with ordinary_users_folder() as folder:
        foreign, own = folder / "a.spool", SpoolWriter(folder, "b", HEADER)
        foreign.write_bytes(HEADER + lines(2))
        foreign.chmod(0)
        own.write(lines(3))
        own.close()
        shipper = Shipper(postgres, folder)
        for _ in range(2):
            shipper.ship()
        assert log.count() == 3
        left = [(r.message, r.file) for r in caplog.records if r.levelname == "ERROR"]
        assert left == [("file left alone", "a.spool")]
        assert "Permission denied" in caplog.records[0].reason
        foreign.chmod(0o600)
        shipper.ship()
        assert log.count() == 5
        assert list(folder.iterdir()) == []


def test_a_file_whose_header_names_a_column_twice_waits_whole_and_stops_no_other(
    postgres: Database, folder: Path, log: PredictionLog
) -> None:
    twice = SpoolWriter(folder, "a", HEADER.replace(b"latency_us", b"as_of"))
    now, shipper = SpoolWriter(folder, "b", HEADER), Shipper(postgres, folder)
    twice.write(lines(2))
    now.write(lines(3))
    for writer in (twice, now):
        writer.close()
    shipper.ship()
    assert log.count() == 3
    (left,) = folder.iterdir()
    assert left.read_bytes().count(b"\n") == 3


def test_what_a_dead_worker_left_unnamed_and_unreadable_stops_no_file(
    postgres: Database, log: PredictionLog
) -> None:
    with ordinary_users_folder() as folder:
        unfinished, own = folder / "old.new", SpoolWriter(folder, "b", HEADER)
        unfinished.touch(0o000)
        os.utime(unfinished, (1, 1))
        own.write(lines(3))
        own.close()
        Shipper(postgres, folder).ship()
        assert log.count() == 3


def test_what_was_refused_is_shipped_once_it_was_mended(
    postgres: Database, folder: Path, log: PredictionLog
) -> None:
    with postgres.transaction() as cursor:
        cursor.execute("ALTER TABLE predictions ADD CONSTRAINT too_strict CHECK (flight_number < 2)")
    writer, shipper = SpoolWriter(folder, header=HEADER), Shipper(postgres, folder)
    writer.write(lines(3))
    writer.close()
    shipper.ship()
    assert log.count() == 1
    with postgres.transaction() as cursor:
        cursor.execute("ALTER TABLE predictions DROP CONSTRAINT too_strict")
    assert len(SpoolReader(folder).retry_refused()) == 1
    shipper.ship()
    assert log.count() == 3
    assert list(folder.iterdir()) == []
    assert SpoolReader(folder).retry_refused() == []


def test_the_next_months_partition_is_there_before_its_first_row(postgres: Database, folder: Path) -> None:
    ClockStore(postgres).set_simulated(NOON)
    Shipper(postgres, folder).ship()
    assert {"predictions_2013_04", "predictions_2013_05"} <= partitions(postgres)


def test_lines_of_a_month_that_was_dropped_meanwhile_are_stored(
    postgres: Database, folder: Path, log: PredictionLog
) -> None:
    writer, shipper = SpoolWriter(folder, header=HEADER), Shipper(postgres, folder)
    writer.write(lines(1))
    shipper.ship()
    DeletionStore(postgres).drop("predictions_2013_04")
    writer.write(lines(1))
    shipper.ship()
    assert log.count() == 1
    assert list(folder.glob("*.refused")) == []
    writer.close()


def test_a_partition_is_made_while_a_long_read_goes_on(postgres: Database, log: PredictionLog) -> None:
    log.ship("a", 0, lines(1))
    with postgres.transaction() as cursor:
        cursor.execute("SELECT count(*) FROM predictions")
        other = Database(postgres.parameters)
        with other.transaction() as impatient:
            impatient.execute("SET LOCAL lock_timeout = '2s'")
            impatient.execute(query("ensure_partition"), {"moment": NOON + 300 * DAY})
        other.close()
    assert "predictions_2014_02" in partitions(postgres)


def partitions(database: Database) -> set[str]:
    with database.transaction() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'predictions'::regclass"
        )
        return {name for (name,) in cursor.fetchall()}


def test_small_blocks_ship_all(postgres: Database, folder: Path) -> None:
    writer, block = SpoolWriter(folder, rotate_bytes=5_000), b""
    for _ in range(5):
        part = lines(10, departure=NOON + 25 * DAY)
        writer.write(part)
        block += part
    Shipper(postgres, folder, block_bytes=700).ship()
    assert stored_ids(postgres) == ids_of(block)
    writer.close()


def test_two_shippers_ship_each_line_once(postgres: Database, folder: Path) -> None:
    writer, first, second = SpoolWriter(folder), Shipper(postgres, folder), Shipper(postgres, folder)
    block = lines(5)
    writer.write(block)
    first.ship()
    second.ship()
    more = lines(5)
    writer.write(more)
    second.ship()
    first.ship()  # believes the old offset; the database knows better
    first.ship()
    assert stored_ids(postgres) == ids_of(block + more)
    writer.close()


def test_the_spool_waits_while_postgres_is_away(tmp_path: Path, folder: Path, free_port_number: int) -> None:
    password = tmp_path / "password"
    password.write_text("secret")
    with EmbeddedPostgres(tmp_path / "data", free_port_number, password, durable=True) as server:
        database = Database(server.parameters)
        migrate(database)
        writer, shipper, block = SpoolWriter(folder), Shipper(database, folder), lines(4)
        writer.write(block)
        shipper.ship()
        server.stop(kill=True)
        more = lines(4)
        writer.write(more)
        writer.close()
        with pytest.raises(NotReady):
            shipper.ship()
        server.start()
        shipper.ship()
        assert stored_ids(database) == ids_of(block + more)
        assert SpoolReader(folder).files() == []
        database.close()


def test_what_a_dead_worker_left_unnamed_is_removed(postgres: Database, folder: Path) -> None:
    folder.mkdir()
    old, young = folder / "old.new", folder / "young.new"
    old.touch()
    young.touch()
    os.utime(old, (1, 1))
    Shipper(postgres, folder).ship()
    assert list(folder.iterdir()) == [young]


WORKER = """
import os, sys
from pathlib import Path
from adapters.prediction_lines import to_copy_line
from adapters.spool import SpoolWriter
from tests.builders import prediction
writer = SpoolWriter(Path(sys.argv[1]), rotate_bytes=200_000)
acknowledged = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
n = 0
while True:
    n += 1
    records = [prediction(n % 9000 + 1) for _ in range(1 + n % 5)]
    writer.write(b"".join(map(to_copy_line, records)))
    os.write(acknowledged, "".join(r.prediction_id + "\\n" for r in records).encode())
"""


def test_every_acknowledged_prediction_is_stored_once_whoever_is_killed(
    postgres: Database, stack_environment: dict[str, str], tmp_path: Path
) -> None:
    """Workers and the shipper die by SIGKILL again and again; the log has every acknowledged line exactly once."""
    folder, acknowledged, chance = tmp_path / "spool", tmp_path / "acknowledged", random.Random(11)

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        environment = os.environ | stack_environment
        return subprocess.Popen(
            [sys.executable, *arguments], cwd=PROJECT_ROOT, env=environment, stderr=subprocess.DEVNULL
        )

    workers = [start("-c", WORKER, str(folder), str(acknowledged)) for _ in range(2)]
    shipper = start("-m", "services.shipper")
    try:
        for round_ in range(4):
            time.sleep(1.2 + chance.random())
            shipper.send_signal(signal.SIGKILL)
            shipper.wait()
            shipper = start("-m", "services.shipper")
            if round_ % 2:
                workers[0].send_signal(signal.SIGKILL)
                workers[0].wait()
                workers[0] = start("-c", WORKER, str(folder), str(acknowledged))
    finally:
        for process in (*workers, shipper):
            process.kill()
            process.wait()
    last = Shipper(postgres, folder)
    last.ship()
    stored, promised = stored_ids(postgres), set(acknowledged.read_text().split())
    assert len(promised) > 500
    assert len(stored) == len(set(stored))
    assert promised <= set(stored)
    assert SpoolReader(folder).files() == []


def test_the_process_stops_on_sigterm(
    postgres: Database, stack_environment: dict[str, str], log: PredictionLog
) -> None:
    folder = Path(stack_environment["ONTIME_STATE_DIR"]) / "spool"
    writer = SpoolWriter(folder)
    writer.write(lines(3))
    process = subprocess.Popen(
        [sys.executable, "-m", "services.shipper"],
        cwd=PROJECT_ROOT,
        env=os.environ | stack_environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for(lambda: log.count() == 3)
        process.send_signal(signal.SIGTERM)
        _, text = process.communicate(timeout=10)
    finally:
        process.kill()
    assert process.returncode == 0, text
    assert '"event": "stopped"' in text
    writer.close()


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def test_the_spool_waits_while_postgres_takes_no_writes(
    postgres: Database, folder: Path, log: PredictionLog
) -> None:
    writer, shipper = SpoolWriter(folder, header=HEADER), Shipper(postgres, folder)
    writer.write(lines(3))
    with read_only(postgres):
        for _ in range(2):
            with pytest.raises(NotReady):
                shipper.ship()
    assert list(folder.glob("*.refused")) == []
    shipper.ship()
    assert log.count() == 3
    writer.close()


def test_a_shipper_that_is_asked_to_end_ships_what_workers_that_end_write_last(
    postgres: Database, folder: Path, log: PredictionLog
) -> None:
    """A node that is drained: a worker and the shipper are asked in the same moment, and the worker takes longer."""
    writer, shipper = SpoolWriter(folder), Shipper(postgres, folder)
    writer.write(lines(2))

    def end_later() -> None:
        time.sleep(0.5)
        writer.write(lines(3))
        writer.close()

    worker = threading.Thread(target=end_later)
    worker.start()
    assert ship_the_rest(shipper, SpoolReader(folder), 30.0)
    worker.join()
    assert log.count() == 5
    assert list(folder.iterdir()) == []


def test_a_shipper_waits_no_longer_than_it_was_asked_to_for_a_worker_that_goes_on(
    postgres: Database, folder: Path, log: PredictionLog
) -> None:
    writer, shipper = SpoolWriter(folder), Shipper(postgres, folder)
    writer.write(lines(2))
    assert not ship_the_rest(shipper, SpoolReader(folder), 0.3)
    assert log.count() == 2
    writer.close()
