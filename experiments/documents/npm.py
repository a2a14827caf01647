"""Programs that only npm has: pinned, installed below var/ at their first use, without a lock file."""

import shutil
import subprocess
from pathlib import Path

from adapters.terminal import Say
from domain.errors import OntimeError

QUIET = ("--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel", "error")


def program(folder: Path, package: str, version: str, name: str, say: Say) -> Path:
    """Return where a package's program is, after its installation where it is missing or of another version.

    Raises
    ------
    OntimeError
        If there is no npm, or it cannot install the package.
    """
    if shutil.which("npm") is None:
        raise OntimeError(f"{package} needs npm; on Debian: apt-get install nodejs npm")
    found, mark = folder / "node_modules" / ".bin" / name, folder / "version"
    if not found.exists() or not mark.exists() or mark.read_text() != version:
        say(f"installing {package} {version} into {folder}")
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--prefix", str(folder), *QUIET, f"{package}@{version}"]
        if subprocess.run(command, check=False).returncode != 0:
            raise OntimeError(f"{package} could not be installed: does npm reach its registry?")
        mark.write_text(version)
    return found
