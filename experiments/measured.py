"""What commands measured, kept with the pages that are written from it: any checkout can write them again."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adapters.settings import Settings
from domain.features.catalogue import CONTRACT_HASH
from training.provenance import DIRTY, recipe_hash, write_figures

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


def origin(found: Mapping[str, Any]) -> str:
    """Return the sentence on what made some figures, which says so where features or models have changed since."""
    made = found.get("made_with")
    if made is None:
        return "Measured before files kept what made them, by features of an earlier contract."
    changed = " and changes since" if made["commit"].endswith(DIRTY) else ""
    text = f"Measured by `{made['command']}` at commit `{made['commit'][:12]}`{changed}, data `{made['data'][:16]}`."
    if made["contract"] != CONTRACT_HASH:
        return f"{text} **The features have changed since.**"
    # Files of before it was kept do not tell.
    if made.get("recipe", recipe_hash()) != recipe_hash():
        return f"{text} **The recipe of models has changed since.**"
    return text


def write(
    settings: Settings, name: str, found: Mapping[str, Any], command: str, data: str | None = None
) -> Path:
    """Write a file of the reports, as a whole or not at all, with what made it; return its path.

    Parameters
    ----------
    command : str
        That measured it, as it is typed.
    data : str, optional
        Hash of the rows it was measured on; by default that of the dataset.
    """
    return write_figures(settings.reports_dir / f"{name}.json", found, command, data)
