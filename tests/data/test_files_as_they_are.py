"""Files as people have them: odd rows, other zones, encodings, archives and headers."""

import csv
import gzip
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from data.inbox import DONE, REJECTED, FileReport, take_inbox, waiting
from tests.data.public_files import PREZIP, SELECTED, asos_row, bts_row, write_rows
from tests.data.stores import MemoryStore
from tests.ordinary_user import ordinary_users_folder

MOST_BAD = 0.01


def month(bad: list[dict[str, str]], good: int = 300) -> list[dict[str, str]]:
    """A file's rows, bad ones after the first ten."""
    rows = [bts_row(Flight_Number_Reporting_Airline=str(number)) for number in range(1, good + 1)]
    return rows[:10] + bad + rows[10:]


def take(store: MemoryStore, inbox: Path) -> FileReport:
    [report] = take_inbox(store, inbox, MOST_BAD)
    return report


def flights(store: MemoryStore) -> pd.DataFrame:
    return store.frame("flight_events").set_index(["flight_id", "kind"])


def observed(store: MemoryStore) -> list[str]:
    return store.frame("weather_events")["observed_at"].dt.strftime("%Y-%m-%dT%H:%MZ").tolist()


# Rows that do not fit.


def test_an_odd_row_is_set_aside_and_the_month_is_taken(store, inbox):
    odd = bts_row(Flight_Number_Reporting_Airline="901", DepDelay="soon", AirTime="2.5")
    write_rows(inbox / "april.csv", month([odd]))
    report = take(store, inbox)
    assert (report.status, report.accepted, report.rows_set_aside) == ("done", 900, 1)
    assert report.set_aside_in == "april.csv.rows.csv"
    assert "1 rows set aside in rejected/april.csv.rows.csv: line 12, AirTime" in report.line()
    with (inbox / REJECTED / "april.csv.rows.csv").open(newline="") as file:
        [row] = csv.DictReader(file)
    assert (row["line"], row["column"]) == ("12", "AirTime; DepDelay")
    assert (row["reason"], row["value"]) == (
        "expected a whole number; expected a whole number",
        "2.5; soon",
    )
    assert row["Flight_Number_Reporting_Airline"] == "901"
    found = json.loads((inbox / DONE / "april.csv.report.json").read_text())
    assert (found["rows_set_aside"], found["error_count"]) == (1, 2)


def test_the_rows_set_aside_are_taken_once_they_are_mended_and_once_only(store, inbox):
    odd = [bts_row(Flight_Number_Reporting_Airline=n, Dest=d) for n, d in (("901", "EWR"), ("902", "B0S"))]
    write_rows(inbox / "april.csv", month(odd))
    take(store, inbox)
    aside = inbox / REJECTED / "april.csv.rows.csv"
    assert len(aside.read_text().splitlines()) == 3
    text = (
        aside.read_text()
        .replace("UA,901,N14228,EWR,EWR", "UA,901,N14228,EWR,IAH")
        .replace("EWR,B0S", "EWR,BOS")
    )
    for _ in range(2):
        (inbox / aside.name).write_text(text)
        report = take(store, inbox)
        assert report.status == "done", report
    assert (report.accepted, report.duplicates) == (0, 6)
    assert flights(store).loc[("UA902-EWR-20130411", "scheduled"), "dest"] == "BOS"
    # The month itself, mended and dropped again, has nothing new then.
    odd = [
        bts_row(Flight_Number_Reporting_Airline="901"),
        bts_row(Flight_Number_Reporting_Airline="902", Dest="BOS"),
    ]
    write_rows(inbox / "april.csv", month(odd))
    assert (take(store, inbox).accepted, len(store.keys)) == (0, 906)


def test_a_row_of_another_width_is_set_aside_as_it_is(store, inbox):
    path = write_rows(inbox / "april.csv", month([]))
    path.write_text(path.read_text() + '2013-04-11,UA,1545,"N1"\n')
    report = take(store, inbox)
    assert (report.accepted, report.rows_set_aside) == (900, 1)
    with (inbox / REJECTED / "april.csv.rows.csv").open(newline="") as file:
        [row] = csv.DictReader(file)
    assert (row["line"], row["column"], row["value"]) == ("302", "row", '2013-04-11,UA,1545,"N1"')
    assert (row["Reporting_Airline"], row["Dest"]) == ("UA", "")


