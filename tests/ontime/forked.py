"""The command `ontime`, each time in a process of its own, forked from one that has loaded what commands load.

A start of Python with the command's code, and with MLflow's where a command asks it, takes ten times the CPU of what
most commands do. What is tested of a start itself, such as an environment that is read meanwhile, runs
`python -m ontime`.

python tests/ontime/forked.py: reads commands as JSON, a line each, and answers each with its exit status.
"""

import atexit
import gc
import importlib
import json
import os
import select
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LOADED = ("mlflow.exceptions", "mlflow.tracking", "ontime.cli")
SECONDS = 120


def ontime(environment: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command in an environment, without a keyboard; returns how it ended and what it said."""
    with TemporaryDirectory() as folder:
        said = [Path(folder) / name for name in ("stdout", "stderr")]
        asked = {"words": words, "environment": dict(environment), "said": [str(path) for path in said]}
        status = _answer(_program(), json.dumps(asked))
        return subprocess.CompletedProcess(words, status, *(path.read_text() for path in said))


def _answer(program: subprocess.Popen[str], line: str) -> int:
    assert program.stdin is not None
    assert program.stdout is not None
    print(line, file=program.stdin, flush=True)
    if not select.select([program.stdout], [], [], SECONDS)[0]:
        _end(program)
        _program.cache_clear()
        raise subprocess.TimeoutExpired(line, SECONDS)
    return int(program.stdout.readline())


@cache
def _program() -> subprocess.Popen[str]:
    """Start the program of this test process; it ends with it."""
    # With nothing of anybody's environment: what is set while code is loaded is not what a command is given.
    program = subprocess.Popen(
        [sys.executable, __file__], env={"PATH": os.environ["PATH"]}, cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    atexit.register(_end, program)
    return program


def _end(program: subprocess.Popen[str]) -> None:
    program.kill()
    program.communicate()


def serve() -> None:
    """Fork a process for each line, which becomes the command and returns."""
    sys.path[0] = str(ROOT)
    before = set(os.environ)
    for name in LOADED:
        importlib.import_module(name)
    set_meanwhile = {name: value for name, value in os.environ.items() if name not in before}
    gc.freeze()
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            become(json.loads(line), set_meanwhile)
            importlib.import_module("ontime.__main__").main()
            return
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)  # noqa: T201


def become(asked: dict[str, Any], set_meanwhile: Mapping[str, str]) -> None:
    """Take over a command's words, environment and streams."""
    os.environ.clear()
    os.environ.update(set_meanwhile | asked["environment"])
    sys.argv[1:] = asked["words"]
    for stream, path in enumerate((os.devnull, *asked["said"])):
        opened = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.dup2(opened, stream)
        os.close(opened)
    sys.stdin = open(0)  # noqa: SIM115  what is left in the other's buffer is no answer to a question


if __name__ == "__main__":
    serve()
