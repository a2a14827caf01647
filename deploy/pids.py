"""Processes by their number: whether one runs, and a signal to it."""

import os
import signal
from pathlib import Path


def is_running(pid: int) -> bool:
    """Return whether a process runs; one that ended, and that nobody has asked about yet, does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return False


def send(pid: int, sign: signal.Signals) -> None:
    """Send a signal to a process; one that is gone is no error."""
    try:
        os.kill(pid, sign)
    except ProcessLookupError:
        return
