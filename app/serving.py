"""From a checked flight to a logged prediction: state, vector, probability, one write, answer."""

import os
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from adapters.prediction_lines import challenger_text, copy_line, real_text
from adapters.spool import SpoolWriter
from app.asked_flight import AskedFlight
from app.body import timestamp
from app.feature_cache import RequestView
from app.model_holder import ModelHolder, Served
from app.remembered import Memory, Question, Recalled
from domain.clock import from_minute
from domain.errors import InvalidInput, OntimeError
from domain.flights import Floats
from domain.model import FlightModel

Explain = Callable[[FlightModel, Floats], list[dict[str, Any]]]
MAX_LEAD_MINUTES = 1440
STALE_SECONDS = 15 * 60


class Predictor:
    """Answers questions; what it answered is in the spool.

    Parameters
    ----------
    model_name : str
        Of the registered model, as answers name it.
    """

    def __init__(self, models: ModelHolder, spool: SpoolWriter, model_name: str):
        self._models = models
        self._model_name = model_name
        self._spool = spool
        self.memory = Memory()

    def question(self, flight: AskedFlight, view: RequestView, as_of: datetime | None = None) -> Question:
        """Settle the moment a flight is predicted from, by default now, and what it sees.

        Raises
        ------
        InvalidInput
            If the moment lies in the future or before all events, or the flight leaves before it or more than a
            day after it.
        NotReady
            If there is no state.
        """
        moment = as_of or view.clock.now
        if as_of is not None and not view.reaches(moment):
            now = timestamp(view.clock.now)
            raise InvalidInput("as_of", f"a moment not after the stack's clock, {now}", timestamp(moment))
        lead = flight.departure - view.minute_of(moment)
        if not 0 <= lead <= MAX_LEAD_MINUTES:
            raise InvalidInput(
                "scheduled_departure",
                f"between 0 and {MAX_LEAD_MINUTES} minutes after as_of, {timestamp(moment)}",
                timestamp(from_minute(flight.departure)),
            )
        return Question(flight, view.at(moment), lead)

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
        recalled = self.memory.recall(questions)
        return champion, recalled.vectors, np.array(recalled.probabilities(champion.model))

    def ask(
        self, champion: Served, challenger: Served | None, recalled: Recalled
    ) -> tuple[list[float], list[str]]:
        """Return what the champion says of each question, and the challenger, as it is logged."""
        return recalled.probabilities(champion.model), _challenged(challenger, recalled)

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
        recalled = self.memory.recall(questions)
        probabilities, challenged = self.ask(champion, challenger, recalled)
        ids, features = new_ids(len(questions)), recalled.texts()
        contract, version = champion.model.manifest.contract_hash, champion.version
        served_at = datetime.now(UTC).isoformat()
        latency = int((time.perf_counter() - started) / len(questions) * 1e6)
        self._spool.write(
            b"".join(
                [
                    copy_line(
                        ids[i],
                        request_id,
                        question.flight.logged,
                        question.sight.logged_as_of,
                        question.lead_minutes,
                        question.sight.logged_tick,
                        features[i],
                        contract,
                        real_text(probabilities[i]),
                        version,
                        challenged[i],
                        latency,
                        served_at,
                    )
                    for i, question in enumerate(questions)
                ]
            )
        )
        model = {"name": self._model_name, "version": version, "contract": contract[:12]}
        found = [_answer(*parts, model) for parts in zip(questions, ids, probabilities, strict=True)]
        if explain is not None:
            for answer, explanation in zip(found, explain(champion.model, recalled.vectors), strict=True):
                answer["explanation"] = explanation
        return found


def _challenged(challenger: Served | None, recalled: Recalled) -> list[str]:
    """Return what the challenger says of each question, as it is logged; one that fails harms no answer."""
    if challenger is not None:
        try:
            probabilities = recalled.probabilities(challenger.model)
        except (OntimeError, ValueError):
            pass
        else:
            return [challenger_text(challenger.version, probability) for probability in probabilities]
    return [challenger_text(None, None)] * len(recalled.questions)


def new_ids(count: int) -> list[str]:
    """Return random identities that sort by time (UUID version 7): the log's index grows at its end."""
    time_part = f"{int(time.time() * 1000):012x}"
    begin = f"{time_part[:8]}-{time_part[8:]}-7"
    digits = os.urandom(10 * count).hex()
    return [
        f"{begin}{digits[i : i + 3]}-{VARIANT[digits[i + 3]]}{digits[i + 4 : i + 7]}-{digits[i + 7 : i + 19]}"
        for i in range(0, 20 * count, 20)
    ]


VARIANT = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))


def _answer(
    question: Question, prediction_id: str, probability: float, model: dict[str, Any]
) -> dict[str, Any]:
    sight = question.sight
    return {
        "prediction_id": prediction_id,
        "flight_id": question.flight.flight_id,
        "probability": probability,
        "lead_minutes": question.lead_minutes,
        "as_of": sight.as_of,
        "model": model,
        "features": {
            "state_tick": sight.state_tick,
            "age_seconds": sight.age_seconds,
            "stale": sight.age_seconds > STALE_SECONDS,
        },
    }
