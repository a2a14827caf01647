"""What the API adds to traces. Registered only where traces are on: without them no request meets a line of this."""

import time
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, g, has_request_context, request

from app.parts import Parts

if TYPE_CHECKING:
    from adapters.traces import Traces

QUIET = ("/health/", "/metrics")
"""Routes that are asked every few seconds, and of whose requests nobody reads a trace."""
FAILED = 500


def register(app: Flask, parts: Parts, traces: "Traces") -> None:
    """Have each request recorded: below it how long its features, its model and the spool took."""
    for owner, method, step in (
        (parts.predictor.memory, "recall", "features"),
        (parts.predictor, "ask", "model"),
        (parts.spool, "write", "spool"),
    ):
        _time(owner, method, step)
    _note_answers(parts)

    def begin() -> None:
        g.began, g.steps, g.answers, g.trace_id = time.time_ns(), [], [], traces.new_id()

    def finish(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else ""
        if not route.startswith(QUIET):
            _record(traces, route, response.status_code)
        return response

    app.before_request(begin)
    app.after_request(finish)


def _time(owner: object, method: str, step: str) -> None:
    """Note when each call of a method began and ended."""
    call = getattr(owner, method)

    def timed(*arguments: Any, **named: Any) -> Any:
        began = time.time_ns()
        try:
            return call(*arguments, **named)
        finally:
            if has_request_context():
                g.steps.append((step, began, time.time_ns()))

    setattr(owner, method, timed)


def _note_answers(parts: Parts) -> None:
    """Note what a request was answered; the trace of one prediction is that of its request."""
    call = parts.predictor.predict

    def predict(*arguments: Any, **named: Any) -> Any:
        g.answers = answers = call(*arguments, **named)
        if len(answers) == 1:
            g.trace_id = answers[0]["prediction_id"].replace("-", "")
        return answers

    # No subclass: the object is made, and known to whoever asks it, before anyone knows that traces are on.
    setattr(parts.predictor, "predict", predict)  # noqa: B010


def _record(traces: "Traces", route: str, status: int) -> None:
    """Record a request in the trace of its prediction; of many predictions each sampled one has its own, linked."""
    by_id = {answer["prediction_id"]: answer for answer in g.answers}
    chosen = traces.chosen(by_id or [g.trace_id])
    if not chosen:
        return
    first, *others = chosen
    ended = time.time_ns()
    described = {
        "http.request.method": request.method,
        "http.route": route,
        "http.response.status_code": status,
        "ontime.request_id": g.request_id,
    }
    server = traces.root(
        first,
        f"{request.method} {route}".strip(),
        g.began,
        ended,
        attributes=described | _described(by_id.get(first)),
        # A client's trace is another: every process has to find a prediction's by its id alone.
        links=traces.client_of(request.headers.items()),
        is_server=True,
        failed=status >= FAILED,
    )
    for step, began, done in g.steps:
        traces.child(server, step, began, done)
    for other in others:
        traces.root(other, "prediction", g.began, ended, attributes=_described(by_id[other]), links=[server])


def _described(answer: dict[str, Any] | None) -> dict[str, Any]:
    if answer is None:
        return {}
    return {
        "ontime.prediction_id": answer["prediction_id"],
        "ontime.flight_id": answer["flight_id"],
        "ontime.probability": answer["probability"],
        "ontime.model.version": answer["model"]["version"],
        "ontime.lead_minutes": answer["lead_minutes"],
        "ontime.state.age_seconds": answer["features"]["age_seconds"],
    }
