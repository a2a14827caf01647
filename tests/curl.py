"""curl where a machine has none: the documents' examples run all the same, with the options that they use; a plugin.

python tests/curl.py -s ADDRESS -H 'NAME: VALUE' -d BODY
"""

import argparse
import os
import shutil
import sys
from pathlib import Path

import pytest
import requests

SECONDS = 30


@pytest.fixture
def curl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command `curl` for the shells that the test starts."""
    if shutil.which("curl"):
        return
    script = tmp_path / "bin" / "curl"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__).resolve()}" "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")


def main() -> None:
    """Send the request and print the answer, whatever its status."""
    words = argparse.ArgumentParser(prog="curl", allow_abbrev=False)
    words.add_argument("-s", action="store_true")
    words.add_argument("-H", action="append", default=[])
    words.add_argument("-d")
    words.add_argument("address")
    asked = words.parse_args()
    answer = requests.request(
        "GET" if asked.d is None else "POST",
        asked.address,
        headers=dict(line.split(": ", 1) for line in asked.H),
        data=asked.d,
        timeout=SECONDS,
    )
    sys.stdout.write(answer.text)


if __name__ == "__main__":
    main()
