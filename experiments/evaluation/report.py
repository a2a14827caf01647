"""The report of the model, and README's table, written from the file that `make evaluate` left."""

from pathlib import Path
from typing import Any

from experiments.evaluation.further import SECTIONS
from experiments.evaluation.intervals import blocks
from experiments.markdown import decimals, table
from experiments.measured import origin

Found = dict[str, Any]
PEER_COSTS = {
    "fit_cpu_seconds": "fit, CPU s",
    "megabytes": "MB",
    "microseconds_one": "µs alone",
    "microseconds_batch": "µs in a batch",
}
BEGIN, END = "<!-- quality: written by `make evaluate` -->", "<!-- /quality -->"
MEASURES = {
    "auc": "AUC", "average_precision": "average precision", "log_loss": "log-loss", "brier": "Brier", "ece": "ECE",
}  # fmt: skip


def readme_table(found: Found) -> str:
    """Write README's table: quality by lead, and the best other model beside it."""
    rows = [
        [_lead(int(lead)), *(_cell(values, name) for name in MEASURES)]
        for lead, values in sorted(found["by_lead"].items(), key=lambda item: int(item[0]))
    ]
    split = found["split"]
    lines = [
        f"Fitted on {split['fit_from']} to {split['fit_until']}, tested on {split['test_from']} to "
        f"{split['test_until']}: {found['n']:,.0f} flights, {found['late_rate']:.1%} late, "
        f"{found['features']} features, none from the tail number. In brackets the 95% interval over {blocks(found)}.",
        "",
        table(["lead time", *MEASURES.values()], rows),
        "",
        "[How it was trained and tested, other models, slices, costs](docs/reports/model.md)",
    ]
    return "\n".join([BEGIN, "", *lines, "", END])


def with_table(readme: str, found: Found) -> str:
    """Put the table between README's marks.

    Raises
    ------
    ValueError
        If the marks are not there.
    """
    if BEGIN not in readme or END not in readme:
        raise ValueError(f"README has no place for the table: {BEGIN} ... {END}")
    before, rest = readme.split(BEGIN, 1)
    return before + readme_table(found) + rest.split(END, 1)[1]


def report(found: Found, others: dict[str, Found], figures: str) -> str:
    """Write the report.

    Parameters
    ----------
    others : dict
        What further commands left, by the names of `further.SECTIONS`, as far as there.
    figures : str
        Folder of the figures, from where the report lies.
    """
    parts = [
        _head(found), _by_lead(found, figures), _calibration(found, figures), _slices(found, figures),
        _peers(found), _published(found), _operations(found), _costs(found, figures),
        *([*write(others[name]), "", origin(others[name])] for name, write in SECTIONS.items() if name in others),
    ]  # fmt: skip
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _head(found: Found) -> list[str]:
    split, built = found["split"], found["training"]
    return [
        "# The model",
        "",
        "`make train` and `make evaluate` write this page; its figures are from `evaluation.json`, those of a section "
        "that says so from what its own command measured.",
        "",
        f"The model is fitted on the flights of {split['fit_from']} to {split['fit_until']}, each asked about "
        f"60 minutes before departure and at other leads ({built['rows']:,} questions), and tested on "
        f"{split['test_from']} to {split['test_until']}. No day of the test, nor any later one, is in the fit. "
        "Features and parameters are chosen on folds inside the fit's months. The test's days are read by every run of "
        "`make evaluate`, and were read three times before there was one (ADR 12). Nothing was chosen by them; "
        "variants that were better on the folds were looked at there as well, and left out (ADR 34, 35). They are not "
        "unseen. A question uses what was known when it was asked, and nothing from the recorded tail "
        f"number, which is known only after the fact. Intervals, in brackets, are 95% and draw whole {blocks(found)}.",
        "",
        f"At 60 minutes, {found['n']:,.0f} flights, {found['late_rate']:.1%} of them late:",
        "",
        table(["", *MEASURES.values()], [["this model", *(_cell(found, name) for name in MEASURES)]]),
        "",
        f"Model `{found['model_hash'][:16]}`, training data `{found['data_hash'][:16]}`, commit "
        f"`{found['git_commit'][:12]}`, {found['features']} features, {found.get('logistic_share', 0.0):.0%} "
        f"of the log-odds from a logistic regression with hinges, {found.get('perceptron_share', 0.0):.0%} from "
        "perceptrons, the rest from trees. Trained in "
        f"{built['seconds']:.0f} s. {origin(found)}",
    ]


def _by_lead(found: Found, figures: str) -> list[str]:
    leads = sorted(found["by_lead"].items(), key=lambda item: int(item[0]))
    rows = [[_lead(int(lead)), *(_cell(values, name) for name in MEASURES)] for lead, values in leads]
    return [
        "## By lead", "", "One model for every lead: how long before departure it is asked is a feature.", "",
        table(["lead time", *MEASURES.values()], rows), "", f"![AUC by lead]({figures}/lead.svg)",
    ]  # fmt: skip


def _calibration(found: Found, figures: str) -> list[str]:
    return ["## Calibration", "", f"![Predicted against observed share]({figures}/reliability.svg)"]


def _slices(found: Found, figures: str) -> list[str]:
    lines = ["## By month, airport, carrier and hour", "", f"![AUC by slice]({figures}/slices.svg)"]
    for kind, slices in found["slices"].items():
        rows = [
            [
                name,
                f"{v['n']:,.0f}",
                f"{v['late_rate']:.3f}",
                _cell(v, "auc"),
                _cell(v, "log_loss"),
                decimals(v["ece"]),
            ]
            for name, v in slices.items()
        ]
        lines += ["", table([kind, "flights", "late", "AUC", "log-loss", "ECE"], rows)]
    return lines


