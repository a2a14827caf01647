"""POST /v1/events and POST /v1/labels: what became known."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Response

from adapters.label_store import NewLabel
from app.auth import require
from app.body import clock_body, json_response, read_json, status_of_items, timestamp
from app.errors import SHOWN, field_error, problem_of
from app.parts import parts
from app.schemas import EVENTS, MAX_REVISIONS, EventsSchema, LabelSchema, LabelsSchema, identity, load
from domain.airports import local_date
from domain.clock import ClockReading, minute_floor
from domain.errors import Conflict, InvalidInput
from domain.events import FlightEvent, Outcome, WeatherEvent
from domain.flights import WEATHER_COLUMNS, WEATHER_RANGES, measured

blueprint = Blueprint("events", __name__, url_prefix="/v1")
EVENT_LIST = EventsSchema()
LABEL_LIST = LabelsSchema()
LABEL = LabelSchema()
AHEAD = timedelta(minutes=5)
"""What the clock of a feed may be ahead of the stack's."""
REPORT_AHEAD = timedelta(minutes=15)
"""What an observation may be: some feeds give a report of 11:50 the hour that follows."""
HAPPENED = {"departed": "departed_at", "arrived": "arrived_at"}
"""Events of flights that cannot be known before they happen, and their field of when that was."""
Parsed = FlightEvent | WeatherEvent | NewLabel
Item = tuple[int, Parsed]


@blueprint.post("/events")
@require("ingest")
def append_events() -> Response:
    """Append schedules, what is announced of flights, departures, arrivals, cancellations and weather."""
    raw = load(EVENT_LIST, read_json())["events"]
    items, parsed = _parse_all(raw, "events", _parse_event)
    parsed = _with_known_identities(items, parsed)
    _require_few_revisions(parsed)
    flights = [(i, event) for i, event in parsed if isinstance(event, FlightEvent)]
    weather = [(i, event) for i, event in parsed if isinstance(event, WeatherEvent)]
    for i, event in weather:
        items[i] |= _not_measured(raw[i], event, f"events.{i}")
    if parsed:
        outcomes = parts().events.append([e for _, e in flights], [e for _, e in weather])
        _note(items, [i for i, _ in (*flights, *weather)], outcomes, "events")
    return _answer(items)


@blueprint.post("/labels")
@require("ingest")
def append_labels() -> Response:
    """Append labels; a correction is a new row and must say that it is one."""
    raw = load(LABEL_LIST, read_json())["labels"]
    items, parsed = _parse_all(raw, "labels", _parse_label)
    if parsed:
        labels = [label for _, label in parsed if isinstance(label, NewLabel)]
        outcomes = parts().labels.append_many(labels)
        _note(items, [i for i, _ in parsed], outcomes, "labels")
    return _answer(items)


def _parse_all(
    raw: list[Any], name: str, parse: Callable[[Any, str], Parsed]
) -> tuple[list[dict[str, Any]], list[Item]]:
    items: list[dict[str, Any]] = []
    parsed: list[Item] = []
    clock = parts().cache.now()
    for index, one in enumerate(raw):
        path = f"{name}.{index}"
        try:
            item = parse(one, path)
            _require_known(item.known_at, clock, path)
            _require_happened(item, clock, path)
            parsed.append((index, item))
            items.append({"index": index, "status": "accepted"})
        except InvalidInput as error:
            if not error.field.startswith(path):
                error = InvalidInput(f"{path}.{error.field}", error.expected, error.got)
            items.append({"index": index, "status": "invalid", "problem": problem_of(error)})
    return items, parsed


def _require_known(known_at: datetime | None, clock: ClockReading, path: str) -> None:
    """Refuse what claims to be known in the future: until then, no right version of it could take its place.

    Where the clock is simulated, whoever moves it posts what became known before it moves.
    """
    if known_at is None or clock.mode == "simulated" or known_at <= clock.now + AHEAD:
        return
    expected = f"at most {AHEAD.seconds // 60} minutes after now, {timestamp(clock.now)}"
    raise InvalidInput(f"{path}.known_at", expected, timestamp(known_at))


def _require_happened(item: Parsed, clock: ClockReading, path: str) -> None:
    """Refuse a departure, an arrival or an observation that is later than when it became known.

    A feed whose local times pass for UTC says such things: data leakage, and labels of what has not flown yet.
    """
    if clock.mode == "simulated" or isinstance(item, NewLabel):
        return
    if isinstance(item, WeatherEvent):
        name, moment, ahead = "observed_at", item.observed_at, REPORT_AHEAD
    elif item.kind in HAPPENED:
        name, moment, ahead = HAPPENED[item.kind], item.event_time, AHEAD
    else:
        return
    known = item.known_at or clock.now
    if moment > known + ahead:
        expected = f"at most {ahead.seconds // 60} minutes after it became known, {timestamp(known)}"
        raise InvalidInput(f"{path}.{name}", expected, timestamp(moment))


