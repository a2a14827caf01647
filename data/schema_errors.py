"""What pandera found, as bad values of a file."""

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

from data.bad_values import BadFile, BadValue
from data.text_tables import TextTable

FILE_NAMES = {
    "scheduled_departure": "sched_dep_time",
    "scheduled_arrival": "sched_arr_time",
    "flight_number": "flight",
    "flight_id": "flight",
}


def validated(schema: pa.DataFrameSchema, rows: pd.DataFrame, table: TextTable) -> pd.DataFrame:
    """Return the rows that keep a schema; what breaks a rule is noted with the table the rows come from.

    Raises
    ------
    BadFile
        If a rule is broken by no row alone, or more rows are bad than may be.
    """
    try:
        return schema.validate(rows, lazy=True)
    except SchemaErrors as errors:
        found = _bad_values(errors.failure_cases, rows, table)
        if any(bad.row is None for bad in found):
            raise BadFile(found) from errors
        table.bad.extend(found)
        return schema.validate(table.good(rows), lazy=True)


def _bad_values(cases: pd.DataFrame, rows: pd.DataFrame, table: TextTable) -> list[BadValue]:
    found: dict[tuple[int | None, str, str], BadValue] = {}
    for case in cases.to_dict("records"):
        line = None if pd.isna(case["index"]) else int(case["index"])
        ours, check = str(case["column"]), str(case["check"])
        whole_row = ours not in rows.columns or case["schema_context"] == "DataFrameSchema"
        column = "row" if whole_row else table.names.get(FILE_NAMES.get(ours, ours), ours)
        value = _shown(rows, line) if whole_row else str(case["failure_case"])
        # A rule about a whole row is reported once for each of its columns.
        found.setdefault((line, column, check), BadValue(line, column, f"breaks the rule {check}", value))
    return sorted(found.values(), key=lambda bad: (bad.row or 0, bad.column))


def _shown(rows: pd.DataFrame, line: int | None) -> str | None:
    if line is None:
        return None
    return ", ".join(f"{name}={value}" for name, value in rows.loc[line].items() if pd.notna(value))
