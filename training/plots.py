"""Plots of one training run, as PNG files."""

from pathlib import Path

from training.evaluate import Evaluation


def write_plots(evaluation: Evaluation, folder: Path) -> None:
    """Write `reliability.png` and `by_lead.png` into a folder."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    folder.mkdir(parents=True, exist_ok=True)
    figure, axes = pyplot.subplots(figsize=(5, 5))
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    axes.plot(evaluation.reliability["predicted"], evaluation.reliability["observed"], marker="o")
    axes.set(
        xlabel="predicted share late", ylabel="observed share late", title="Reliability, 60 minutes before"
    )
    figure.savefig(folder / "reliability.png", dpi=80)
    pyplot.close(figure)

    leads = sorted(int(lead) for lead in evaluation.by_lead)
    figure, axes = pyplot.subplots(figsize=(6, 4))
    axes.plot(leads, [evaluation.by_lead[str(lead)]["auc"] for lead in leads], marker="o")
    axes.set(xscale="log", xlabel="minutes before departure", ylabel="AUC", title="Quality by lead")
    figure.savefig(folder / "by_lead.png", dpi=80)
    pyplot.close(figure)
