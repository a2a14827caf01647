"""Runs the Postman collection with newman, Postman's own runner, in versions that a lock names."""

import json
import shutil
import subprocess
from pathlib import Path

from adapters.settings import PROJECT_ROOT, Settings
from adapters.terminal import Say
from domain.errors import ConfigurationError
from replay.api_documents import COLLECTION, ENVIRONMENT

LOCKED = PROJECT_ROOT / "requirements" / "newman"
INSTALLED = PROJECT_ROOT / ".venv" / "newman"
ASKING = ("predictions", "model", "monitoring", "service", "problems")
"""Folders that change nothing but the log of predictions."""
APPENDING = ("events and labels",)
"""Appends facts of flights that nobody flies, and weather. What is left, an operator's changes, is never run."""
SCOPES = ("predict", "ingest", "admin")
NEEDS = "newman needs npm with Node 16 or newer, which are not here: apt-get install npm"


def npm() -> str | None:
    """Return where npm is, None where the machine has none."""
    return shutil.which("npm") if shutil.which("node") else None


def install(say: Say) -> Path:
    """Install newman as locked, where it is not; return its program.

    Raises
    ------
    ConfigurationError
        If there is no npm, or it cannot install.
    """
    program = INSTALLED / "node_modules" / ".bin" / "newman"
    lock = (LOCKED / "npm-shrinkwrap.json").read_text()
    kept = INSTALLED / "npm-shrinkwrap.json"
    if program.exists() and kept.exists() and kept.read_text() == lock:
        return program
    command = npm()
    if command is None:
        raise ConfigurationError(NEEDS)
    say("installing newman into .venv/newman")
    shutil.rmtree(INSTALLED, ignore_errors=True)
    shutil.copytree(LOCKED, INSTALLED)
    done = subprocess.run(
        [command, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--cache", str(INSTALLED / "cache")],
        cwd=INSTALLED,
        capture_output=True,
        text=True,
        check=False,
    )
    shutil.rmtree(INSTALLED / "cache", ignore_errors=True)
    if done.returncode:
        shutil.rmtree(INSTALLED, ignore_errors=True)
        raise ConfigurationError(f"npm cannot install newman: {done.stderr.strip()[-500:]}")
    return program


def run_collection(settings: Settings, say: Say, append: bool = False) -> int:
    """Run the collection on a stack; return newman's exit status.

    Parameters
    ----------
    append : bool
        Whether to run the folder that appends events and labels as well.

    Notes
    -----
    Keys go to newman in a file that only this user may read, which is gone afterwards.
    """
    program = install(say)
    filled = settings.state_dir / "postman_environment.json"
    filled.unlink(missing_ok=True)
    filled.touch(mode=0o600)
    try:
        filled.write_text(json.dumps(_filled(settings)))
        folders = [word for name in (*ASKING, *(APPENDING if append else ())) for word in ("--folder", name)]
        command = [str(program), "run", str(COLLECTION), "--environment", str(filled), *folders]
        return subprocess.call([*command, "--color", "off", "--disable-unicode"], cwd=PROJECT_ROOT)
    finally:
        filled.unlink(missing_ok=True)


def _filled(settings: Settings) -> dict[str, object]:
    environment = json.loads(ENVIRONMENT.read_text())
    values = {"address": settings.api_address} | {
        f"{scope}_key": (settings.api_keys_dir / f"{scope}.key").read_text().strip() for scope in SCOPES
    }
    for one in environment["values"]:
        one["value"] = values.get(one["key"], one["value"])
    filled: dict[str, object] = environment
    return filled