def test_a_carrier_whose_code_was_given_again_has_its_code(store, inbox):
    rows = [bts_row(Reporting_Airline=c, Flight_Number_Reporting_Airline="901") for c in ("PA (1)", "ML(1)")]
    odd = bts_row(Reporting_Airline="UA (1) x")
    write_rows(inbox / "april.csv", month([*rows, odd]))
    report = take(store, inbox)
    assert (report.status, report.accepted, report.rows_set_aside) == ("done", 906, 1)
    assert flights(store).loc[("PA901-EWR-20130411", "scheduled"), "carrier"] == "PA"
    assert ("ML901-EWR-20130411", "arrived") in flights(store).index


@pytest.mark.parametrize("odd", [(20,), (20, 22), (300,)], ids=str)
@pytest.mark.parametrize("last", ['"', '"6.00', '"6""'])
def test_a_row_whose_last_quote_is_not_closed_costs_no_other_row(last, odd, store, inbox):
    path = write_rows(inbox / "april.csv", month([]))
    lines = path.read_text().splitlines()
    for at in odd:
        lines[at] = lines[at].removesuffix(",") + f",{last}"
    path.write_text("\n".join(lines) + "\n")
    report = take(store, inbox)
    assert (report.status, report.rows_set_aside) == ("done", len(odd)), report
    assert report.accepted == 900 - 3 * len(odd)
    assert {(error["row"], error["reason"]) for error in report.errors} == {
        (at + 1, "a quote is not closed") for at in odd
    }


def test_impossible_blocks_and_double_departures_cost_only_themselves(store, inbox):
    rows = [
        bts_row(Flight_Number_Reporting_Airline="901", CRSArrTime="1001"),
        bts_row(Flight_Number_Reporting_Airline="902"),
        bts_row(Flight_Number_Reporting_Airline="902", ArrDelay="6.00"),
    ]
    write_rows(inbox / "april.csv", month(rows))
    report = take(store, inbox)
    assert (report.accepted, report.rows_set_aside) == (900, 3)
    assert {error["row"] for error in report.errors} == {12, 13, 14}


@pytest.mark.parametrize(
    "rows", [[], ["4/11/2013 12:00:00 AM,UA,1545"] * 3], ids=["none", "of another width"]
)
def test_a_file_without_a_row_that_can_be_read_is_refused_by_its_rows(rows, store, inbox):
    path = write_rows(inbox / "april.csv", [bts_row()])
    path.write_text("\n".join([path.read_text().splitlines()[0], *rows]) + "\n")
    report = take(store, inbox)
    assert report.status == "rejected"
    assert "cannot be read" not in report.line()
    assert ("expected 17 fields, found 3" if rows else "none of them usable") in report.line()


@pytest.mark.parametrize(
    ("elapsed", "arrives"), [("120.00", "06:30"), ("60.00", "05:30"), ("", "05:30"), ("130.00", "05:30")]
)
def test_an_arrival_in_the_hour_that_autumn_repeats_is_the_one_that_the_duration_confirms(
    elapsed, arrives, store, inbox
):
    night = {
        "FlightDate": "2013-11-02",
        "Origin": "ORD",
        "Dest": "LGA",
        "CRSDepTime": "2330",
        "CRSArrTime": "0130",
    }
    write_rows(inbox / "november.csv", [bts_row(**night, CRSElapsedTime=elapsed, AirTime="50.00")])
    take(store, inbox)
    found = flights(store)["scheduled_arrival"].dropna()
    assert [f"{moment:%d %H:%M}" for moment in found] == [f"03 {arrives}"]


