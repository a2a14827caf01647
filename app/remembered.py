"""What was worked out about a flight, and need not be again while the newest state stands.

For five minutes a flight's vector is the same but for its lead, and so is its text in the log; for a minute the vector
is wholly the same, and with it what a model says of it. Clients ask about the same flights again and again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from adapters.prediction_lines import array_texts
from app.asked_flight import REMEMBERED, AskedFlight
from app.feature_cache import Sight
from domain.features.catalogue import POSITION
from domain.features.state import StateBlock
from domain.features.vectors import assemble
from domain.flights import Floats, Queries
from domain.model import FlightModel

LEAD = POSITION["lead_minutes"]
"""The one feature that moves while the state does not."""


@dataclass(frozen=True, slots=True)
class Question:
    """A flight, and what is known at the moment that it is predicted from."""

    flight: AskedFlight
    sight: Sight
    lead_minutes: int


@dataclass(slots=True)
class Known:
    """What is known of a flight by one state."""

    row: Floats
    """Its vector, for some lead."""
    before_lead: bytes
    after_lead: bytes
    """The vector's text in the log around the lead's."""
    said: dict[FlightModel, tuple[int, float]] = field(default_factory=dict)
    """What each model said last, and of which lead."""


@dataclass(frozen=True)
class Recalled:
    """The questions of one request, with what is known of each."""

    questions: Sequence[Question]
    known: Sequence[Known]

    @cached_property
    def vectors(self) -> Floats:
        """Return the vectors in the order of the questions, shape (n, n_features); a copy."""
        out = np.array([known.row for known in self.known])
        out[:, LEAD] = [question.lead_minutes for question in self.questions]
        return out

    def texts(self) -> list[bytes]:
        """Return each vector's text in the log, as `array_texts` would."""
        return [
            b"%b%d.0%b" % (known.before_lead, question.lead_minutes, known.after_lead)
            for question, known in zip(self.questions, self.known, strict=True)
        ]

    def probabilities(self, model: FlightModel) -> list[float]:
        """Return what a model says of each question; it scores those that it was not asked about this minute."""
        said = [known.said.get(model) for known in self.known]
        leads = [question.lead_minutes for question in self.questions]
        new = [i for i, last in enumerate(said) if last is None or last[0] != leads[i]]
        if new:
            rows = self.vectors if len(new) == len(said) else self.vectors[new]
            for i, probability in zip(new, model.probability(rows).tolist(), strict=True):
                said[i] = self.known[i].said[model] = leads[i], probability
        return [last[1] for last in said if last is not None]


class Memory:
    """What is known of the flights that were asked about, by the newest state."""

    def __init__(self) -> None:
        self._state: StateBlock | None = None
        self._known: dict[str, Known] = {}

    def recall(self, questions: Sequence[Question]) -> Recalled:
        """Return the questions with what is known of each; what is not remembered is worked out."""
        known = self._known_by(questions[0].sight.state)
        found = [known.get(q.flight.logged) if q.sight.state is self._state else None for q in questions]
        missing = [i for i, one in enumerate(found) if one is None]
        for i, one in zip(missing, _worked_out([questions[i] for i in missing]), strict=True):
            found[i] = one
            if questions[i].sight.state is self._state:
                known[questions[i].flight.logged] = one
        return Recalled(questions, [one for one in found if one is not None])

    def _known_by(self, state: StateBlock) -> dict[str, Known]:
        if self._state is None or state.first_tick > self._state.first_tick or len(self._known) > REMEMBERED:
            self._state, self._known = state, {}
        return self._known


def _worked_out(questions: Sequence[Question]) -> Iterator[Known]:
    if not questions:
        return
    rows = assembled(questions)
    for row, text in zip(rows, array_texts(rows), strict=True):
        *before, _, after = text.split(b",", LEAD + 1)
        yield Known(row, b",".join([*before, b""]), b"," + after)


def assembled(questions: Sequence[Question]) -> Floats:
    """Return the vectors in the order of the questions; those that see the same state are assembled together."""
    rows_of: dict[int, list[int]] = {}
    for row, question in enumerate(questions):
        rows_of.setdefault(id(question.sight.state), []).append(row)
    parts = []
    for rows in rows_of.values():
        state = questions[rows[0]].sight.state
        ticks = np.full(len(rows), state.first_tick, dtype=np.int64)
        parts.append(assemble(_queries([questions[row] for row in rows]), state, ticks))
    order = np.argsort(np.concatenate(list(rows_of.values())))
    found: Floats = np.concatenate(parts)[order]
    return found


def _queries(questions: Sequence[Question]) -> Queries:
    flights = [question.flight for question in questions]
    return Queries(
        carrier=np.array([flight.carrier for flight in flights]),
        number=np.array([flight.number for flight in flights], dtype=np.int64),
        origin=np.array([flight.origin for flight in flights]),
        dest=np.array([flight.dest for flight in flights]),
        sched_dep=np.array([flight.departure for flight in flights], dtype=np.int64),
        sched_arr=np.array([flight.arrival for flight in flights], dtype=np.int64),
        as_of=np.array([question.sight.minute for question in questions], dtype=np.int64),
    )
