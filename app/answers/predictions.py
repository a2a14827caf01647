"""What is answered about predictions."""

from marshmallow import fields

from app.answers.common import CURSOR, MOMENT, Answer, ClockAnswer, Problem
from app.answers.models import ModelOrigin


class ServingModel(Answer):
    """The model that answered."""

    name = fields.String(required=True)
    version = fields.Integer(required=True)
    contract = fields.String(required=True, metadata={"description": "Begin of the feature contract's hash."})


class Freshness(Answer):
    """How old what was known is."""

    state_tick = fields.AwareDateTime(**MOMENT)
    age_seconds = fields.Integer(required=True)
    stale = fields.Boolean(required=True, metadata={"description": "Older than 15 minutes."})


class Share(Answer):
    """A feature's signed share of the log-odds: above zero towards late."""

    feature = fields.String(required=True, metadata={"example": "origin_queue"})
    words = fields.String(
        required=True, metadata={"example": "departures past their time that have not left"}
    )
    value = fields.Float(required=True, allow_none=True)
    unit = fields.String(required=True, metadata={"example": "flights"})
    share = fields.Float(required=True)


class CalibrationAnswer(Answer):
    """How a raw score becomes log-odds: slope times score plus intercept."""

    slope = fields.Float(required=True)
    intercept = fields.Float(required=True)


class Explanation(Answer):
    """Why: constant, shares and rest sum to the log-odds, whose logistic function is the probability."""

    log_odds = fields.Float(required=True)
    constant = fields.Float(
        required=True, metadata={"description": "What a flight has of which nothing is known."}
    )
    shares = fields.List(fields.Nested(Share), required=True, metadata={"description": "Largest first."})
    rest = fields.Float(required=True, metadata={"description": "The sum of all other features' shares."})
    raw_score = fields.Float(
        required=True, metadata={"description": "What the parts of the model say together."}
    )
    calibration = fields.Nested(CalibrationAnswer, required=True)


class Prediction(Answer):
    """A prediction; it is in the log."""

    prediction_id = fields.UUID(required=True)
    flight_id = fields.String(required=True, metadata={"example": "UA1545-EWR-20130411"})
    probability = fields.Float(required=True, metadata={"minimum": 0, "maximum": 1})
    lead_minutes = fields.Integer(required=True)
    as_of = fields.AwareDateTime(**MOMENT)
    model = fields.Nested(ServingModel, required=True)
    features = fields.Nested(Freshness, required=True)
    explanation = fields.Nested(Explanation, metadata={"description": "With `?explain`."})
    clock = fields.Nested(ClockAnswer, metadata={"description": "Once for all in a batch."})


class PredictionItem(Answer):
    """What became of one flight of a batch."""

    index = fields.Integer(required=True)
    status = fields.Integer(required=True)
    prediction = fields.Nested(Prediction)
    problem = fields.Nested(Problem)


class Predictions(Answer):
    """A batch, in its order."""

    items = fields.List(fields.Nested(PredictionItem), required=True)
    clock = fields.Nested(ClockAnswer, required=True)


class ChallengerScore(Answer):
    """What the challenger said of the same flight; nobody acts on it."""

    version = fields.Integer(required=True)
    probability = fields.Float(required=True, allow_none=True, metadata={"minimum": 0, "maximum": 1})


class LabelAnswer(Answer):
    """What then happened."""

    arr_delay_minutes = fields.Integer(required=True, metadata={"description": "Negative when early."})
    is_late = fields.Boolean(required=True, metadata={"description": "15 minutes late or more."})
    known_at = fields.AwareDateTime(**MOMENT)
    corrected = fields.Boolean(required=True, metadata={"description": "Replaces an earlier label."})


class AskedFlight(Answer):
    """The flight of a stored prediction, and the moment it was predicted from."""

    prediction_id = fields.UUID(required=True)
    flight_id = fields.String(required=True, metadata={"example": "UA1545-EWR-20130411"})
    carrier = fields.String(required=True)
    flight = fields.Integer(required=True)
    origin = fields.String(required=True)
    dest = fields.String(required=True)
    scheduled_departure = fields.AwareDateTime(**MOMENT)
    scheduled_arrival = fields.AwareDateTime(**MOMENT)
    as_of = fields.AwareDateTime(**MOMENT)
    lead_minutes = fields.Integer(
        required=True, metadata={"description": "From `as_of` to the scheduled departure."}
    )
    probability = fields.Float(required=True, metadata={"minimum": 0, "maximum": 1})
    challenger = fields.Nested(ChallengerScore, required=True, allow_none=True)
    served_at = fields.AwareDateTime(**MOMENT)
    label = fields.Nested(LabelAnswer, required=True, allow_none=True)


class LoggedPrediction(AskedFlight):
    """A prediction as it was logged, where its model came from, and its label once it is known."""

    request_id = fields.String(required=True)
    state_tick = fields.AwareDateTime(**MOMENT)
    features = fields.Raw(
        required=True,
        metadata={
            "description": "Values by the features' names; a bare list where another release computed them.",
            "anyOf": [
                {"type": "object", "additionalProperties": {"type": "number", "nullable": True}},
                {"type": "array", "items": {"type": "number", "nullable": True}},
            ],
        },
    )
    contract_hash = fields.String(
        required=True, metadata={"description": "Of the features' names and definitions."}
    )
    model = fields.Nested(ModelOrigin, required=True)
    latency_us = fields.Integer(required=True, metadata={"description": "Microseconds to the answer."})
    explanation = fields.Nested(Explanation, metadata={"description": "With `?explain`."})
    clock = fields.Nested(ClockAnswer, required=True)


class ListedPrediction(AskedFlight):
    """A stored prediction in a list; `GET /v1/predictions/{prediction_id}` has its features."""

    model_version = fields.Integer(required=True)


class PredictionList(Answer):
    """A page of stored predictions, newest first."""

    predictions = fields.List(fields.Nested(ListedPrediction), required=True)
    next_cursor = fields.String(**CURSOR)
    clock = fields.Nested(ClockAnswer, required=True)
