"""Text tables from outside: read as they are, parsed column by column, every bad value named by its line.

A row with a bad value is set aside and costs no other row, unless too many are bad: the file is refused then.
"""

import csv
import io
import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from data.bad_values import BadFile, BadValue, whole_file
from data.text_files import text_of

MISSING = ("", "M", "NA", "N/A", "NaN", "nan", "NULL", "null", "None")
"""How such files, and the tools that they came through, write a value that is not there."""
FLAG_WORDS = {"false": "0", "true": "1"}
DELIMITERS = ",;\t|"
LARGEST = 2**31
"""No whole number of such a file is larger, whatever its sign."""
UNCLOSED = -1
"""The width of a row with a quote that is not closed: a reader takes the lines that follow for a part of it."""
SET_ASIDE_COLUMNS = ("line", "column", "reason", "value")
"""Columns before the file's own in the table of rows that were set aside."""
NOTED_BEFORE = re.compile(r'#|"?sep=|\s*$', re.IGNORECASE)
"""How a line begins that stands before the header: a comment, a spreadsheet's note of its delimiter, or nothing."""


def plain(name: str) -> str:
    """Return a column's name without case and underscores: the same field is written in several ways."""
    return name.strip().lower().replace("_", "")


@dataclass(frozen=True)
class Lines:
    """A file's lines as they are."""

    before: list[str]
    """Comments before the header."""
    header: str
    rows: list[str]
    delimiter: str

    @property
    def first(self) -> int:
        """Return the line of the first row; the file's first line is 1."""
        return len(self.before) + 2

    def fields(self, line: str) -> list[str]:
        """Return the fields of one line."""
        return next(csv.reader([line], delimiter=self.delimiter), [])

    def row(self, line: int) -> str:
        """Return the row at a line of the file."""
        return self.rows[line - self.first]


@dataclass(frozen=True)
class RowsSetAside:
    """Rows of a file that did not fit, each with everything that is wrong with it."""

    lines: Lines
    bad: list[BadValue]

    def __len__(self) -> int:
        return len({value.row for value in self.bad})

    def write(self, path: Path) -> None:
        """Write them as a table that the inbox takes again once it is mended: the reasons, then the file's own columns.

        Its comments and its delimiter are the file's own, so that it means the same.
        """
        by_line: dict[int, list[BadValue]] = {}
        for value in self.bad:
            by_line.setdefault(value.row or 0, []).append(value)
        with path.open("w", newline="", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in self.lines.before)
            writer = csv.writer(file, delimiter=self.lines.delimiter, lineterminator="\n")
            header = self.lines.fields(self.lines.header)
            # Rows that were set aside before, and again do not fit, are not reported twice.
            reported = len(SET_ASIDE_COLUMNS) if tuple(header[:4]) == SET_ASIDE_COLUMNS else 0
            writer.writerow([*SET_ASIDE_COLUMNS, *header[reported:]])
            for line, values in sorted(by_line.items()):
                own = self.lines.fields(self.lines.row(line))[: len(header)]
                own += [""] * (len(header) - len(own))
                writer.writerow([line, *_reported(values), *own[reported:]])


def _reported(values: list[BadValue]) -> list[str]:
    columns = ((v.column, v.reason, v.value or "") for v in values)
    return ["; ".join(parts) for parts in zip(*columns, strict=True)]


