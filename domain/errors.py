"""The one family of errors; no HTTP in it. `app/errors.py` alone maps them to status codes."""

from typing import Any


class OntimeError(Exception):
    """Something ontime refused or could not do."""


class InvalidInput(OntimeError):  # noqa: N818  the field's names say what happened; "Error" adds nothing
    """A value does not fit; names the field and what is expected."""

    def __init__(self, field: str, expected: str, got: object | None = None):
        self.field = field
        self.expected = expected
        self.got = got
        shown = "" if got is None else f", got {got!r}"
        super().__init__(f"{field}: expected {expected}{shown}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how another process makes it: of its fields, as its message alone is not enough."""
        return type(self), (self.field, self.expected, self.got)


class NotFound(OntimeError):  # noqa: N818
    """There is nothing under that name."""


class Conflict(OntimeError):  # noqa: N818
    """The request contradicts what is already recorded."""


class StaleVersion(Conflict):
    """The champion is no longer the version the caller expected."""

    def __init__(self, expected: int | None, actual: int | None):
        self.expected = expected
        self.actual = actual
        super().__init__(f"expected champion version {expected}, but version {actual} is serving")

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how another process makes it, as for `InvalidInput`."""
        return type(self), (self.expected, self.actual)


class NotReady(OntimeError):  # noqa: N818
    """A part this answer needs is not there yet, or not reachable now."""


class ContractMismatch(OntimeError):  # noqa: N818
    """A model was trained on features other than those this code computes."""


class SignatureInvalid(OntimeError):  # noqa: N818
    """A model's artifacts are not those that were signed."""


class GateRefused(OntimeError):  # noqa: N818
    """A candidate does not pass the promotion gate; names the checks. Trained again it would be the same."""


class ConfigurationError(OntimeError):
    """A setting is missing or wrong; names the setting."""
