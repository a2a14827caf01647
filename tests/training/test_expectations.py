from dataclasses import replace

import numpy as np
import pytest

from domain.errors import InvalidInput
from domain.features.catalogue import FEATURES, POSITION
from tests.domain.worlds import Flight, flight_facts, weather_facts
from tests.training.test_training_set import AS_OF, DAY, Store
from training.expectations import MOST_UNFIT, doubtful, leave_out_unfit, table
from training.training_set import LEADS, TrainingSet, build

ALWAYS = next(f.name for f in FEATURES if f.default == 0)


@pytest.fixture(scope="module")
def rows() -> TrainingSet:
    flights = [Flight(departs=10 * i, gone=10 * i + 5, there=10 * i + 240, arr_delay=i) for i in range(20)]
    facts = flight_facts(flights)
    return build(Store(facts, weather_facts([], facts.network)), DAY, DAY, AS_OF)


@pytest.fixture(scope="module")
def many() -> TrainingSet:
    flights = [Flight(departs=2 * i, gone=2 * i + 5, there=2 * i + 240, arr_delay=i) for i in range(200)]
    facts = flight_facts(flights)
    return build(Store(facts, weather_facts([], facts.network)), DAY, DAY, AS_OF)


def changed(rows: TrainingSet, feature: str, value: float) -> TrainingSet:
    vectors = rows.X.copy()
    vectors[7, POSITION[feature]] = value
    return replace(rows, X=vectors)


def test_vectors_are_checked_where_they_are(rows):
    assert np.shares_memory(table(rows)[FEATURES[0].name].to_numpy(), rows.X)


def test_a_training_set_as_it_is_built_passes(rows):
    before = rows.X.copy()
    checked = leave_out_unfit(rows, LEADS)
    assert checked.rows is rows
    assert (checked.left_out, checked.columns) == (0, {})
    np.testing.assert_array_equal(rows.X, before)


def test_a_feature_is_looked_at_value_by_value_only_where_its_extremes_do_not_say_that_it_fits(rows):
    whole = [f.name for f in FEATURES if f.dtype in ("int64", "category")]
    assert [f.name for f in doubtful(rows.X)] == whole
    assert [f.name for f in doubtful(rows.X[:0])] == whole
    for value in (999.0, np.inf, -np.inf):
        assert "weather_temp_f" in {f.name for f in doubtful(changed(rows, "weather_temp_f", value).X)}
    assert "weather_temp_f" not in {f.name for f in doubtful(changed(rows, "weather_temp_f", np.nan).X)}
    assert ALWAYS in {f.name for f in doubtful(changed(rows, ALWAYS, np.nan).X)}


def test_rows_with_a_value_that_no_feature_can_have_are_left_out_and_counted(many):
    vectors = many.X.copy()
    vectors[7, POSITION["weather_temp_f"]] = 999.0
    vectors[[7, 30], POSITION["scheduled_speed"]] = 122.45
    checked = leave_out_unfit(replace(many, X=vectors), LEADS)
    assert checked.left_out == 2
    assert checked.columns == {"weather_temp_f": 1, "scheduled_speed": 2}
    sound = np.delete(np.arange(len(many)), [7, 30])
    assert checked.rows.data_hash == many.take(sound).data_hash


def test_more_rows_that_do_not_fit_than_may_be_are_refused_with_their_share(many):
    vectors = many.X.copy()
    vectors[: int(MOST_UNFIT * len(many)) + 1, POSITION["weather_temp_f"]] = 999.0
    with pytest.raises(InvalidInput, match=r"^weather_temp_f: expected .* at least 98% of the rows"):
        leave_out_unfit(replace(many, X=vectors), LEADS)


@pytest.mark.parametrize(
    ("feature", "value"),
    [
        ("lead_minutes", 1441.0), ("weekday", 7.0), ("weekday", 2.5), ("weekday", np.nan), ("carrier_code", -1.0),
        ("departure_hour_sine", 1.5), ("block_minutes", np.inf), ("padding", -np.inf), (ALWAYS, np.nan), (ALWAYS, -1.0),
    ],
)  # fmt: skip
def test_a_value_that_no_feature_can_have_is_named(rows, feature, value):
    with pytest.raises(InvalidInput, match=f"^{feature}: expected"):
        leave_out_unfit(changed(rows, feature, value), LEADS)


def test_a_delay_beyond_the_winsorised_range_is_named(rows):
    name = next(f.name for f in FEATURES if f.family == "congestion" and f.unit == "minutes")
    with pytest.raises(InvalidInput, match=name):
        leave_out_unfit(changed(rows, name, 361.0), LEADS)


def test_a_row_twice_is_refused(rows):
    twice = rows.take(np.array([0, 1, 1, 2]))
    with pytest.raises(InvalidInput, match="flight_id"):
        leave_out_unfit(twice, LEADS)


def test_a_lead_nobody_asked_for_is_refused(rows):
    with pytest.raises(InvalidInput, match=r"^lead: "):
        leave_out_unfit(rows, (60,))


def test_a_question_after_the_departure_is_refused(rows):
    late = replace(rows, queries=replace(rows.queries, as_of=rows.queries.sched_dep + 1))
    with pytest.raises(InvalidInput, match="asked_late"):
        leave_out_unfit(late, LEADS)
