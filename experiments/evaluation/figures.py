"""The report's figures, as SVG that is the same for the same numbers."""

from pathlib import Path
from typing import Any

Found = dict[str, Any]


def write(found: Found, folder: Path) -> None:
    """Write `lead.svg`, `reliability.svg`, `slices.svg` and `costs.svg`."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "ontime"
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in (
        ("lead", _lead),
        ("reliability", _reliability),
        ("slices", _slices),
        ("costs", _costs),
    ):
        figure = draw(found)
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
        from matplotlib import pyplot

        pyplot.close(figure)


def _lead(found: Found) -> Any:
    from matplotlib import pyplot

    leads = sorted(found["by_lead"].items(), key=lambda item: int(item[0]))
    x, values = [int(lead) for lead, _ in leads], [v for _, v in leads]
    figure, axes = pyplot.subplots(figsize=(6, 3.5), layout="constrained")
    axes.errorbar(x, [v["auc"] for v in values], yerr=_bars(values, "auc"), marker="o", capsize=3)
    axes.set(xscale="log", xlabel="minutes before departure", ylabel="AUC")
    axes.set_xticks(x, [str(lead) for lead in x])
    axes.minorticks_off()
    return figure


def _reliability(found: Found) -> Any:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(4.5, 4.5), layout="constrained")
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    axes.plot(found["reliability"]["predicted"], found["reliability"]["observed"], marker="o", markersize=4)
    axes.set(xlabel="predicted share late", ylabel="observed share late")
    return figure


def _slices(found: Found) -> Any:
    from matplotlib import pyplot

    figure, all_axes = pyplot.subplots(2, 2, figsize=(9, 6), layout="constrained", sharey=True)
    for axes, (kind, slices) in zip(all_axes.flat, found["slices"].items(), strict=True):
        names = [name for name, v in slices.items() if v["auc"] is not None and v["n"] >= 100]
        values = [slices[name] for name in names]
        axes.errorbar(
            range(len(names)), [v["auc"] for v in values], yerr=_bars(values, "auc"), fmt="o", capsize=2
        )
        axes.set_xticks(range(len(names)), names, rotation=60, fontsize=7)
        axes.set(title=kind, ylabel="AUC")
    return figure


def _costs(found: Found) -> Any:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 3.5), layout="constrained")
    curves = found["cost_curves"]
    for ratio, cost in curves.items():
        if ratio != "thresholds":
            axes.plot(curves["thresholds"], cost, label=f"ratio {ratio}")
    axes.set(xlabel="threshold of a warning", ylabel="cost per 1,000 flights", yscale="log")
    axes.legend(fontsize=8)
    return figure


def _bars(values: list[Found], name: str) -> list[list[float]]:
    return [[v[name] - v[f"{name}_low"] for v in values], [v[f"{name}_high"] - v[name] for v in values]]
