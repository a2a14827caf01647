"""What is answered about events and labels that were sent."""

from marshmallow import fields

from app.answers.common import Answer, ClockAnswer, FieldProblem, Problem


class AppendedItem(Answer):
    """What became of one event or label."""

    index = fields.Integer(required=True)
    status = fields.String(required=True, metadata={"enum": ["accepted", "duplicate", "conflict", "invalid"]})
    problem = fields.Nested(Problem)
    not_measured = fields.List(
        fields.Nested(FieldProblem),
        metadata={
            "description": "Readings of an observation that no instrument can make; the rest was taken."
        },
    )


class Appended(Answer):
    """What became of events or labels, in their order."""

    items = fields.List(fields.Nested(AppendedItem), required=True)
    accepted = fields.Integer(required=True)
    duplicates = fields.Integer(required=True)
    rejected = fields.Integer(required=True)
    clock = fields.Nested(ClockAnswer, required=True)