def test_a_flight_that_arrives_before_it_departs_is_set_aside_with_its_reason(store, inbox):
    number = {"Flight_Number_Reporting_Airline": "901"}
    late = bts_row(**number, DepDelay="230.00", DepTime="1450", ArrDelay="1.00", ArrTime="1351")
    write_rows(inbox / "april.csv", month([late, late | {"FlightDate": "2013-04-12", "ArrDelay": "0.00"}]))
    report = take(store, inbox)
    assert (report.accepted, report.rows_set_aside) == (903, 1)
    assert "a flight arrives after it departs" in report.errors[0]["reason"]


@pytest.mark.parametrize(
    "odd",
    [
        {"ArrDelay": "xx"},
        {"CRSDepTime": "0760"},
        {"ArrDelay": "", "ArrTime": ""},
        {"Dest": "EWR"},
    ],
    ids=str,
)
@pytest.mark.parametrize("which", [0, 1])
def test_a_flight_never_takes_the_identity_of_another_leg_that_does_not_fit(which, odd, store, inbox):
    number = {"Flight_Number_Reporting_Airline": "901"}
    legs = [
        bts_row(**number, CRSDepTime="0800", DepTime="0810", ArrDelay="40.00"),
        bts_row(**number, CRSDepTime="1700", DepTime="1710", CRSArrTime="1950", ArrDelay="-4.00"),
    ]
    spoilt = [leg | odd if leg is legs[which] else leg for leg in legs]
    write_rows(inbox / "april.csv", month(spoilt))
    assert take(store, inbox).rows_set_aside == 2
    assert not flights(store).index.get_level_values("flight_id").str.startswith("UA901").any()
    write_rows(inbox / "mended.csv", legs)
    assert take(store, inbox).accepted == 6
    found = flights(store)["delay_minutes"]
    assert found[("UA901-EWR-20130411", "arrived")] == 40
    assert found[("UA901-EWR-2-20130411", "arrived")] == -4


@pytest.mark.parametrize(("bad", "status"), [(3, "done"), (4, "rejected")])
def test_more_odd_rows_than_the_share_refuse_the_file(bad, status, store, inbox):
    odd = [bts_row(Flight_Number_Reporting_Airline=str(900 + n), Cancelled="?") for n in range(bad)]
    write_rows(inbox / "april.csv", month(odd))
    report = take(store, inbox)
    assert report.status == status
    if status == "rejected":
        assert store.calls == []
        assert "4 of 304 rows do not fit, more than 1%; line 12, Cancelled" in report.line()


def test_a_death_after_rows_were_set_aside_leaves_one_table_of_them(store, inbox, monkeypatch):
    write_rows(inbox / "april.csv", month([bts_row(Flight_Number_Reporting_Airline="901", Cancelled="?")]))
    monkeypatch.setattr("data.ingest.CHUNK_ROWS", 400)
    store.dies_after = 1
    with pytest.raises(KeyboardInterrupt):
        take(store, inbox)
    store.dies_after = None
    report = take(store, inbox)
    assert (report.accepted, report.duplicates) == (500, 400)
    assert [path.name for path in (inbox / REJECTED).iterdir()] == ["april.csv.rows.csv"]


# On-time files.


@pytest.mark.parametrize(
    ("times", "delays"),
    [
        ({"DepTime": "1100", "ArrTime": "1350"}, [0, 0]),
        ({"DepTime": "1055", "ArrTime": "1340"}, [-5, -10]),
        ({"CRSDepTime": "2330", "CRSArrTime": "0220", "DepTime": "0015", "ArrTime": "0310"}, [45, 50]),
    ],
)
def test_a_flown_flight_without_delays_has_those_of_its_clock_times(times, delays, store, inbox):
    write_rows(inbox / "a.csv", [bts_row(DepDelay="", ArrDelay="", **times)])
    report = take(store, inbox)
    assert (report.status, report.accepted) == ("done", 3)
    found = store.frame("flight_events").dropna(subset=["delay_minutes"])["delay_minutes"]
    assert found.tolist() == delays
    assert [f["rows"] for f in report.cleaning["findings"] if "without a delay" in f["what"]] == [1]


