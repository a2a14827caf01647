"""The report's figures, as SVG that is the same for the same numbers."""

from functools import partial
from pathlib import Path
from typing import Any

from adapters.figures import svg

Found = dict[str, Any]


def write(found: Found, folder: Path) -> None:
    """Write `lead.svg`, `reliability.svg`, `slices.svg` and `costs.svg`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw, size in (
        ("lead", _lead, (6, 3.5)),
        ("reliability", _reliability, (4.5, 4.5)),
        ("slices", _slices, (9, 6)),
        ("costs", _costs, (6, 3.5)),
    ):
        (folder / f"{name}.svg").write_text(svg(partial(draw, found), *size))


def _lead(found: Found, figure: Any) -> None:
    leads = sorted(found["by_lead"].items(), key=lambda item: int(item[0]))
    x, values = [int(lead) for lead, _ in leads], [v for _, v in leads]
    axes = figure.subplots()
    axes.errorbar(x, [v["auc"] for v in values], yerr=_bars(values, "auc"), marker="o", capsize=3)
    axes.set(xscale="log", xlabel="minutes before departure", ylabel="AUC")
    axes.set_xticks(x, [str(lead) for lead in x])
    axes.minorticks_off()


def _reliability(found: Found, figure: Any) -> None:
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    axes.plot(found["reliability"]["predicted"], found["reliability"]["observed"], marker="o", markersize=4)
    axes.set(xlabel="predicted share late", ylabel="observed share late")


def _slices(found: Found, figure: Any) -> None:
    all_axes = figure.subplots(2, 2, sharey=True)
    for axes, (kind, slices) in zip(all_axes.flat, found["slices"].items(), strict=True):
        names = [name for name, v in slices.items() if v["auc"] is not None and v["n"] >= 100]
        values = [slices[name] for name in names]
        axes.errorbar(
            range(len(names)), [v["auc"] for v in values], yerr=_bars(values, "auc"), fmt="o", capsize=2
        )
        axes.set_xticks(range(len(names)), names, rotation=60, fontsize=7)
        axes.set(title=kind, ylabel="AUC")


def _costs(found: Found, figure: Any) -> None:
    axes = figure.subplots()
    curves = found["cost_curves"]
    for ratio, cost in curves.items():
        if ratio != "thresholds":
            axes.plot(curves["thresholds"], cost, label=f"ratio {ratio}")
    axes.set(xlabel="threshold of a warning", ylabel="cost per 1,000 flights", yscale="log")
    axes.legend(fontsize=8)


def _bars(values: list[Found], name: str) -> list[list[float]]:
    return [[v[name] - v[f"{name}_low"] for v in values], [v[f"{name}_high"] - v[name] for v in values]]
