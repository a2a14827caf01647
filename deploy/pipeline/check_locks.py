"""Whether the locks are those of their .in files, on every supported Python, without asking a package index."""

import re
import sys
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.pipeline.locked_pythons import PYTHONS, unlocked

FOLDER = Path(__file__).resolve().parents[2] / "requirements"
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)


def pins(lock: Path) -> dict[str, str]:
    """Return the version of each package of a lock."""
    return {canonicalize_name(name): version for name, version in PIN.findall(lock.read_text())}


def asked(source: Path) -> list[Requirement]:
    """Return what a .in file asks for, the files it includes among it."""
    found: list[Requirement] = []
    for line in source.read_text().splitlines():
        text = line.split(" #")[0].strip()
        if text.startswith("-r "):
            found += asked(source.parent / text.removeprefix("-r ").strip())
        elif text and not text.startswith(("#", "-")):
            found.append(Requirement(text))
    return found


def problems(folder: Path) -> tuple[list[str], set[str]]:
    """Return what is wrong with the locks of a folder, and the packages of which it is not known what they ask for."""
    every = pins(folder / "all.txt")
    found: list[str] = []
    unknown: set[str] = set()
    for source in sorted(folder.glob("*.in")):
        lock = source.with_suffix(".txt")
        if not lock.exists():
            found.append(f"{source.name} has no lock: run `make lock` or `make lock-images`")
            continue
        overridden: set[str] = {
            canonicalize_name(requirement.name)
            for override in folder.glob(f"{source.stem}.overrides.txt")
            for requirement in asked(override)
        }
        have = pins(lock)
        found += [f"{lock.name}: {name} has no hash" for name in sorted(without_hash(lock))]
        found += [
            f"{lock.name}: {name} is {version}, all.txt has {every[name]}"
            for name, version in have.items()
            if name not in overridden and every.get(name, version) != version
        ]
        missing, strangers = unlocked(lock, source.name, asked(source), overridden)
        found, unknown = found + missing, unknown | strangers
    return found, unknown


def without_hash(lock: Path) -> list[str]:
    """Return the packages that the lock pins without a hash."""
    blocks = re.split(r"\n(?=\S)", lock.read_text())
    return [match[1] for block in blocks if (match := PIN.match(block)) and "--hash=sha256:" not in block]


def main() -> int:
    """Print every problem; exit status 1 where there is one."""
    found, unknown = problems(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
    for problem in found:
        sys.stderr.write(f"{problem}\n")
    if not found:
        sys.stdout.write(
            "every lock holds what its .in file asks for, with hashes, at one version everywhere, "
            f"on Python {', '.join(PYTHONS)}\n"
        )
        if unknown:
            sys.stdout.write(f"not installed here, so not followed further: {', '.join(sorted(unknown))}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
