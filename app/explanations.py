"""Why a probability is what it is: the largest signed shares of its log-odds, in words."""

import re
from typing import Any

import numpy as np
from flask import request

from app.model_holder import Served
from app.parts import Parts
from domain.errors import ContractMismatch, InvalidInput, NotFound, NotReady, SignatureInvalid
from domain.features.catalogue import CATEGORICAL
from domain.features.words import UNITS, WORDS
from domain.flights import Floats
from domain.model import FlightModel

SHOWN = 5
MOST_SHOWN = 50
MOST_FLIGHTS = 100
"""Shares take about a hundred times as long as a score."""
BASE = 36
"""Codes of carriers and airports are their letters read as a number."""
COUNT = re.compile(r"[1-9][0-9]?")
EXPECTED = f"true, false, or how many shares to show, 1 to {MOST_SHOWN}"


def asked() -> int:
    """Return how many shares the request asks for by `?explain=`; 0 for none.

    Raises
    ------
    InvalidInput
        If it is neither true, false nor a number from 1 to 50, or is there more than once.
    """
    values = request.args.getlist("explain") if request.query_string else []
    if not values:
        return 0
    if len(values) > 1:
        raise InvalidInput("explain", f"{EXPECTED}, once", ", ".join(values)[:100])
    if values[0] in ("true", "false"):
        return SHOWN if values[0] == "true" else 0
    if COUNT.fullmatch(values[0]) and int(values[0]) <= MOST_SHOWN:
        return int(values[0])
    raise InvalidInput("explain", EXPECTED, values[0][:100])


def explain(model: FlightModel, vectors: Floats, shown: int) -> list[dict[str, Any]]:
    """Explain the model's answer to each vector.

    The constant, the shares shown and the rest sum to the log-odds, whose logistic function is the probability. The
    log-odds are the model's raw score times the calibration's slope plus its intercept, and so are the shares: each is
    the model's own times the slope, and the intercept is in the constant. A model as it is trained has slope 1.

    Parameters
    ----------
    vectors : float64, shape (n, n_features)
    """
    return [
        _explanation(model, vector, shares, shown) | _calibrated(model, float(raw))
        for vector, shares, raw in zip(
            vectors, model.contributions(vectors), model.raw_scores(vectors), strict=True
        )
    ]


def _explanation(model: FlightModel, vector: Floats, shares: Floats, shown: int) -> dict[str, Any]:
    names = model.manifest.feature_names
    largest = np.argsort(-np.abs(shares[:-1]), kind="stable")[:shown]
    rows = [
        {
            "feature": names[i],
            "words": _words(names[i], vector[i]),
            "value": None if np.isnan(vector[i]) else float(vector[i]),
            "unit": UNITS.get(names[i], ""),
            "share": float(shares[i]),
        }
        for i in largest
    ]
    return {
        "log_odds": float(shares.sum()),
        "constant": float(shares[-1]),
        "shares": rows,
        "rest": float(np.delete(shares[:-1], largest).sum()),
    }


def _calibrated(model: FlightModel, raw: float) -> dict[str, Any]:
    calibration = model.manifest.calibration
    return {
        "raw_score": raw,
        "calibration": {"slope": calibration.slope, "intercept": calibration.intercept},
    }


def _words(name: str, value: float) -> str:
    """Return a feature in words; a code with the letters it stands for."""
    words = WORDS.get(name, name)
    return f"{words}, {np.base_repr(int(value), BASE)}" if name in CATEGORICAL and value >= 0 else words


def model_of(p: Parts, version: int) -> FlightModel:
    """Return the model of a version: one that serves, or else from the registry.

    Raises
    ------
    NotReady
        If it is neither loaded nor can be loaded now.
    """
    served: list[Served | None] = [p.models.champion, p.models.challenger]
    for loaded in served:
        if loaded is not None and loaded.version == version:
            return loaded.model
    try:
        return p.registry.load(version)
    except (NotFound, SignatureInvalid, ContractMismatch) as error:
        raise NotReady(f"version {version} cannot be loaded to explain it: {error}") from error
