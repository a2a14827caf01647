"""Fit a model: trees on every day, and their calibration by trees that have not seen the days that calibrate."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC

from adapters.lightgbm_booster import LightGBMBooster
from domain.features.catalogue import CONTRACT_HASH, FEATURE_NAMES
from domain.model import Calibration, CategoryEncoder, FlightModel, ModelManifest
from training.calibrate import fit_calibration
from training.split import Split, day_of
from training.train import THREADS, TreeParameters, Trees, fit_trees
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
        Called with the share that is done, 0 to 1; from other threads.
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


def assemble(
    trees: Trees,
    calibration: Calibration,
    rows: TrainingSet,
    split: Split,
    parameters: TreeParameters,
    seed: int,
    commit: str,
) -> FlightModel:
    """Put fitted parts together with where they come from.

    Parameters
    ----------
    rows : TrainingSet
        Everything that was built, the evaluation's days included: its hash and its moment are the model's.
    """
    manifest = ModelManifest(
        contract_hash=CONTRACT_HASH,
        feature_names=FEATURE_NAMES,
        categories=trees.categories,
        calibration=calibration,
        trained_from=day_of(int(split.fit.day.min())).isoformat(),
        trained_until=day_of(int(split.fit.day.max())).isoformat(),
        as_of=f"{rows.as_of.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        data_hash=rows.data_hash,
        git_commit=commit,
        seed=seed,
        parameters=parameters.as_dict() | {"threads": THREADS},
    )
    return FlightModel(manifest, LightGBMBooster(trees.text))
