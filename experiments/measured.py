"""What commands measured, kept with the pages that are written from it: any checkout can write them again."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adapters.settings import Settings
from domain.features.catalogue import CONTRACT_HASH
from training.run import git_commit

KEPT = "measured"
"""Folder beside the pages."""


def read(settings: Settings, name: str, pages: Path) -> dict[str, Any] | None:
    """Return what this machine measured last, kept from now on; else what was kept before; None where neither is.

    Parameters
    ----------
    name : str
        Of the file, without its ending.
    pages : Path
        Folder of the pages.
    """
    measured, kept = settings.reports_dir / f"{name}.json", pages / KEPT / f"{name}.json"
    if measured.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(measured, kept)
    found: dict[str, Any] | None = json.loads(kept.read_text()) if kept.exists() else None
    return found


def provenance(command: str, data: str) -> dict[str, str]:
    """Return what made some figures: command, commit, feature contract and data, so that others can tell old from new.

    Parameters
    ----------
    data : str
        Hash of the rows they were measured on.
    """
    return {"command": command, "commit": git_commit(), "contract": CONTRACT_HASH, "data": data}


def write(settings: Settings, name: str, found: Mapping[str, Any]) -> Path:
    """Write a file of the reports, as a whole or not at all; return its path."""
    path = settings.reports_dir / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(found, indent=1) + "\n")
    unfinished.replace(path)
    return path
