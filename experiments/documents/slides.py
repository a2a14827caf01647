"""`make slides`: docs/presentation/slides.md, its figures read from what commands measured, as HTML and PDF.

Marp CLI is installed into var/ at the first call, by npm, pinned; Chromium prints the PDF.
"""

import calendar
import hashlib
import json
import os
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, UndefinedError

from adapters import chromium
from adapters.settings import PROJECT_ROOT, Settings
from adapters.terminal import Say
from domain.errors import OntimeError
from experiments.alert_rules.tables import bounds_of
from experiments.documents.npm import program

FOLDER = PROJECT_ROOT / "docs" / "presentation"
TEMPLATE = FOLDER / "slides.md"
MEASURED = PROJECT_ROOT / "docs" / "reports" / "measured"
MARP = "4.5.1"
MOST_SLIDES = 14
POISONED = "candidate-"


def make(settings: Settings, say: Say) -> None:
    """Write slides.html and slides.pdf.

    Raises
    ------
    OntimeError
        If there is no npm or no Chromium, or a figure is not among those that were measured.
    """
    browser = chromium.require()
    marp = program(settings.state_dir / "marp", "@marp-team/marp-cli", MARP, "marp", say)
    text = render()
    written = FOLDER / "slides.rendered.md"  # beside the pictures that it names
    try:
        written.write_text(text)
        for kind in ("html", "pdf"):
            _convert(marp, browser, written, FOLDER / f"slides.{kind}", kind)
            say(f"written to docs/presentation/slides.{kind}")
    finally:
        written.unlink(missing_ok=True)
    page = FOLDER / "slides.html"
    page.write_text(f"{page.read_text().rstrip()}\n{mark(text)}\n")


def render() -> str:
    """Return the slides' Markdown with its figures.

    Raises
    ------
    OntimeError
        If it names a figure that was not measured, or there are more slides than fourteen.
    """
    environment = Environment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)  # noqa: S701
    environment.filters |= {"decimals": decimals, "percent": percent, "whole": whole}
    try:
        text = environment.from_string(TEMPLATE.read_text()).render(**figures())
    except UndefinedError as error:
        raise OntimeError(f"docs/presentation/slides.md: no such figure: {error}") from error
    slides = text.count("\n---\n") - 1
    if slides > MOST_SLIDES:
        raise OntimeError(f"docs/presentation/slides.md: {slides} slides, at most {MOST_SLIDES} are shown")
    return text


def figures() -> dict[str, Any]:
    """Return what the slides may name: the kept figures of each command, and what is counted from them."""
    names = ("evaluation", "ablation", "leakage", "replay", "drills", "policies", "answer", "chaos")
    found: dict[str, Any] = {name: _read(name) for name in names}
    summary = found["drills"]["summary"]
    faults = {name: drill for name, drill in summary.items() if not name.startswith(POISONED)}
    poisons = {name: drill for name, drill in summary.items() if name.startswith(POISONED)}
    months = sorted(
        (
            {"name": calendar.month_name[int(month[-2:])], "late_rate": row["late_rate"]}
            for month, row in found["replay"]["months"].items()
        ),
        key=lambda month: month["late_rate"],
    )
    first, last = (date.fromisoformat(found["policies"][end]) for end in ("begins", "ends"))
    found["policies"]["days"] = (last - first).days + 1
    found["policies"]["by_name"] = {policy["name"]: policy for policy in found["policies"]["policies"]}
    return found | {
        "cost": _read("feature-cost"),
        "monitoring": _read("bench-monitoring"),
        "calmest": months[0],
        "latest": months[-1],
        "cost5": next(row for row in found["evaluation"]["costs"] if row["ratio"] == 5),
        "undisturbed": found["drills"]["undisturbed_days"]["by_part"],
        "bounds": bounds_of(found["drills"]["undisturbed_days"]["by_part"]),
        "faults": len(faults),
        "noticed": sum(drill["noticed"] for drill in faults.values()),
        "poisons": len(poisons),
        "false_promotions": sum(drill["false_promotion"] for drill in poisons.values()),
        "in_time": sum(drill["in_time"] for drill in summary.values()),
        "losses": [row["log_loss"] for row in found["replay"]["months"].values()],
        "misses": [
            abs(row["log_loss"] - row["estimated_log_loss"]) for row in found["replay"]["months"].values()
        ],
    }


def mark(text: str) -> str:
    """Return the line by which a test sees whether slides.html was made from this text."""
    return f"<!-- made by `make slides` from {hashlib.sha256(text.encode()).hexdigest()} -->"


def decimals(value: float, digits: int = 3) -> str:
    """Return a number to some decimals.

    >>> decimals(0.78572), decimals(25, 1)
    ('0.786', '25.0')
    """
    return f"{float(value):.{digits}f}"


def percent(value: float, digits: int = 0) -> str:
    """Return a share as a percentage.

    >>> percent(0.2068, 1)
    '20.7%'
    """
    return f"{float(value):.{digits}%}"


def whole(value: float) -> str:
    """Return a number without decimals, thousands apart.

    >>> whole(109619.0)
    '109,619'
    """
    return f"{float(value):,.0f}"


def _read(name: str) -> Any:
    return json.loads((MEASURED / f"{name}.json").read_text())


def _convert(marp: Path, browser: str, source: Path, target: Path, kind: str) -> None:
    options = [
        "--no-stdin",
        "--html",
        "--allow-local-files",
        "--browser",
        "chrome",
        "--browser-path",
        browser,
    ]
    options += ["--pdf", "--pdf-notes"] if kind == "pdf" else []
    # Chromium's sandbox does not run as root, in a container least of all; it shows a page of ours.
    environment = os.environ | {"CHROME_NO_SANDBOX": "1", "PUPPETEER_TIMEOUT": "120000"}
    command = [str(marp), *options, str(source), "--output", str(target)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not target.exists():
        raise OntimeError(f"Marp CLI did not write {target.name}: {done.stderr.strip()[-500:]}")
