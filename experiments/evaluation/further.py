"""Sections of the model's report on what further commands found: refits, ablation, tuning, leakage and others."""

from typing import Any

from experiments.evaluation.intervals import blocks
from experiments.markdown import decimals, table

Found = dict[str, Any]
ROWS_SHOWN = 20


def _refits(found: Found) -> list[str]:
    names = list(dict.fromkeys(name for v in found["months"].values() for name in v["models"]))
    rows = []
    for month, v in found["months"].items():
        models = [v["models"].get(name, {}) for name in names]
        measured = [decimals(m.get(measure)) for measure in ("auc", "log_loss") for m in models]
        rows.append([month, f"{v['n']:,}", f"{v['late_rate']:.3f}", *measured])
    head = [f"{measure}, {name}" for measure in ("AUC", "log-loss") for name in names]
    lines = [
        "## Refitted every month, or frozen", "",
        "At the headline lead, with the same parameters, trees alone (`make refits`). A refit before a "
        "month sees every label that was known when the month's first question was asked; in the first month after a "
        "freeze both are the same model.", "",
        table(["month", "flights", "late", *head], rows), "",
    ]  # fmt: skip
    return lines + [
        f"- Against {name}, over {g['months']:.0f} months: AUC {g['mean_auc']:+.4f} in the mean month, better in "
        f"{g['better_months']:.0f}; log-loss {g['log_loss']:+.4f}, 95% interval over {blocks(found)} "
        f"{g['log_loss_low']:+.4f} to {g['log_loss_high']:+.4f}."
        for name, g in found["gains"].items()
    ]


def _cancellations(found: Found) -> list[str]:
    rows = []
    for v in found["known"]:
        when = f"{v['hours']} h before departure" if v["hours"] else "as files are read"
        gap = (
            f"{1e4 * v['gap']:+.1f} ({1e4 * v['low']:+.1f} to {1e4 * v['high']:+.1f})" if v["hours"] else "-"
        )
        share = f"{v['differ']:.1%}" if v["hours"] else "-"
        rows.append([when, share, decimals(v["auc"]), decimals(v["log_loss"]), gap])
    return [
        "## Cancellations known earlier", "",
        "Files do not say when a cancellation was known, and an hour after the scheduled departure is assumed. A live "
        "feed reports most of them hours before. Features hold such news back until that hour. What this spares: the "
        f"test's {found['flights']:,} flights at the headline lead again, by the model of its commit, with the "
        "hold switched off and every cancellation known so long before its departure (`make cancellations`); in "
        "brackets the 95% interval over weeks.", "",
        table(["cancellations known", "vectors that differ", "AUC", "log-loss", "log-loss less, 1e-4"], rows),
    ]  # fmt: skip


def _ablation(found: Found) -> list[str]:
    whole = found["variants"]["all features"]
    rows = []
    for name, v in found["variants"].items():
        measured = [decimals(v[m]) for m in ("auc", "average_precision", "log_loss")]
        rows.append([name, _features(found, name), *measured, f"{v['log_loss'] - whole['log_loss']:+.4f}"])
    return [
        "## What each family is worth", "",
        "The same fit at the headline lead, trees alone, with one family of features left out "
        "(`make ablation`).", "",
        table(["", "features left out", "AUC", "average precision", "log-loss", "against all"], rows),
    ]  # fmt: skip


def _features(found: Found, name: str) -> str:
    family = name.removeprefix("without ")
    counts = found["features"]
    if family in counts:
        return str(counts[family])
    return "0" if name == "all features" else str(sum(counts.values()) - counts.get("schedule", 0))


def _tuning(found: Found) -> list[str]:
    loss = {who: found[f"{who}_measures"]["log_loss"] for who in ("library", "start", "best")}
    outcome = (
        f"the best of them, trial {found['best_trial']}, has {loss['best']:.5f} with {_size(found['best'])}, where "
        f"{_size(found['start'])} serve; it was chosen by these folds, and other days will show less of its lead"
        if found["beaten"]
        else "none of them was better"
    )
    return [
        "## Tuning",
        "",
        "Mean log-loss at the headline lead on forward-chaining folds inside the fit's months (`make tune`): "
        f"{loss['library']:.5f} by LightGBM's own defaults, {loss['start']:.5f} by the parameters the search starts "
        f"from, which serve; after {found['trials']} trials {outcome}.",
        *_tuning_intervals(found),
        *_lists({"folds": found["folds"]}),
    ]


def _size(parameters: Found) -> str:
    return f"{parameters['n_trees']} trees of {parameters['num_leaves']} leaves"


def _tuning_intervals(found: Found) -> list[str]:
    if "against_start" not in found:
        return []
    return [
        "",
        f"{found['completed']} trials ran on all folds, each with {found['seeds']} seeds; the others ended early. "
        f"Log-loss of the best less the start's, 95% over weeks: {_interval(found['against_start'])}; less that of the "
        f"library's defaults: {_interval(found['against_library'])}.",
    ]


def _interval(values: Found) -> str:
    return f"{values['mean']:+.5f} ({values['low']:+.5f} to {values['high']:+.5f})"


NEWEST = "newest_known_at_less_as_of_minutes"


def _leakage(found: Found) -> list[str]:
    facts = [[one["kind"], f"{-one[NEWEST]:,}"] for one in found["facts"]]
    families = [
        [one["family"], one["features"], one["features_that_use_facts"], _before(one[NEWEST])]
        for one in found["families"]
    ]
    return [
        "## Leakage audit",
        "",
        f"{found['rows_checked']:,} vectors of the year were computed again at {found['ticks']:,} ticks, all that was "
        "known only after a vector's tick dropped, moved or given other values: "
        f"{found['rows_that_differ']:,} rows differ in any of {found['features_checked']} features. Facts that were "
        "left as they were:",
        "",
        table(["fact", "newest, minutes before the question"], facts),
        "",
        f"At {found['ticks_probed']:,} of the ticks the past was spoilt too, from some minutes before the tick on, to "
        "find what features use:",
        "",
        table(["family", "features", "that use facts", "newest used, minutes before the question"], families),
    ]


def _before(after: int | None) -> object:
    return "" if after is None else -after


def _feature_cost(found: Found) -> list[str]:
    rows = [
        [name.replace("_", " "), value] for name, value in found.items() if not isinstance(value, dict | list)
    ]
    return ["## Cost of a feature online", "", table(["", ""], rows), *_lists(found)]


def _lists(found: Found) -> list[str]:
    """Show lists of records as tables; what is longer than a table should be is for the file alone."""
    lines = []
    for name, records in found.items():
        if isinstance(records, list) and 0 < len(records) <= ROWS_SHOWN and isinstance(records[0], dict):
            head = list(records[0])
            rows = [[record.get(key, "") for key in head] for record in records]
            lines += [
                "", f"{name.replace('_', ' ')}:", "",
                table([key.replace("_", " ") for key in head], rows),
            ]  # fmt: skip
    return lines


SECTIONS = {
    "refits": _refits, "cancellations": _cancellations, "ablation": _ablation, "tuning": _tuning, "leakage": _leakage,
    "feature-cost": _feature_cost,
}  # fmt: skip
"""What writes the section of a file, by its name, in the report's order."""
