"""Fit a model: trees on every day, and their calibration by trees that have not seen the days that calibrate."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from adapters.lightgbm_booster import LightGBMBooster
from domain.features.catalogue import FEATURE_NAMES
from domain.model import Calibration, CategoryEncoder
from training.calibrate import fit_calibration
from training.split import Split
from training.train import TreeParameters, Trees, fit_trees
from training.training_set import TrainingSet


def fit_calibrated(
    split: Split,
    parameters: TreeParameters,
    seed: int,
    progress: Callable[[float], None] = lambda share: None,
    at_once: int = 2,
) -> tuple[Trees, Calibration]:
    """Fit both and calibrate.

    Parameters
    ----------
    progress : callable
        Told the share that is done, 0 to 1; from other threads.
    at_once : int
        Fits beside each other, 1 or 2; each is one thread, and the result is the same.
    """
    done = [0.0, 0.0]

    def fit(which: int, rows: TrainingSet) -> Trees:
        def tell(tree: int, of: int) -> None:
            done[which] = tree / of
            progress(sum(done) / len(done))

        return fit_trees(rows, parameters, seed, tell)

    with ThreadPoolExecutor(at_once) as pool:
        trees, draft = pool.map(fit, range(len(done)), (split.fit, split.draft))
    encode = CategoryEncoder(FEATURE_NAMES, draft.categories)
    with LightGBMBooster(draft.text) as booster:
        raw = booster.raw_scores(encode(split.calibration.X))
    return trees, fit_calibration(raw, split.calibration.y, split.calibration.day)
