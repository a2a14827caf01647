"""Start a program that ends with its parent and, where asked, runs as another user.

    python -I -S deploy/native/launcher.py --death-signal INT --user 65534 -- PROGRAM ARGUMENT...

It becomes the program, under the same pid. Needs nothing but Python: a minimal system has no `setpriv`. The program
keeps one right of root, to pass through and read folders that its user could not enter: a checkout in root's home.
"""

import argparse
import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

NEEDED = {"CHOWN": 0, "DAC_OVERRIDE": 1, "KILL": 5, "SETGID": 6, "SETUID": 7, "SETPCAP": 8}
"""Capabilities that root needs to run a program as another user, to give it files, and to stop it."""
_PASS_ANYWHERE = 1 << NEEDED["DAC_OVERRIDE"]

# linux/prctl.h, linux/securebits.h, linux/capability.h
_PR_SET_PDEATHSIG = 1
_PR_SET_SECUREBITS = 28
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_SECBIT_NO_SETUID_FIXUP = 4
_CAPABILITY_VERSION_3 = 0x20080522


def launched(program: Sequence[str], death_signal: str, user: int | None = None) -> list[str]:
    """Return the command that starts a program through this file.

    Parameters
    ----------
    program : sequence of str
        The program, with its path, and its arguments.
    death_signal : str
        What the kernel sends the program when the thread that started it has ended, like TERM.
    user : int, optional
        The uid and gid that it runs under; root only.
    """
    other = [] if user is None else ["--user", str(user)]
    own = [sys.executable, "-I", "-S", str(Path(__file__).resolve()), "--death-signal", death_signal]
    return [*own, *other, "--", *program]


def missing_capabilities() -> list[str]:
    """Return the capabilities of `NEEDED` that this process does not hold, by name."""
    status = Path("/proc/self/status").read_text()
    sets = dict(line.split(":\t") for line in status.splitlines() if line.startswith("Cap"))
    held = int(sets["CapEff"], 16) & int(sets["CapBnd"], 16)
    return [name for name, bit in NEEDED.items() if not held >> bit & 1]


def _become(user: int) -> None:
    # Without this bit access(2), by which PostgreSQL's programs look for themselves, knows no right of root.
    _call("prctl", _PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    # Effective, permitted and inheritable: of the capabilities 0 to 31, then of 32 to 63.
    kept = (ctypes.c_uint32 * 6)(_PASS_ANYWHERE, _PASS_ANYWHERE, _PASS_ANYWHERE, 0, 0, 0)
    _call("capset", header, kept)
    _call("prctl", _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, NEEDED["DAC_OVERRIDE"], 0, 0)


def _call(name: str, *arguments: object) -> None:
    words = [ctypes.c_ulong(word) if isinstance(word, int) else word for word in arguments]
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*words) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def main() -> None:
    """Become the program of the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--death-signal", required=True)
    parser.add_argument("--user", type=int)
    parser.add_argument("program", nargs="+")
    asked = parser.parse_args()
    try:
        if asked.user is not None:
            _become(asked.user)
        # After the change of user, which would clear it.
        _call("prctl", _PR_SET_PDEATHSIG, signal.Signals[f"SIG{asked.death_signal}"], 0, 0, 0)
        os.execv(asked.program[0], asked.program)  # noqa: S606  what the caller asked for
    except OSError as error:
        sys.exit(f"cannot start {asked.program[0]}: {error}")


if __name__ == "__main__":
    main()
