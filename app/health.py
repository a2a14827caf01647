"""Health, metrics: what a process manager, a proxy and Prometheus ask."""

from flask import Blueprint, Response

from app.body import clock_body, json_response
from app.metrics import METRICS
from app.parts import parts
from app.readiness import WELL, readiness

blueprint = Blueprint("health", __name__)


@blueprint.get("/health/live")
def live() -> Response:
    """Answer that the process answers."""
    return json_response({"status": "live"})


@blueprint.get("/health/ready")
def ready() -> Response:
    """Return whether a prediction can be served: 200 when each check passes, else 503."""
    p = parts()
    checks = readiness(p)
    well = all(check == WELL for check in checks.values())
    champion = p.models.champion
    body = {
        "status": "ready" if well else "not ready",
        "checks": checks,
        "model_version": champion.version if champion else None,
    }
    if well:
        body["clock"] = clock_body(p.cache.now())
    return json_response(body, 200 if well else 503)


@blueprint.get("/metrics")
def metrics() -> Response:
    """Return the counters of all workers in Prometheus' text form."""
    p = parts()
    p.counts.collect()
    age = p.cache.newest_age()
    METRICS.observe_state(
        p.cache.newest_tick(), None if age is None else 60.0 * age, p.spooled.backlog_bytes()
    )
    return Response(METRICS.render(), mimetype="text/plain; version=0.0.4")