@pytest.mark.parametrize("times", [{"ArrTime": ""}, {"ArrTime": "9999"}, {"ArrTime": "0700"}])
def test_a_flown_flight_whose_clock_times_do_not_tell_either_is_set_aside(times, store, inbox):
    write_rows(inbox / "a.csv", month([bts_row(Flight_Number_Reporting_Airline="901", ArrDelay="", **times)]))
    report = take(store, inbox)
    assert (report.accepted, report.rows_set_aside) == (900, 1)
    assert "the clock times do not show it" in report.errors[0]["reason"]


@pytest.mark.parametrize("turned", [False, True])
def test_of_a_diverted_flight_in_two_rows_the_scheduled_leg_counts(turned, store, inbox):
    rows = [
        bts_row(Dest="AUS", Diverted="1.00", ArrTime="", ArrDelay="", AirTime=""),
        bts_row(ArrTime="1700", ArrDelay="190.00"),
    ]
    write_rows(inbox / "a.csv", rows[::-1] if turned else rows)
    assert take(store, inbox).accepted == 3
    assert flights(store).loc[("UA1545-EWR-20130411", "scheduled"), "dest"] == "IAH"
    assert flights(store).loc[("UA1545-EWR-20130411", "arrived"), "delay_minutes"] == 190


def marketing(**changes: str) -> dict[str, str]:
    row = bts_row()
    number = row.pop("Flight_Number_Reporting_Airline")
    del row["Reporting_Airline"]
    return row | {
        "Marketing_Airline_Network": "UA", "Flight_Number_Marketing_Airline": number,
        "Operating_Airline ": "YX", "Flight_Number_Operating_Airline": "3901", "Duplicate": "N",
    } | changes  # fmt: skip


def test_the_marketing_carriers_table_gives_the_operating_carriers_flights_once(store, inbox):
    write_rows(inbox / "a.csv", [marketing(), marketing(Marketing_Airline_Network="AA", Duplicate="Y")])
    report = take(store, inbox)
    assert report.accepted == 3
    assert set(flights(store).index.get_level_values(0)) == {"YX3901-EWR-20130411"}
    assert [f["rows"] for f in report.cleaning["findings"] if "duplicates" in f["what"]] == [1]


HEADERS = {
    "prezipped": PREZIP,
    "selected": SELECTED,
    "until 2017": PREZIP | {"carrier": "UniqueCarrier", "flight": "FlightNum"},
    "selected before 2018": SELECTED | {"carrier": "UNIQUE_CARRIER", "flight": "FL_NUM"},
    "marketing, selected": SELECTED | {"duplicated": "DUP"},
    "lower case": {ours: theirs.lower() for ours, theirs in SELECTED.items()},
}


@pytest.mark.parametrize("names", HEADERS.values(), ids=HEADERS)
def test_the_columns_are_known_by_every_name_they_have_had(names, store, inbox):
    back = {theirs: ours for ours, theirs in PREZIP.items()}
    row = {names[back[name]]: value for name, value in bts_row().items() if back[name] in names}
    write_rows(inbox / "a.csv", [row | {names["duplicated"]: "N"} if "duplicated" in names else row])
    assert take(store, inbox).accepted == 3
    assert flights(store).loc[("UA1545-EWR-20130411", "arrived"), "delay_minutes"] == 5


def test_a_date_in_three_columns_is_one(store, inbox):
    row = bts_row()
    del row["FlightDate"]
    write_rows(inbox / "a.csv", [{"Year": "2013", "Month": "4", "DayofMonth": "11"} | row])
    assert take(store, inbox).accepted == 3
    assert ("UA1545-EWR-20130411", "arrived") in flights(store).index


# Observations.


def zoned(path: Path, zone: str, rows: list[dict[str, str]]) -> Path:
    write_rows(path, rows)
    path.write_text(f"#DEBUG: Format Typ    -> comma\n#DEBUG: Time Zone     -> {zone}\n" + path.read_text())
    return path


@pytest.mark.parametrize(
    ("zone", "valid", "hour"),
    [
        ("America/New_York", "2013-04-11 11:51", "2013-04-11T15:00Z"),
        ("America/New_York", "2013-01-11 11:51", "2013-01-11T16:00Z"),
        ("America/Phoenix", "2013-04-11 20:51", "2013-04-12T03:00Z"),
        ("Etc/UTC", "2013-04-11 15:51", "2013-04-11T15:00Z"),
    ],
)
def test_times_in_the_zone_that_the_comments_name_become_utc(zone, valid, hour, store, inbox):
    zoned(inbox / "a.csv", zone, [asos_row(valid=valid)])
    assert take(store, inbox).accepted == 1
    assert observed(store) == [hour]


