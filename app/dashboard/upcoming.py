"""The departures of the next hours by their risk, and the list of those worth acting on."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock, Thread
from typing import Any

import numpy as np
from flask import Response, current_app, request

from adapters.event_store import FlightFact, UpcomingFlight
from adapters.prediction_log import ListRecord
from app.asked_flight import scheduled_flight
from app.dashboard.access import needs
from app.dashboard.pages import REFRESH_SECONDS, blueprint, render
from app.explanations import explain
from app.feature_cache import RequestView
from app.model_holder import Served
from app.parts import Parts, parts
from app.remembered import Question
from app.serving import STALE_SECONDS
from domain.clock import from_minute
from domain.errors import InvalidInput, NotReady, OntimeError
from domain.flights import Floats

logger = logging.getLogger(__name__)
REASONS = 3
SHOWN = 8
"""Departures of an airport that are shown at first."""
RECORD_DAYS = 30
RECORD_LEAD_MINUTES = 30
"""How long before departure a flight has its place on a list, when lists of the past are counted."""
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Forecast:
    """A flight that is still to leave, and its risk."""

    flight: UpcomingFlight
    probability: float
    hour_ago: float | None
    """What it was an hour before; None where the flight or the state was not known then."""

    @property
    def change(self) -> float | None:
        """Return by how much it rose within the hour."""
        return None if self.hour_ago is None else self.probability - self.hour_ago


@dataclass
class Outlook:
    """The forecasts of one tick, riskiest first; reasons are worked out when they are shown."""

    as_of: datetime
    served: Served
    forecasts: list[Forecast]
    vectors: dict[str, Floats]
    reasons: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def explain(self, shown: Iterable[Forecast]) -> None:
        """Work out the strongest reasons of some forecasts."""
        missing = [f.flight.flight_id for f in shown if f.flight.flight_id not in self.reasons]
        if not missing:
            return
        rows = np.stack([self.vectors[name] for name in missing])
        for name, why in zip(missing, explain(self.served.model, rows, REASONS), strict=True):
            self.reasons[name] = why["shares"]


class Forecasts:
    """The outlook of a worker: the same for all readers until a new state, another champion or other flights come."""

    def __init__(self) -> None:
        self._key: tuple[Any, ...] | None = None
        self._outlook: Outlook | None = None
        self._record: ListRecord | None = None
        self._record_key: tuple[datetime, int, int] | None = None
        self._counting = False
        self._lock = Lock()

    def outlook(self, p: Parts) -> Outlook:
        """Score the flights that are to leave in the next hours, as of the newest state.

        Raises
        ------
        NotReady
            If there is no state, champion or database.
        """
        view = RequestView(p.cache)
        tick = p.cache.newest_tick()
        if tick is None:
            raise NotReady("no feature state is loaded yet")
        as_of, now = min(from_minute(tick), view.clock.now), view.clock.now
        flights = p.events.upcoming(now, now, now + timedelta(hours=p.settings.action_list_hours))
        champion = p.models.require_champion()
        key = (as_of, champion.version, tuple(flights))
        if self._outlook is None or self._key != key:
            self._outlook, self._key = _score(p, view, flights, as_of), key
        return self._outlook

    def record(self, p: Parts, now: datetime) -> ListRecord | None:
        """Return what came of such lists within the last month, counted again each hour beside the requests.

        None while it is counted for the first time: a month of predictions may take longer than a page should.
        """
        settings = p.settings
        until = now.replace(minute=0, second=0, microsecond=0)
        key = (until, settings.action_list_size, settings.action_list_hours)
        with self._lock:
            wanted = self._record_key != key and not self._counting
            self._counting = self._counting or wanted
        if wanted:
            Thread(target=self._count, args=(p, key), name="list-record", daemon=True).start()
        return self._record

    def _count(self, p: Parts, key: tuple[datetime, int, int]) -> None:
        until, size, hours = key
        try:
            since = until - timedelta(days=RECORD_DAYS)
            self._record = p.log.precision_of_riskiest(
                size, timedelta(hours=hours), since, until, RECORD_LEAD_MINUTES
            )
            self._record_key = key
        except OntimeError as error:  # the next page asks again
            logger.warning("the lists of the last month were not counted", extra={"reason": str(error)})
        finally:
            self._counting = False


def _score(p: Parts, view: RequestView, flights: Sequence[UpcomingFlight], as_of: datetime) -> Outlook:
    questions, asked = [], []
    for flight in flights:
        try:
            questions.append(question_of(p, flight, view, as_of))
        except InvalidInput:  # of an airport or at a time that no prediction can be asked for
            continue
        asked.append(flight)
    if not asked:
        return Outlook(as_of, p.models.require_champion(), [], {})
    served, vectors, probability = p.predictor.score(questions)
    before = _an_hour_before(p, view, asked, as_of)
    forecasts = [
        Forecast(flight, float(probability[i]), before.get(flight.flight_id))
        for i, flight in enumerate(asked)
    ]
    forecasts.sort(key=lambda forecast: (-forecast.probability, forecast.flight.flight_id))
    return Outlook(as_of, served, forecasts, {f.flight_id: vectors[i] for i, f in enumerate(asked)})


def question_of(
    p: Parts, flight: UpcomingFlight | FlightFact, view: RequestView, as_of: datetime
) -> Question:
    """Return the question that a client of the API would ask about a flight."""
    return p.predictor.question(scheduled_flight(vars(flight)), view, as_of)


def _an_hour_before(
    p: Parts, view: RequestView, flights: Sequence[UpcomingFlight], as_of: datetime
) -> dict[str, float]:
    """Return the probabilities of an hour before, by flight; none where that moment has no state."""
    questions, asked = [], []
    for flight in flights:
        try:
            questions.append(question_of(p, flight, view, as_of - HOUR))
        except (InvalidInput, NotReady):
            continue
        asked.append(flight.flight_id)
    if not questions:
        return {}
    return dict(zip(asked, map(float, p.predictor.score(questions)[2]), strict=True))


@dataclass(frozen=True)
class Freshness:
    """How old what a page rests on is."""

    state_at: datetime
    events_at: datetime | None
    weather_at: datetime | None
    now: datetime

    @property
    def stale(self) -> bool:
        """Return whether the state is older than answers may rest on without saying so."""
        return (self.now - self.state_at).total_seconds() > STALE_SECONDS

    def minutes(self, moment: datetime | None) -> int | None:
        """Return how many minutes ago a moment was."""
        return None if moment is None else int((self.now - moment).total_seconds() // 60)


@blueprint.get("/now")
@needs("predict")
def now() -> Response:
    """Show the departures of the next hours by airport, riskiest first."""
    p = parts()
    forecasts: Forecasts = current_app.extensions["upcoming"]
    outlook, moment = forecasts.outlook(p), p.cache.now().now
    airports = _by_airport(outlook.forecasts)
    wanted = request.args.get("airport", "")
    acted = outlook.forecasts[: p.settings.action_list_size]
    shown = {
        name: found if name == wanted else found[:SHOWN]
        for name, found in airports.items()
        if wanted in ("", name) or wanted not in airports
    }
    outlook.explain([*acted, *(forecast for found in shown.values() for forecast in found)])
    return render(
        "now",
        refresh=REFRESH_SECONDS,
        outlook=outlook,
        acted=acted,
        airports=airports,
        shown=shown,
        wanted=wanted if wanted in airports else "",
        record=forecasts.record(p, moment),
        record_days=RECORD_DAYS,
        record_lead=RECORD_LEAD_MINUTES,
        freshness=Freshness(outlook.as_of, *p.events.newest(moment), moment),
        hours=p.settings.action_list_hours,
        size=p.settings.action_list_size,
    )


def _by_airport(forecasts: Sequence[Forecast]) -> dict[str, list[Forecast]]:
    found: dict[str, list[Forecast]] = {}
    for forecast in forecasts:
        found.setdefault(forecast.flight.origin, []).append(forecast)
    return dict(sorted(found.items()))
