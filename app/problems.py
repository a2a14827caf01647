"""GET /problems/<name>: the page of a problem type, to which the `type` of an error leads."""

from flask import Blueprint, Response, render_template

from app.problem_types import BY_NAME, PROBLEM_TYPES
from domain.errors import NotFound

blueprint = Blueprint("problems", __name__, url_prefix="/problems")
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


@blueprint.get("/<name>")
def page(name: str) -> Response:
    """Explain a problem type: its status, what it means, what to do."""
    kind = BY_NAME.get(name)
    if kind is None:
        raise NotFound(f"there is no problem type {name}; there are {', '.join(BY_NAME)}")
    response = Response(render_template("problem.html", kind=kind, kinds=PROBLEM_TYPES), mimetype="text/html")
    response.headers["Content-Security-Policy"] = POLICY
    return response