def test_an_unknown_zone_is_refused_by_name(store, inbox):
    zoned(inbox / "a.csv", "Mars/Olympus", [asos_row()])
    report = take(store, inbox)
    assert report.status == "rejected"
    assert "Time Zone: expected a zone like Etc/UTC or America/New_York, got 'Mars/Olympus'" in report.line()


def test_an_hour_that_autumn_repeats_is_reported_by_the_report_or_set_aside(store, inbox):
    local = [f"2013-11-{day:02} {hour:02}:51" for day in range(1, 16) for hour in range(24)]
    rows = [asos_row(valid=valid) | {"metar": ""} for valid in local]
    rows.append(asos_row(valid="2013-11-03 01:51") | {"metar": "KEWR 030651Z 27009KT 10SM"})
    zoned(inbox / "a.csv", "America/New_York", rows)
    report = take(store, inbox)
    assert (report.accepted, report.rows_set_aside) == (360, 1)
    assert "2013-11-03T06:00Z" in observed(store)
    assert "2013-11-03T05:00Z" not in observed(store)
    # Set aside with the comments, so that the zone is still known when it comes back.
    assert "America/New_York" in (inbox / REJECTED / "a.csv.rows.csv").read_text()


def test_local_times_without_a_comment_are_found_out_by_the_reports(store, inbox):
    rows = [
        asos_row(valid=f"2013-04-11 {hour:02}:51") | {"metar": f"KEWR 11{hour + 4:02}51Z 27009KT 10SM"}
        for hour in range(5, 15)
    ]
    write_rows(inbox / "a.csv", rows)
    report = take(store, inbox)
    assert report.status == "rejected"
    assert "valid: expected UTC, or a comment that names the zone" in report.line()
    rows = [row | {"valid": row["metar"].replace("KEWR 11", "2013-04-11 ")[:13] + ":51"} for row in rows]
    write_rows(inbox / "a.csv", rows)
    assert take(store, inbox).accepted == 10


def test_a_reading_that_no_instrument_makes_is_blank_and_named(store, inbox):
    rows = [asos_row(), asos_row(valid="2013-04-11 16:51", relh="1308.98", drct="361")]
    write_rows(inbox / "a.csv", rows)
    report = take(store, inbox)
    assert (report.accepted, report.rows_set_aside) == (2, 0)
    weather = store.frame("weather_events").set_index("observed_at").sort_index()
    assert pd.isna(weather["humidity_pct"].iloc[1])
    assert weather["temp_f"].iloc[1] == 50
    assert "line 3, relh: no instrument reads it" in report.line()
    assert [(b["column"], b["value"]) for b in report.cleaning["blanked"]] == [
        ("relh", "1308.98"),
        ("drct", "361"),
    ]


def test_a_column_in_another_unit_is_not_blanked_but_refused(store, inbox):
    write_rows(
        inbox / "a.csv", [asos_row(valid=f"2013-04-11 {hour}:51", mslp="29.92") for hour in range(10, 20)]
    )
    report = take(store, inbox)
    assert report.status == "rejected"
    assert "another unit?" in report.line()


def test_of_five_minute_reports_the_routine_one_counts(store, inbox):
    rows = [asos_row(valid=f"2013-04-11 15:{m:02}", mslp="M", tmpf=f"{m}.0") for m in range(0, 60, 5)]
    write_rows(inbox / "a.csv", [*rows, asos_row(valid="2013-04-11 15:53", tmpf="70.0")])
    report = take(store, inbox)
    assert report.accepted == 1
    [event] = store.frame("weather_events").to_dict("records")
    assert event["temp_f"] == 70
    assert event["known_at"] == pd.Timestamp("2013-04-11T15:54Z")


# The files themselves.


