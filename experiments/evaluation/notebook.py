"""The executed notebook: cells from a script, run in a kernel of this environment."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

CELL = re.compile(r"^# %%(?P<markdown> \[markdown\])?\n", re.MULTILINE)
SECONDS = 600


def cells(script: str) -> list[tuple[str, str]]:
    r"""Cut a script at its `# %%` lines: kind and text of each cell.

    Examples
    --------
    >>> cells("# %% [markdown]\n# # Title\n# %%\n1 + 1\n")
    [('markdown', '# Title'), ('code', '1 + 1')]
    """
    marks = list(CELL.finditer(script))
    ends = [mark.start() for mark in marks[1:]] + [len(script)]
    found = []
    for mark, end in zip(marks, ends, strict=True):
        text = script[mark.end() : end].strip()
        if mark["markdown"]:
            found.append(("markdown", re.sub(r"^# ?", "", text, flags=re.MULTILINE)))
        else:
            found.append(("code", text))
    return found


def write(script: Path, notebook: Path, root: Path) -> None:
    """Execute a script's cells, and write the notebook with what they answered.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        If a cell fails; nothing is written then.
    """
    import nbformat
    from nbclient import NotebookClient

    new = nbformat.v4
    make: dict[str, Callable[..., Any]] = {"markdown": new.new_markdown_cell, "code": new.new_code_cell}
    made = [make[kind](text, id=f"cell-{i}") for i, (kind, text) in enumerate(cells(script.read_text()))]
    kernel = {"name": "python3", "display_name": "Python 3"}
    book = new.new_notebook(cells=made, metadata={"kernelspec": kernel})
    NotebookClient(book, timeout=SECONDS, resources={"metadata": {"path": str(root)}}).execute()
    for cell in book.cells:
        cell.metadata.pop("execution", None)
    notebook.write_text(nbformat.writes(book) + "\n")
