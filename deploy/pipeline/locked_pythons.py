"""Whether a lock holds on every supported Python: what its packages ask for there is locked too.

What a package asks for is read from the environment that runs this, under the markers of each Python and machine.
A package that is not installed here, since only other Pythons need it, keeps what it asks for in turn to itself.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
MACHINES = ("x86_64", "aarch64")
LOCKED = re.compile(r"^[A-Za-z0-9][^\n]*==[^\n]*", re.MULTILINE)
Environment = tuple[tuple[str, str], ...]


def environments() -> Iterator[tuple[str, Environment]]:
    """Return the name and marker variables of every Python that is supported: the first and a late release of each."""
    for python in PYTHONS:
        for machine in MACHINES:
            for release in (f"{python}.0", f"{python}.99"):
                yield f"Python {release} on {machine}", _environment(python, release, machine)


def _environment(python: str, release: str, machine: str) -> Environment:
    variables = {
        "python_version": python, "python_full_version": release, "implementation_version": release,
        "implementation_name": "cpython", "platform_python_implementation": "CPython", "platform_machine": machine,
        "os_name": "posix", "sys_platform": "linux", "platform_system": "Linux",
        "platform_release": "", "platform_version": "",
    }  # fmt: skip
    return tuple(variables.items())


def locked(lock: Path) -> list[Requirement]:
    """Return the pins of a lock, with their markers."""
    return [Requirement(line.rstrip("\\ ")) for line in LOCKED.findall(lock.read_text())]


def unlocked(
    lock: Path, source: str, asked: Iterable[Requirement], overridden: set[str]
) -> tuple[list[str], set[str]]:
    """Follow what a file, `source`, asks for from package to package on every supported Python.

    Returns
    -------
    list of str
        What is asked for and not locked, each once, with the first Python that misses it.
    set of str
        Packages that are not installed here, so that what they ask for is not known.
    """
    found: dict[str, str] = {}
    unknown: set[str] = set()
    pins, first = locked(lock), [(source, "", requirement) for requirement in asked]
    for where, environment in environments():
        have = {_name(pin): _version(pin) for pin in pins if _holds(pin, environment)}
        for problem in _missing(have, list(first), overridden, environment, unknown):
            found.setdefault(problem, where)
    return [f"{lock.name}: {problem} on {where}" for problem, where in found.items()], unknown


def _missing(
    have: dict[str, str],
    waiting: list[tuple[str, str, Requirement]],
    overridden: set[str],
    environment: Environment,
    unknown: set[str],
) -> Iterator[str]:
    seen = set()
    while waiting:
        who, extra, requirement = waiting.pop()
        name = _name(requirement)
        if name in overridden or not _holds(requirement, environment, extra):
            continue
        version = have.get(name)
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            yield f"{who} asks for {name}{requirement.specifier}, the lock has {version}"
            continue
        for wanted in ["", *requirement.extras]:
            if (name, wanted) not in seen:
                seen.add((name, wanted))
                waiting += [(name, wanted, further) for further in _asks(name, version, unknown)]


def _asks(name: str, version: str, unknown: set[str]) -> tuple[Requirement, ...]:
    further = _requirements(name, version)
    if further is None:
        unknown.add(name)
    return further or ()


@cache
def _requirements(name: str, version: str) -> tuple[Requirement, ...] | None:
    try:
        installed = distribution(name)
    except PackageNotFoundError:
        return None
    if installed.version != version:
        return None
    return tuple(Requirement(text) for text in installed.requires or ())


def _holds(requirement: Requirement, environment: Environment, extra: str = "") -> bool:
    return requirement.marker is None or _evaluated(str(requirement.marker), environment, extra)


@cache
def _evaluated(marker: str, environment: Environment, extra: str) -> bool:
    return Requirement(f"any; {marker}").marker.evaluate(dict(environment) | {"extra": extra})  # type: ignore[union-attr]


def _name(requirement: Requirement) -> str:
    return canonicalize_name(requirement.name)


def _version(pin: Requirement) -> str:
    [specifier] = pin.specifier
    return specifier.version
