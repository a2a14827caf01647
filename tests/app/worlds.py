"""A small world behind the API: flights of one morning, their state, signed models and keys."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import lightgbm
import numpy as np
import orjson
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from adapters import model_artifact
from adapters.api_keys import ApiKeys
from adapters.clock_store import ClockStore
from adapters.event_store import EventStore
from adapters.model_keys import ModelKeys
from adapters.postgres import Database
from adapters.prediction_lines import PredictionRecord, from_copy_line
from adapters.settings import Settings
from app import create_app
from app.parts import Parts, make_parts
from domain.features.catalogue import CATEGORICAL, CONTRACT_HASH, FEATURE_NAMES
from domain.features.grid import GRID_MINUTES
from domain.hinges import HingeLogistic
from domain.model import Calibration, ModelManifest
from domain.perceptrons import Perceptrons
from services.refresher import Refresher
from tests.app.described import DescribedClient
from tests.builders import MINUTE, NOON, arrived, departed, observation, scheduled
from tests.session import DISCARD_PORT

NOWHERE = f"http://127.0.0.1:{DISCARD_PORT}"
FLIGHT = {
    "carrier": "UA",
    "flight": 1545,
    "origin": "EWR",
    "dest": "IAH",
    "scheduled_departure": "2013-04-11T13:00:00Z",
    "scheduled_arrival": "2013-04-11T17:05:00Z",
}
"""A flight an hour after the clock of these worlds."""
PROBLEM_FIELDS = {"type", "title", "status", "detail", "request_id"}


def trees() -> str:
    """A small model over the catalogue's features, fitted to noise."""
    draw = np.random.default_rng(1)
    rows = draw.normal(size=(400, len(FEATURE_NAMES)))
    late = (rows[:, 0] + rows[:, -1] > 0).astype(float)
    parameters = {"objective": "binary", "num_leaves": 7, "verbosity": -1, "seed": 1, "num_threads": 1}
    return lightgbm.train(parameters, lightgbm.Dataset(rows, late), 10).model_to_string()


def lines() -> HingeLogistic:
    """A hinge logistic regression over the catalogue's features, drawn at random."""
    draw, n = np.random.default_rng(2), len(FEATURE_NAMES)
    return HingeLogistic(
        lead_column=FEATURE_NAMES.index("lead_minutes"),
        band_until=np.array([90.0, 1440.0]),
        low=np.full(n, -50.0),
        high=np.full(n, 500.0),
        mean=draw.normal(size=n),
        scale=draw.uniform(1.0, 9.0, size=n),
        knots=np.sort(draw.normal(size=(2, n)), axis=0),
        weights=draw.normal(scale=0.02, size=(2, 3, n)),
        intercept=draw.normal(size=2),
        expected=draw.normal(scale=0.02, size=(2, n)),
    )


def perceptrons() -> Perceptrons:
    """Perceptrons over the catalogue's features, drawn at random."""
    draw, n, line = np.random.default_rng(3), len(FEATURE_NAMES), lines()
    return Perceptrons(
        **{name: getattr(line, name) for name in ("low", "high", "mean", "scale", "lead_column")},
        lead_bounds=np.array([90.0, 360.0]),
        value_column=np.array([FEATURE_NAMES.index("carrier_code")]),
        value=np.array([1090.0]),
        weights=draw.normal(scale=0.02, size=(n + 4, 6)).astype(np.float32),
        bias=draw.normal(size=6).astype(np.float32),
        out=draw.normal(size=6).astype(np.float32),
        intercept=-0.5,
        expected=draw.normal(scale=0.02, size=n + 4),
    )


def manifest(
    intercept: float = 0.0,
    contract_hash: str = CONTRACT_HASH,
    logistic_share: float = 0.0,
    perceptron_share: float = 0.0,
) -> ModelManifest:
    """A manifest; models of different intercepts give different probabilities."""
    return ModelManifest(
        contract_hash=contract_hash,
        feature_names=tuple(FEATURE_NAMES),
        categories=dict.fromkeys(CATEGORICAL, (370.0, 1090.0)),
        calibration=Calibration(1.0, intercept),
        logistic_share=logistic_share,
        perceptron_share=perceptron_share,
        trained_from="2013-01-01",
        trained_until="2013-03-24",
        as_of="2013-04-01T12:00:00Z",
        data_hash="b" * 64,
        git_commit="c" * 40,
        seed=1,
        metrics={"auc": 0.77},
    )


