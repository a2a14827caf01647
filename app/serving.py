"""From a validated flight to a logged prediction: state, vector, probability, one write, answer."""

import os
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from adapters.prediction_lines import PredictionRecord, to_copy_line
from adapters.spool import SpoolWriter
from app.body import timestamp
from app.feature_cache import RequestView
from app.model_holder import ModelHolder, Served
from app.schemas import derived_id
from domain.clock import from_minute, minute_floor
from domain.errors import InvalidInput, OntimeError
from domain.features.state import StateBlock
from domain.features.vectors import assemble
from domain.flights import Floats, Queries
from domain.model import FlightModel

Explain = Callable[[FlightModel, Floats], list[dict[str, Any]]]
MAX_LEAD_MINUTES = 1440
STALE_SECONDS = 15 * 60


@dataclass(frozen=True)
class Question:
    """A flight and the moment to predict it from."""

    flight: dict[str, Any]
    """As `FlightSchema` loads it."""
    as_of: datetime
    lead_minutes: int
    state: StateBlock
    """One tick: what was known at the moment."""


class Predictor:
    """Answers questions; what it answered is in the spool."""

    def __init__(self, models: ModelHolder, spool: SpoolWriter):
        self._models = models
        self._spool = spool

    def question(self, flight: dict[str, Any], view: RequestView, as_of: datetime | None = None) -> Question:
        """Settle the moment a flight is predicted from, and the state it sees.

        Raises
        ------
        InvalidInput
            If the moment lies in the future or before all events, or the flight leaves before it or more than a
            day after it.
        NotReady
            If there is no state.
        """
        moment = flight.get("as_of") or as_of or view.clock.now
        if not view.reaches(moment):
            now = timestamp(view.clock.now)
            raise InvalidInput("as_of", f"a moment not after the stack's clock, {now}", timestamp(moment))
        lead = minute_floor(flight["scheduled_departure"]) - minute_floor(moment)
        if not 0 <= lead <= MAX_LEAD_MINUTES:
            raise InvalidInput(
                "scheduled_departure",
                f"between 0 and {MAX_LEAD_MINUTES} minutes after as_of, {timestamp(moment)}",
                timestamp(flight["scheduled_departure"]),
            )
        return Question(flight, moment, lead, view.state_for(moment))

    def score(self, questions: Sequence[Question]) -> tuple[Served, Floats, Floats]:
        """Score questions without answering them, for pages: nothing is logged, no challenger is scored.

        Returns
        -------
        Served, float64 of shape (n, n_features), float64 of shape (n,)
            The champion, the vectors and their probabilities, as `predict` would answer them.

        Raises
        ------
        NotReady
            If there is no champion.
        """
        champion, _ = self._models.require_pair()
        vectors = _vectors(questions)
        return champion, vectors, champion.model.probability(vectors)

    def predict(
        self,
        questions: Sequence[Question],
        request_id: str,
        started: float,
        explain: Explain | None = None,
    ) -> list[dict[str, Any]]:
        """Answer questions in order; when this returns, all of them are in the spool.

        Parameters
        ----------
        started : float
            When the request began, by `time.perf_counter`: the logged latency is from then until its lines are formed,
            shared among its questions.
        explain : callable, optional
            Given the model and the vectors, explains each answer.

        Raises
        ------
        NotReady
            If there is no champion, or the spool cannot be written; nothing is logged then.
        """
        champion, challenger = self._models.require_pair()
        vectors = _vectors(questions)
        probability = champion.model.probability(vectors)
        shadow = _shadow(challenger, vectors)
        records = [
            _record(question, vectors[i], float(probability[i]), champion, challenger, shadow, i)
            for i, question in enumerate(questions)
        ]
        served_at = datetime.now(UTC)
        latency = int((time.perf_counter() - started) / len(questions) * 1e6)
        finished = [
            PredictionRecord(**record, request_id=request_id, latency_us=latency, served_at=served_at)
            for record in records
        ]
        self._spool.write(b"".join(to_copy_line(record) for record in finished))
        found = [_answer(record, champion) for record in finished]
        if explain is not None:
            for answer, explanation in zip(found, explain(champion.model, vectors), strict=True):
                answer["explanation"] = explanation
        return found


