"""The API: Flask under Gunicorn. It only serves; training and monitoring never run here."""

from typing import Any


def create_app(*arguments: Any, **parts: Any) -> Any:
    """Build the application; see `app.factory.create_app`."""
    # Imported late: Gunicorn's master reads this package and must not load what a fork cannot carry.
    from app.factory import create_app as create

    return create(*arguments, **parts)
