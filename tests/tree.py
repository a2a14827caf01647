"""The files of the project: those under version control, or in an unpacked archive all but what commands make."""

import subprocess
from fnmatch import fnmatch
from functools import cache

from adapters.settings import PROJECT_ROOT

MADE = {"var", "build", "node_modules", "__pycache__"}
"""Folders that commands make; so are those whose name begins with a dot."""


def project_files(*patterns: str) -> list[str]:
    """Return the names of the files, from the project's folder, that any pattern fits; `*` goes over folders."""
    return [name for name in _all() if any(fnmatch(name, pattern) for pattern in patterns)]


@cache
def _all() -> list[str]:
    if (PROJECT_ROOT / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
        )
        return sorted(name for name in listed.stdout.split("\0") if (PROJECT_ROOT / name).is_file())
    found = (path.relative_to(PROJECT_ROOT) for path in PROJECT_ROOT.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in found if not any(_is_made(part) for part in path.parts[:-1]))


def _is_made(folder: str) -> bool:
    return folder in MADE or folder.startswith(".") or folder.endswith(".egg-info")