def written(path: Path, content: bytes, compressed: str) -> None:
    if compressed == "gz":
        path.with_name("A.CSV.GZ").write_bytes(gzip.compress(content))
    elif compressed == "zip":
        with zipfile.ZipFile(path.with_name("A.ZIP"), "w") as archive:
            archive.writestr("T_ONTIME.CSV", content)
            archive.writestr("__MACOSX/._T_ONTIME.CSV", b"\x00\x05")
            archive.writestr(".DS_Store", b"\x00")
    else:
        path.with_name("A.CSV").write_bytes(content)


@pytest.mark.parametrize("compressed", ["", "gz", "zip"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])
def test_every_encoding_suffix_and_archive_is_read(encoding, compressed, store, inbox):
    write_rows(inbox / "a", [bts_row(Tail_Number="Zürich")])
    text = (inbox / "a").read_text()
    (inbox / "a").unlink()
    written(inbox / "a", text.encode(encoding), compressed)
    report = take(store, inbox)
    assert (report.status, report.accepted) == ("done", 3), report


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_every_delimiter_and_line_end_is_read(delimiter, ends, store, inbox):
    path = write_rows(inbox / "a.csv", [bts_row()])
    text = path.read_text().replace(",", delimiter)
    if delimiter == ";":
        text = "sep=;\n" + text.replace(".00", ",00")
    path.write_bytes(text.replace("\n", ends).encode())
    report = take(store, inbox)
    assert (report.status, report.accepted) == ("done", 3), report
    assert flights(store).loc[("UA1545-EWR-20130411", "arrived"), "delay_minutes"] == 5


@pytest.mark.parametrize("nothing", ["", "NA", "N/A", "NULL", "null", "NaN", "nan", "None"])
def test_a_value_that_is_not_there_is_read_however_the_tool_before_wrote_it(nothing, store, inbox):
    never = dict.fromkeys(("DepTime", "DepDelay", "ArrTime", "ArrDelay", "AirTime"), nothing)
    write_rows(inbox / "a.csv", [bts_row(), bts_row(FlightDate="2013-04-12", Cancelled="1.00", **never)])
    report = take(store, inbox)
    assert (report.status, report.rows_set_aside) == ("done", 0), report
    assert ("UA1545-EWR-20130412", "cancelled") in flights(store).index
    write_rows(inbox / "b.csv", [asos_row(gust=nothing)])
    assert take(store, inbox).accepted == 1


def test_empty_lines_before_the_header_do_not_shift_the_lines(store, inbox):
    path = write_rows(inbox / "a.csv", month([bts_row(Flight_Number_Reporting_Airline="901", AirTime="?")]))
    path.write_text("\n \n" + path.read_text())
    report = take(store, inbox)
    assert (report.accepted, report.rows_set_aside) == (900, 1)
    assert [error["row"] for error in report.errors] == [14]


def test_a_departure_at_2400_has_the_identity_of_the_day_that_begins_then(store, inbox):
    late, early = {"CRSDepTime": "2400", "CRSArrTime": "0250"}, {"CRSDepTime": "0600", "CRSArrTime": "0850"}
    write_rows(inbox / "a.csv", [bts_row(**late), bts_row(FlightDate="2013-04-12", **early)])
    assert take(store, inbox).status == "done"
    departures = flights(store).xs("scheduled", level="kind")["scheduled_departure"]
    assert {name: str(moment) for name, moment in departures.items()} == {
        "UA1545-EWR-20130412": "2013-04-12 04:00:00+00:00",
        "UA1545-EWR-2-20130412": "2013-04-12 10:00:00+00:00",
    }


def test_rows_set_aside_keep_their_files_delimiter(store, inbox):
    path = write_rows(inbox / "a.csv", month([bts_row(Flight_Number_Reporting_Airline="901", AirTime="?")]))
    path.write_text(path.read_text().replace(",", ";").replace(".00", ",00"))
    assert take(store, inbox).rows_set_aside == 1
    aside = inbox / REJECTED / "a.csv.rows.csv"
    (inbox / "mended.csv").write_text(aside.read_text().replace(";?;", ";200,00;"))
    assert take(store, inbox).accepted == 3


