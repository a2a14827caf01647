"""Trees in the form that MLflow's own server answers from; the stack itself serves its own, signed form."""

from pathlib import Path


def save_trees(text: str, folder: Path) -> Path:
    """Save LightGBM's text as a model of MLflow's, unless the folder is there; return the folder."""
    if not folder.exists():
        import lightgbm
        import mlflow.lightgbm

        mlflow.lightgbm.save_model(lightgbm.Booster(model_str=text), folder)
    return folder
