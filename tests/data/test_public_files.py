"""The parsers of the public formats, against whatever a file may hold."""

import string
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from data.asos import MPH_A_KNOT
from data.bad_values import BadFile
from data.inbox import read_file
from domain.airports import AIRPORTS
from tests.data.public_files import asos_row, bts_row, write_rows

CODES = st.sampled_from(["EWR", "IAH", "DEN", "PHX", "LAX", "HNL", "SJU", "BQN"])
AUTUMN = datetime(2013, 11, 3, 3, tzinfo=UTC)
SPRING = datetime(2013, 3, 10, 3, tzinfo=UTC)
DEPARTURES = st.builds(
    lambda start, minutes: start + timedelta(minutes=minutes),
    st.sampled_from([AUTUMN, SPRING, datetime(2013, 7, 1, tzinfo=UTC)]),
    st.integers(0, 24 * 60),
)


def read(rows: list[dict[str, str]]):
    with TemporaryDirectory() as folder:
        content = read_file(write_rows(Path(folder) / "a.csv", rows), 0.01)
        return content.format, content.events, content.cleaning


def hhmm(moment: datetime, airport: str, midnight: str = "0000") -> str:
    text = f"{moment.astimezone(ZoneInfo(AIRPORTS[airport].zone)):%H%M}"
    return midnight if text == "0000" else text


def repeats(moment: datetime, airport: str) -> bool:
    """Whether the local time of a moment happens twice that day."""
    zone = ZoneInfo(AIRPORTS[airport].zone)
    local = moment.astimezone(zone)
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


@settings(max_examples=40, deadline=None)
@given(CODES, CODES, DEPARTURES, st.integers(45, 700), st.integers(-30, 900))
def test_times_come_back_over_midnights_zones_and_changes_of_clocks(origin, dest, departs, block, delay):
    assume(origin != dest)
    lands = departs + timedelta(minutes=block)
    # The file has no date for an arrival: in the hour that is there twice it means the first.
    assume(not repeats(lands, dest))
    local = departs.astimezone(ZoneInfo(AIRPORTS[origin].zone))
    row = bts_row(
        FlightDate=f"{local:%Y-%m-%d}", Origin=origin, Dest=dest, CRSDepTime=hhmm(departs, origin),
        CRSArrTime=hhmm(lands, dest, "2400"), CRSElapsedTime=f"{block}.00", ArrDelay=f"{delay}.00",
    )  # fmt: skip
    _, events, _ = read([row])
    by_kind = events.flight_events.set_index("kind")
    assert by_kind.loc["scheduled", "scheduled_departure"] == pd.Timestamp(departs)
    assert by_kind.loc["scheduled", "scheduled_arrival"] == pd.Timestamp(lands)
    assert by_kind.loc["arrived", "known_at"] == pd.Timestamp(lands + timedelta(minutes=delay))
    assert by_kind.loc["arrived", "flight_id"] == f"UA1545-{origin}-{local:%Y%m%d}"


def require_a_named_place(error: BadFile) -> None:
    assert all(bad.row in (3, None) and bad.reason and bad.column for bad in error.found)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(list(bts_row())), st.text(string.printable, max_size=12))
def test_whatever_stands_in_a_flights_field_it_is_read_or_named(column, value):
    assume(not set(value) & set('",\r\n#\x0b\x0c'))
    try:
        name, events, _ = read([bts_row(Flight_Number_Reporting_Airline="1"), bts_row(**{column: value})])
    except BadFile as error:
        require_a_named_place(error)
    else:
        assert name == "bts"
        assert len(events.flight_events) >= 3


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(list(asos_row())), st.text(string.printable, max_size=12))
def test_whatever_stands_in_an_observations_field_it_is_read_or_named(column, value):
    assume(not set(value) & set('",\r\n#\x0b\x0c'))
    try:
        name, events, _ = read([asos_row(), asos_row(valid="2013-04-12 15:51") | {column: value}])
    except BadFile as error:
        require_a_named_place(error)
    else:
        assert name == "asos"
        assert 1 <= len(events.weather_events) <= 2


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"a,b\n1,2\n", b"\x00\x01", b"station,valid\n", b"FL_DATE,CRS_DEP_TIME\n1"]
)
def test_what_is_no_such_file_is_refused(content, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(BadFile):
        read_file(path, 0.01)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 120))
def test_knots_become_miles_an_hour(knots):
    _, events, _ = read([asos_row(sknt=f"{knots}.00", p01i="T", gust="M")])
    [event] = events.weather_events.to_dict("records")
    assert event["wind_speed_mph"] == pytest.approx(knots * MPH_A_KNOT)
    assert event["precip_in"] == 0
    assert pd.isna(event["wind_gust_mph"])


def test_comments_before_the_header_do_not_shift_the_lines(tmp_path):
    path = write_rows(tmp_path / "a.csv", [asos_row(tmpf="warm")])
    path.write_text("#DEBUG: one\n#DEBUG: two\n" + path.read_text())
    with pytest.raises(BadFile, match=r"line 4, tmpf: expected a number, got 'warm'"):
        read_file(path, 0.01)


def test_every_bad_value_is_named_not_only_the_first(tmp_path):
    rows = [bts_row(DepDelay="x", Flight_Number_Reporting_Airline=str(n)) for n in range(1, 8)]
    with pytest.raises(BadFile) as caught:
        read_file(write_rows(tmp_path / "a.csv", rows), 0.01)
    assert [bad.row for bad in caught.value.found] == [2, 3, 4, 5, 6, 7, 8]
