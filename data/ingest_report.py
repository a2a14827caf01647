"""The report of the ingest: one JSON of what the newest runs read, mended, set aside and dropped, and why."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from adapters.atomic_write import atomic_write
from data.inbox import FileReport
from data.ingest import IngestReport


def write_report(path: Path, dataset: IngestReport | None, files: Sequence[FileReport]) -> None:
    """Write what a run did; of what it did not do, the dataset or any file, the report of an earlier run stays."""
    report = _read(path)
    if dataset is not None:
        report["dataset"] = asdict(dataset)
    if files:
        report["files"] = [asdict(file) for file in files]
    with atomic_write(path) as unfinished:
        unfinished.write_text(json.dumps(report, indent=1) + "\n")


def _read(path: Path) -> dict[str, Any]:
    empty: dict[str, Any] = {"dataset": None, "files": []}
    try:
        report = json.loads(path.read_text())
    except (OSError, ValueError):
        return empty
    # A report of an earlier release has another form.
    return report if isinstance(report, dict) and report.keys() == empty.keys() else empty
