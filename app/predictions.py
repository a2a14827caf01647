"""POST /v1/predictions and GET /v1/predictions/{id}."""

from typing import Any

import numpy as np
from flask import Blueprint, Response, g

from adapters.prediction_lines import PredictionRecord, columns_of, from_copy_line
from app.asked_flight import asked_flight
from app.auth import require
from app.body import clock_body, json_response, read_json, status_of_items, timestamp
from app.errors import problem_of
from app.explanations import MOST_FLIGHTS, asked, explain, model_of
from app.feature_cache import RequestView
from app.parts import Parts, parts
from app.prediction_history import label_body
from app.remembered import Question
from app.schemas import BatchSchema, load
from app.serving import Explain
from domain.errors import InvalidInput, NotFound
from domain.features.catalogue import CONTRACT_HASH, FEATURE_NAMES

blueprint = Blueprint("predictions", __name__, url_prefix="/v1/predictions")
BATCH = BatchSchema()


@blueprint.post("")
@require("predict")
def predict() -> Response:
    """Predict one flight, or up to 1,000; with `?explain=true` say why, of up to 100."""
    shown, body = asked(), read_json()
    return _predict_many(body, shown) if "flights" in body else _predict_one(body, shown)


def _predict_one(body: dict[str, Any], shown: int) -> Response:
    p = parts()
    (flight, as_of), view = asked_flight(body), RequestView(p.cache)
    question = p.predictor.question(flight, view, as_of)
    [answer] = p.predictor.predict([question], g.request_id, g.started, _explain(shown))
    count(p, [question], [answer])
    answer["clock"] = clock_body(view.clock)
    return json_response(answer)


def _predict_many(body: dict[str, Any], shown: int) -> Response:
    p = parts()
    batch, view = load(BATCH, body), RequestView(p.cache)
    if shown and len(batch["flights"]) > MOST_FLIGHTS:
        raise InvalidInput("flights", f"at most {MOST_FLIGHTS} flights with explain", len(batch["flights"]))
    items: list[dict[str, Any]] = []
    questions: list[Question] = []
    for index, raw in enumerate(batch["flights"]):
        path = f"flights.{index}"
        try:
            flight, as_of = asked_flight(raw, path)
            questions.append(p.predictor.question(flight, view, as_of or batch.get("as_of")))
        except InvalidInput as error:
            if not error.field.startswith(path):
                error = InvalidInput(f"{path}.{error.field}", error.expected, error.got)
            items.append({"index": index, "status": 422, "problem": problem_of(error)})
            continue
        items.append({"index": index, "status": 200})
    answers = p.predictor.predict(questions, g.request_id, g.started, _explain(shown)) if questions else []
    remaining = iter(answers)
    for item in items:
        if item["status"] == 200:
            item["prediction"] = next(remaining)
    count(p, questions, answers)
    status = status_of_items([item["status"] for item in items])
    return json_response({"items": items, "clock": clock_body(view.clock)}, status)


def count(p: Parts, questions: list[Question], answers: list[dict[str, Any]]) -> None:
    """Count acknowledged predictions, for Prometheus and the service counts."""
    if answers:  # those of one request come from one model
        p.counts.predicted(
            answers[0]["model"]["version"], [(q.flight.flight_id, q.sight.age_seconds) for q in questions]
        )


def _explain(shown: int) -> Explain | None:
    return (lambda model, vectors: explain(model, vectors, shown)) if shown else None


@blueprint.get("/<uuid:prediction_id>")
@require("predict")
def show(prediction_id: Any) -> Response:
    """Show a prediction, its features, where its model came from, its label once it is known; with `?explain` why."""
    p, shown = parts(), asked()
    record = _find(str(prediction_id))
    label = p.labels.current(record.flight_id)
    why = {"explanation": _explain_logged(record, shown)} if shown else {}
    return json_response(
        why
        | {
            "prediction_id": record.prediction_id,
            "request_id": record.request_id,
            "flight_id": record.flight_id,
            "carrier": record.carrier,
            "flight": record.flight_number,
            "origin": record.origin,
            "dest": record.dest,
            "scheduled_departure": timestamp(record.scheduled_departure),
            "scheduled_arrival": timestamp(record.scheduled_arrival),
            "as_of": timestamp(record.as_of),
            "lead_minutes": record.lead_minutes,
            "state_tick": timestamp(record.state_tick),
            "features": _features(record),
            "contract_hash": record.contract_hash,
            "probability": record.probability,
            "model": p.describe_version(record.model_version),
            "challenger": _challenger(record),
            "latency_us": record.latency_us,
            "served_at": timestamp(record.served_at),
            "label": label_body(label),
            "clock": clock_body(p.cache.now()),
        }
    )


def _explain_logged(record: PredictionRecord, shown: int) -> dict[str, Any]:
    model = model_of(parts(), record.model_version)
    return explain(model, np.asarray(record.features, dtype=np.float64)[None, :], shown)[0]


def _find(prediction_id: str) -> PredictionRecord:
    """Look into the log, then into what is not stored yet, then, as it may have been stored meanwhile, again."""
    log = parts().log
    record = log.find(prediction_id) or _unshipped(prediction_id) or log.find(prediction_id)
    if record is None:
        raise NotFound(f"there is no prediction {prediction_id}")
    return record


def _unshipped(prediction_id: str) -> PredictionRecord | None:
    p = parts()
    found = p.spooled.find(prediction_id, p.log.offsets())
    return from_copy_line(found.line, columns_of(found.header)) if found else None


def _features(record: PredictionRecord) -> dict[str, float | None] | list[float]:
    """Return by name, where this code has the contract the prediction was made with."""
    values: list[Any] = [None if value != value else value for value in record.features.tolist()]
    if record.contract_hash != CONTRACT_HASH:
        return values
    return dict(zip(FEATURE_NAMES, values, strict=True))


def _challenger(record: PredictionRecord) -> dict[str, Any] | None:
    if record.challenger_version is None:
        return None
    return {"version": record.challenger_version, "probability": record.challenger_probability}