def _vectors(questions: Sequence[Question]) -> Floats:
    """Return the vectors in the order of the questions, those that see the same state together."""
    ticks = np.array([question.state.first_tick for question in questions], dtype=np.int64)
    queries = _queries(questions)
    if len(questions) == 1 or (ticks == ticks[0]).all():
        return assemble(queries, questions[0].state, ticks)
    first_of = {question.state.first_tick: question.state for question in questions}
    parts = {}
    for tick, block in first_of.items():
        rows = np.flatnonzero(ticks == tick)
        parts[tick] = (rows, assemble(queries.take(rows), block, ticks[rows]))
    width = next(iter(parts.values()))[1].shape[1]
    out = np.empty((len(questions), width))
    for rows, vectors in parts.values():
        out[rows] = vectors
    return out


def _queries(questions: Sequence[Question]) -> Queries:
    flights = [question.flight for question in questions]
    return Queries(
        carrier=np.array([flight["carrier"] for flight in flights]),
        origin=np.array([flight["origin"] for flight in flights]),
        dest=np.array([flight["dest"] for flight in flights]),
        sched_dep=np.array([minute_floor(f["scheduled_departure"]) for f in flights], dtype=np.int64),
        sched_arr=np.array([minute_floor(f["scheduled_arrival"]) for f in flights], dtype=np.int64),
        as_of=np.array([minute_floor(question.as_of) for question in questions], dtype=np.int64),
    )


def _shadow(challenger: Served | None, vectors: Floats) -> Floats | None:
    """Return the challenger's probabilities; a challenger that fails harms no answer."""
    if challenger is None:
        return None
    try:
        return challenger.model.probability(vectors)
    except (OntimeError, ValueError):
        return None


def _record(
    question: Question,
    vector: Floats,
    probability: float,
    champion: Served,
    challenger: Served | None,
    shadow: Floats | None,
    i: int,
) -> dict[str, Any]:
    flight = question.flight
    departure = flight["scheduled_departure"].astimezone(UTC)
    return {
        "prediction_id": str(new_id()),
        "flight_id": identity(flight),
        "carrier": flight["carrier"],
        "flight_number": flight["flight"],
        "origin": flight["origin"],
        "dest": flight["dest"],
        "scheduled_departure": departure,
        "scheduled_arrival": flight["scheduled_arrival"].astimezone(UTC),
        "as_of": question.as_of.astimezone(UTC),
        "lead_minutes": question.lead_minutes,
        "state_tick": from_minute(question.state.first_tick),
        "features": vector,
        "contract_hash": champion.model.manifest.contract_hash,
        "probability": probability,
        "model_version": champion.version,
        "challenger_version": challenger.version if challenger and shadow is not None else None,
        "challenger_probability": float(shadow[i]) if shadow is not None else None,
    }


def identity(flight: dict[str, Any]) -> str:
    """Return the flight's identity: the one it was asked under, or the one that follows from its schedule."""
    return flight.get("flight_id") or derived_id(flight)


def new_id() -> uuid.UUID:
    """Return a random identity that sorts by time (UUID version 7): the log's index grows at its end."""
    value = int(time.time() * 1000) << 80 | int.from_bytes(os.urandom(10))
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return uuid.UUID(int=value)


def _answer(record: PredictionRecord, champion: Served) -> dict[str, Any]:
    age = int((record.as_of - record.state_tick).total_seconds())
    return {
        "prediction_id": record.prediction_id,
        "flight_id": record.flight_id,
        "probability": record.probability,
        "lead_minutes": record.lead_minutes,
        "as_of": timestamp(record.as_of),
        "model": {
            "name": "ontime",
            "version": champion.version,
            "contract": champion.model.manifest.contract_hash[:12],
        },
        "features": {
            "state_tick": timestamp(record.state_tick),
            "age_seconds": age,
            "stale": age > STALE_SECONDS,
        },
    }