def _peers(found: Found) -> list[str]:
    rows = []
    for name, v in found["baselines"].items():
        cost = [
            f"{v[c]:.1f}" if c in v else ""
            for c in ("fit_cpu_seconds", "megabytes", "microseconds_one", "microseconds_batch")
        ]
        rows.append([name, *(decimals(v[m]) for m in MEASURES), _against(v), *cost])
    head = ["", *MEASURES.values(), "this model's log-loss less its own, 1e-4", *PEER_COSTS.values()]
    own = (
        " LightGBM, the logistic regression with hinges and the perceptrons are this model's parts, alone; the recipe "
        "before is LightGBM with 31 leaves and without the features that came last."
        if "LightGBM, the recipe before" in found["baselines"]
        else ""
    )
    return [
        "## Other models", "",
        "On the same split and vectors, each fitted at the headline lead alone; this model is fitted on every lead and "
        f"measured there.{own} A difference below zero is in favour of this model.", "", table(head, rows),
    ]  # fmt: skip


def _against(values: Found) -> str:
    if "against" not in values:
        return ""
    low, mean, high = (1e4 * values[name] for name in ("against_low", "against", "against_high"))
    return f"{mean:+.0f} ({low:+.0f} to {high:+.0f})"


def _operations(found: Found) -> list[str]:
    """Write nothing where the figures are of an evaluation that did not measure it yet."""
    operations = found.get("operations")
    if operations is None:
        return []
    riskiest = [
        [
            f"{r['k']:.0f}",
            f"{r['precision']:.3f} ({r['precision_low']:.3f}–{r['precision_high']:.3f})",
            f"{r['recall']:.3f}",
        ]
        for r in operations["riskiest"]
    ]
    at_precision = [
        [f"{r['precision']:.2f}", f"{r['recall']:.3f}", decimals(r["threshold"])]
        for r in operations["at_precision"]
    ]
    at_recall = [
        [f"{r['recall']:.2f}", f"{r['precision']:.3f}", decimals(r["threshold"])]
        for r in operations["at_recall"]
    ]
    benefit = [
        [f"{r['threshold']:.2f}", *(f"{1000 * r[name]:+.1f}" for name in ("model", "every_flight"))]
        for r in operations["net_benefit"]
    ]
    return [
        "## What an operator decides by", "",
        "At 60 minutes. Looking at the k flights of each day that are most likely late:", "",
        table(["k a day", "of them late", "of all late ones"], riskiest), "",
        "Warning from one threshold on, the precision wanted:", "",
        table(["precision", "recall", "threshold"], at_precision), "", "and the recall wanted:", "",
        table(["recall", "precision", "threshold"], at_recall), "",
        "The decision curve: late flights warned of, less false warnings at the threshold's odds, per 1,000 flights; "
        "warning of none is 0.", "",
        table(["threshold", "this model", "warning of every flight"], benefit),
    ]  # fmt: skip


def _published(found: Found) -> list[str]:
    t, late = found["tidymodels"], "actual departure and air time"
    rows = [
        ["tidymodels' article", late, decimals(t["published"]["auc"]), ""],
        ["theirs, reproduced", late, decimals(t["theirs"]["auc"]), decimals(t["theirs"]["spread"])],
        [
            "ours",
            "what was known 60 minutes before",
            decimals(t["ours"]["auc"]),
            decimals(t["ours"]["spread"]),
        ],
    ]
    return [
        "## The published comparison", "",
        f"The set-up of tidymodels' article on recipes: {t['late_minutes']} minutes late or more, a random split of 75 "
        f"to 25, repeated {t['ours']['splits']:.0f} times; {t['flights']['theirs']:,} flights. A random split lets a "
        "model see the evening's flights when it is asked about the morning's: it flatters both, and is no estimate of "
        "how either would serve.", "",
        table(["", "uses", "ROC AUC, mean", "spread"], rows),
    ]  # fmt: skip


def _costs(found: Found, figures: str) -> list[str]:
    # Kept figures may have swept a grid without the threshold that is called for.
    rows = [
        [
            f"{r['ratio']:.0f}", f"{r['threshold']:.2f}", f"{r['warned']:.1%}",
            *(f"{cost:.0f}" for cost in (r["cost"], min(r["best"], r["cost"]), r["never"], r["always"])),
        ]
        for r in found["costs"]
    ]  # fmt: skip
    head = [
        "ratio",
        "threshold",
        "warned",
        "cost",
        "at the best threshold",
        "never warning",
        "always warning",
    ]
    return [
        "## What a warning is worth", "",
        "When missing a late flight costs as much as so many false warnings: cost per 1,000 flights, in false "
        "warnings, at the threshold that calibrated probabilities call for, and at the best one, known only "
        "afterwards.", "",
        table(head, rows),
        "", f"![Cost by threshold]({figures}/costs.svg)",
    ]  # fmt: skip


def _cell(values: Found, name: str) -> str:
    if values.get(name) is None:
        return ""
    low, high = values.get(f"{name}_low"), values.get(f"{name}_high")
    return decimals(values[name]) + (
        f" ({low:.3f}–{high:.3f})" if low is not None and high is not None else ""
    )


def _lead(minutes: int) -> str:
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"


def figure_folder(page: Path) -> Path:
    """Return where the figures of a page lie."""
    return page.parent / "figures"
