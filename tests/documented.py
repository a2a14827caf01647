"""Commands as the documents write them, for the tests that run them.

A test that runs what an operator types asks `documented` for it, word for word. A command that no document has is an
error there; a command of a document that no test asks for fails tests/test_documents.py.
"""

import ast
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from adapters.settings import PROJECT_ROOT

IN_BLOCKS = ("README.md", "docs/operations.md", "docs/security.md", "docs/runbook.md")
"""Documents whose blocks of shell are commands."""
IN_PROSE = ("docs/operations.md", "docs/security.md", "docs/runbook.md")
"""Documents whose text names commands, in code letters, for somebody to type."""
BEGINS = r"(?:[A-Z_]+=\S+ )*(?:make|ontime|\.venv/bin/ontime|docker compose|pg_basebackup) "
"""How a command begins."""
NEXT = re.compile(rf"(?:, | && )(?={BEGINS})")
"""Between two commands on one line."""
COMMENT = re.compile(r"\s+# .*")


@dataclass(frozen=True)
class Command:
    """A command of a document."""

    argv: list[str]
    variables: dict[str, str]
    """Set before its first word."""

    def run(
        self, environment: Mapping[str, str], *more: str, check: bool = True, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run it with further words, by default from the checkout; what it said is in the error when it fails."""
        done = subprocess.run(
            [*self.argv, *more], env={**environment, **self.variables}, capture_output=True, text=True, check=False,
            **({"cwd": PROJECT_ROOT, "timeout": 900} | options),
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{shlex.join(self.argv)}:\n{done.stdout}\n{done.stderr}"
        return done


def documented(text: str, replaced: Mapping[str, str] | None = None) -> Command:
    """Return a command that a document has.

    Parameters
    ----------
    text
        As it is in the document, on one line and without its comment.
    replaced : optional
        What a test has in the place of parts of its words: a version, a path, fewer seconds.

    Raises
    ------
    ValueError
        If no document has it, or it does not have what is to be replaced.
    """
    text = " ".join(text.split())
    if text not in commands():
        raise ValueError(f"no document has the command `{text}`")
    words = shlex.split(text)
    for old, new in (replaced or {}).items():
        if not any(old in word for word in words):
            raise ValueError(f"`{text}` has no {old}")
        words = [word.replace(old, new) for word in words]
    given = 0
    while re.fullmatch(r"[A-Z_]+=.*", words[given], re.S):
        given += 1
    return Command(words[given:], dict(word.split("=", 1) for word in words[:given]))


@cache
def commands() -> dict[str, str]:
    """Every command of the documents, and the first that has it."""
    found: dict[str, str] = {}
    for name in dict.fromkeys((*IN_BLOCKS, *IN_PROSE)):
        text = (PROJECT_ROOT / name).read_text()
        for command in (*of_blocks(text), *(of_prose(text) if name in IN_PROSE else ())):
            found.setdefault(command, name)
    return found


def of_blocks(text: str) -> Iterator[str]:
    """The commands of blocks of shell, each on one line; a quoted text may go over several."""
    for block in re.findall(r"```sh\n(.*?)```", text, re.S):
        whole = ""
        for line in block.replace("\\\n", " ").splitlines():
            whole = f"{whole} {COMMENT.sub('', line)}"
            if whole.count("'") % 2 == 0:
                yield from (" ".join(part.split()) for part in NEXT.split(whole) if part.strip())
                whole = ""


def of_prose(text: str) -> Iterator[str]:
    """The commands in code letters outside of blocks."""
    prose = re.sub(r"```.*?```|<!--.*?-->", "", text, flags=re.S)
    for words in re.findall(r"`([^`\n]+)`", prose):
        if re.match(BEGINS, words):
            yield from NEXT.split(words.strip())


def asked_for(folder: Path) -> dict[str, str]:
    """Every command that the tests below a folder ask `documented` for, and the first file that does."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*.py")):
        text = path.read_text()
        if "documented(" in text:
            for command in in_code(text):
                found.setdefault(command, path.relative_to(folder).as_posix())
    return found


def in_code(text: str) -> Iterator[str]:
    """The commands that a module asks for, word for word."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "documented":
            if not (node.args and isinstance(node.args[0], ast.Constant)):
                raise ValueError(f"line {node.lineno}: the command has to stand there word for word")
            yield " ".join(str(node.args[0].value).split())


def not_run(there: Mapping[str, str], run: Mapping[str, str]) -> list[str]:
    """The commands that nobody runs; one that is named alone is run by whoever runs it with further words."""

    def is_run(command: str) -> bool:
        return command in run or (
            len(command.split()) == 2 and any(words.startswith(f"{command} ") for words in run)
        )

    return [f"{document}: {command}" for command, document in there.items() if not is_run(command)]