def _parse_event(raw: Any, path: str) -> FlightEvent | WeatherEvent:
    kind = raw.get("type") if isinstance(raw, dict) else None
    schema = EVENTS.get(kind) if isinstance(kind, str) else None
    if schema is None:
        # Only a text, and not all of it: a type may be as deep or as long as a body.
        got = kind[:SHOWN] if isinstance(kind, str) else None
        raise InvalidInput(f"{path}.type", f"one of {', '.join(EVENTS)}", got)
    event = load(schema, raw, path)
    if event["type"] == "weather":
        values = tuple(measured(name, event.get(name)) for name in WEATHER_COLUMNS)
        return WeatherEvent(
            event["airport"], event["observed_at"], values, event.get("known_at"), source="api"
        )
    return _flight_event(event)


def _not_measured(raw: dict[str, Any], event: WeatherEvent, path: str) -> dict[str, Any]:
    """Return a note of the readings that no instrument can make; nothing where all were taken."""
    notes = [
        field_error(
            f"{path}.{name}", "from {} to {}: counts as not measured".format(*WEATHER_RANGES[name]), raw[name]
        )
        for name, value in zip(WEATHER_COLUMNS, event.values, strict=True)
        if value is None and raw.get(name) is not None
    ]
    return {"not_measured": notes} if notes else {}


def _flight_event(event: dict[str, Any]) -> FlightEvent:
    kind, known_at = event["type"], event.get("known_at")
    if kind == "scheduled":
        return FlightEvent(
            flight_id=identity(event),
            kind=kind,
            event_time=event["scheduled_departure"],
            known_at=known_at,
            carrier=event["carrier"],
            flight_number=event["flight"],
            origin=event["origin"],
            dest=event["dest"],
            scheduled_departure=event["scheduled_departure"],
            scheduled_arrival=event["scheduled_arrival"],
            source="api",
        )
    moment = next(event[name] for name in ("departed_at", "arrived_at", "departs_at", "at") if name in event)
    return FlightEvent(
        flight_id=event["flight_id"],
        kind=kind,
        event_time=moment,
        known_at=known_at,
        delay_minutes=event.get("delay_minutes"),
        air_time_minutes=event.get("air_time_minutes"),
        tail=event.get("tail"),
        source="api",
    )


def _with_known_identities(items: list[dict[str, Any]], parsed: list[Item]) -> list[Item]:
    """Refuse schedules under another date than theirs, unless a flight was scheduled under it before.

    Predictions have the date of the schedule that is known, and labels would never meet another.
    """
    schedules = {
        i: event for i, event in parsed if isinstance(event, FlightEvent) and event.kind == "scheduled"
    }
    moved = {i: event for i, event in schedules.items() if event.flight_id[-8:] != _own_date(event)}
    if not moved:
        return parsed
    known = parts().events.scheduled({event.flight_id for event in moved.values()})
    known |= {event.flight_id for i, event in schedules.items() if i not in moved}
    for i, event in moved.items():
        if event.flight_id not in known:
            expected = (
                f"{event.flight_id[:-8]}{_own_date(event)}: no flight was scheduled under another date before"
            )
            error = InvalidInput(f"events.{i}.flight_id", expected, event.flight_id)
            items[i] |= {"status": "invalid", "problem": problem_of(error)}
    return [(i, event) for i, event in parsed if items[i]["status"] != "invalid"]


def _require_few_revisions(parsed: list[Item]) -> None:
    """Refuse more of one flight and kind, or one airport and hour, than a request may wait for."""
    most = max(Counter(_key_of(event) for _, event in parsed).values(), default=0)
    if most > MAX_REVISIONS:
        expected = (
            f"at most {MAX_REVISIONS} of one flight and kind, or one airport and hour; the others in a request "
            "after this one"
        )
        raise InvalidInput("events", expected, most)


def _key_of(event: Parsed) -> tuple[str, str | datetime]:
    if isinstance(event, WeatherEvent):
        return event.airport, event.observed_at
    assert isinstance(event, FlightEvent)  # noqa: S101  the others are labels
    return event.flight_id, event.kind


def _own_date(event: FlightEvent) -> str:
    assert event.origin is not None  # noqa: S101  a schedule has one
    assert event.scheduled_departure is not None  # noqa: S101
    return local_date(event.origin, minute_floor(event.scheduled_departure))


def _parse_label(raw: Any, path: str) -> NewLabel:
    label = load(LABEL, raw, path)
    return NewLabel(
        label["flight_id"], label["arr_delay_minutes"], label.get("known_at"), "api", label["correction"]
    )


def _note(items: list[dict[str, Any]], order: list[int], outcomes: list[Outcome], name: str) -> None:
    for index, outcome in zip(order, outcomes, strict=True):
        items[index]["status"] = outcome.status
        if outcome.status == "conflict":
            items[index]["problem"] = problem_of(Conflict(f"{name}.{index}: {outcome.reason}"))


def _answer(items: list[dict[str, Any]]) -> Response:
    statuses = [item["problem"]["status"] if "problem" in item else 200 for item in items]
    counts = {s: sum(item["status"] == s for item in items) for s in ("accepted", "duplicate")}
    body = {
        "items": items,
        "accepted": counts["accepted"],
        "duplicates": counts["duplicate"],
        "rejected": sum(status >= 400 for status in statuses),
        "clock": clock_body(parts().cache.now()),
    }
    only_conflicts = all(status == 409 for status in statuses)
    return json_response(body, 409 if only_conflicts else status_of_items(statuses))
