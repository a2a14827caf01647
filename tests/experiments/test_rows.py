"""Rows of the year: kept as they were built, and built again when what makes them changes."""

from dataclasses import fields
from datetime import date

import numpy as np
import pytest

from adapters.dask_cluster import connected
from domain.flights import Queries
from experiments import rows
from tests.training.sets import FlownStore

PARTS = rows.parts_of(date(2013, 1, 30), date(2013, 2, 1), (60, 180), 1)


@pytest.fixture(scope="module")
def kept(tmp_path_factory, dataset_dir):
    folder, reported = tmp_path_factory.mktemp("rows"), []
    paths = rows.build_parts(PARTS, dataset_dir, folder, 2, lambda *one: reported.append(one))
    return folder, paths, reported


def test_what_is_read_is_what_is_built_in_the_order_of_the_parts(kept, dataset_dir):
    _, paths, reported = kept
    read = rows.read_rows(paths)
    built = [rows.build_rows(*rows.facts_in(dataset_dir), part) for part in PARTS]
    for name in ("arr_delay", "label_known"):
        assert np.array_equal(getattr(read, name), np.concatenate([getattr(one, name) for one in built]))
    for name in ("X", "y", "lead", "flight_id", "day"):
        expected = np.concatenate([getattr(one.rows, name) for one in built])
        assert getattr(read.rows, name).tobytes() == expected.tobytes()
    for name in (field.name for field in fields(Queries)):
        expected = np.concatenate([getattr(one.rows.queries, name) for one in built])
        assert np.array_equal(getattr(read.rows.queries, name), expected)
    assert reported[-1] == ("building vectors", 2, 2)


def test_a_cluster_builds_the_same_parts(kept, dataset_dir, dask_cluster, tmp_path):
    _, paths, _ = kept
    reported = []
    with connected(dask_cluster.address) as engine:
        built = rows.build_parts(PARTS, dataset_dir, tmp_path, 1, lambda *one: reported.append(one), engine)
    assert reported == [("building vectors", 1, 2), ("building vectors", 2, 2)]
    here, there = rows.read_rows(paths), rows.read_rows(built)
    assert there.rows.data_hash == here.rows.data_hash
    assert there.label_known.tolist() == here.label_known.tolist()


def test_what_is_kept_is_not_built_again(kept, dataset_dir):
    folder, paths, _ = kept
    written = [path.stat().st_mtime_ns for path in paths]
    reported = []
    assert rows.build_parts(PARTS, dataset_dir, folder, 2, lambda *one: reported.append(one)) == paths
    assert [path.stat().st_mtime_ns for path in paths] == written
    assert reported == []


def test_other_code_keeps_its_rows_elsewhere(dataset_dir, monkeypatch):
    before = rows.fingerprint(dataset_dir)
    monkeypatch.setattr(rows, "CODE", rows.CODE[1:])
    assert rows.fingerprint(dataset_dir) != before


def test_each_row_has_the_delay_of_its_flight_and_when_it_was_known():
    store = FlownStore()
    part = rows.Part(date(2013, 4, 1), date(2013, 4, 2), (60, 180), 1)
    built = rows.build_rows(store.flights, store.weather, part)
    flights = store.flights
    of = {name: i for i, name in enumerate(flights.flight_id.tolist())}
    at = [of[name] for name in built.rows.flight_id.tolist()]
    assert len(at) > 0
    assert built.arr_delay.tolist() == flights.arr_delay[at].tolist()
    assert built.label_known.tolist() == flights.arr_known[at].tolist()
    assert np.array_equal(built.rows.y, built.arr_delay >= 15)
