"""Finding and ending what is left of a stack: by the mark every one of its processes carries."""

import os
import signal
from pathlib import Path

from adapters.waiting import wait_until
from deploy.native.layout import MARK
from deploy.pids import is_running, send

POLL_SECONDS = 0.1


def of_stack(state_dir: Path) -> list[int]:
    """Return the pids of the living processes of the stack whose state is in `state_dir`, this process left out."""
    mark = f"{MARK}={state_dir}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            variables = (folder / "environ").read_bytes().split(b"\0")
        except OSError:  # ended meanwhile, or somebody else's
            continue
        if mark in variables and int(folder.name) not in _own_line():
            found.append(int(folder.name))
    return sorted(found)


def end(pids: list[int], patience: float = 10.0) -> None:
    """Ask processes to stop, and kill those that do not within `patience` seconds."""
    for sign, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 5.0)):
        for pid in _living(pids):
            send(pid, sign)
        wait_until(lambda: not _living(pids), seconds, POLL_SECONDS)


def cpu_seconds(pids: list[int]) -> float:
    """Return the seconds of a core that processes have used, those of their ended children included."""
    return sum(map(_ticks, pids)) / os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """Return a process and its descendants."""
    found = [pid] if pid else []
    for one in found:
        for thread in _listed(Path(f"/proc/{one}/task")):
            try:
                found += map(int, (thread / "children").read_text().split())
            except OSError:  # ended meanwhile
                continue
    return found


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:  # of a process that ended meanwhile
        return []


def environment(pid: int) -> dict[str, str]:
    """Return the variables that a process was started with; none of one that ended, or is somebody else's."""
    try:
        variables = os.fsdecode(Path(f"/proc/{pid}/environ").read_bytes()).split("\0")
    except OSError:
        return {}
    return dict(variable.split("=", 1) for variable in variables if "=" in variable)


def _ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # ended meanwhile: its parent has its time
        return 0
    return sum(map(int, fields[11:15]))


def _living(pids: list[int]) -> list[int]:
    return [pid for pid in pids if is_running(pid)]


def _own_line() -> set[int]:
    """Return this process and its ancestors, which may carry the mark too."""
    line, pid = set(), os.getpid()
    while pid > 1:
        line.add(pid)
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            break
    return line
