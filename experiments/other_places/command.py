"""What `--site` measures: the model's recipe, unchanged, on another place and year; evaluated, and replayed."""

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
from data.site import Site, site_of
from deploy.native import layout
from domain.features.catalogue import FEATURES
from experiments import measured
from experiments.evaluation import model, peers
from experiments.evaluation.intervals import by_name, quality
from experiments.evaluation.run import PrintedProgress
from experiments.evaluation.sets import EvaluationPlan, EvaluationSets, load_sets
from experiments.other_places import report
from replay.report import FILE as REPLAY
from training.baselines import carrier_by_hour, departure_hours
from training.provenance import git_commit, write_figures
from training.train import TreeParameters
from training.training_set import HEADLINE_LEAD

PAGE = PROJECT_ROOT / "docs" / "reports" / "other-places.md"
MEASURED = "other-places"
COMMAND = "ontime evaluate --site"


def page_of(settings: Settings, is_kept: bool) -> Path:
    """Return the page of a site's figures: beside its reports, or in docs where this checkout is to keep them."""
    return PAGE if is_kept else settings.reports_dir / PAGE.name


def evaluate(settings: Settings, first: date | None, last: date | None, say: Say, page: Path) -> None:
    """Fit on the flights of the settings' site before a day, test from it on, and write the page.

    Parameters
    ----------
    first, last : date, optional
        First and last day of the test; by default the last third of the days.

    Raises
    ------
    InvalidInput
        If no days to fit on and to test on are left.
    """
    layout.make_secrets(settings)
    site = site_of(settings.state_dir / "data")
    plan = plan_of(site, first, last)
    say(
        f"{site.name}: fitted on {plan.fit_from} to {plan.fit_until}, tested on {plan.test_from} to {plan.test_until}"
    )
    found = measure(site, plan, settings.state_dir, ModelKeys.of_trainer(settings), model.PARAMETERS, say)
    keep(site, {"evaluated": found}, page)
    values = (found["model"][name] for name in ("auc", "log_loss"))
    auc, loss = ("-" if value is None else f"{value:.4f}" for value in values)
    say(f"AUC {auc}, log-loss {loss}: {page}")


def note_replay(settings: Settings, command: str, say: Say, page: Path) -> None:
    """Write on the page what a replay of the settings' site came to; nothing where it left no report."""
    path = settings.reports_dir / REPLAY
    if not path.exists():
        return
    found = json.loads(path.read_text())
    kept = {
        name: found[name] for name in ("made_with", "first", "last", "totals", "months", "days", "changes")
    }
    keep(site_of(settings.state_dir / "data"), {"replayed": kept | {"command": command}}, page)
    say(f"written to {page}")


def keep(site: Site, found: dict[str, Any], page: Path) -> None:
    """Keep what was found of a site, beside whatever else was measured there and elsewhere, and write the page."""
    file = page.parent / measured.KEPT / f"{MEASURED}.json"
    places = json.loads(file.read_text())["places"] if file.exists() else {}
    places[site.name] = places.get(site.name, {}) | {"site": _plain(asdict(site))} | found
    # The rows of each place have a hash of their own, in its figures.
    write_figures(file, {"places": places}, COMMAND, data="of each place")
    page.write_text(report.page(places))


def plan_of(site: Site, first: date | None, last: date | None) -> EvaluationPlan:
    """Return the days to fit on and those to test on.

    Raises
    ------
    InvalidInput
        If there are none of one of them.
    """
    tested = site.tested(first, last)
    return EvaluationPlan(
        fit_from=site.first_day,
        fit_until=tested.first - timedelta(days=1),
        test_from=tested.first,
        test_until=tested.last,
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
