"""Text tables from outside: read as they are, parsed column by column, every bad value named by its line."""

import csv
import gzip
import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from domain.errors import OntimeError

MISSING = ("", "M", "null", "None")
"""How such files write a value that is not there."""
SHOWN = 100
"""Bad values of one file that are listed; the rest is counted."""


@dataclass(frozen=True)
class BadValue:
    """One value that does not fit: where it is, what was expected, what was there."""

    row: int | None
    """Line of the file, its header included; None where the whole file is meant."""
    column: str
    reason: str
    value: str | None


class BadFile(OntimeError):  # noqa: N818  the name says what happened
    """A file from outside cannot be taken; carries what is wrong with it."""

    def __init__(self, values: Iterable[BadValue]):
        self.found = list(values)
        first = self.found[0]
        where = "" if first.row is None else f"line {first.row}, "
        more = f" (and {len(self.found) - 1:,} more)" if len(self.found) > 1 else ""
        super().__init__(f"{where}{first.column}: {first.reason}, got {first.value!r}{more}")

    def as_dict(self) -> dict[str, Any]:
        """Give the first bad values and their number as plain values, for JSON."""
        return {"errors": [asdict(value) for value in self.found[:SHOWN]], "error_count": len(self.found)}


def whole_file(reason: str, value: str | None = None, column: str = "file") -> BadFile:
    """The error of a file that no line of it explains."""
    return BadFile([BadValue(None, column, reason, value)])


def plain(name: str) -> str:
    """A column's name without case and underscores: the same field is written in several ways."""
    return name.strip().lower().replace("_", "")


@dataclass
class TextTable:
    """A table whose every value is still text; its index is the line in the file."""

    text: pd.DataFrame
    names: Mapping[str, str]
    """The file's own name of each column, for errors."""
    bad: list[BadValue] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.text)

    def blame(self, column: str, rows: pd.Series, reason: str) -> None:
        """Note that the values of a column are bad in some rows."""
        for line, value in self.text.loc[rows.to_numpy(dtype=bool), column].items():
            self.bad.append(BadValue(int(line), self.names.get(column, column), reason, str(value)))

    def stop_if_bad(self) -> None:
        """Refuse the file if any value was bad.

        Raises
        ------
        BadFile
            With every bad value, sorted by line.
        """
        if self.bad:
            raise BadFile(sorted(self.bad, key=lambda bad: (bad.row or 0, bad.column)))

    def matching(self, column: str, pattern: str, reason: str) -> pd.Series:
        """Text that matches a pattern."""
        values = self.text[column]
        self.blame(column, ~values.str.fullmatch(pattern, flags=re.ASCII), reason)
        return values

    def numbers(self, column: str, required: bool = False, whole: bool = False) -> pd.Series:
        """Numbers, NaN where none is written."""
        values = self.text[column]
        absent = values.isin(MISSING)
        numbers = pd.to_numeric(values.mask(absent), errors="coerce").astype("float64")
        wrong = ~absent & ~np.isfinite(numbers)
        if whole:
            wrong |= numbers.notna() & (numbers % 1 != 0)
        expected = "expected a whole number" if whole else "expected a number"
        self.blame(column, wrong, expected)
        if required:
            self.blame(column, absent, f"{expected}, found none")
        return numbers.mask(wrong)

    def keep(self, rows: pd.Series) -> None:
        """Forget the other rows."""
        self.text = self.text[rows.to_numpy(dtype=bool)]


def read_table(path: Path, wanted: Mapping[str, tuple[str, ...]], optional: Iterable[str] = ()) -> TextTable:
    """Read the wanted columns of a CSV file, plain, gzipped or zipped, under our names for them.

    Parameters
    ----------
    wanted : mapping
        Our name of each column to the plain names it may have in the file; the first that is there counts.
    optional : iterable of str
        Our names that a file may lack; their values are then all missing.

    Raises
    ------
    BadFile
        If the file is no such table, or lacks a column.
    """
    content, skipped = _content(path)
    head = content.split("\n", 1)[0]
    there = {plain(name): name.strip() for name in fields_of(head)}
    names = {
        ours: next((there[theirs] for theirs in found if theirs in there), None)
        for ours, found in wanted.items()
    }
    lacking = [ours for ours, theirs in names.items() if theirs is None and ours not in set(optional)]
    if lacking:
        raise BadFile(
            BadValue(skipped + 1, wanted[ours][0], "the column is missing", None) for ours in lacking
        )
    _require_width(content, skipped)
    text = _parse(content, [name for name in names.values() if name])
    text.index = np.arange(len(text)) + skipped + 2
    text.columns = [name.strip() for name in text.columns]
    columns = {ours: text[theirs].str.strip() if theirs else "" for ours, theirs in names.items()}
    table = pd.DataFrame(columns, index=text.index).astype(str)
    table = table[(text != "").any(axis=1).to_numpy()]
    return TextTable(table, {ours: theirs or ours for ours, theirs in names.items()})


def header_of(path: Path) -> set[str]:
    """The plain names of a file's columns.

    Raises
    ------
    BadFile
        If the file cannot be read as text.
    """
    content, _ = _content(path)
    return {plain(name) for name in fields_of(content.split("\n", 1)[0])}


def fields_of(line: str) -> list[str]:
    """Fields of one CSV line."""
    return next(csv.reader([line]))


def _require_width(content: str, skipped: int) -> None:
    """Every line has the header's number of fields: the reader would cut or fill the others without a word."""
    lines = content.rstrip("\n").split("\n")
    expected = _width(lines[0])
    widths = ((i, _width(line)) for i, line in enumerate(lines) if line)
    wrong = [
        BadValue(skipped + 1 + i, "row", f"expected {expected} fields, found {width}", lines[i][:200])
        for i, width in widths
        if width != expected
    ]
    if wrong:
        raise BadFile(wrong)


def _width(line: str) -> int:
    return len(fields_of(line)) if '"' in line else line.count(",") + 1


def _parse(content: str, names: list[str]) -> pd.DataFrame:
    chosen = set(names)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                io.StringIO(content),
                dtype=str,
                keep_default_na=False,
                na_filter=False,
                skip_blank_lines=False,
                index_col=False,
                usecols=lambda name: name.strip() in chosen,
            )
    except (pd.errors.ParserError, pd.errors.ParserWarning, ValueError) as error:
        raise whole_file(f"not a table: {error}") from error


def _content(path: Path) -> tuple[str, int]:
    """Text of a file from its header on, and the number of comment lines before it."""
    try:
        content = _bytes(path).decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise whole_file("expected text in UTF-8", str(error)) from error
    except (gzip.BadGzipFile, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError) as error:
        raise whole_file("cannot be unpacked", str(error)) from error
    skipped = 0
    while content.startswith("#"):
        content = content.partition("\n")[2]
        skipped += 1
    if not content.strip():
        raise whole_file("expected a header and rows, the file is empty")
    return content, skipped


def _bytes(path: Path) -> bytes:
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes())
    if path.suffix != ".zip":
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        tables = [name for name in archive.namelist() if name.lower().endswith(".csv")]
        if len(tables) != 1:
            raise whole_file("expected one CSV file in the archive", ", ".join(tables) or "none")
        return archive.read(tables[0])
