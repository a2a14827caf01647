"""`ontime evaluate --site`: the model's recipe, unchanged, on the flights of another place and year."""

import json
import math
import time
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from adapters.model_keys import ModelKeys
from adapters.settings import PROJECT_ROOT, Settings
from adapters.terminal import Say
from data.site import Site
from data.site_files import make_site
from deploy.native import layout
from domain.errors import InvalidInput
from domain.features.catalogue import FEATURES
from experiments import measured
from experiments.evaluation import model, peers
from experiments.evaluation.intervals import by_name, quality
from experiments.evaluation.run import PrintedProgress
from experiments.evaluation.sets import EvaluationPlan, EvaluationSets, load_sets
from experiments.other_places import report
from replay.report import FILE as REPLAY
from training.baselines import carrier_by_hour, departure_hours
from training.provenance import git_commit
from training.train import TreeParameters
from training.training_set import HEADLINE_LEAD

PAGE = PROJECT_ROOT / "docs" / "reports" / "other-places.md"
MEASURED = "other-places"
COMMAND = "ontime evaluate --site"


def evaluate(
    settings: Settings, files: Path, first: date | None, last: date | None, say: Say, page: Path = PAGE
) -> dict[str, Any]:
    """Fit on the flights of a folder's files before a day, test from it on, and write the page.

    Parameters
    ----------
    files : Path
        Folder of files that the inbox would take; its name is the site's.
    first, last : date, optional
        First and last day of the test; by default the last third of the days.

    Raises
    ------
    InvalidInput
        If the folder has no flights, or no days to fit on and to test on are left.
    """
    layout.make_secrets(settings)
    home = settings.state_dir / "sites" / files.resolve().name
    say(f"reading the files of {files}")
    site = make_site(files.resolve().name, files, home / "data", settings.inbox_bad_row_share)
    plan = plan_of(site, first, last)
    say(
        f"{site.name}: fitted on {plan.fit_from} to {plan.fit_until}, tested on {plan.test_from} to {plan.test_until}"
    )
    found = measure(site, plan, home, ModelKeys.of_trainer(settings), model.PARAMETERS, say)
    found["replayed"] = replayed(home)
    kept = (measured.read(settings, MEASURED, page.parent) or {"places": {}})["places"]
    # The rows of each place have a hash of their own, in its figures.
    measured.write(settings, MEASURED, {"places": kept | {site.name: found}}, COMMAND, data="of each place")
    write_page(settings, page)
    say(f"AUC {found['model']['auc']:.4f}, log-loss {found['model']['log_loss']:.4f}: {page}")
    return found


def write_page(settings: Settings, page: Path = PAGE) -> None:
    """Write the page of what was measured, where anything was."""
    found = measured.read(settings, MEASURED, page.parent)
    if found:
        page.write_text(report.page(found["places"]))


def plan_of(site: Site, first: date | None, last: date | None) -> EvaluationPlan:
    """Return the days to fit on and those to test on.

    Raises
    ------
    InvalidInput
        If there are none of one of them.
    """
    third = timedelta(days=(site.last_day - site.first_day).days // 3)
    test_from, test_until = first or site.last_day - third, last or site.last_day
    if not site.first_day < test_from <= site.last_day:
        raise InvalidInput("from", f"a day after {site.first_day}, up to {site.last_day}", str(test_from))
    if not test_from <= test_until <= site.last_day:
        raise InvalidInput("to", f"a day from {test_from} to {site.last_day}", str(test_until))
    return EvaluationPlan(
        fit_from=site.first_day,
        fit_until=test_from - timedelta(days=1),
        test_from=test_from,
        test_until=test_until,
    )


def measure(
    site: Site, plan: EvaluationPlan, home: Path, keys: ModelKeys, parameters: TreeParameters, say: Say
) -> dict[str, Any]:
    """Fit and test the model and simpler ones; return everything that was measured."""
    progress, began, cpu = PrintedProgress(say), time.monotonic(), time.process_time()
    sets = load_sets(plan, home / "data", home / "study", progress)
    progress("fitting", 0, 1)
    fitted, _, digest = model.train(sets, parameters, keys, home / "study" / "model", lambda share: None)
    probability = fitted.probability(sets.test.X)
    at = sets.test.lead == HEADLINE_LEAD
    rows, p = sets.test.take(at), probability[at]
    found = {
        "made_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "git_commit": git_commit(),
        "model_hash": digest,
        "site": asdict(site),
        "split": {name: str(value) for name, value in asdict(plan).items()},
        "features": len(FEATURES),
        "model": quality(rows.y, p, rows.day),
        "by_lead": by_name(sets.test.y, probability, sets.test.day, sets.test.lead),
        "slices": {
            "origin": by_name(rows.y, p, rows.day, rows.origin),
            "month": by_name(rows.y, p, rows.day, rows.day // 100),
            "hour": by_name(rows.y, p, rows.day, departure_hours(rows)),
        },
        "baselines": _baselines(sets, parameters, progress),
        "seconds": round(time.monotonic() - began, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
    }
    plain: dict[str, Any] = _plain(found)
    return plain


def replayed(home: Path) -> dict[str, Any] | None:
    """Return what a replay in the site's folder came to, None where there was none."""
    path = home / "reports" / REPLAY
    if not path.exists():
        return None
    found = json.loads(path.read_text())
    return {name: found[name] for name in ("first", "last", "totals", "months", "changes")}


def _baselines(
    sets: EvaluationSets, parameters: TreeParameters, progress: PrintedProgress
) -> dict[str, dict[str, float]]:
    fit, test = (rows.take(rows.lead == HEADLINE_LEAD) for rows in (sets.fit, sets.test))
    progress("fitting simpler models on the same split", 0, 1)
    simple = peers.logistic_regression(fit, parameters, model.SEED).probability(test.X)
    rate = carrier_by_hour(fit)(test)
    return {
        "late rate by carrier and hour": quality(test.y, rate, test.day),
        "logistic regression": quality(test.y, simple, test.day),
    }


def _plain(value: Any) -> Any:
    """Return what JSON knows: no NaN, six digits, days as text."""
    if isinstance(value, dict):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, 6)
    return value
