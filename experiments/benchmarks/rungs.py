"""The request path in steps, each an application of its own that Gunicorn serves: what a step costs is a difference.

`experiments.benchmarks.rungs:application("scored")` does all that a prediction takes up to its probability, with the
API's own functions, and answers with a constant.
"""

import time
from typing import Any

from flask import Flask, Response, g, jsonify

RUNGS = {
    "bare Flask": "a constant, by jsonify",
    "JSON": "the body read, the constant written by orjson",
    "checked": "the flight checked",
    "vector": "the state looked up, the vector known or assembled",
    "scored": "the model's probability, known or computed",
    "logged": "the line written to the spool, the answer formed",
    "counted": "counted for Prometheus and the service counts",
    "whole": "the API: keys, request ids, headers, errors",
}
ANSWER = {
    "prediction_id": "01a21384-6cd7-72d8-8429-082797166204",
    "flight_id": "UA272-EWR-20130411",
    "probability": 0.4126934868524738,
    "lead_minutes": 170,
    "as_of": "2013-04-11T12:00:00Z",
    "model": {"name": "ontime", "version": 1, "contract": "3b4ff0f09dfa"},
    "features": {"state_tick": "2013-04-11T12:00:00Z", "age_seconds": 0, "stale": False},
    "clock": {"now": "2013-04-11T12:00:00Z", "mode": "simulated"},
}


def application(rung: str) -> Flask:
    """Return the application of a rung.

    Raises
    ------
    ValueError
        If there is no such rung.
    """
    steps = list(RUNGS).index(rung)
    if steps == 0:
        return bare()
    from app import create_app

    whole: Flask = create_app()
    return whole if rung == "whole" else _up_to(steps, whole)


def bare() -> Flask:
    """Return the application that answers a constant."""
    app = Flask("bare", static_folder=None)

    @app.post("/v1/predictions")
    def predict() -> Response:
        return jsonify(ANSWER)

    return app


def _up_to(steps: int, whole: Flask) -> Flask:
    from app.asked_flight import asked_flight
    from app.body import clock_body, json_response, read_json
    from app.feature_cache import RequestView
    from app.predictions import count

    app = Flask("rung", static_folder=None)
    app.extensions.update(whole.extensions)
    parts: Any = whole.extensions["ontime"]
    memory = parts.predictor.memory

    @app.post("/v1/predictions")
    def predict() -> Response:
        g.started = time.perf_counter()
        body = read_json()
        answer: dict[str, Any] = ANSWER
        if steps >= 2:
            flight, as_of = asked_flight(body)
        if steps >= 3:
            view = RequestView(parts.cache)
            question = parts.predictor.question(flight, view, as_of)
            if steps in (3, 4):
                recalled = memory.recall([question])
                if steps == 4:
                    recalled.probabilities(parts.models.require_pair()[0].model)
        if steps >= 5:
            [answer] = parts.predictor.predict([question], "0123456789abcdef", g.started)
            answer["clock"] = clock_body(view.clock)
        if steps >= 6:
            count(parts, [question], [answer])
            parts.counts.request("/v1/predictions", "POST", 200, time.perf_counter() - g.started)
        return json_response(answer)

    return app
