"""The composition root: the application, its parts, and the threads that keep them fresh."""

import re
import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from flask import Flask, Response, g, request

from adapters import heap, telemetry
from adapters.logging import configure_logging
from adapters.settings import Settings
from adapters.settings import settings as read_settings
from adapters.waiting import wait_until
from app import (
    dashboard,
    errors,
    events,
    health,
    models,
    monitoring,
    openapi,
    prediction_history,
    predictions,
    problems,
    tracing,
)
from app.background import Loop
from app.metrics import METRICS
from app.parts import Parts, make_parts

MAX_BODY_BYTES = 4 * 1024 * 1024
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
KEY_NAME = "X-Key-Name"
"""For the gateway's log, which takes it away: whose key it was."""
SHOWN = " .,:_-@()"
MODEL_POLL_SECONDS = 1.0
KEY_POLL_SECONDS = 1.0
COUNTS_SECONDS = 0.5
SPOOL_POLL_SECONDS = 10.0
HEAP_SECONDS = 5.0
"""A batch of a thousand flights takes twenty megabytes for a moment: a worker need not keep them."""
MODELS = "models"
FIRST_LOOK_SECONDS = 15.0
"""Gunicorn allows a worker 30 s to begin."""
FIRST_LOOK_PAUSE_SECONDS = 0.2


class Api(Flask):
    """Flask whose views and hooks are plain functions: it does not look at each call whether one is a coroutine."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function as it is."""
        return func


def create_app(
    settings: Settings | None = None, parts: Parts | None = None, background: bool = True
) -> Flask:
    """Build the application.

    Parameters
    ----------
    settings : Settings, optional
        By default those of the environment.
    parts : Parts, optional
        By default made from the settings.
    background : bool
        Whether to begin the threads that follow PostgreSQL and MLflow. Never before a fork.
    """
    settings = settings or read_settings()
    configure_logging(settings.log_level, "api")
    app = Api("app", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.json.sort_keys = False  # type: ignore[attr-defined]
    made = parts or make_parts(settings)
    app.extensions["ontime"] = made
    _register_hooks(app, made)
    app.extensions["traces"] = traces = telemetry.begin("api")
    if traces is not None:
        tracing.register(app, made, traces)
    errors.register(app)
    for module in (predictions, prediction_history, events, models, monitoring, health, problems):
        app.register_blueprint(module.blueprint)
    openapi.register(app)
    dashboard.register(app, made)
    app.extensions["loops"] = loops = _loops(made)
    if background:
        _look_first(loops, lambda: made.models.champion is not None)
        for loop in loops:
            loop.start()
    return app


def _look_first(loops: list[Loop], has_champion: Callable[[], bool]) -> None:
    """Take the first looks before the first request: a new worker beside old ones answers as they do.

    While a server is away the worker waits, and the others take the requests; after a while it answers that it is not
    ready, lest nobody answers at all.
    """
    waiting = list(loops)

    def have_looked() -> bool:
        waiting[:] = [
            loop for loop in waiting if not (loop.once() or (loop.name == MODELS and has_champion()))
        ]
        return not waiting

    wait_until(have_looked, FIRST_LOOK_SECONDS, FIRST_LOOK_PAUSE_SECONDS)


def _loops(parts: Parts) -> list[Loop]:
    def follow_models() -> None:
        try:
            parts.models.refresh()
        finally:
            champion = parts.models.champion
            if champion is not None:
                METRICS.serves(champion.version)

    return [
        Loop("states", parts.cache.refresh, 0.0),
        Loop(MODELS, follow_models, MODEL_POLL_SECONDS),
        Loop("champion", lambda: parts.champion_alert.report(parts.models), MODEL_POLL_SECONDS),
        Loop("keys", parts.keys.refresh, KEY_POLL_SECONDS),
        Loop("counts", parts.counts.settle, COUNTS_SECONDS),
        Loop("spool", parts.spool_watch.look, SPOOL_POLL_SECONDS),
        Loop("heap", heap.give_back, HEAP_SECONDS),
    ]


def _register_hooks(app: Flask, made: Parts) -> None:
    def begin() -> None:
        g.started = time.perf_counter()
        given = request.headers.get("X-Request-ID", "")
        g.request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)

    def finish(response: Response) -> Response:
        headers = response.headers
        headers.add("X-Request-ID", g.request_id)
        if "key_name" in g:
            headers.add(KEY_NAME, quote(g.key_name, safe=SHOWN))
        headers.add("X-Content-Type-Options", "nosniff")
        route = request.url_rule.rule if request.url_rule else "unmatched"
        made.counts.request(route, request.method, response.status_code, time.perf_counter() - g.started)
        return response

    app.before_request(begin)
    app.after_request(finish)
