"""One flight: what is known of it and since when, every prediction about it, and what then happened."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from flask import Response, redirect, request, url_for

from adapters.event_store import FlightFact
from adapters.prediction_log import FlightPrediction
from app.dashboard.access import needs
from app.dashboard.charts import Chart, Point, Series
from app.dashboard.pages import blueprint, render
from app.dashboard.upcoming import question_of
from app.explanations import explain
from app.feature_cache import RequestView
from app.parts import Parts, parts
from app.schemas import EARLIEST, LATEST
from domain.clock import from_minute
from domain.errors import InvalidInput, NotFound, NotReady
from domain.events import FLIGHT_ID

REASONS = 8
SCHEDULED = "scheduled"
AHEAD = (SCHEDULED, "aircraft_assigned", "departure_estimated")
"""What is said of a flight that is still to leave."""
FORM = "a flight like UA1545-EWR-20130411: carrier and number, origin, local date"


@blueprint.get("/flights")
@needs("predict")
def find_flight() -> Response:
    """Lead to the flight that was typed."""
    wanted = request.args.get("flight_id", "").strip().upper()
    try:
        day_of(wanted)
    except NotFound:
        return render("find_flight", 422, wanted=wanted[:40], expected=FORM)
    return redirect(url_for("dashboard.flight", flight_id=wanted))  # type: ignore[return-value]


@blueprint.get("/flights/<flight_id>")
@needs("predict")
def flight(flight_id: str) -> Response:
    """Show everything about one flight."""
    p, day = parts(), day_of(flight_id)
    clock = p.cache.now().now
    facts, predictions = p.events.history(flight_id, clock), p.log.of_flight(flight_id, day)
    label = p.labels.current(flight_id)
    if not facts and not predictions and label is None:
        raise NotFound(f"nothing is known of a flight {flight_id}: it is in no event, prediction or label")
    scheduled = next((fact for fact in reversed(facts) if fact.kind == SCHEDULED), None)
    status = status_of(facts)
    return render(
        "flight",
        flight_id=flight_id,
        scheduled=scheduled,
        flight_status=status,
        facts=facts,
        predictions=predictions,
        label=label,
        outlook=_outlook(p, scheduled, clock) if scheduled and status == SCHEDULED else None,
        chart=_chart(predictions),
    )


def status_of(facts: Sequence[FlightFact]) -> str:
    """Return what a flight is by the newest of its facts: scheduled, departed, arrived, cancelled or diverted."""
    status = SCHEDULED
    for fact in facts:
        if fact.kind == "reinstated":
            status = SCHEDULED
        elif fact.kind not in AHEAD:  # a schedule that is revised calls nothing off and brings nothing back
            status = fact.kind
    return status


def day_of(flight_id: str) -> date:
    """Return the local day that a flight's identity names.

    Raises
    ------
    NotFound
        If it names none: then no flight has that identity.
    """
    try:
        if not FLIGHT_ID.fullmatch(flight_id):
            raise ValueError
        day = datetime.strptime(flight_id[-8:], "%Y%m%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise NotFound(f"expected {FORM}") from error
    if not EARLIEST <= day < LATEST:
        raise NotFound(f"expected a flight from {EARLIEST.year} on and before {LATEST.year}")
    return day.date()


def _outlook(p: Parts, fact: FlightFact, now: datetime) -> dict[str, Any] | None:
    """Return the flight's risk as of the newest state and why; None where it cannot be asked for."""
    if fact.carrier is None or fact.flight is None or fact.origin is None or fact.dest is None:
        return None
    if fact.scheduled_departure is None or fact.scheduled_arrival is None:
        return None
    view, tick = RequestView(p.cache), p.cache.newest_tick()
    if tick is None:
        return None
    as_of = min(from_minute(tick), now)
    try:
        served, vectors, probability = p.predictor.score([question_of(p, fact, view, as_of)])
    except (InvalidInput, NotReady):  # more than a day ahead, or overdue; or nothing serves
        return None
    [why] = explain(served.model, vectors, REASONS)
    return {"as_of": as_of, "probability": float(probability[0]), "version": served.version, "why": why}


def _chart(predictions: list[FlightPrediction]) -> Chart | None:
    if len(predictions) < 2:
        return None
    return Chart(
        title="Probability of arriving 15 minutes late or more, by time before departure",
        series=[
            Series(
                "served",
                "one",
                [Point(-p.lead_minutes, p.probability, f"{p.lead_minutes} min before") for p in predictions],
            )
        ],
        unit="share",
        low=0.0,
        high=1.0,
    )