def test_an_archive_that_is_not_whole_stays_where_it_is_and_says_so(store, inbox):
    whole = gzip.compress(os.urandom(9000))
    (inbox / "cut.csv.gz").write_bytes(whole[:4000])
    (inbox / "damaged.csv.gz").write_bytes(whole[:12] + bytes(len(whole) - 30) + whole[-18:])
    (inbox / "none.csv.gz").write_bytes(b"\x1f\x8b torn")
    (inbox / "torn.ZIP").write_bytes(b"PK\x03\x04 torn")
    write_rows(inbox / "whole.csv", [bts_row()])
    *torn, good = take_inbox(store, inbox, MOST_BAD)
    assert {report.status for report in torn} == {"unreadable"}
    assert all("stays in the inbox: cannot be unpacked, is it whole?" in report.line() for report in torn)
    assert good.status == "done"
    assert [path.name for path in waiting(inbox)] == [
        "cut.csv.gz",
        "damaged.csv.gz",
        "none.csv.gz",
        "torn.ZIP",
    ]


@pytest.fixture
def somebodys_inbox() -> Iterator[Path]:
    """An inbox that an ordinary user owns, and that user as who runs the test."""
    with ordinary_users_folder() as folder:
        yield folder


def test_a_file_that_may_not_be_read_stays_where_it_is_and_says_so(store, somebodys_inbox):
    write_rows(somebodys_inbox / "secret.csv", [bts_row()]).chmod(0)
    report = take(store, somebodys_inbox)
    assert report.line() == "secret.csv: stays in the inbox: cannot be opened: Permission denied"
    assert (somebodys_inbox / "secret.csv").exists()


def test_an_inbox_that_may_not_be_written_says_so_by_its_settings_name(store, somebodys_inbox):
    somebodys_inbox.chmod(0o500)
    try:
        with pytest.raises(
            Exception, match=r"^inbox_dir: expected a folder that can be read and written, got"
        ):
            take(store, somebodys_inbox)
    finally:
        somebodys_inbox.chmod(0o700)


# Places and corrections.


def test_unknown_airports_are_named(store, inbox):
    rows = [
        bts_row(Flight_Number_Reporting_Airline=str(n), Dest="QQQ" if n < 3 else "IAH") for n in range(1, 6)
    ]
    write_rows(inbox / "a.csv", rows)
    write_rows(inbox / "b.csv", [asos_row(), asos_row(station="QQX")])
    some, weather = take_inbox(store, inbox, MOST_BAD)
    assert some.cleaning["unknown_airports"] == {"QQQ": 2}
    assert "rows of unknown airports: QQQ 2" in some.line()
    assert weather.cleaning["unknown_airports"] == {"QQX": 1}


@pytest.mark.parametrize(
    ("station", "airport"), [("TJSJ", "SJU"), ("PHNL", "HNL"), ("IWA", "AZA"), ("KEWR", "EWR")]
)
def test_stations_are_known_by_their_own_names(station, airport, store, inbox):
    write_rows(inbox / "a.csv", [asos_row(station=station)])
    assert take(store, inbox).accepted == 1
    assert store.frame("weather_events")["airport"].tolist() == [airport]


def test_a_year_has_its_own_zone_rules(store, inbox):
    rows = [
        bts_row(
            FlightDate=day, Origin="IND", Dest="ORD", CRSDepTime="1100", CRSArrTime="1200", AirTime="40.00"
        )
        for day in ("1995-07-11", "2013-07-11")
    ]
    write_rows(inbox / "a.csv", rows)
    assert take(store, inbox).accepted == 6
    departures = flights(store)["scheduled_departure"].dropna().dt.strftime("%Y %H:%M")
    assert set(departures) == {"1995 16:00", "2013 15:00"}


def test_a_year_without_zone_rules_is_refused(store, inbox):
    write_rows(inbox / "a.csv", [bts_row(FlightDate="1986-07-11")])
    report = take(store, inbox)
    assert report.status == "rejected"
    assert "FlightDate: expected a year from 1987 to 2050: no zone rules for others" in report.line()
