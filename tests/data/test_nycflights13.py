import numpy as np
import pandas as pd
import pandera.errors
import pytest

from data.nycflights13 import CleanedData, clean
from tests.data.raw import frame, raw_flight, raw_weather


def cleaned(*flights: dict, weather: list[dict] | None = None) -> CleanedData:
    return clean(frame(list(flights) or [raw_flight()]), frame(weather or [raw_weather()]))


def moment(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC")


def rows_of(data: CleanedData, what: str) -> int:
    (finding,) = [f for f in data.report.findings if what in f.what]
    return finding.rows


def test_times_become_utc_by_the_zone_of_each_end():
    flight = cleaned().flights.iloc[0]
    assert flight["flight_id"] == "UA1545-EWR-20130411"
    assert flight["scheduled_departure"] == moment("2013-04-11 15:00")
    assert flight["scheduled_arrival"] == moment("2013-04-11 18:50")


def test_an_arrival_past_midnight_is_on_the_next_day():
    late = raw_flight(sched_dep_time=2330, sched_arr_time=210, hour=23, minute=30, time_hour="2013-04-12T03:00:00Z",
                      dep_time=2340.0, arr_time=215.0)  # fmt: skip
    data = cleaned(late)
    assert data.flights["scheduled_arrival"][0] == moment("2013-04-12 07:10")
    assert rows_of(data, "past midnight") == 1


def test_midnight_written_as_2400_is_the_end_of_the_day():
    data = cleaned(
        raw_flight(sched_dep_time=2130, sched_arr_time=2400, hour=21, minute=30, time_hour="2013-04-12T01:00:00Z",
                   dep_time=2140.0, arr_time=5.0)
    )  # fmt: skip
    assert data.flights["scheduled_arrival"][0] == moment("2013-04-12 05:00")
    assert rows_of(data, "time of 2400") == 1
    assert rows_of(data, "arrival times that contradict") == 0


def test_a_flight_through_the_spring_change_lands_by_the_new_time():
    # 9 March 23:30 EST to 02:10 CST would be 08:10 UTC; Houston has 03:10 CDT by then.
    data = cleaned(
        raw_flight(month=3, day=9, sched_dep_time=2330, sched_arr_time=310, hour=23, minute=30,
                   time_hour="2013-03-10T04:00:00Z", dep_time=2340.0, arr_time=315.0)
    )  # fmt: skip
    assert data.flights["scheduled_arrival"][0] == moment("2013-03-10 08:10")
    assert rows_of(data, "change of clocks") == 1


def test_arizona_keeps_its_time_when_new_york_changes():
    data = cleaned(raw_flight(dest="PHX", sched_arr_time=1310, arr_time=1315.0))
    assert data.flights["scheduled_arrival"][0] == moment("2013-04-11 20:10")


def test_cancelled_and_diverted_flights_stay_and_are_distinguished():
    cancelled = raw_flight(
        dep_time=None, dep_delay=None, arr_time=None, arr_delay=None, air_time=None, tailnum=None
    )
    diverted = raw_flight(flight=2, arr_time=None, arr_delay=None, air_time=None)
    data = cleaned(cancelled, diverted)
    assert len(data.flights) == 2
    assert rows_of(data, "cancelled flights") == 1
    assert rows_of(data, "diverted flights") == 1
    assert rows_of(data, "without a tail number") == 1


def test_a_repeated_flight_is_dropped_and_counted():
    data = cleaned(raw_flight(), raw_flight(sched_dep_time=1105))
    assert len(data.flights) == 1
    assert rows_of(data, "repeated flights") == 1


def test_a_flight_to_an_unknown_airport_is_dropped_and_counted():
    data = cleaned(raw_flight(), raw_flight(flight=2, dest="ZZZ"))
    assert data.flights["dest"].tolist() == ["IAH"]
    assert rows_of(data, "missing from the table") == 1


def test_clock_times_that_contradict_the_delay_are_counted():
    data = cleaned(raw_flight(dep_time=1111.0), raw_flight(flight=2, arr_time=1455.0))
    assert rows_of(data, "departure times that contradict") == 1
    assert rows_of(data, "arrival times that contradict") == 1


def test_the_last_of_a_repeated_weather_hour_is_kept():
    data = cleaned(weather=[raw_weather(temp=50.0), raw_weather(temp=51.0)])
    assert data.weather["temp_f"].tolist() == [51.0]
    assert rows_of(data, "repeated hours") == 1


def test_the_hour_autumn_repeats_is_two_hours():
    twice = [raw_weather(month=11, day=3, hour=1, time_hour=f"2013-11-03T0{hour}:00:00Z") for hour in (5, 6)]
    data = cleaned(weather=twice)
    assert len(data.weather) == 2
    assert rows_of(data, "sharing a local hour") == 2


def test_an_impossible_wind_is_no_measurement():
    data = cleaned(weather=[raw_weather(wind_speed=1048.4)])
    assert np.isnan(data.weather["wind_speed_mph"][0])
    assert rows_of(data, "values of wind_speed_mph") == 1


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        ({"arr_delay": 11_000.0}, "arr_delay"),
        ({"dest": "EWR", "sched_arr_time": 1200}, "ends elsewhere"),
        ({"carrier": "UAL"}, "carrier"),
        ({"dep_delay": None}, "what arrived, departed"),
        ({"sched_arr_time": 1005, "arr_time": 1010.0}, "quarter of an hour"),
    ],
)
def test_a_row_that_breaks_a_rule_stops_the_ingest_and_names_the_rule(broken, rule):
    with pytest.raises(pandera.errors.SchemaErrors) as caught:
        cleaned(raw_flight(**broken))
    assert rule in str(caught.value)


def test_a_measure_outside_its_range_stops_the_ingest():
    with pytest.raises(pandera.errors.SchemaErrors, match="pressure_mb"):
        cleaned(weather=[raw_weather(pressure=10.0)])


def test_the_whole_dataset_is_kept_and_agrees_with_itself(dataset):
    found = {f["what"]: f["rows"] for f in dataset.cleaning["findings"]}
    assert dataset.cleaning["rows_kept"] == {"flights": 336_776, "weather": 26_115}
    assert found["cancelled flights"] == 8_255
    assert found["diverted flights"] == 1_175
    assert found["departures whose UTC hour contradicts the local time"] == 0
    assert found["departure times that contradict the delay"] == 0
    assert found["arrival times that contradict delay and zones"] == 1
