import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.features.catalogue import DEFAULTS, FEATURE_NAMES, MARGIN_KINDS, POSITION, state_slices
from domain.features.grid import tick_of
from domain.features.state import compute_block
from domain.features.vectors import assemble, vectors_for
from domain.flights import Queries
from tests.domain.worlds import (
    NOON,
    Flight,
    drawn_flights,
    drawn_observations,
    flight_facts,
    no_weather,
    query,
    state_of,
    weather_facts,
)

drawn_questions = st.lists(
    st.tuples(
        st.sampled_from(["UA", "B6", "XX"]),
        st.sampled_from(["EWR", "JFK", "ZZZ"]),
        st.sampled_from(["IAH", "SJU", "QQQ"]),
        st.integers(-1500, 600),
        st.integers(0, 1440),
        st.integers(1, 3),
    ),
    min_size=1,
    max_size=8,
)


def questions(rows) -> Queries:
    departs = np.array([NOON + r[3] for r in rows], dtype=np.int64)
    return Queries(
        carrier=np.array([r[0] for r in rows]),
        number=np.array([r[5] for r in rows], dtype=np.int64),
        origin=np.array([r[1] for r in rows]),
        dest=np.array([r[2] for r in rows]),
        sched_dep=departs,
        sched_arr=departs + 200,
        as_of=departs - np.array([r[4] for r in rows], dtype=np.int64),
    )


@settings(max_examples=60, deadline=None)
@given(drawn_flights, drawn_observations, drawn_questions)
def test_the_way_of_training_and_the_way_of_serving_give_the_same_bits(flights, observations, rows):
    facts = flight_facts(flights)
    weather = weather_facts(observations, facts.network)
    asked = questions(rows)
    trained = vectors_for(asked, facts, weather)
    for i in range(len(asked)):
        tick = int(tick_of(asked.as_of[i]))
        # Online, the facts end where the tick's knowledge ends.
        block = compute_block(facts.known_by(tick), weather.known_by(tick), tick, 1)
        served = assemble(asked.take(slice(i, i + 1)), block, np.array([tick]))
        assert served[0].tobytes() == trained[i].tobytes()


@settings(max_examples=40, deadline=None)
@given(drawn_flights, drawn_observations, drawn_questions, st.integers(-2000, 600))
def test_no_vector_moves_when_everything_known_after_its_question_is_dropped(
    flights, observations, rows, cut
):
    facts = flight_facts(flights)
    weather = weather_facts(observations, facts.network)
    asked = questions(rows)
    earlier = asked.take(asked.as_of <= NOON + cut)
    everything = vectors_for(earlier, facts, weather)
    as_known = vectors_for(earlier, facts.known_by(NOON + cut), weather.known_by(NOON + cut))
    assert everything.tobytes() == as_known.tobytes()


def test_a_batch_gives_what_its_questions_give_alone():
    block = state_of([Flight(departs=-30, gone=-10), Flight(origin="JFK", dest="SJU", departs=-20)])
    asked = questions(
        [("UA", "EWR", "IAH", 60, 60, 1), ("B6", "JFK", "SJU", 30, 30, 2), ("XX", "ZZZ", "QQQ", 0, 0, 3)]
    )
    ticks = np.full(3, NOON)
    together = assemble(asked, block, ticks)
    for i in range(3):
        assert assemble(asked.take(slice(i, i + 1)), block, ticks[:1])[0].tobytes() == together[i].tobytes()


def test_entities_no_fact_has_named_get_the_catalogues_defaults():
    block = state_of([Flight(departs=-30, gone=-10)])
    vector = assemble(query(carrier="XX", origin="ZZZ", dest="QQQ"), block, np.array([NOON]))[0]
    named = {kind: where for kind, where in state_slices().items() if kind != "network"}
    for where in named.values():
        np.testing.assert_array_equal(vector[where], DEFAULTS[where])


def test_a_question_sees_the_tick_before_it():
    facts = flight_facts([Flight(departs=-10, gone=3)])
    seen = vectors_for(query(as_of=NOON + 4), facts, no_weather(facts.network))
    later = vectors_for(query(as_of=NOON + 5), facts, no_weather(facts.network))
    assert seen[0, POSITION["origin_departures_1h"]] == 0
    assert later[0, POSITION["origin_departures_1h"]] == 1


def test_an_older_state_can_be_asked_for_by_its_tick():
    facts = flight_facts([Flight(departs=-10, gone=3)])
    stale = vectors_for(query(as_of=NOON + 30), facts, no_weather(facts.network), np.array([NOON]))
    assert stale[0, POSITION["origin_departures_1h"]] == 0
    assert stale[0, POSITION["lead_minutes"]] == 30


def test_a_tick_outside_the_block_is_refused():
    with pytest.raises(ValueError, match="within the block"):
        assemble(query(), state_of([]), np.array([NOON + 5]))


def test_no_question_gives_no_vector():
    facts = flight_facts([])
    nothing = query().take(slice(0, 0))
    assert vectors_for(nothing, facts, no_weather(facts.network)).shape == (0, len(FEATURE_NAMES))


def test_padding_is_what_the_block_has_over_the_routes_mean():
    flown = Flight(departs=-1200, gone=-1200, there=-990, arr_delay=-30)
    vector = assemble(query(), state_of([flown]), np.array([NOON]))[0]
    assert vector[POSITION["padding"]] == 240 - 210


def test_unknown_and_zero_have_one_bit_pattern_each():
    block = state_of([Flight(departs=-30, gone=-10)])
    for asked in (query(), query(origin="ZZZ", dest="QQQ")):
        vector = assemble(asked, block, np.array([NOON]))[0]
        assert not np.any(np.signbit(vector) & ((vector == 0) | np.isnan(vector)))


def test_a_margin_is_what_others_lateness_leaves_after_the_own_slack():
    # The route takes 210 of the 240 minutes at this hour; who should have gone 40 minutes ago still waits.
    yesterday = Flight(departs=-1380, gone=-1380, there=-1170, arr_delay=-30)
    vector = assemble(query(), state_of([yesterday, Flight(departs=-40)]), np.array([NOON]))[0]
    assert vector[POSITION["slack"]] == 30
    for kind in MARGIN_KINDS:
        assert vector[POSITION[f"margin_{kind}"]] == 10


def test_without_a_cohort_there_is_no_margin():
    vector = assemble(query(), state_of([]), np.array([NOON]))[0]
    assert all(np.isnan(vector[POSITION[f"margin_{kind}"]]) for kind in MARGIN_KINDS)
