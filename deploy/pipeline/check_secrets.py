"""Whether a file under version control holds something like a secret that .secrets.baseline does not know.

    python -m deploy.pipeline.check_secrets            # exit status 1 = there is one
    python -m deploy.pipeline.check_secrets --accept   # after a look at each: write the baseline

The baseline holds hashes of what was looked at and is none. Where a finding stands in its file does not matter.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BASELINE = ROOT / ".secrets.baseline"
# Hashes of packages are what these hold; and a notebook its pictures.
EXCLUDED = (
    r"^(requirements/.*\.txt|requirements/newman/npm-shrinkwrap\.json|\.secrets\.baseline|docs/.*\.ipynb)$"
)
# Hashes of the feature contract, of recipes, models, data and commits: published, so that an answer can be traced.
PUBLISHED = r"(?i)contract|\b(model|data)_hash\b|\b(git_)?commit\b|\"(year|data|recipe|sha256)\": "
Found = dict[tuple[str, str, str], int]


def scan() -> Found:
    """Return the line of each finding, by file, kind and hash."""
    files = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    present = [name for name in files if name and (ROOT / name).is_file()]
    command: list[str | Path] = [
        Path(sys.executable).parent / "detect-secrets",
        "scan",
        "--no-verify",
        "--exclude-files",
        EXCLUDED,
        "--exclude-lines",
        PUBLISHED,
    ]
    done = subprocess.run([*command, *present], cwd=ROOT, capture_output=True, text=True, check=True)
    return {
        (name, one["type"], one["hashed_secret"]): one["line_number"]
        for name, several in json.loads(done.stdout)["results"].items()
        for one in several
    }


def known() -> set[tuple[str, str, str]]:
    """Return what the baseline holds."""
    return {(one["file"], one["kind"], one["hash"]) for one in json.loads(BASELINE.read_text())}


def accept(found: Found) -> None:
    """Write the baseline."""
    listed = [{"file": file, "kind": kind, "hash": hashed} for file, kind, hashed in sorted(found)]
    BASELINE.write_text(json.dumps(listed, indent=1) + "\n")


def main() -> int:
    """Print every new finding; exit status 1 where there is one."""
    found = scan()
    if sys.argv[1:] == ["--accept"]:
        accept(found)
    new = sorted(found.keys() - known())
    for file, kind, hashed in new:
        sys.stderr.write(f"{file}:{found[file, kind, hashed]}: {kind}\n")
    sys.stdout.write(f"{len(new)} new secrets, {len(found) - len(new)} findings that the baseline knows\n")
    return 1 if new else 0


if __name__ == "__main__":
    sys.exit(main())
