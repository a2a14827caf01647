"""Model: what serves and why, versions side by side, promotion and rollback with a reason, the ledger."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Response, request

from adapters.deployments import ANY, Deployment
from adapters.model_version import ModelVersion
from app.dashboard.access import needs, who
from app.dashboard.accounts import KINDS, account_views
from app.dashboard.pages import back, blueprint, notify, render
from app.parts import Parts, parts
from app.schemas import PromoteSchema, RetrainSchema, RollbackSchema, load
from domain.bootstrap import MINIMUM_BLOCKS, PairedDifference, paired_difference
from domain.errors import ContractMismatch, InvalidInput, NotFound, NotReady, SignatureInvalid
from domain.features.catalogue import CONTRACT_HASH
from domain.metrics import log_losses, summary
from domain.model import ModelManifest
from domain.monitored import SHADOW

LEDGER_ROWS, DECISIONS = 50, 120
COMMON_DAYS = 60
METRICS = ("auc", "average_precision", "log_loss", "brier", "ece")
TITLES = {
    "auc": "AUC, higher is better",
    "average_precision": "Average precision, higher is better",
    "log_loss": "Log-loss, lower is better",
    "brier": "Brier score, lower is better",
    "ece": "Calibration error, lower is better",
}
BOUNDS = {"low": "lower bound", "high": "upper bound"}
PROMOTE, ROLLBACK, RETRAIN = PromoteSchema(), RollbackSchema(), RetrainSchema()


@blueprint.get("/model")
@needs("predict")
def model() -> Response:
    """Show the champion, the challenger, every version and the ledger."""
    p = parts()
    decisions = p.monitoring.newest_decisions(KINDS, DECISIONS)
    versions, away = _versions(p)
    ledger = p.deployments.history(LEDGER_ROWS)
    return render(
        "model",
        champion=p.models.champion,
        named=p.models.named,
        challenger=p.models.challenger,
        previous=p.previous_champion(),
        versions=versions,
        numbers=_numbers(p, versions, ledger),
        registry_away=away,
        ledger=ledger,
        accounts=account_views(decisions),
        decisions=[d for d in decisions if d.kind == SHADOW][:10],
        contract=CONTRACT_HASH,
    )


@blueprint.get("/model/versions/<int:number>")
@needs("predict")
def version(number: int) -> Response:
    """Show one version: its card, its data and its parameters."""
    p = parts()
    manifest, card = _manifest(p, number)
    return render(
        "version", number=number, manifest=manifest, card=card, tags=_tags(p, number), titles=TITLES
    )


@blueprint.get("/model/compare")
@needs("predict")
def compare() -> Response:
    """Show two versions side by side: their quality on common days, and only what differs."""
    p = parts()
    one, other = _asked_version("one"), _asked_version("other")
    if one == other:
        raise InvalidInput("other", "another version than the first", other)
    manifests = _manifest(p, one)[0], _manifest(p, other)[0]
    return render(
        "compare",
        one=one,
        other=other,
        differences=_differences(*manifests),
        common=_common(p, one, other),
        days=COMMON_DAYS,
        enough_days=MINIMUM_BLOCKS,
        titles=TITLES,
    )


@blueprint.post("/model/promote")
@needs("admin")
def promote() -> Response:
    """Promote a version, if the alias still names what it named when the page was shown."""
    body = load(PROMOTE, _form("version", "expected_version") | {"who": who()})
    row = parts().championship.promote(body["version"], body["expected_version"], body["who"], body["reason"])
    notify(_said(row))
    return back("model")


@blueprint.post("/model/rollback")
@needs("admin")
def rollback() -> Response:
    """Promote the champion before this one again."""
    form = _form("expected_version") | {"who": who()}
    if form["expected_version"] is None:  # the alias named no version
        del form["expected_version"]
    body = load(ROLLBACK, form)
    row = parts().championship.rollback(
        body["who"], body["reason"], expected_version=body.get("expected_version", ANY)
    )
    notify(_said(row))
    return back("model")


@blueprint.post("/model/retrain")
@needs("admin")
def retrain() -> Response:
    """Ask for a retrain."""
    body = load(RETRAIN, _form())
    run = parts().flows.start("retrain", {"reason": body["reason"]}, None)
    notify(
        f"A retrain was asked for: flow run {run.name}. The promotion gate checks its candidate in some minutes."
    )
    return back("model")


def _form(*numbers: str) -> dict[str, Any]:
    """Return the form's reason, and some of its fields as whole numbers."""
    found: dict[str, Any] = {"reason": request.form.get("reason", "").strip()}
    for name in numbers:
        given = request.form.get(name, "").strip()
        found[name] = int(given) if given.isascii() and given.isdigit() else (given or None)
    return found


