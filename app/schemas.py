"""What requests look like: marshmallow schemas; unknown fields are refused, errors say what is expected."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate, validates_schema

from app.errors import InvalidBody, field_error
from domain.airports import AIRPORTS, FIRST_YEAR, LAST_YEAR, local_date
from domain.clock import minute_floor
from domain.events import TAIL
from domain.flights import BLOCK_MINUTES, WEATHER_RANGES, flight_id

MAX_FLIGHTS = 1_000
MAX_EVENTS = 5_000
KNOWN_AT = {"description": "Since when it is known, at most five minutes from now; by default now."}
MAX_REVISIONS = 50
"""Of one flight and kind, or one airport and hour: about half a second, for each is compared with the one before."""
MOMENT = "a time with an offset, like 2013-04-11T15:00:00Z"
EARLIEST = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
LATEST = datetime(LAST_YEAR, 1, 1, tzinfo=UTC)
SHORTEST, LONGEST = (timedelta(minutes=minutes) for minutes in BLOCK_MINUTES)
IDENTITY = "a carrier, number (no zero before it), origin and local date, like UA1545-EWR-20130411"
LEG = validate.Range(1, 9, error="a leg from 1 to 9")
CARRIER = validate.Regexp(r"[A-Z0-9]{2}\Z", error="two capital letters or digits, like UA")
REGISTRATION = validate.Regexp(
    rf"(?:{TAIL.pattern})\Z", error="2 to 8 capital letters, digits and hyphens, like N14228"
)
NUMBER = validate.Range(1, 9999, error="a flight number from 1 to 9999")
DELAY = validate.Range(-1440, 10080, error="whole minutes from -1440 to 10080")
# PostgreSQL's text holds no NUL.
TEXT = validate.Regexp(r"(?=.*\S)[^\x00]{1,500}\Z", re.DOTALL, error="1 to 500 characters, not only spaces")
VERSION = validate.Range(1, 2**31 - 1, error="a version, 1 or more")


class Strict(Schema):
    """A schema that refuses what it does not know."""

    class Meta:
        """Unknown fields are errors."""

        unknown = RAISE


class Moment(fields.AwareDateTime):
    """A time with an offset, given as text; in UTC once it is read."""

    default_error_messages = {"invalid": MOMENT, "invalid_awareness": MOMENT}  # noqa: RUF012  marshmallow's own way

    def __init__(self, **options: Any):
        super().__init__(format="iso", **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if not isinstance(value, str):
            raise self.make_error("invalid")
        moment = super()._deserialize(value, attr, data, **options)
        # Beyond these years local times are unknown, and at the calendar's ends arithmetic overflows.
        if not EARLIEST <= moment < LATEST:
            raise ValidationError(f"a time from {FIRST_YEAR} on and before {LAST_YEAR}")
        return moment.astimezone(UTC)


class FlightId(fields.String):
    """A flight's identity; its date is one of the calendar."""

    _FORM = re.compile(r"[A-Z0-9]{2}[1-9][0-9]{0,3}-[A-Z]{3}(?:-[2-9])?-([0-9]{8})")

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        name = super()._deserialize(value, attr, data, **options)
        form = self._FORM.fullmatch(name)
        try:
            day = datetime.strptime(form[1], "%Y%m%d").replace(tzinfo=UTC) if form else None
        except ValueError:
            day = None
        if day is None or not EARLIEST <= day < LATEST:
            raise ValidationError(IDENTITY)
        return name


class Airport(fields.String):
    """A known airport's code."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        code = super()._deserialize(value, attr, data, **options)
        if code not in AIRPORTS:
            raise ValidationError("a known airport's three letters, like EWR")
        return code


def whole(check: validate.Validator, **options: Any) -> fields.Integer:
    """Return a whole number that is given as one."""
    return fields.Integer(strict=True, validate=check, **options)


def identity(flight: Mapping[str, Any]) -> str:
    """Return the flight's identity: the one it was asked under, or the one that follows from its schedule."""
    return flight.get("flight_id") or derived_id(flight)


def derived_id(flight: Mapping[str, Any]) -> str:
    """Return the identity that follows from a schedule: its local date at the origin is part of it."""
    day = local_date(flight["origin"], minute_floor(flight["scheduled_departure"]))
    return flight_id(flight["carrier"], flight["flight"], flight["origin"], day, flight.get("leg", 1))


