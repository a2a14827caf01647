"""The Markdown that pages are written in, as far as there is more to it than text."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[object], rows: Iterable[Sequence[object]], numbers: bool = False) -> str:
    """Write a table; a bar within a cell becomes a slash.

    Parameters
    ----------
    numbers : bool
        All columns but the first are set to the right.

    Examples
    --------
    >>> print(table(("month", "late"), [("May", 0.25)], numbers=True))
    | month | late |
    |---|---:|
    | May | 0.25 |
    """
    rule = "|---" + ("|---:" if numbers else "|---") * (len(head) - 1) + "|"
    first, *others = (
        "| " + " | ".join(str(cell).replace("|", "/") for cell in line) + " |" for line in (head, *rows)
    )
    return "\n".join([first, rule, *others])


def decimals(value: float | None) -> str:
    """Write a measure with four decimals, nothing where there is none."""
    return "" if value is None else f"{value:.4f}"
