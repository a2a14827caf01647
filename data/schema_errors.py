"""What pandera found, as bad values of a file."""

from collections.abc import Mapping

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

from data.text_tables import BadFile, BadValue

FILE_NAMES = {
    "scheduled_departure": "sched_dep_time",
    "scheduled_arrival": "sched_arr_time",
    "flight_number": "flight",
    "flight_id": "flight",
}


def validated(schema: pa.DataFrameSchema, rows: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """Hold rows against a schema; their index is the line in the file, `names` the file's names of columns.

    Raises
    ------
    BadFile
        With every value that breaks a rule.
    """
    try:
        return schema.validate(rows, lazy=True)
    except SchemaErrors as errors:
        raise BadFile(_bad_values(errors.failure_cases, rows, names)) from errors


def _bad_values(cases: pd.DataFrame, rows: pd.DataFrame, names: Mapping[str, str]) -> list[BadValue]:
    found: dict[tuple[int | None, str, str], BadValue] = {}
    for case in cases.to_dict("records"):
        line = None if pd.isna(case["index"]) else int(case["index"])
        ours, check = str(case["column"]), str(case["check"])
        whole_row = ours not in rows.columns or case["schema_context"] == "DataFrameSchema"
        column = "row" if whole_row else names.get(FILE_NAMES.get(ours, ours), ours)
        value = _shown(rows, line) if whole_row else str(case["failure_case"])
        # A rule about a whole row is told once for each of its columns.
        found.setdefault((line, column, check), BadValue(line, column, f"breaks {check}", value))
    return sorted(found.values(), key=lambda bad: (bad.row or 0, bad.column))


def _shown(rows: pd.DataFrame, line: int | None) -> str | None:
    if line is None:
        return None
    return ", ".join(f"{name}={value}" for name, value in rows.loc[line].items() if pd.notna(value))
