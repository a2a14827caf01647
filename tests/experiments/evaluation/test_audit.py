"""The audit finds the leaks that this data invites, and none in the vectors as they are."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest

from data.dataset import load_dataset
from data.facts import FactsInMemory, facts_of
from domain.clock import NEVER
from domain.features import history
from domain.features.catalogue import FEATURES
from experiments.evaluation.audit import Audit, audit, findings, probe, spoilt_flights, spoilt_weather
from experiments.evaluation.further import SECTIONS
from training.training_set import build

FIRST, LAST = date(2013, 2, 8), date(2013, 2, 9)
"""A Friday of snow."""


@pytest.fixture(scope="module")
def facts(dataset_dir):
    flights, weather = facts_of(load_dataset(dataset_dir).events)
    until = int(datetime(2013, 2, 13, tzinfo=UTC).timestamp() // 60)
    return flights.take(flights.sched_dep < until), weather.take(weather.known < until)


def rows_of(flights, weather):
    return build(
        FactsInMemory(flights, weather), FIRST, LAST, datetime(2013, 2, 12, tzinfo=UTC), (60, 360), 1
    )


@pytest.fixture(scope="module")
def rows(facts):
    rows = rows_of(*facts)
    # A sixth of the ticks: every hour of two days.
    return rows.take(rows.queries.as_of // 5 % 6 == 0)


def test_no_vector_moves_when_the_future_does(rows, facts):
    found = audit(rows, *facts)
    assert found.rows == len(rows) > 300
    assert (found.violations, found.features) == (0, {})
    assert set(found.newest) == {"schedule", "actual departure", "arrival", "cancellation", "weather"}
    assert max(found.newest.values()) <= 0


def test_arrivals_known_too_early_are_found(rows, facts):
    flights, weather = facts
    early = np.where(flights.arr_known == NEVER, NEVER, flights.arr_known - 20)
    found = audit(sampled(rows_of(replace(flights, arr_known=early), weather), rows), *facts)
    assert found.violations > 0.5 * found.rows
    assert any("arrival" in name or "en_route" in name for name in found.features)


def test_weather_known_when_its_hour_begins_is_found(rows, facts):
    flights, weather = facts
    found = audit(sampled(rows_of(flights, replace(weather, known=weather.known - 52)), rows), *facts)
    assert found.violations > 0.5 * found.rows
    assert {name.split("_")[0] for name in found.features} == {"weather"}


def test_a_feature_that_reads_what_is_not_known_yet_is_found(rows, facts, monkeypatch):
    unchanged = history.compute

    def leaking(scene):
        values = unchanged(scene)
        ahead = scene.flights.arr_delay[scene.flights.sched_dep > scene.ticks.first]
        return values | {"carrier": values["carrier"] + (ahead.mean() if len(ahead) else 0.0)}

    monkeypatch.setattr(history, "compute", leaking)
    found = audit(rows, *facts)
    assert found.violations > 0.8 * found.rows


@pytest.fixture(scope="module")
def probed(rows, facts):
    # Day and night, so that every window holds flights at one of them.
    return probe(rows, *facts, every=7)


def test_every_feature_moves_with_the_facts_it_is_made_of(probed):
    """An audit that spoilt what nothing looks at would pass whatever leaks."""
    of_the_question = {f.name for f in FEATURES if f.family == "schedule"}
    # What is to leave next is counted by its schedule alone, which is not spoilt.
    of_schedules = {f.name for f in FEATURES if f.name.endswith("_coming_1h")}
    assert set(probed.used) == {f.name for f in FEATURES} - of_the_question - of_schedules
    assert max(probed.used.values()) <= 0


def test_thirty_day_statistics_use_nothing_since_their_boundary(probed):
    slow = [minutes for name, minutes in probed.used.items() if name.endswith("_30d")]
    recent = [
        minutes for name, minutes in probed.used.items() if name.startswith("cohort") or "queue" in name
    ]
    assert slow
    assert max(recent) > -5
    assert max(slow) <= -15


def test_a_feature_an_hour_late_is_distinguished_from_one_that_is_not(rows, facts, monkeypatch):
    unchanged = history.compute
    monkeypatch.setattr(history, "compute", lambda scene: unchanged(an_hour_later(scene)))
    flights, weather = facts
    late = rows_of(flights, weather)
    found = probe(sampled(late, rows), flights, weather, every=29)
    names = [f.name for f in FEATURES if f.family == history.FAMILY]
    assert set(names) <= set(found.used)
    assert max(found.used[name] for name in names) <= -60


def an_hour_later(scene):
    """The scene, its arrivals reported an hour after they were known."""
    arr_known = scene.flights.arr_known
    later = np.where(arr_known == NEVER, NEVER, arr_known + 60)
    return replace(scene, flights=replace(scene.flights, arr_known=later))


def test_spoiling_leaves_what_was_known_as_it_was(facts):
    flights, weather = facts
    minute = int(flights.sched_dep[len(flights.sched_dep) // 2])
    generator = np.random.default_rng(1)
    spoilt = spoilt_flights(flights, minute, generator)
    for before, after in ((flights, spoilt),):
        kept = np.isin(before.flight_id, after.flight_id)
        known, again = before.take(kept).known_by(minute), after.known_by(minute)
        both = np.isin(again.flight_id, known.flight_id)
        assert np.array_equal(known.dep_known, again.take(both).dep_known)
        assert np.array_equal(known.arr_known, again.take(both).arr_known)
    assert not np.array_equal(
        flights.take(np.isin(flights.flight_id, spoilt.flight_id)).arr_delay, spoilt.arr_delay
    )
    seen, moved = weather.known_by(minute), spoilt_weather(weather, minute, generator).known_by(minute)
    assert np.array_equal(seen.values, moved.values, equal_nan=True)


def test_findings_of_parts_add_up():
    total = Audit()
    total.add(Audit(2, 1, 1, {"a": 1}, {"weather": -9}, {"origin_queue": -4}, 1))
    total.add(Audit(3, 2, 0, {}, {"weather": -5}, {"origin_queue": -2}, 1))
    said = findings(total, 1.0)
    assert (said["rows_checked"], said["ticks"], said["rows_that_differ"]) == (5, 3, 1)
    assert said["facts"] == [{"kind": "weather", "newest_known_at_less_as_of_minutes": -5}]
    families = {row["family"]: row for row in said["families"]}
    assert said["ticks_probed"] == 2
    assert families["queue"]["newest_known_at_less_as_of_minutes"] == -2
    assert families["schedule"]["newest_known_at_less_as_of_minutes"] is None


def test_the_section_of_the_report_says_what_was_found_and_shows_each_family_in_a_line():
    used = {"weather_temp_f": -3}
    total = Audit(rows=12_000, ticks=9, violations=1, newest={"schedule": -43_020}, used=used, probed=2)
    lines = SECTIONS["leakage"](findings(total, 1.0))
    assert "1 rows differ" in lines[2]
    assert "12,000 vectors" in lines[2]
    said = "\n".join(lines)
    assert "| schedule | 43,020 |" in said
    assert re.search(r"^\| weather \| \d+ \| 1 \| 3 \|$", said, re.MULTILINE)
    assert re.search(r"^\| schedule \| \d+ \| 0 \|  \|$", said, re.MULTILINE)


def sampled(rows, like):
    """Rows of the same questions."""
    key = np.char.add(rows.flight_id, rows.lead.astype(str))
    return rows.take(np.isin(key, np.char.add(like.flight_id, like.lead.astype(str))))
