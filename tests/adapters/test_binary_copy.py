import numpy as np
import pytest

from adapters.binary_copy import (
    FLOAT8,
    INFINITY,
    INT4,
    TIMESTAMP,
    decode,
    encode,
    fetch,
    from_datetime64,
    minutes_down,
    minutes_up,
    send,
)
from adapters.postgres import Database
from domain.clock import NEVER

WIDTHS = {"name": "S4", "at": TIMESTAMP, "n": INT4, "x": FLOAT8}


def columns() -> dict[str, np.ndarray]:
    moments = np.array(["2013-01-01T05:00:01", "NaT"], dtype="datetime64[us]")
    return {
        "name": np.array(["EWR", "LONG"]),
        "at": from_datetime64(moments),
        "n": np.array([-(2**31), 7]),
        "x": np.array([np.nan, 1e-300]),
    }


def test_what_is_encoded_is_decoded() -> None:
    back = decode(encode(columns(), WIDTHS), WIDTHS)
    for name, values in columns().items():
        np.testing.assert_array_equal(back[name], values)


def test_postgres_reads_and_writes_the_same_stream(postgres: Database) -> None:
    with postgres.transaction() as cursor:
        cursor.execute("CREATE TEMP TABLE t (name varchar(4), at timestamptz, n integer, x double precision)")
        send(cursor, "t", columns(), WIDTHS)
        cursor.execute("SELECT rtrim(name), at::text, n, x::text FROM t ORDER BY n")
        assert cursor.fetchall() == [
            ("EWR", "2013-01-01 05:00:01+00", -(2**31), "NaN"),
            ("LONG", "infinity", 7, "1e-300"),
        ]
        back = fetch(cursor, "SELECT name, at, n, x FROM t WHERE n > %(low)s", {"low": 0}, WIDTHS)
    assert back["name"].tolist() == ["LONG"]
    assert back["at"].tolist() == [INFINITY]


def test_a_null_is_an_error(postgres: Database) -> None:
    with postgres.transaction() as cursor, pytest.raises(ValueError, match="expected"):
        fetch(cursor, "SELECT 'EWR '::text, now(), null::integer, 1.0::float8", {}, WIDTHS)


def test_a_text_of_another_width_is_an_error(postgres: Database) -> None:
    with postgres.transaction() as cursor, pytest.raises(ValueError, match="expected"):
        fetch(cursor, "SELECT 'TOO LONG'::text", {}, {"name": "S4"})


def test_minutes_are_rounded_as_asked() -> None:
    second = from_datetime64(
        np.array(["1970-01-01T01:00:01", "1969-12-31T23:59:59", "NaT"], dtype="datetime64[us]")
    )
    assert minutes_down(second).tolist() == [60, -1, NEVER]
    assert minutes_up(second).tolist() == [61, 0, NEVER]
    whole = from_datetime64(np.array(["1970-01-01T01:00"], dtype="datetime64[us]"))
    assert minutes_down(whole).tolist() == minutes_up(whole).tolist() == [60]
