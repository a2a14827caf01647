"""The dashboard: server-rendered pages at `/dashboard/`, for people, over the stores that the API reads."""

from typing import Any

from flask import Flask, abort, redirect, request, url_for

from adapters.settings import PREFIX
from app.dashboard import access, flights, models, monitoring, pages, upcoming
from app.parts import Parts
from domain.errors import ConfigurationError

WITH_ROUTES = (flights, models, monitoring, upcoming)
"""Modules that add their pages to the blueprint when they are imported."""


def register(app: Flask, parts: Parts) -> None:
    """Add the dashboard to the application; a browser that asks for `/` is led to it.

    Raises
    ------
    ConfigurationError
        If a setting of the dashboard is out of its range.
    """
    _require("action_list_size", parts.settings.action_list_size, 1, 1000)
    _require("action_list_hours", parts.settings.action_list_hours, 1, 24)
    access.configure(app, parts.settings)
    app.extensions["upcoming"] = upcoming.Forecasts()
    app.register_blueprint(pages.blueprint)
    app.add_url_rule("/", "home", _home)


def _home() -> Any:
    """Lead a browser to the dashboard; other clients find nothing here, as ever."""
    best = request.accept_mimetypes.best_match(["application/json", "text/html"], "application/json")
    if best != "text/html":
        abort(404)
    return redirect(url_for("dashboard.now"))


def _require(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise ConfigurationError(f"{PREFIX}{name.upper()}: expected {least} to {most}, got {value}")