class ScheduleSchema(Strict):
    """A flight as the schedule has it."""

    carrier = fields.String(required=True, validate=CARRIER, metadata={"example": "UA"})
    flight = whole(NUMBER, required=True, metadata={"example": 1545})
    origin = Airport(required=True, metadata={"example": "EWR"})
    dest = Airport(required=True, metadata={"example": "IAH"})
    scheduled_departure = Moment(required=True, metadata={"example": "2013-04-11T15:00:00Z"})
    scheduled_arrival = Moment(required=True, metadata={"example": "2013-04-11T19:05:00Z"})
    leg = whole(
        LEG,
        load_default=1,
        metadata={
            "description": "Which departure of this number from this airport on this date; by default the first."
        },
    )
    flight_id = FlightId(
        metadata={
            "description": "Derived from the above; given where a flight was retimed to another date, "
            "as it was before: the identity stays."
        }
    )

    @validates_schema(skip_on_field_errors=True)
    def check_route_and_block(self, data: dict[str, Any], **_: Any) -> None:
        """Require different ends, and a block of a length that schedules have."""
        if data["origin"] == data["dest"]:
            raise ValidationError("another airport than the origin", "dest")
        block = data["scheduled_arrival"] - data["scheduled_departure"]
        if not SHORTEST <= block <= LONGEST:
            raise ValidationError("15 minutes to 20 hours after scheduled_departure", "scheduled_arrival")
        for name in ("scheduled_departure", "scheduled_arrival"):
            if data[name].second or data[name].microsecond:
                raise ValidationError("a whole minute: schedules have no seconds", name)

    @validates_schema(skip_on_field_errors=True)
    def check_identity(self, data: dict[str, Any], **_: Any) -> None:
        """Refuse an identity of another flight; only its date may be another one."""
        given = data.get("flight_id")
        if given is None:
            return
        derived = derived_id(data)
        if given[:-8] == derived[:-8]:
            return
        # Without a leg of its own a schedule may name its flight's.
        if data["leg"] > 1 or not given.startswith(derived[:-8]):
            expected = f"{derived}, by carrier, number, origin and its local date"
            raise ValidationError(expected, "flight_id")


class FlightSchema(ScheduleSchema):
    """A flight, and optionally the moment to predict it from."""

    as_of = Moment(metadata={"description": "Predict from what was known then; by default now."})


