"""Where the runbook says what to do about an alert."""

import re

RUNBOOK = "docs/runbook.md"


def entry(rule: str) -> str:
    """Return the runbook entry of a rule, as a link below the repository.

    Examples
    --------
    >>> entry("served features are not training's")
    'docs/runbook.md#served-features-are-not-trainings'
    """
    return f"{RUNBOOK}#{anchor(rule)}"


def anchor(heading: str) -> str:
    """Return the anchor that GitLab and GitHub give a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
