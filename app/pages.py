"""Lists, a page at a time: how many rows a client asks for, and the opaque cursor that continues.

A cursor holds the key of the last row that was returned, not a count of rows: rows that come meanwhile move nothing.
It belongs to the filters it was made with, which a client repeats.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, TypeVar

import orjson
from flask import Response, request
from marshmallow import ValidationError, fields

from app.body import clock_body, json_response
from app.parts import parts
from app.schemas import FlightId, Moment
from domain.errors import InvalidInput

USUAL_ROWS, MOST_ROWS = 50, 500
PAGING = ("limit", "cursor")
Key = TypeVar("Key")
Row = TypeVar("Row")
MOMENT, FLIGHT_ID = Moment(), FlightId()


@dataclass(frozen=True)
class PageRequest(Generic[Key]):
    """The page that a client asks for."""

    limit: int
    after: Key | None
    """The key of the last row of the page before; None at the beginning."""
    filters: dict[str, str]

    def cut(self, rows: Sequence[Row], key: Callable[[Row], Any]) -> tuple[Sequence[Row], str | None]:
        """Return the page's rows and the cursor of the next one, None at the end.

        Parameters
        ----------
        rows : sequence
            One more than `limit`, where there are as many.
        key : callable
            Gives a row's key as JSON, which `read_key` of `page_request` reads again.
        """
        if len(rows) <= self.limit:
            return rows, None
        shown = rows[: self.limit]
        return shown, _encode([_mark(self.filters), key(shown[-1])])


def page_response(
    page: PageRequest[Any],
    name: str,
    rows: Sequence[Row],
    key: Callable[[Row], Any],
    body: Callable[[Row], Any],
) -> Response:
    """Return the page's rows under a name, and the cursor of the next one; `rows` and `key` are those of `cut`."""
    shown, cursor = page.cut(rows, key)
    listed = {name: [body(row) for row in shown], "next_cursor": cursor}
    return json_response(listed | {"clock": clock_body(parts().cache.now())})


def page_request(names: Sequence[str], read_key: Callable[[Any], Key]) -> PageRequest[Key]:
    """Read the query of a list.

    Parameters
    ----------
    names : sequence of str
        The list's filters.
    read_key : callable
        Reads what a cursor holds; raises ValueError, TypeError or KeyError where it is something else.

    Raises
    ------
    InvalidInput
        If a parameter is unknown, there more than once, or does not fit.
    """
    given = dict(request.args.lists())
    for name, values in given.items():
        if name not in (*names, *PAGING):
            raise InvalidInput(
                name, f"no such parameter; there are {', '.join((*names, *PAGING))}", values[0][:100]
            )
        if len(values) > 1:
            raise InvalidInput(name, "one value", ", ".join(values)[:100])
    filters = {name: given[name][0] for name in names if name in given}
    text = given["cursor"][0] if "cursor" in given else None
    after = None if text is None else _read_cursor(text, filters, read_key)
    return PageRequest(_limit(given["limit"][0] if "limit" in given else None), after, filters)


def moment_of(filters: dict[str, str], name: str) -> datetime | None:
    """Return a filter that is a time with an offset, None where it is not there."""
    moment: datetime | None = _read(MOMENT, filters, name)
    return moment


def flight_of(filters: dict[str, str], name: str) -> str | None:
    """Return a filter that is a flight's identity, None where it is not there."""
    flight: str | None = _read(FLIGHT_ID, filters, name)
    return flight


def day_of(name: str, text: str) -> date:
    """Return a day like 2013-04-11.

    Raises
    ------
    InvalidInput
        If it is written otherwise.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise InvalidInput(name, "a day like 2013-04-11", text[:100])
    return day


def read_number(key: Any) -> int:
    """Return a row's number as a cursor holds it.

    Raises
    ------
    ValueError
        If it is none.
    """
    if type(key) is not int or not 0 <= key < 2**63:
        raise ValueError("not the number of a row")
    return key


def _read(field: fields.Field[Any], filters: dict[str, str], name: str) -> Any:
    if name not in filters:
        return None
    try:
        return field.deserialize(filters[name])
    except ValidationError as error:
        raise InvalidInput(name, str(error.messages[0]), filters[name][:100]) from error


def _limit(text: str | None) -> int:
    if text is None:
        return USUAL_ROWS
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MOST_ROWS):
        raise InvalidInput("limit", f"a number of rows, 1 to {MOST_ROWS}", text[:100])
    return int(text)


def _read_cursor(text: str, filters: dict[str, str], read_key: Callable[[Any], Key]) -> Key:
    try:
        mark, key = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        after = read_key(key)
    except (ValueError, TypeError, KeyError, OverflowError, binascii.Error) as error:
        raise InvalidInput("cursor", "the `next_cursor` of an earlier page, unchanged", text[:100]) from error
    if mark != _mark(filters):
        raise InvalidInput("cursor", "a cursor of a page with the same filters", text[:100])
    return after


def _encode(value: Any) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).decode().rstrip("=")


def _mark(filters: dict[str, str]) -> str:
    return hashlib.sha256(orjson.dumps(sorted(filters.items()))).hexdigest()[:12]
