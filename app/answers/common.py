"""What every route answers with: the clock, problems, the service's own state; requests are in `app.schemas`."""

from typing import Any

from marshmallow import Schema, fields

MOMENT: dict[str, Any] = {"required": True, "format": "iso", "metadata": {"example": "2013-04-11T13:00:00Z"}}
CURSOR: dict[str, Any] = {
    "required": True,
    "allow_none": True,
    "metadata": {"description": "Send it as `cursor` for the next page; null on the last one."},
}


class Answer(Schema):
    """An answer."""

    class Meta:
        """Answers may gain fields."""

        unknown = "include"


class ClockAnswer(Answer):
    """The stack's clock: the real time, or a replayed moment."""

    now = fields.AwareDateTime(**MOMENT)
    mode = fields.String(required=True, metadata={"enum": ["system", "simulated"]})


class FieldProblem(Answer):
    """A field that does not fit."""

    field = fields.String(required=True, metadata={"example": "flights.0.carrier"})
    expected = fields.String(required=True, metadata={"example": "two capital letters or digits, like UA"})
    got = fields.Raw(metadata={"description": "What was there, where it is a plain value.", "example": "ua"})


class Problem(Answer):
    """An error, as RFC 9457 describes it."""

    type = fields.String(
        required=True,
        metadata={
            "description": "Kind of problem: the path of its page, or about:blank.",
            "example": "/problems/invalid-input",
        },
    )
    title = fields.String(required=True, metadata={"description": "The kind in a few words; never changes."})
    status = fields.Integer(required=True, metadata={"description": "The HTTP status."})
    detail = fields.String(required=True, metadata={"description": "What happened this time."})
    request_id = fields.String(
        required=True, metadata={"description": "The log has the request under it; also in X-Request-ID."}
    )
    errors = fields.List(
        fields.Nested(FieldProblem), metadata={"description": "Each field that does not fit."}
    )


class Liveness(Answer):
    """The process answers."""

    status = fields.String(required=True)


class Readiness(Answer):
    """Whether a prediction can be served, check by check."""

    status = fields.String(required=True, metadata={"enum": ["ready", "not ready"]})
    checks = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    model_version = fields.Integer(required=True, allow_none=True)
    clock = fields.Nested(ClockAnswer)
