"""The model card: what a model is for, what it was made of, how good it is and where it is not."""

from domain.model import ModelManifest
from training.evaluate import Evaluation

NAMED_ORIGINS = 5


def write_card(manifest: ModelManifest, evaluation: Evaluation) -> str:
    """Write the card as Markdown."""
    headline = evaluation.headline
    lines = [
        f"# Model card: late arrivals of flights from {_origins(evaluation)}",
        "",
        "Estimates the probability that a flight arrives 15 minutes late or more, from 24 hours before its",
        "scheduled departure until then. Not for: whether a flight is cancelled or diverted, airports",
        "without facts in the event log, or decisions about a person.",
        "",
        f"- fitted on flights of {manifest.trained_from} to {manifest.trained_until}",
        f"- facts known by {manifest.as_of}; training set {manifest.data_hash[:16]}",
        f"- code {manifest.git_commit[:12]}; feature contract {manifest.contract_hash[:12]}",
        f"- {len(manifest.feature_names)} features, none from tail numbers",
        *_fitted_on(manifest),
        f"- {manifest.tree_share:.0%} of the log-odds from trees, {manifest.logistic_share:.0%} from a logistic "
        f"regression with hinges, {manifest.perceptron_share:.0%} from perceptrons",
        "",
        f"## Quality on the {headline['n']:.0f} newest flights, 60 minutes before departure",
        "",
        "| | AUC | average precision | log-loss | Brier | ECE |",
        "|---|---|---|---|---|---|",
        _row("this model", headline),
        *(_row(name.replace("_", " "), values) for name, values in evaluation.baselines.items()),
        "",
        f"Day-bootstrap 95% interval: AUC {headline['auc_low']:.3f} to {headline['auc_high']:.3f}, "
        f"log-loss {headline['log_loss_low']:.3f} to {headline['log_loss_high']:.3f}.",
        "",
        "## By lead",
        "",
        "| minutes before departure | AUC | log-loss | n |",
        "|---|---|---|---|",
    ]
    for lead, values in sorted(evaluation.by_lead.items(), key=lambda item: int(item[0])):
        lines.append(f"| {lead} | {values['auc']:.3f} | {values['log_loss']:.3f} | {values['n']:.0f} |")
    return "\n".join(lines) + "\n"


def _origins(evaluation: Evaluation) -> str:
    """Return the origins that a model was evaluated on, of many the busiest and how many others."""
    flights = {name: values["n"] for name, values in evaluation.slices["origin"].items()}
    busiest = sorted(flights, key=lambda name: (-flights[name], name))
    others = len(busiest) - NAMED_ORIGINS
    return ", ".join(busiest[:NAMED_ORIGINS]) + (f" and {others} more" if others > 0 else "")


def _fitted_on(manifest: ModelManifest) -> list[str]:
    """Return what is to be said of trees that workers fitted together."""
    workers = manifest.parameters.get("fit_workers")
    said = f"- trees fitted by {workers} Dask workers together: another number gives other bits"
    return [said] if workers else []


def _row(name: str, values: dict[str, float]) -> str:
    columns = ("auc", "average_precision", "log_loss", "brier", "ece")
    return f"| {name} | " + " | ".join(f"{values[column]:.3f}" for column in columns) + " |"
