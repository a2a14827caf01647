"""Whether what is installed is what is locked, fits together, and has no known vulnerability.

Vulnerabilities are asked of an advisory service. Where it is not reachable that part is not done, which is said;
with AUDIT_REQUIRED=1 it is a failure.
"""

import json
import os
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

from packaging.utils import canonicalize_name

from deploy.pipeline.check_locks import FOLDER, pins

BIN = Path(sys.executable).parent
AUDIT_SECONDS = 300


def report(text: str) -> None:
    """Print for whoever reads the job's log."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def differing() -> list[str]:
    """Return the locked packages that are installed in another version; those for other platforms are not installed."""
    have: dict[str, str] = {canonicalize_name(d.metadata["Name"]): d.version for d in distributions()}
    locked = pins(FOLDER / "all.txt")
    return [f"{n}: locked {v}, installed {have[n]}" for n, v in locked.items() if have.get(n, v) != v]


def fitting() -> bool:
    """Return whether every package finds what it asks for."""
    return subprocess.call([BIN / "uv", "pip", "check", "--python", sys.executable]) == 0


def vulnerable() -> list[str] | None:
    """Return the known vulnerabilities of the locked packages; None where nobody could be asked."""
    command: list[str | Path] = [
        BIN / "pip-audit", "--requirement", FOLDER / "all.txt", "--no-deps", "--disable-pip", "--format", "json",
        "--progress-spinner", "off", "--timeout", "10",
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=AUDIT_SECONDS, check=False)
        audited = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        return None
    return [
        f"{package['name']} {package['version']}: {known['id']}, fixed in {known['fix_versions'] or 'no version yet'}"
        for package in audited
        for known in package.get("vulns", [])
    ]


def main() -> int:
    """Check the three, each reported in a line."""
    wrong = differing()
    report("\n".join(wrong) or "installed: the locked versions")
    failed = bool(wrong) or not fitting()
    known = vulnerable()
    if known is None:
        report("NOT DONE: known vulnerabilities. No advisory service is reachable from here.")
        return int(failed or os.environ.get("AUDIT_REQUIRED") == "1")
    report("\n".join(known) or "known vulnerabilities: none")
    return int(failed or bool(known))


if __name__ == "__main__":
    sys.exit(main())
