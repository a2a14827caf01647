"""Waiting for a part that starts: until it answers, or until it is plain that it does not."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.native import processes
from domain.errors import NotReady, OntimeError

Look = Callable[[], dict[str, dict[str, Any]]]
"""What the process manager says of each program now: statename, pid, start, now."""
POLL_SECONDS = 0.2
ENDS = 3
"""A part that ended so often, and never answered in between, ends the wait."""
SLOW_ENDS, SLOW_SECONDS = 2, 30.0
"""So does one that takes long to end: half a minute is enough to know."""
WORKING_CPU_SECONDS = 1.0
"""A part that has used so much more than when last looked at is still at work on its start."""
SETTLED_SECONDS = 5
SHOWN_LINES = 12
ADVICE = (
    (r"No space left on device", "make room on the disk that holds {folder}"),
    (
        r"address already in use|connection in use|port \d+ is already in use",
        "end what uses its port, or set {port}",
    ),
    # A program of the environment names its interpreter by its path, which is another where the checkout was moved.
    (
        r"cannot start \S+: \[Errno 2\]|ModuleNotFoundError|ImportError",
        "install the environment again: rm -rf .venv && make install",
    ),
    (
        r"can't start new thread|Resource temporarily unavailable",
        "raise the limit of processes: `ulimit -u`, or TasksMax of the unit that it runs in",
    ),
    (r"Too many open files", "raise the limit of open files: `ulimit -n`"),
    (r"Permission denied|Read-only file system", "let the user who starts it write to what the log names"),
)


class CannotStart(OntimeError):  # noqa: N818  as its family in domain.errors
    """A part does not start: which, why, and what to do; to repeat the start would not help."""

    def __init__(self, part: str, message: str):
        self.part = part
        super().__init__(message)


@dataclass(frozen=True)
class Patience:
    """How long a part is waited for that lives and does not answer: on a busy machine a start takes minutes."""

    idle_seconds: float = 45.0
    longest_seconds: float = 600.0


PATIENCE = Patience()


class Starting:
    """Follows the parts of a stack from now on, while they start.

    A part that was killed once is started again by its manager, and waited for; one that ends at each start is not.

    Parameters
    ----------
    logs : Path
        Folder of the parts' logs; the end of one goes into the error.
    """

    def __init__(self, look: Look, logs: Path):
        self._look = look
        self._logs = logs
        self._began = time.monotonic()
        self._starts: dict[str, set[int]] = {}

    def wait_for(self, name: str, probe: Callable[[], None], patience: Patience = PATIENCE) -> None:
        """Wait until a probe passes.

        Parameters
        ----------
        probe : callable
            Raises NotReady until the part is up.

        Raises
        ------
        CannotStart
            If it does not answer and does nothing either, or any part ends again and again.
        """
        began = time.monotonic()
        busy, used = began, 0.0
        while True:
            try:
                probe()
                return
            except NotReady as error:
                last = str(error)
            infos, now = self._look(), time.monotonic()
            self._require_no_loop(infos)
            uses = processes.cpu_seconds(processes.family(infos[name]["pid"]))
            if not used <= uses < used + WORKING_CPU_SECONDS:
                busy, used = now, uses
            if now - busy > patience.idle_seconds or now - began > patience.longest_seconds:
                raise self._refusal(name, f"no answer in {now - began:.0f} s: {last}")
            time.sleep(POLL_SECONDS)

    def _require_no_loop(self, infos: dict[str, dict[str, Any]]) -> None:
        waited = time.monotonic() - self._began
        for name, info in infos.items():
            if info["start"]:
                self._starts.setdefault(name, set()).add(info["start"])
            runs = info["statename"] in ("RUNNING", "STARTING", "STOPPED", "STOPPING")
            ends = len(self._starts.get(name, ())) - runs
            if info["statename"] == "FATAL" or ends >= ENDS or (ends >= SLOW_ENDS and waited > SLOW_SECONDS):
                raise self._refusal(name, f"it ended {ends} times within {waited:.0f} s")

    def _refusal(self, name: str, reason: str) -> CannotStart:
        return CannotStart(name, _message(name, reason, self._logs / f"{name}.log"))


def settled(info: dict[str, Any]) -> None:
    """Check that a program has run for some seconds: what cannot start has ended by then.

    Raises
    ------
    NotReady
        If it has not.
    """
    if info["statename"] != "RUNNING" or info["now"] - info["start"] < SETTLED_SECONDS:
        raise NotReady(f"it has not run for {SETTLED_SECONDS} s yet")


def _message(name: str, reason: str, log: Path) -> str:
    lines = end_of(log)
    shown = "".join(f"    | {line}\n" for line in lines)
    return (
        f"{name} does not start: {reason}\n  the end of {log}:\n{shown}"
        f"  what to do: {_advice(name, lines, log)}; then the same command again. "
        "Other parts may still run: `make down` stops them."
    )


def end_of(log: Path) -> list[str]:
    """Return the last lines of a log that are worth showing."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8_000))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError as error:
        return [f"(not readable: {error})"]
    return [line[:300] for line in lines if line.strip()][-SHOWN_LINES:]


def _advice(name: str, lines: list[str], log: Path) -> str:
    text = "\n".join(lines)
    for pattern, advice in ADVICE:
        if re.search(pattern, text, re.IGNORECASE):
            port = f"ONTIME_{name.removesuffix('-server').upper()}_PORT"
            return advice.format(folder=log.parent, port=port)
    return "mend what the log names"