def _said(row: Deployment) -> str:
    done = "was promoted" if row.action == "promote" else "serves again"
    note = f" {row.note[0].upper()}{row.note[1:]}." if row.note else ""
    return f"Version {row.to_version} {done}; every worker follows within two seconds.{note}"


def _asked_version(name: str) -> int:
    given = request.args.get(name, "")
    if not (given.isascii() and given.isdigit() and 0 < int(given) < 2**31):
        raise InvalidInput(name, "the number of a version", given[:20])
    return int(given)


def _versions(p: Parts) -> tuple[list[ModelVersion], str | None]:
    """Return every version, and why they are not known where MLflow is away."""
    try:
        return p.registry.versions(), None
    except NotReady as error:
        return [], str(error).partition(": ")[0]


def _numbers(p: Parts, versions: list[ModelVersion], ledger: list[Deployment]) -> list[int]:
    """Return the versions one can choose from, also while MLflow is away: those that served or serve."""
    served = (p.models.champion, p.models.challenger)
    known = {v.version for v in versions} | {row.to_version for row in ledger}
    return sorted(known | {s.version for s in served if s is not None}, reverse=True)


def _manifest(p: Parts, number: int) -> tuple[ModelManifest, str]:
    """Return a version's manifest and card; the manifest alone, from memory, where MLflow is away."""
    try:
        return p.registry.describe(number)
    except (SignatureInvalid, ContractMismatch) as error:
        raise NotFound(f"version {number} cannot be read: {error}") from error
    except NotReady:
        for served in (p.models.champion, p.models.challenger):
            if served is not None and served.version == number:
                return served.model.manifest, ""
        raise


def _tags(p: Parts, number: int) -> dict[str, str]:
    try:
        return p.registry.version(number).tags
    except (NotReady, NotFound):
        return {}


@dataclass(frozen=True)
class Common:
    """Two versions on the same flights."""

    rows: int
    one: dict[str, float]
    other: dict[str, float]
    difference: PairedDifference


def _common(p: Parts, one: int, other: int) -> Common | None:
    """Return the quality of two versions on the flights that both scored; None where there are none."""
    now = p.cache.now().now
    found = p.log.scored_by_both(one, other, now - timedelta(days=COMMON_DAYS), now)
    if not len(found):
        return None
    losses = log_losses(found.late, found.one), log_losses(found.late, found.other)
    return Common(
        len(found),
        summary(found.late, found.one),
        summary(found.late, found.other),
        paired_difference(losses[1], losses[0], found.day),
    )


def _differences(one: ModelManifest, other: ModelManifest) -> list[tuple[str, str, str]]:
    """Return what two manifests say differently: its name, and both values."""
    first, second = _flat(one), _flat(other)
    rows = [(name, first.get(name, "—"), second.get(name, "—")) for name in sorted(first | second)]
    return [row for row in rows if row[1] != row[2]]


def _flat(manifest: ModelManifest) -> dict[str, str]:
    plain = {
        "fitted on flights from": manifest.trained_from,
        "fitted on flights until": manifest.trained_until,
        "facts known by": manifest.as_of,
        "data hash": manifest.data_hash[:16],
        "code": manifest.git_commit[:16],
        "feature contract": manifest.contract_hash[:16],
        "features": str(len(manifest.feature_names)),
        "seed": str(manifest.seed),
        "share of the logistic regression": f"{manifest.logistic_share:.2f}",
        "share of the perceptrons": f"{manifest.perceptron_share:.2f}",
        "calibration slope": f"{manifest.calibration.slope:.4f}",
        "calibration intercept": f"{manifest.calibration.intercept:.4f}",
    }
    parameters = {f"parameter {name}": f"{value}" for name, value in manifest.parameters.items()}
    metrics = {f"own test: {_in_words(name)}": f"{value:.4f}" for name, value in manifest.metrics.items()}
    return plain | parameters | metrics


def _in_words(metric: str) -> str:
    name, _, bound = metric.rpartition("_")
    if bound in BOUNDS:
        return f"{_in_words(name)}, {BOUNDS[bound]}"
    return TITLES.get(metric, metric.replace("_", " ")).partition(",")[0]
