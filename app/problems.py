"""GET /problems/<name>: the page of a problem type, to which the `type` of an error leads."""

import re

from flask import Blueprint, Response, render_template
from markupsafe import Markup, escape

from app.problem_types import BY_NAME, PROBLEM_TYPES
from domain.errors import NotFound

blueprint = Blueprint("problems", __name__, url_prefix="/problems")
CODE = re.compile(r"`([^`]+)`")
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


@blueprint.get("/<name>")
def show(name: str) -> Response:
    """Explain a problem type: its status, what it means, what to do."""
    kind = BY_NAME.get(name)
    if kind is None:
        raise NotFound(f"there is no problem type {name}; there are {', '.join(BY_NAME)}")
    page = render_template("problem.html", kind=kind, kinds=PROBLEM_TYPES, prose=prose)
    response = Response(page, mimetype="text/html")
    response.headers["Content-Security-Policy"] = POLICY
    return response


def prose(text: str) -> Markup:
    """Return text as HTML; what is between backticks in code letters."""
    return Markup(CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704  escaped before
