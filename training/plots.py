"""Plots of one training run, as PNG files."""

from pathlib import Path

from training.evaluate import Evaluation

SHOWN_FEATURES = 25


def write_plots(evaluation: Evaluation, gain: dict[str, float], folder: Path) -> None:
    """Write `reliability.png`, `by_lead.png` and `gain.png` into a folder.

    Parameters
    ----------
    gain : dict of float
        What each feature gave, by name.
    """
    import matplotlib

    matplotlib.use("Agg")
    folder.mkdir(parents=True, exist_ok=True)
    _reliability(evaluation, folder / "reliability.png")
    _by_lead(evaluation, folder / "by_lead.png")
    _gain(gain, folder / "gain.png")


def _reliability(evaluation: Evaluation, path: Path) -> None:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(5, 5))
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    axes.plot(evaluation.reliability["predicted"], evaluation.reliability["observed"], marker="o")
    axes.set(
        xlabel="predicted share late", ylabel="observed share late", title="Reliability, 60 minutes before"
    )
    figure.savefig(path, dpi=80)
    pyplot.close(figure)


def _by_lead(evaluation: Evaluation, path: Path) -> None:
    from matplotlib import pyplot

    leads = sorted(int(lead) for lead in evaluation.by_lead)
    figure, axes = pyplot.subplots(figsize=(6, 4))
    axes.plot(leads, [evaluation.by_lead[str(lead)]["auc"] for lead in leads], marker="o")
    axes.set(xscale="log", xlabel="minutes before departure", ylabel="AUC", title="Quality by lead")
    figure.savefig(path, dpi=80)
    pyplot.close(figure)


def _gain(gain: dict[str, float], path: Path) -> None:
    from matplotlib import pyplot

    largest = sorted(gain.items(), key=lambda item: item[1])[-SHOWN_FEATURES:]
    figure, axes = pyplot.subplots(figsize=(7, 6), layout="constrained")
    axes.barh([name for name, _ in largest], [value for _, value in largest])
    axes.set(xlabel="total gain", title="What the trees split on")
    axes.tick_params(axis="y", labelsize=7)
    figure.savefig(path, dpi=80)
    pyplot.close(figure)
