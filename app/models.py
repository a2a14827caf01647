"""GET /v1/model and /v1/model/ledger, POST /v1/model/promote, /v1/model/rollback and /v1/model/retrain."""

from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response

from adapters.deployments import AFTER_ALL, ANY, Deployment
from app.auth import require
from app.body import clock_body, json_response, read_json, timestamp
from app.model_holder import Served
from app.pages import page_request, page_response, read_number
from app.parts import parts
from app.schemas import PromoteSchema, RetrainSchema, RollbackSchema, load

blueprint = Blueprint("models", __name__, url_prefix="/v1/model")
PROMOTE = PromoteSchema()
ROLLBACK = RollbackSchema()
RETRAIN = RetrainSchema()
LEDGER_ROWS = 20


@blueprint.get("")
@require("predict")
def show() -> Response:
    """Show the champion, the challenger, the rollback target, and the newest rows of the ledger."""
    p = parts()
    return json_response(
        {
            "name": p.settings.model_name,
            "champion": _describe(p.models.champion),
            "challenger": _describe(p.models.challenger),
            "previous": _previous(),
            "ledger": [ledger_row(row) for row in p.deployments.history(LEDGER_ROWS)],
            "clock": clock_body(p.cache.now()),
        }
    )


@blueprint.get("/ledger")
@require("predict")
def ledger() -> Response:
    """List every change of champion, newest first."""
    p, page = parts(), page_request((), read_number)
    before = page.after if page.after is not None else AFTER_ALL
    rows = p.deployments.history(page.limit + 1, before)
    return page_response(page, "ledger", rows, lambda row: row.deployment_id, ledger_row)


@blueprint.post("/promote")
@require("admin")
def promote() -> Response:
    """Promote a version, if the one you expect serves now."""
    p, body = parts(), load(PROMOTE, read_json())
    clock = clock_body(p.cache.now())  # first: nothing may fail once the version serves
    row = p.championship.promote(
        body["version"], body["expected_version"], body.get("who", "api"), body["reason"]
    )
    return json_response(ledger_row(row) | {"clock": clock})


@blueprint.post("/rollback")
@require("admin")
def rollback() -> Response:
    """Promote the last champion again, or an earlier one."""
    p, body = parts(), load(ROLLBACK, read_json())
    clock = clock_body(p.cache.now())
    row = p.championship.rollback(
        body.get("who", "api"), body["reason"], body.get("to_version"), body.get("expected_version", ANY)
    )
    return json_response(ledger_row(row) | {"clock": clock})


@blueprint.post("/retrain")
@require("admin")
def retrain() -> Response:
    """Ask for a retrain: a candidate that the promotion gate compares with the champion. It runs after this answer."""
    p, body = parts(), load(RETRAIN, read_json())
    run = p.flows.start("retrain", {"reason": body["reason"]}, body.get("idempotency_key"))
    body = {"flow_run_id": run.run_id, "flow_run": run.name, "clock": clock_body(p.cache.now())}
    return json_response(body, HTTPStatus.ACCEPTED)


def _previous() -> dict[str, Any] | None:
    """Return the version a rollback goes to, None where there is none."""
    p = parts()
    version = p.previous_champion()
    return None if version is None else p.describe_version(version)


def _describe(served: Served | None) -> dict[str, Any] | None:
    if served is None:
        return None
    manifest = served.model.manifest
    return {
        "version": served.version,
        "contract_hash": manifest.contract_hash,
        "trained_from": manifest.trained_from,
        "trained_until": manifest.trained_until,
        "as_of": manifest.as_of,
        "data_hash": manifest.data_hash,
        "git_commit": manifest.git_commit,
        "metrics": manifest.metrics,
    }


def ledger_row(row: Deployment) -> dict[str, Any]:
    """Return a row of the ledger as answers show it."""
    return {
        "deployment_id": row.deployment_id,
        "action": row.action,
        "from_version": row.from_version,
        "to_version": row.to_version,
        "who": row.who,
        "reason": row.reason,
        "evidence": row.evidence,
        "status": row.status,
        "at": timestamp(row.at),
    } | ({"note": row.note} if row.note else {})
