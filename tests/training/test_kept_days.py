import resource
import subprocess
import sys
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from adapters.engine import LocalEngine, engine_of, kept_by
from adapters.kept_arrays import KeptArrays
from adapters.settings import PROJECT_ROOT, read_settings
from data.facts import FactsInMemory
from domain import airports
from domain.airports import AIRPORTS
from domain.features.grid import DAY_MINUTES, SLOW_REFRESH_MINUTE
from domain.flights import (
    Announcements,
    FlightFacts,
    Network,
    Queries,
    Vocabulary,
    WeatherFacts,
    columns_of,
)
from tests.domain.months import months_of_facts, questions
from tests.training.sets import REQUEST, FlownStore
from training import kept_days
from training.kept_days import days_of
from training.run import make_model
from training.training_set import build
from training.vectors import vectors_on

MOST = 1_000_000_000
FIRST, LAST, AS_OF = date(2013, 4, 15), date(2013, 5, 12), datetime(2013, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def facts():
    return months_of_facts()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "vectors"


def keeping(folder, threads=1):
    return LocalEngine(threads, KeptArrays(folder, MOST))


def keys(queries, flights, weather):
    return [day.key for day in days_of(queries, flights, weather)]


class Counting(LocalEngine):
    """An engine that counts the questions whose vectors it computes."""

    computed = 0

    def map(self, work, pieces):
        pieces = list(pieces)
        self.computed += sum(len(piece[0]) for piece in pieces)
        return super().map(work, pieces)


def test_every_question_is_in_one_day_in_its_order(facts):
    asked = questions(facts)
    days = days_of(asked, *facts)
    assert np.sort(np.concatenate([day.rows for day in days])).tolist() == list(range(len(asked)))
    assert all((np.diff(day.rows) > 0).all() for day in days)
    assert len({day.key for day in days}) == len(days) > 15
    assert days_of(asked.take(slice(0, 0)), *facts) == []


@pytest.mark.parametrize("threads", [1, 2])
def test_vectors_that_were_kept_are_those_that_are_computed(facts, folder, threads):
    asked = questions(facts)
    computed = vectors_on(LocalEngine(), asked, *facts).tobytes()
    assert vectors_on(keeping(folder, threads), asked, *facts).tobytes() == computed
    again = Counting(threads, KeptArrays(folder, MOST))
    assert vectors_on(again, asked, *facts).tobytes() == computed
    assert again.computed == 0


def test_a_file_that_was_damaged_is_computed_again(facts, folder):
    asked = questions(facts)
    computed = vectors_on(keeping(folder), asked, *facts).tobytes()
    cut, altered = sorted(folder.iterdir())[:2]
    cut.write_bytes(cut.read_bytes()[:-8])
    content = bytearray(altered.read_bytes())
    content[-3] ^= 1
    altered.write_bytes(content)
    again = Counting(1, KeptArrays(folder, MOST))
    assert vectors_on(again, asked, *facts).tobytes() == computed
    assert 0 < again.computed < len(asked)
    assert vectors_on(last := Counting(1, KeptArrays(folder, MOST)), asked, *facts).tobytes() == computed
    assert last.computed == 0


def test_a_limit_that_holds_a_part_and_a_disk_that_is_full_change_no_vector(facts, folder):
    asked = questions(facts)
    computed = vectors_on(LocalEngine(), asked, *facts).tobytes()
    vectors_on(keeping(folder), asked, *facts)
    size = sum(file.stat().st_size for file in folder.iterdir())
    few = LocalEngine(1, KeptArrays(folder, size // 3))
    for _ in range(2):
        assert vectors_on(few, asked, *facts).tobytes() == computed
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        assert vectors_on(keeping(folder.with_name("full")), asked, *facts).tobytes() == computed
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_week_later_only_the_newest_days_and_the_first_are_computed(facts, folder):
    store, week = FactsInMemory(*facts), timedelta(days=7)
    first, last, as_of = date(2013, 4, 8), date(2013, 5, 5), datetime(2013, 5, 7, 12, tzinfo=UTC)
    build(store, first, last, as_of, engine=keeping(folder))
    before = len(list(folder.iterdir()))
    engine = Counting(1, KeptArrays(folder, MOST))
    later = build(store, first + week, last + week, as_of + week, engine=engine)
    assert later.data_hash == build(store, first + week, last + week, as_of + week).data_hash
    days = (later.queries.as_of - SLOW_REFRESH_MINUTE) // DAY_MINUTES
    # A day from 08:00 UTC has questions of two local days; facts of the day after the last may count in it too.
    changed = (days >= days.max() - 8) | (days <= days.min() + 1)
    assert 0 < engine.computed <= changed.sum() < len(later)
    assert len(list(folder.iterdir())) - before <= 11


def test_a_name_is_what_counts_not_the_code_that_a_process_gave_it(facts):
    flights, weather = facts
    asked = questions(facts)

    def turned(names, codes):
        order = names[::-1]
        back = np.array([order.index(name) for name in names])
        return Vocabulary(list(order), {name: i for i, name in enumerate(order)}), back[codes]

    places, origin = turned(flights.network.airports.names, flights.origin)
    carriers, carrier = turned(flights.network.carriers.names, flights.carrier)
    _, dest = turned(flights.network.airports.names, flights.dest)
    _, airport = turned(flights.network.airports.names, weather.airport)
    network = Network(carriers, places)
    other = (
        replace(flights, network=network, origin=origin, dest=dest, carrier=carrier),
        replace(weather, network=network, airport=airport),
    )
    assert keys(asked, *other) == keys(asked, *facts)
    assert (
        vectors_on(LocalEngine(), asked, *other).tobytes()
        == vectors_on(LocalEngine(), asked, *facts).tobytes()
    )


@pytest.mark.parametrize("column", [name for name in columns_of(FlightFacts) if name != "sched_dep"])
def test_another_value_of_a_flight_is_another_key_of_the_days_that_it_counts_in(facts, column):
    flights, weather = facts
    asked = questions(facts)
    at = len(flights) // 2
    values = getattr(flights, column).copy()
    if column == "flight_id":
        values[at] = "UA9-EWR-20130401"
    else:
        values[at] = (values[at] + 1) % 2 if column in ("carrier", "origin", "dest") else values[at] - 1
    changed = keys(asked, replace(flights, **{column: values}), weather)
    away = [
        abs(int(asked.as_of[day.rows].min()) - int(flights.sched_dep[at])) > 33 * DAY_MINUTES
        for day in days_of(asked, *facts)
    ]
    same = [a == b for a, b in zip(keys(asked, *facts), changed, strict=True)]
    assert not all(same)
    assert all(kept for kept, far in zip(same, away, strict=True) if far)


def test_another_observation_is_another_key(facts):
    flights, weather = facts
    asked = questions(facts)
    at = int(np.searchsorted(weather.known, asked.as_of.max())) - 1
    for column in columns_of(WeatherFacts):
        values = getattr(weather, column).copy()
        values[at] = values[at] - 1 if column != "airport" else (values[at] + 1) % 3
        assert keys(asked, flights, replace(weather, **{column: values})) != keys(asked, *facts)


@pytest.mark.parametrize("column", [field.name for field in fields(Queries)])
def test_another_question_is_another_key_of_its_day_alone(facts, column):
    asked = questions(facts)
    values = getattr(asked, column).copy()
    values[3] = "B7" if values.dtype.kind == "U" else values[3] - 1
    other = keys(replace(asked, **{column: values}), *facts)
    assert sum(a != b for a, b in zip(keys(asked, *facts), other, strict=True)) == 1


def test_what_an_airport_is_and_what_computes_are_in_the_key(facts, monkeypatch):
    asked = questions(facts)
    before = keys(asked, *facts)
    kept_days._airport.cache_clear()
    monkeypatch.setitem(airports.AIRPORTS, "IAH", AIRPORTS["IAH"]._replace(zone="America/Denver"))
    assert set(before).isdisjoint(keys(asked, *facts))
    kept_days._airport.cache_clear()
    monkeypatch.undo()
    assert keys(asked, *facts) == before
    monkeypatch.setattr(kept_days, "MADE_BY", "other code")
    assert set(before).isdisjoint(keys(asked, *facts))


def test_what_was_announced_of_a_flight_is_in_the_key_of_the_days_that_it_counts_in(facts):
    flights, weather = facts
    asked = questions(facts)

    def announced(at, delay):
        known = np.array([int(flights.sched_dep[at]) - 90])
        said = Announcements(
            flights.flight_id[[at]], np.array(["departure_estimated"]), known, np.array([7]), np.array([""]),
            np.array([delay]),
        )  # fmt: skip
        return keys(asked, replace(flights, announced=said), weather)

    oldest, newest = 0, len(flights) - 1
    assert announced(newest, 5) != announced(newest, 6)
    assert announced(newest, 5) == announced(newest, 5)
    assert sum(a != b for a, b in zip(announced(newest, 5), announced(newest, 6), strict=True)) < 5
    assert announced(oldest, 5) == announced(oldest, 6)


def test_a_model_has_the_same_hash_with_days_kept_and_on_threads(folder):
    store = FlownStore()
    plain = make_model(store, REQUEST, commit="the same")
    for engine in (keeping(folder, 2), keeping(folder, 2), keeping(folder)):
        made = make_model(store, REQUEST, commit="the same", engine=engine)
        assert made.fitted.trees.text == plain.fitted.trees.text
        assert made.fitted.hinges.weights.tobytes() == plain.fitted.hinges.weights.tobytes()
        assert made.model.manifest.to_json() == plain.model.manifest.to_json()


BUILD = """
import sys
from pathlib import Path
from tests.training.test_kept_days import *

engine = keeping(Path(sys.argv[1]))
print(build(FactsInMemory(*months_of_facts()), FIRST, LAST, AS_OF, engine=engine).data_hash)
"""


def test_two_processes_that_build_at_once_have_the_same_hash(facts, folder):
    command = [sys.executable, "-W", "ignore", "-c", BUILD, str(folder)]
    processes = [
        subprocess.Popen(command, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    said = [process.communicate(timeout=120)[0].strip() for process in processes]
    assert said == [build(FactsInMemory(*facts), FIRST, LAST, AS_OF).data_hash] * 2


def test_a_stack_keeps_nothing_until_its_settings_say_so(tmp_path):
    assert kept_by(read_settings({})) is None
    on = {"ONTIME_STATE_DIR": str(tmp_path), "ONTIME_KEEP_VECTORS_GB": "2"}
    with engine_of(read_settings(on)) as engine:
        engine.kept.write("a", np.ones((1, 1)))
    assert (tmp_path / "data" / "vectors" / "a").exists()
