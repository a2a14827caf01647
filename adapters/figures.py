"""Figures drawn by matplotlib, as SVG that is the same text for the same numbers."""

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Without a salt of its own, every drawing would name its parts differently.
SETTINGS: dict[Any, Any] = {"svg.hashsalt": "ontime", "svg.fonttype": "none", "font.size": 9}
METADATA = {"Date": None, "Creator": None}


def svg(draw: Callable[["Figure"], None], width: float, height: float) -> str:
    """Return a drawing as SVG.

    Parameters
    ----------
    draw : callable
        Draws on the empty figure that it is called with.
    width, height : float
        In inches.
    """
    # Imported here: the image of the API has this folder, and no matplotlib.
    import matplotlib
    from matplotlib.figure import Figure

    text = io.StringIO()
    with matplotlib.rc_context(SETTINGS):
        # No pyplot: it keeps every figure in a list that the threads of a worker share.
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(figure)
        figure.savefig(text, format="svg", metadata=METADATA)
    # Matplotlib ends lines with spaces; a checkout does not like them.
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"
