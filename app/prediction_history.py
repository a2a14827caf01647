"""GET /v1/predictions: stored predictions by flight and by time, newest first."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, Response

from adapters.label_store import Label
from adapters.prediction_list import AFTER_ALL, BEFORE_ALL, LARGEST_ID, ListedPrediction, PredictionList
from app.auth import require
from app.body import timestamp
from app.pages import flight_of, moment_of, page_request, page_response
from app.parts import parts
from domain.errors import InvalidInput

blueprint = Blueprint("prediction_history", __name__, url_prefix="/v1/predictions")


@blueprint.get("")
@require("predict")
def list_predictions() -> Response:
    """List stored predictions, of one flight or of a time, with what then happened."""
    p, page = parts(), page_request(("flight_id", "from", "to"), _read_key)
    first = moment_of(page.filters, "from") or BEFORE_ALL
    until = moment_of(page.filters, "to") or AFTER_ALL
    if first >= until:
        raise InvalidInput("from", "a time before `to`", page.filters["from"])
    rows = PredictionList(p.database).page(
        page.limit + 1,
        flight_of(page.filters, "flight_id"),
        first,
        until,
        page.after or (AFTER_ALL, LARGEST_ID),
    )
    return page_response(
        page, "predictions", rows, lambda row: [row.as_of.isoformat(), row.prediction_id], _row
    )


def _read_key(key: Any) -> tuple[datetime, UUID]:
    as_of, prediction_id = key
    if not isinstance(prediction_id, str):
        raise TypeError("not the id of a prediction")
    moment = datetime.fromisoformat(as_of)
    if moment.tzinfo is None:
        raise ValueError("a time without an offset")
    # PostgreSQL reads no offset of more than 16 hours.
    moment = moment.astimezone(UTC)
    if not BEFORE_ALL <= moment <= AFTER_ALL:
        raise ValueError("no time of a prediction")
    return moment, UUID(prediction_id)


def _row(row: ListedPrediction) -> dict[str, Any]:
    challenger = {"version": row.challenger_version, "probability": row.challenger_probability}
    return {
        "prediction_id": row.prediction_id,
        "flight_id": row.flight_id,
        "carrier": row.carrier,
        "flight": row.flight_number,
        "origin": row.origin,
        "dest": row.dest,
        "scheduled_departure": timestamp(row.scheduled_departure),
        "scheduled_arrival": timestamp(row.scheduled_arrival),
        "as_of": timestamp(row.as_of),
        "lead_minutes": row.lead_minutes,
        "probability": row.probability,
        "model_version": row.model_version,
        "challenger": challenger if row.challenger_version is not None else None,
        "served_at": timestamp(row.served_at),
        "label": label_body(row.label),
    }


def label_body(label: Label | None) -> dict[str, Any] | None:
    """Return what then happened as answers show it, None before it is known."""
    if label is None:
        return None
    return {
        "arr_delay_minutes": label.arr_delay_minutes,
        "is_late": label.is_late,
        "known_at": timestamp(label.known_at),
        "corrected": label.corrected,
    }
