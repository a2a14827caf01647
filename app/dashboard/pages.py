"""The frame of every page: the blueprint, signing in and out, the theme, headers, and errors as pages."""

import calendar
import secrets
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import (
    Blueprint,
    Response,
    current_app,
    g,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_wtf.csrf import generate_csrf
from werkzeug.exceptions import HTTPException

from app import problem_types as kinds
from app.body import timestamp
from app.dashboard import access
from app.dashboard.access import needs
from app.errors import (
    FAILED,
    RETRY_AFTER_SECONDS,
    Forbidden,
    Unauthorized,
    problem,
    problem_of,
    problem_of_http,
)
from app.parts import parts
from domain.airports import AIRPORTS
from domain.clock import ClockReading
from domain.errors import OntimeError
from domain.features.catalogue import CATEGORICAL

blueprint = Blueprint(
    "dashboard",
    __name__,
    url_prefix=access.PREFIX,
    template_folder="templates",
    static_folder="static",
    static_url_path="/static",
)
THEMES = ("auto", "light", "dark")
THEME_COOKIE, THEME_SECONDS = "ontime_theme", 365 * 86_400
STATIC_SECONDS = 3_600
REFRESH_SECONDS = 60
"""How often a page that is left open loads itself again."""
WHAT_TO_DO = {
    400: "Go back, reload the page, and try again.",
    403: "Sign out, and sign in with a key that has this scope.",
    404: "Go to the start of the dashboard; what you look for may have been removed, or never existed.",
    409: "Somebody else changed this meanwhile, or it cannot be done now. Reload the page, and decide again.",
    413: "Shorten what you entered.",
    422: "Correct the field that is named, and send the form again.",
    503: "Predictions are still served from memory. Look at the health of the stack (make status), then reload.",
}
"""By status: what a reader of an error can do."""
WHAT_IS_AWAY = {
    "no feature state": "The feature refresher computes the first one some seconds after the first flights are known: "
    "send events (POST /v1/events, or make ingest), then load this page again.",
    "no champion model": "Train a first one: make train-first. Where there was one, look at MLflow: make status.",
    "the keys are not loaded": "The API has just started, or cannot reach PostgreSQL: make status, then reload.",
    "MLflow": "What serves goes on serving; versions and changes need MLflow: make status, then reload.",
    "Prefect": "Predictions go on; a retrain needs Prefect's server: make status, then reload.",
}
"""By how an error begins that says what is not there yet, or away."""


def render(name: str, status: int = 200, **values: Any) -> Response:
    """Render a page of the dashboard; one that asks for it keeps itself fresh."""
    body = render_template(f"dashboard/{name}.html", clock=_clock(), **values)
    return make_response(body, status)


def back(endpoint: str, **values: Any) -> Response:
    """Answer a form: go on to a page, with GET."""
    return make_response(redirect(url_for(f"dashboard.{endpoint}", **values), 303))


def notify(message: str) -> None:
    """Leave a line for the next page: what a form did."""
    session["notice"] = message


@blueprint.get("/sign-in")
def sign_in() -> Response:
    """Show the form that takes a key."""
    if access.scopes():
        return make_response(redirect(_next()))
    return render("sign_in", next=_next())


@blueprint.post("/sign-in")
def open_session() -> Response:
    """Open a session with a key."""
    if not access.sign_in(request.form.get("key", "").strip()):
        problem = "This key is unknown, or it was revoked. A key begins with ontime_ and its scope."
        return render("sign_in", 401, next=_next(), problem=problem)
    session["who"] = request.form.get("who", "").strip()[:100]
    return make_response(redirect(_next(), 303))


@blueprint.post("/sign-out")
def sign_out() -> Response:
    """Close the session."""
    access.sign_out()
    return back("sign_in")


@blueprint.post("/theme")
def theme() -> Response:
    """Keep which colours the reader wants: the system's, light or dark."""
    wanted = request.form.get("theme", "")
    response = make_response(redirect(_next(), 303))
    if wanted in THEMES:
        response.set_cookie(
            THEME_COOKIE, wanted, THEME_SECONDS, path=access.PREFIX, secure=request.is_secure, httponly=True,
            samesite="Lax",
        )  # fmt: skip
    return response


@blueprint.get("/")
@needs("predict")
def start() -> Response:
    """Lead to the first page."""
    return back("now")


def _next() -> str:
    return access.own_path(request.values.get("next")) or url_for("dashboard.now")


def _clock() -> ClockReading | None:
    return parts().cache.last_known()


@blueprint.before_request
def begin() -> None:
    """Give the request a nonce, and take a form only from a page of ours."""
    g.nonce = secrets.token_urlsafe(16)
    access.require_token()


@blueprint.after_request
def protect(response: Response) -> Response:
    """Say what a page may load: its own style, its own script by a nonce, itself again; nothing from anywhere else."""
    response.headers.setdefault(
        "Content-Security-Policy",
        f"default-src 'none'; style-src 'self'; script-src 'nonce-{g.get('nonce', '')}'; "
        "connect-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    )
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
    if request.is_secure:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    own = request.endpoint == "dashboard.static"
    response.headers["Cache-Control"] = f"private, max-age={STATIC_SECONDS}" if own else "no-store"
    return response


@blueprint.app_template_filter("moment")
def moment(value: datetime | str | None, airport: str = "") -> str:
    """Write a moment in an airport's local time, by default the home airport's, to the minute."""
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return f"{local(found, airport):%-d %b %Y, %H:%M}" if found else "—"


@blueprint.app_template_filter("day")
def day(value: date | str) -> str:
    """Write a local calendar day."""
    return f"{date.fromisoformat(value) if isinstance(value, str) else value:%-d %b %Y}"


@blueprint.app_template_filter("hhmm")
def hhmm(value: datetime, airport: str = "") -> str:
    """Write the local time of day at an airport, by default the home airport."""
    return f"{local(value, airport):%H:%M}"


def local(value: datetime, airport: str) -> datetime:
    """Return a moment in an airport's local time; in UTC where the airport is unknown."""
    known = AIRPORTS.get(airport or parts().settings.home_airport)
    return value.astimezone(ZoneInfo(known.zone if known else "UTC"))


@blueprint.app_template_filter("iso")
def iso(value: datetime) -> str:
    """Write a moment for machines."""
    return timestamp(value)


@blueprint.app_template_filter("share")
def share(value: float | None, digits: int = 0) -> str:
    """Write a share as a percentage."""
    return "—" if value is None or value != value else f"{value:.{digits}%}"


@blueprint.app_template_filter("number")
def number(value: float | None, digits: int = 3) -> str:
    """Write a number to some decimals; whole ones with thousands apart."""
    if value is None or value != value:
        return "—"
    return f"{value:,.0f}" if digits == 0 else f"{value:,.{digits}f}"


@blueprint.app_template_filter("signed")
def signed(value: float, digits: int = 3) -> str:
    """Write a difference to some decimals, with its sign."""
    return "—" if value != value else f"{value:+,.{digits}f}"


@blueprint.app_template_filter("figure")
def figure(value: float | None) -> str:
    """Write a number to four significant figures."""
    return "—" if value is None or value != value else f"{value:,.4g}"


@blueprint.app_template_filter("reason")
def reason(share: dict[str, Any]) -> str:
    """Write one of an explanation's shares in words, with the value it rests on."""
    words, value, unit = share["words"], share["value"], share["unit"]
    if share["feature"] in CATEGORICAL:
        return str(words)
    if value is None:
        return f"{words}: unknown"
    return f"{words}: {_in_unit(value, unit)}"


def _in_unit(value: float, unit: str) -> str:
    if unit == "share":
        return f"{value:.0%}"
    if unit == "0 = Monday":
        return calendar.day_name[int(value) % 7]
    if unit.startswith("minutes after local midnight"):
        return f"{int(value) // 60 % 24:02}:{int(value) % 60:02}"
    written = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{written} {unit.partition(' from ')[0]}".removesuffix(" 1")


@blueprint.app_context_processor
def frame() -> dict[str, Any]:
    """Return what the frame of every page needs."""
    if request.blueprint != "dashboard":
        return {}
    held = access.scopes() if parts().keys.loaded else frozenset()
    wanted = request.cookies.get(THEME_COOKIE, "auto")
    return {
        "scopes": held,
        "may_operate": "admin" in held,
        "theme": wanted if wanted in THEMES else "auto",
        "themes": THEMES,
        "here": request.full_path.rstrip("?") if request.method == "GET" else url_for("dashboard.now"),
        "nonce": g.get("nonce", ""),
        "notice": session.pop("notice", None) if "notice" in session else None,
        "csrf": generate_csrf,
        "home": parts().settings.home_airport,
    }


@blueprint.errorhandler(Unauthorized)
def lead_to_sign_in(error: Unauthorized) -> Response:
    """Lead to the sign-in, and from there back."""
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    return make_response(redirect(url_for("dashboard.sign_in", next=wanted), 303))


@blueprint.errorhandler(Forbidden)
def forbidden(error: Forbidden) -> Response:
    """Show what scope is missing."""
    return _failed(problem(kinds.FORBIDDEN, str(error)))


@blueprint.errorhandler(OntimeError)
def ours(error: OntimeError) -> Response:
    """Show one of our own errors as a page."""
    current_app.logger.warning("page was not shown", extra={"request_id": g.request_id, "reason": str(error)})
    return _failed(problem_of(error))


@blueprint.errorhandler(HTTPException)
def by_http(error: HTTPException) -> Response:
    """Show an error of HTTP as a page."""
    return _failed(problem_of_http(error))


@blueprint.errorhandler(Exception)
def unexpected(error: Exception) -> Response:
    """Show that something failed here."""
    current_app.logger.error("page failed", exc_info=error, extra={"request_id": g.request_id})
    return _failed(problem(kinds.INTERNAL_ERROR, FAILED))


def _failed(described: dict[str, Any]) -> Response:
    status = described["status"]
    advice = next(
        (advice for begin, advice in WHAT_IS_AWAY.items() if described["detail"].startswith(begin)),
        WHAT_TO_DO.get(status, "Reload the page; if it happens again, look into the API's log."),
    )
    response = render("failed", status, problem=described, advice=advice)
    if status == 503:
        response.headers["Retry-After"] = RETRY_AFTER_SECONDS
    return response
