import dataclasses
import uuid
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.label_store import LabelStore
from adapters.postgres import Database
from adapters.prediction_lines import COLUMNS, PredictionRecord, from_copy_line, to_copy_line
from adapters.prediction_log import PredictionLog
from domain.clock import minute_floor
from domain.errors import Conflict
from tests.builders import DAY, MINUTE, NOON, flight_id, prediction

APRIL_11 = date(2013, 4, 11)
HARD_TEXT = "tab\there \\ back\\n slash\nline\r ü 日本 🛫 \\N"
HARD_FLOATS = np.array([np.nan, np.inf, -np.inf, -0.0, 5e-324, 1.7976931348623157e308, 0.1, 1 / 3, 1e22])


@pytest.fixture
def log(postgres: Database) -> PredictionLog:
    return PredictionLog(postgres)


def block(*records: PredictionRecord) -> bytes:
    return b"".join(to_copy_line(record) for record in records)


def assert_same(left: PredictionRecord, right: PredictionRecord) -> None:
    for name in COLUMNS:
        a, b = getattr(left, name), getattr(right, name)
        if name == "features":
            assert a.tobytes() == b.tobytes()
        elif isinstance(a, float):
            np.testing.assert_equal(a, b)
        else:
            assert a == b, name


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"request_id": HARD_TEXT},
        {"features": HARD_FLOATS},
        {"features": np.array([1.5, np.nan])},
        {"features": np.array([])},
        {"features": np.arange(20.0).reshape(10, 2)[:, 1]},
        {"challenger_version": 4, "challenger_probability": 0.1 + 0.2},
        {"probability": float("nan")},
        {"served_at": NOON + timedelta(microseconds=123_456)},
    ],
)
def test_a_record_survives_line_and_table(log: PredictionLog, changes: dict[str, object]) -> None:
    record = prediction(**changes)
    line = to_copy_line(record)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert_same(from_copy_line(line), record)
    log.ship("a", 0, line)
    assert_same(log.find(record.prediction_id), record)


@given(text=st.text(), features=st.lists(st.floats(width=64), max_size=5), probability=st.floats())
def test_any_text_and_float_is_read_back_from_its_line(
    text: str, features: list[float], probability: float
) -> None:
    clean = text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
    values = np.array([float("nan") if f != f else f for f in features], dtype=np.float64)
    record = prediction(request_id=text, features=values, probability=probability)
    assert_same(from_copy_line(to_copy_line(record)), dataclasses.replace(record, request_id=clean))


def test_a_line_that_is_not_whole_is_refused() -> None:
    line = to_copy_line(prediction())
    with pytest.raises(ValueError, match="expected 20 fields"):
        from_copy_line(line[: len(line) // 2])


def test_a_nul_and_a_lone_surrogate_are_replaced(log: PredictionLog) -> None:
    record = prediction(request_id="nul\0 half \ud83d")
    log.ship("a", 0, to_copy_line(record))
    assert log.find(record.prediction_id).request_id == "nul\N{REPLACEMENT CHARACTER} half ?"


def test_rows_and_offset_move_together(log: PredictionLog) -> None:
    lines = block(prediction(1), prediction(2))
    assert log.offset("a") == 0
    assert log.ship("a", 0, lines) == len(lines)
    assert log.offset("a") == len(lines)
    with pytest.raises(Conflict, match="no longer 0"):
        log.ship("a", 0, block(prediction(3)))
    assert log.count() == 2
    log.forget("a")
    assert log.offset("a") == 0


def test_a_refused_line_stores_nothing(log: PredictionLog) -> None:
    good = block(prediction(1))
    with pytest.raises(ValueError, match="invalid input syntax for type uuid"):
        log.ship("a", 0, good + to_copy_line(prediction(2, prediction_id="no uuid")))
    assert (log.count(), log.offset("a")) == (0, 0)


def test_the_same_prediction_twice_is_refused(log: PredictionLog) -> None:
    line = block(prediction())
    with pytest.raises(ValueError, match="duplicate key"):
        log.ship("a", 0, line + line)


def test_months_get_their_partitions_as_they_come(log: PredictionLog, postgres: Database) -> None:
    new_year = NOON.replace(year=2014, month=1, day=1, hour=0)
    log.ship(
        "a",
        0,
        block(prediction(1), prediction(2, departure=new_year), prediction(3, departure=new_year + DAY)),
    )
    with postgres.transaction() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r' ORDER BY relname")
        names = [name for (name,) in cursor.fetchall()]
    assert names == ["predictions_2013_04", "predictions_2013_12", "predictions_2014_01"]
    assert log.count() == 3


def test_an_unknown_prediction_is_not_found(log: PredictionLog) -> None:
    assert log.find(str(uuid.uuid4())) is None


def test_predictions_of_a_day_come_with_the_labels_known_then(log: PredictionLog, postgres: Database) -> None:
    late_evening = NOON.replace(hour=23) + timedelta(hours=3)  # 12 April in UTC, 11 April in New York
    evening = prediction(3, departure=late_evening, flight_id="UA3-EWR-20130411", challenger_version=5)
    log.ship(
        "a",
        0,
        block(prediction(2), evening, prediction(1, as_of=NOON - 90 * MINUTE), prediction(9, NOON + DAY)),
    )
    labels = LabelStore(postgres)
    labels.append(flight_id(1), 40, NOON + DAY, "api")
    labels.append(flight_id(2), 5, NOON + DAY, "api")
    labels.append(flight_id(2), 25, NOON + 3 * DAY, "api", correct=True)

    columns = log.fetch(APRIL_11, known_by=NOON + 2 * DAY)
    assert columns.flight_id.tolist() == [flight_id(1), flight_id(2), "UA3-EWR-20130411"]
    np.testing.assert_equal(columns.arr_delay_minutes, [40, 5, np.nan])
    np.testing.assert_equal(columns.is_late, [1, 0, np.nan])
    assert columns.as_of.tolist()[0] == minute_floor(NOON) - 90
    assert columns.challenger_version.tolist() == [-1, -1, 5]
    assert columns.features.shape == (3, 0)
    np.testing.assert_equal(log.fetch(APRIL_11).is_late, [1, 1, np.nan])
    assert len(log.fetch(APRIL_11, date(2013, 4, 12))) == 4
    assert len(log.fetch(date(2013, 4, 13))) == 0


def test_features_are_fetched_bit_for_bit_for_one_contract(log: PredictionLog) -> None:
    ours = [prediction(n, as_of=NOON - n * MINUTE, features=np.roll(HARD_FLOATS, n)) for n in (1, 2)]
    other = prediction(3, contract_hash="d" * 64, features=np.zeros(2))
    log.ship("a", 0, block(*ours, other))
    columns = log.fetch(APRIL_11, contract_hash="c" * 64)
    assert (
        columns.features.tobytes() == np.array([np.roll(HARD_FLOATS, 2), np.roll(HARD_FLOATS, 1)]).tobytes()
    )
    assert log.fetch(APRIL_11, contract_hash="e" * 64).features.shape == (0, 0)
