"""What is answered about model versions and their changes."""

from marshmallow import fields

from app.answers.common import CURSOR, MOMENT, Answer, ClockAnswer


class ModelOrigin(Answer):
    """Where a model version came from; only its number while MLflow is away."""

    name = fields.String(required=True)
    version = fields.Integer(required=True)
    data_hash = fields.String(
        required=True, allow_none=True, metadata={"description": "Of its training data."}
    )
    git_commit = fields.String(required=True, allow_none=True)
    as_of = fields.String(
        required=True, allow_none=True, metadata={"description": "The moment that training knew up to."}
    )
    trained_from = fields.String(required=True, allow_none=True, metadata={"example": "2013-01-01"})
    trained_until = fields.String(required=True, allow_none=True, metadata={"example": "2013-03-24"})
    model_hash = fields.String(required=True, allow_none=True)


class LoadedModel(Answer):
    """A model version in this worker's memory."""

    version = fields.Integer(required=True)
    contract_hash = fields.String(required=True)
    trained_from = fields.String(required=True, metadata={"example": "2013-01-01"})
    trained_until = fields.String(required=True, metadata={"example": "2013-03-24"})
    as_of = fields.String(required=True, metadata={"description": "The moment that training knew up to."})
    data_hash = fields.String(required=True)
    git_commit = fields.String(required=True)
    metrics = fields.Dict(
        keys=fields.String(),
        values=fields.Float(),
        required=True,
        metadata={"description": "Measured on days that training did not see."},
    )


class LedgerRow(Answer):
    """A change of champion."""

    deployment_id = fields.Integer(required=True)
    action = fields.String(
        required=True,
        metadata={"enum": ["promote", "rollback", "outside"], "description": "outside: moved in MLflow."},
    )
    from_version = fields.Integer(required=True, allow_none=True)
    to_version = fields.Integer(required=True)
    who = fields.String(required=True)
    reason = fields.String(required=True)
    evidence = fields.Dict(required=True, metadata={"description": "What spoke for it, as it was measured."})
    status = fields.String(required=True, metadata={"enum": ["planned", "done", "void"]})
    at = fields.AwareDateTime(**MOMENT)
    note = fields.String(metadata={"description": "What to know beside it, where there is something."})


class Ledger(Answer):
    """A page of the ledger, newest first."""

    ledger = fields.List(fields.Nested(LedgerRow), required=True)
    next_cursor = fields.String(**CURSOR)
    clock = fields.Nested(ClockAnswer, required=True)


class ModelAnswer(Answer):
    """What serves, what is scored beside it, the rollback target, and the newest changes."""

    name = fields.String(required=True)
    champion = fields.Nested(LoadedModel, required=True, allow_none=True)
    challenger = fields.Nested(LoadedModel, required=True, allow_none=True)
    previous = fields.Nested(ModelOrigin, required=True, allow_none=True)
    ledger = fields.List(
        fields.Nested(LedgerRow), required=True, metadata={"description": "The newest twenty, newest first."}
    )
    clock = fields.Nested(ClockAnswer, required=True)


class ChampionChange(LedgerRow):
    """A change of champion that was just made."""

    clock = fields.Nested(ClockAnswer, required=True)


class RetrainAnswer(Answer):
    """A retrain that was asked for: the run of Prefect's that makes it."""

    flow_run_id = fields.UUID(required=True)
    flow_run = fields.String(required=True)
    clock = fields.Nested(ClockAnswer, required=True)
