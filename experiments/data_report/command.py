"""`make data-report`: the data measured, as JSON, as a page, and as figures."""

import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from adapters.settings import PROJECT_ROOT, Settings
from adapters.terminal import Say
from data.dataset import load_dataset
from data.facts import FactsInMemory, facts_of
from data.nycflights13 import read_table
from domain.features.catalogue import FEATURE_NAMES
from experiments import measured
from experiments.data_report import figures, profile
from experiments.data_report import page as report_page
from experiments.evaluation import imbalance
from training.expectations import leave_out_unfit
from training.training_set import LEADS, build

PAGE = PROJECT_ROOT / "docs" / "reports" / "data.md"
CHECKED = date(2013, 1, 15), date(2013, 3, 15)
AS_OF = datetime(2014, 1, 2, tzinfo=UTC)


def write_data_report(settings: Settings, say: Say, page: Path = PAGE) -> Path:
    """Measure everything; write `data.json` to the reports, and the page and its figures; return the page."""
    began = time.monotonic()
    say("  reading the dataset")
    dataset = load_dataset(settings.state_dir / "data")
    store = FactsInMemory(*facts_of(dataset.events))
    say("  profile")
    found: dict[str, Any] = {
        "data": profile.profile(read_table("flights"), read_table("weather"), dataset.events),
        "cleaning": dataset.cleaning,
    }
    say("  training set")
    found["training_set"] = _checked(store)
    found["imbalance"] = imbalance.compare(store, AS_OF, say=say)
    path = measured.write(settings, "data", found, "make data-report")
    page.parent.mkdir(parents=True, exist_ok=True)
    figures.draw_all(found, page.parent)
    page.write_text(report_page.page(found))
    say(f"{path} and {page}, {time.monotonic() - began:.0f} s")
    return page


def _checked(store: FactsInMemory) -> dict[str, float]:
    """Return how long the expectations of a training set take, beside building it; processor time."""
    began = time.process_time()
    rows = build(store, *CHECKED, AS_OF)
    built = time.process_time()
    leave_out_unfit(rows, LEADS)
    return {
        "rows": len(rows),
        "features": len(FEATURE_NAMES),
        "build_seconds": built - began,
        "schema_seconds": time.process_time() - built,
    }
