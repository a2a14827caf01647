"""What waits in the spool is at /metrics, and no scrape asks the database for it."""

import re

import pytest

from adapters.spool_reader import SpoolReader
from app.spool_watch import SpoolWatch
from services.shipper import Shipper

pytestmark = pytest.mark.integration


def gauges(api) -> dict[str, float]:
    found = re.findall(r"^(ontime_\w+)(?:\{[^}]*\})? (\S+)$", api.get("/metrics").text, re.MULTILINE)
    return {name: float(value) for name, value in found}


def test_what_is_not_stored_is_counted_until_it_is_shipped(own_api):
    for _ in range(2):
        assert own_api.predict().status_code == 200
    own_api.parts.spool_watch.look()
    own_api.parts.spool_watch.look()
    waiting = gauges(own_api)
    assert waiting["ontime_unshipped_bytes"] > 100
    assert waiting["ontime_oldest_line_seconds"] > 0
    Shipper(own_api.database, own_api.parts.settings.spool_dir).ship()
    own_api.parts.spool_watch.look()
    stored = gauges(own_api)
    assert (stored["ontime_unshipped_bytes"], stored["ontime_oldest_line_seconds"]) == (0, 0)
    assert stored["ontime_spool_bytes"] > 100


def test_a_file_that_is_stored_further_has_no_old_line(own_api):
    own_api.predict()
    [file] = SpoolReader(own_api.parts.settings.spool_dir).files()
    places = iter([0, 0, 10])
    watch = SpoolWatch(own_api.parts.spooled, lambda name: next(places))
    ages = []
    for _ in range(3):
        watch.look()
        ages.append(gauges(own_api)["ontime_oldest_line_seconds"])
    assert ages[1] > ages[0] == ages[2] == 0
    assert file.stat().st_size > 10


def test_lines_that_were_refused_are_counted(own_api):
    folder = own_api.parts.settings.spool_dir
    (folder / "api-1.refused").write_bytes(b"broken\nbroken too\n")
    own_api.parts.spool_watch.look()
    assert gauges(own_api)["ontime_refused_lines"] == 2


def test_the_age_of_the_state_and_a_workers_latency_are_there(own_api):
    own_api.predict()
    found = gauges(own_api)
    assert found["ontime_state_age_seconds"] == 0
    assert 0 < found["ontime_latency_us"] < 60e6


def test_a_workers_latency_is_that_of_predictions_alone(own_api):
    own_api.predict()
    before = gauges(own_api)["ontime_latency_us"]
    for _ in range(3):
        assert own_api.get("/v1/predictions", "predict").status_code == 200
    assert gauges(own_api)["ontime_latency_us"] == before
