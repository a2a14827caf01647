from datetime import UTC, date, datetime

import numpy as np

from data.facts import FactsInMemory
from data.site import NEW_YORK
from experiments.retrain_policies.year import Year, year_parts
from experiments.rows import Part, build_rows
from tests.training.sets import FlownStore
from training.run import TrainingRequest
from training.training_set import EXTRA_LEADS, HEADLINE_LEAD, LEADS, build

FIRST, LAST = date(2013, 4, 1), date(2013, 4, 8)


def test_rows_of_a_moment_are_those_that_training_would_have_built_then():
    """One year built at once, cut at a moment, is bit for bit the training set of that moment: a retrain's own."""
    store = FlownStore()
    part = Part(date(2013, 3, 20), date(2013, 4, 10), LEADS, EXTRA_LEADS)
    built = build_rows(store.flights, store.weather, part)
    year = Year(built.rows, built.label_known, "")
    for as_of in (datetime(2013, 4, 9, 10, tzinfo=UTC), datetime(2013, 4, 8, 21, tzinfo=UTC)):
        then = build(FactsInMemory(store.flights, store.weather), FIRST, LAST, as_of)
        now = year.questions.take(np.flatnonzero(year.known_questions(FIRST, LAST, as_of)))
        assert len(then) > 0
        assert now.data_hash == then.data_hash
        answered = year.rows.take(np.flatnonzero(year.known(FIRST, LAST, as_of)))
        assert answered.data_hash == then.take(then.lead == HEADLINE_LEAD).data_hash
    assert len(then) < year.known_questions(FIRST, LAST, datetime(2013, 4, 20, tzinfo=UTC)).sum()


def test_parts_cover_the_year_and_ask_about_a_flight_as_a_retrain_does():
    parts = year_parts(NEW_YORK)
    asked = TrainingRequest(FIRST, LAST, datetime(2013, 4, 9, tzinfo=UTC), "any")
    assert parts[1] == Part(date(2013, 2, 1), date(2013, 2, 28), asked.leads, asked.extra_leads)
    assert sum((part.last - part.first).days + 1 for part in parts) == 365