def keep_in_cache(settings: Settings, text: str, version: int, **changes: Any) -> None:
    """Put a signed version where a worker finds it while MLflow is away."""
    folder = settings.model_cache_dir / str(version)
    mixed = manifest(logistic_share=0.2, perceptron_share=0.4, **changes)
    keys = ModelKeys.of_trainer(settings)
    model_artifact.write(folder, text, mixed, keys, hinges=lines(), perceptrons=perceptrons())


def busy_morning(database: Database) -> None:
    """Flights before and after noon, some gone, some there, and the weather of two hours."""
    flights = [scheduled(n, departure=NOON + (60 - n * 7) * MINUTE) for n in range(1, 40)]
    flights += [
        departed(n, departure=NOON + (60 - n * 7) * MINUTE, delay=n % 9 * 5) for n in range(12, 40, 2)
    ]
    flights += [arrived(n, departure=NOON + (60 - n * 7) * MINUTE, delay=n % 5 * 9) for n in range(36, 40)]
    weather = [observation("EWR", NOON - hours * 60 * MINUTE, temp_f=50.0, precip_in=0.1) for hours in (1, 2)]
    EventStore(database).append(flights, weather)


def refresh_at(database: Database, *moments: Any) -> None:
    """Let the refresher compute the state of some moments; the clock ends at the last one."""
    refresher = Refresher(database)
    for moment in moments:
        ClockStore(database).set_simulated(moment)
        refresher.refresh()
    refresher.close()


@dataclass
class Api:
    """The application and the ways to ask it."""

    app: Flask
    client: FlaskClient
    parts: Parts
    keys: dict[str, str]

    @property
    def database(self) -> Database:
        return self.parts.database

    def headers(self, scope: str | None) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys[scope]}"} if scope else {}

    def get(self, path: str, scope: str | None = None, **options: Any) -> TestResponse:
        return self.client.get(path, headers=self.headers(scope), **options)

    def post(self, path: str, body: Any, scope: str | None = None) -> TestResponse:
        data = body if isinstance(body, bytes) else orjson.dumps(body)
        return self.client.post(path, data=data, content_type="application/json", headers=self.headers(scope))

    def predict(self, **changes: Any) -> TestResponse:
        return self.post("/v1/predictions", FLIGHT | changes, "predict")

    def spooled(self) -> list[PredictionRecord]:
        """Every prediction in the spool."""
        spool = self.parts.spooled
        return [from_copy_line(line) for file in spool.files() for line in spool.lines(file)]


@contextmanager
def serving(
    database: Database, settings: Settings, mlflow: str = NOWHERE, keys: dict[str, str] | None = None
) -> Iterator[Api]:
    """The application over real parts; its threads are not begun, `refresh()` is called instead."""
    parts = make_parts(replace(settings, mlflow_url=mlflow))
    app = create_app(parts.settings, parts, background=False)
    # There is no thread to wait for: what it would see was seen by `refresh()`.
    parts.cache.catch_up = lambda: True
    app.test_client_class = DescribedClient
    try:
        yield Api(app, app.test_client(), parts, keys or make_keys(database))
    finally:
        parts.spool.close()
        parts.database.close()
        parts.followed.close()
        if app.extensions["traces"] is not None:
            app.extensions["traces"].close()


def make_keys(database: Database) -> dict[str, str]:
    """A key for each scope that has only that one."""
    return {scope: ApiKeys(database).create(scope, [scope]) for scope in ("predict", "ingest", "admin")}


def look(api: Api) -> None:
    """What the worker's threads do at their first step."""
    for loop in api.app.extensions["loops"]:
        loop.once()


def assert_problem(response: TestResponse, status: int) -> dict[str, Any]:
    """The answer is a problem of this status; returns its body."""
    assert response.status_code == status, response.text
    assert response.mimetype == "application/problem+json"
    body = response.get_json()
    assert set(body) - {"errors"} == PROBLEM_FIELDS
    assert body["status"] == status
    assert body["request_id"] == response.headers["X-Request-ID"]
    assert body["title"]
    assert body["detail"]
    return body


def assert_field(response: TestResponse, field: str, expected: str) -> None:
    """The answer is a 422 whose first error names the field and what is expected (a pattern)."""
    [error, *_] = assert_problem(response, 422)["errors"]
    assert error["field"] == field
    assert re.search(expected, error["expected"]), error


def ticks_before(minutes: int) -> list[Any]:
    """Moments on the grid from so many minutes before noon until noon."""
    return [NOON - m * MINUTE for m in range(minutes, -1, -GRID_MINUTES)]