class Unchecked(fields.List[Any]):
    """A list whose items are left as they are: a thousand of them are not looked at twice."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if not isinstance(value, list):
            raise self.make_error("invalid")
        return value


class BatchSchema(Strict):
    """Many flights; each is validated on its own, so that a bad one does not spoil the rest."""

    flights = Unchecked(
        fields.Raw(allow_none=True),
        required=True,
        validate=validate.Length(1, MAX_FLIGHTS, error=f"1 to {MAX_FLIGHTS} flights"),
    )
    as_of = Moment(metadata={"description": "For all flights that do not name their own."})


class EventSchema(Strict):
    """What every event has."""

    type = fields.String(required=True)
    known_at = Moment(metadata=KNOWN_AT)


class ScheduledSchema(EventSchema, ScheduleSchema):
    """A flight was put on the schedule, or retimed."""


class DepartedSchema(EventSchema):
    """A flight left."""

    flight_id = FlightId(required=True, metadata={"example": "UA1545-EWR-20130411"})
    departed_at = Moment(required=True)
    delay_minutes = whole(DELAY, required=True)


class ArrivedSchema(EventSchema):
    """A flight arrived; its label follows from it."""

    flight_id = FlightId(required=True, metadata={"example": "UA1545-EWR-20130411"})
    arrived_at = Moment(required=True)
    delay_minutes = whole(DELAY, required=True)
    air_time_minutes = whole(validate.Range(0, 2880, error="whole minutes from 0 to 2880"), allow_none=True)


class CancelledSchema(EventSchema):
    """A flight was cancelled."""

    flight_id = FlightId(required=True, metadata={"example": "UA1545-EWR-20130411"})
    at = Moment(required=True)


class DivertedSchema(CancelledSchema):
    """A flight was diverted."""


class ReinstatedSchema(CancelledSchema):
    """A cancellation or diversion was reversed."""


class AircraftAssignedSchema(EventSchema):
    """An aircraft was assigned to a flight, or another one."""

    flight_id = FlightId(required=True, metadata={"example": "UA1545-EWR-20130411"})
    at = Moment(required=True)
    tail = fields.String(required=True, validate=REGISTRATION, metadata={"example": "N14228"})


class DepartureEstimatedSchema(EventSchema):
    """The airline expects a flight to leave at a moment, or at another one."""

    flight_id = FlightId(required=True, metadata={"example": "UA1545-EWR-20130411"})
    departs_at = Moment(required=True)
    delay_minutes = whole(DELAY, required=True)


WeatherSchema = EventSchema.from_dict(
    {
        "airport": Airport(required=True),
        "observed_at": Moment(required=True),
        **{
            name: fields.Float(
                allow_none=True,
                metadata={"description": f"A reading beyond {low} to {high} counts as not measured."},
            )
            for name, (low, high) in WEATHER_RANGES.items()
        },
    },
    name="WeatherSchema",
)

EVENTS: dict[str, Schema] = {
    "scheduled": ScheduledSchema(),
    "departed": DepartedSchema(),
    "arrived": ArrivedSchema(),
    "cancelled": CancelledSchema(),
    "diverted": DivertedSchema(),
    "reinstated": ReinstatedSchema(),
    "aircraft_assigned": AircraftAssignedSchema(),
    "departure_estimated": DepartureEstimatedSchema(),
    "weather": WeatherSchema(),
}


class EventsSchema(Strict):
    """Many events; each is validated on its own."""

    events = fields.List(
        fields.Raw(allow_none=True),
        required=True,
        validate=validate.Length(1, MAX_EVENTS, error=f"1 to {MAX_EVENTS} events"),
    )


class LabelSchema(Strict):
    """How late a flight arrived."""

    flight_id = FlightId(required=True, metadata={"example": "UA1545-EWR-20130411"})
    arr_delay_minutes = whole(DELAY, required=True)
    known_at = Moment(metadata=KNOWN_AT)
    correction = fields.Boolean(load_default=False, truthy={True}, falsy={False})


class LabelsSchema(Strict):
    """Many labels; each is validated on its own."""

    labels = fields.List(
        fields.Raw(allow_none=True),
        required=True,
        validate=validate.Length(1, MAX_FLIGHTS, error=f"1 to {MAX_FLIGHTS} labels"),
    )


class PromoteSchema(Strict):
    """Promote a version."""

    version = whole(VERSION, required=True)
    expected_version = whole(
        VERSION,
        required=True,
        allow_none=True,
        metadata={"description": "The version you believe to serve; 409 when another one does."},
    )
    reason = fields.String(required=True, validate=TEXT)
    who = fields.String(validate=TEXT)


class RollbackSchema(Strict):
    """Promote an earlier champion again."""

    reason = fields.String(required=True, validate=TEXT)
    expected_version = whole(VERSION)
    to_version = whole(VERSION)
    who = fields.String(validate=TEXT)


class RetrainSchema(Strict):
    """Train a candidate and compare it with the champion."""

    reason = fields.String(required=True, validate=TEXT)
    idempotency_key = fields.String(
        validate=TEXT, metadata={"description": "The same key names the same run: asking twice starts one."}
    )


class AcknowledgeSchema(Strict):
    """A person has seen an alert."""

    who = fields.String(required=True, validate=TEXT)


def load(schema: Schema, body: Any, prefix: str = "") -> dict[str, Any]:
    """Validate a body.

    Raises
    ------
    InvalidBody
        Naming each field with its path below `prefix`, and what is expected.
    """
    try:
        loaded: dict[str, Any] = schema.load(body)
    except ValidationError as error:
        raise InvalidBody(_flatten(error.messages, prefix, body)) from error
    return loaded


def _flatten(messages: Any, path: str, body: Any) -> list[dict[str, Any]]:
    """Return the name each field by its path, and show what was found there."""
    if isinstance(messages, dict):
        found = []
        for name, inner in messages.items():
            if name == "_schema":
                found += _flatten(inner, path, body)
            else:
                below = body.get(name) if isinstance(body, dict) else None
                found += _flatten(inner, f"{path}.{name}" if path else str(name), below)
        return found
    return [field_error(path or "body", _expected(message), body) for message in messages]


def _expected(message: str) -> str:
    return {
        "Unknown field.": "no such field",
        "Missing data for required field.": "a value: the field is required",
        "Invalid input type.": "an object",
        "Field may not be null.": "a value, not null",
        "Not a valid string.": "text",
        "Not a valid integer.": "a whole number",
        "Not a valid number.": "a number",
        "Not a valid boolean.": "true or false",
        "Not a valid list.": "a list",
        "Special numeric values (nan or infinity) are not permitted.": "a finite number",
    }.get(message, message)