@dataclass
class TextTable:
    """A table whose every value is still text; its index is the line in the file."""

    text: pd.DataFrame
    names: Mapping[str, str]
    """The file's own name of each column, for errors."""
    lines: Lines
    most_bad: float
    """Largest share of rows that may be bad."""
    bad: list[BadValue] = field(default_factory=list)

    @property
    def rows_read(self) -> int:
        """Return the number of rows, those included that are no rows of this table."""
        unread = {value.row for value in self.bad} - set(self.text.index)
        return len(self.text) + len(unread)

    def set_aside(self) -> RowsSetAside:
        """Return the rows that were bad."""
        return RowsSetAside(self.lines, self._sorted())

    def reject(self, column: str, rows: pd.Series, reason: str) -> None:
        """Note that the values of a column are bad in some rows."""
        self.reject_lines(column, self.text.index[rows.to_numpy(dtype=bool)], reason)

    def reject_lines(self, column: str, lines: Iterable[int], reason: str) -> None:
        """Note that the values of a column are bad at some lines."""
        name, lines = self.names.get(column, column), list(lines)
        values = self.text.loc[lines, column].astype(str)
        self.bad.extend(BadValue(int(line), name, reason, v) for line, v in zip(lines, values, strict=True))

    def value(self, line: int, column: str) -> str:
        """Return what stands in a column at a line."""
        return str(self.text.loc[line, column])

    def good(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the rows that nothing is wrong with so far.

        Raises
        ------
        BadFile
            With every bad value, sorted by line, if more rows are bad than may be.
        """
        lines, read = {value.row for value in self.bad}, self.rows_read
        if None in lines or len(lines) > self.most_bad * read:
            summary = f"{len(lines):,} of {read:,} rows do not fit, more than {100 * self.most_bad:.3g}%"
            raise BadFile(self._sorted(), summary)
        return rows[~rows.index.isin(list(lines))]

    def _sorted(self) -> list[BadValue]:
        return sorted(self.bad, key=lambda bad: (bad.row or 0, bad.column))

    def matching(self, column: str, pattern: str, reason: str) -> pd.Series:
        """Return text that matches a pattern."""
        values = self.text[column]
        self.reject(column, ~values.str.fullmatch(pattern, flags=re.ASCII), reason)
        return values

    def absent(self, column: str) -> pd.Series:
        """Return where a value is not there."""
        return self.text[column].isin(MISSING)

    def numbers(self, column: str, required: bool = False, whole: bool = False) -> pd.Series:
        """Return numbers, NaN where none is written."""
        absent, numbers = self.absent(column), self._parsed(column)
        wrong = ~absent & ~np.isfinite(numbers)
        if whole:
            # What is larger has no place in a column of integers.
            wrong |= numbers.notna() & (numbers % 1 != 0) | (numbers.abs() > LARGEST)
        expected = "expected a whole number" if whole else "expected a number"
        self.reject(column, wrong, expected)
        if required:
            self.reject(column, absent, f"{expected}, found none")
        return numbers.mask(wrong)

    def flags(self, column: str) -> pd.Series:
        """Return where a flag of 0 or 1, or of false or true as other tools write it, is set."""
        text = self.text[column]
        self.text[column] = text.str.lower().map(FLAG_WORDS).fillna(text)
        flag = self.numbers(column, required=True)
        self.reject(column, flag.notna() & ~flag.isin([0, 1]), "expected 0 or 1")
        return flag == 1

    def _parsed(self, column: str) -> pd.Series:
        values = self.text[column].mask(self.absent(column))
        if self.lines.delimiter == ";":
            # Where fields are parted by semicolons, the comma is the decimal's.
            values = values.str.replace(",", ".", regex=False)
        return pd.to_numeric(values, errors="coerce").astype("float64")


def read_table(
    lines: Lines, wanted: Mapping[str, tuple[str, ...]], optional: Iterable[str], most_bad: float
) -> TextTable:
    """Read the wanted columns of a file under our names for them.

    Parameters
    ----------
    lines : Lines
        The file's, from `lines_of`.
    wanted : mapping
        Our name of each column to the plain names it may have in the file; the first that is there counts.
    optional : iterable of str
        Our names that a file may lack; their values are then all missing.
    most_bad : float
        Largest share of rows that may be bad before the file is refused.

    Raises
    ------
    BadFile
        If the file is no such table, or lacks a column.
    """
    names = _names(lines, wanted, set(optional))
    width = len(lines.fields(lines.header))
    numbered = [(lines.first + i, row) for i, row in enumerate(lines.rows) if row]
    widths = [_width(lines, row) for _, row in numbered]
    rows = [item for item, found in zip(numbered, widths, strict=True) if found == width]
    text = _parse(lines, [row for _, row in rows], [name for name in names.values() if name])
    text.index = pd.Index([number for number, _ in rows], dtype="int64")
    text.columns = [name.strip() for name in text.columns]
    columns = {ours: text[theirs].str.strip() if theirs else "" for ours, theirs in names.items()}
    table = pd.DataFrame(columns, index=text.index).astype(str)
    table = table[(text != "").any(axis=1).to_numpy()]
    bad = [
        BadValue(number, "row", _misfit(width, found), row[:200])
        for (number, row), found in zip(numbered, widths, strict=True)
        if found != width
    ]
    return TextTable(table, {ours: theirs or ours for ours, theirs in names.items()}, lines, most_bad, bad)


def _names(lines: Lines, wanted: Mapping[str, tuple[str, ...]], optional: set[str]) -> dict[str, str | None]:
    """Return the file's own name of each wanted column, None where it lacks one that it may lack."""
    there = {plain(name): name.strip() for name in reversed(lines.fields(lines.header))}
    names = {
        ours: next((there[theirs] for theirs in found if theirs in there), None)
        for ours, found in wanted.items()
    }
    lacking = [ours for ours, theirs in names.items() if theirs is None and ours not in optional]
    if lacking:
        at = lines.first - 1
        raise BadFile(BadValue(at, wanted[ours][0], "the column is missing", None) for ours in lacking)
    return names


def header_of(lines: Lines) -> set[str]:
    """Return the plain names of a file's columns."""
    return {plain(name) for name in lines.fields(lines.header)}


def lines_of(path: Path) -> Lines:
    """Read the lines of a file, plain, gzipped or zipped.

    Raises
    ------
    BadFile
        If the file is no text, or holds none.
    Unreadable
        If it cannot be opened or unpacked.
    """
    rows, before = text_of(path).split("\n"), []
    while rows and NOTED_BEFORE.match(rows[0]):
        before.append(rows.pop(0))
    if not any(row.strip() for row in rows):
        raise whole_file("expected a header and rows, the file is empty")
    header = rows.pop(0)
    return Lines(before, header, rows, max(DELIMITERS, key=lambda one: len(_fields(header, one))))


def _fields(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter), [])


def _width(lines: Lines, row: str) -> int:
    """Return the number of a row's fields; UNCLOSED where a quote is not closed."""
    if '"' not in row:
        return row.count(lines.delimiter) + 1
    # A quote that is not closed goes on with the next line.
    reader = csv.reader([row, ""], delimiter=lines.delimiter)
    fields = next(reader)
    return UNCLOSED if reader.line_num > 1 else len(fields)


def _misfit(width: int, found: int) -> str:
    return "a quote is not closed" if found == UNCLOSED else f"expected {width} fields, found {found}"


def _parse(lines: Lines, rows: list[str], names: list[str]) -> pd.DataFrame:
    chosen = set(names)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                io.StringIO("\n".join([lines.header, *rows])),
                sep=lines.delimiter,
                dtype=str,
                keep_default_na=False,
                na_filter=False,
                skip_blank_lines=False,
                index_col=False,
                usecols=lambda name: name.strip() in chosen,
            )
    except (pd.errors.ParserError, pd.errors.ParserWarning, ValueError) as error:
        raise whole_file(f"not a table: {error}") from error
