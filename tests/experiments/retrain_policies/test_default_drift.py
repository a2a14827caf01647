from types import SimpleNamespace

import numpy as np
import pytest

from experiments.retrain_policies.contestants import NaiveDrift
from experiments.retrain_policies.default_drift import DATASET_SHARE, DefaultDrift, distance, drifted_share

CODES = [True, *[False] * 7]


def table(n: int, shift: float, seed: int) -> np.ndarray:
    """Codes, few values, counts with many ties, skewed and normal numbers, some missing, some with a shift."""
    draw = np.random.default_rng(seed)
    columns = [
        draw.choice([3.0, 7.0, 11.0], n, p=[0.5 - shift / 4, 0.3, 0.2 + shift / 4]),
        draw.choice([0.0, 1.0, 2.0], n, p=[0.6, 0.3, 0.1]),
        draw.poisson(4.0 + shift, n).astype(float),
        draw.exponential(1.0 + shift, n),
        draw.normal(shift / 2, 1.0, n),
        draw.normal(0.0, 1.0, n),
        draw.normal(0.05, 1.0, n),
        np.full(n, 1.0),
    ]
    values = np.column_stack(columns)
    values[draw.random(n) < 0.2, 4] = np.nan
    return values


@pytest.mark.filterwarnings("ignore")  # importing Evidently uses names that NumPy is about to drop
@pytest.mark.parametrize("shift", [0.0, 0.3, 1.0])
def test_the_share_is_what_evidentlys_preset_reports_with_every_default(shift):
    import pandas as pd
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    reference, current = table(2_000, 0.0, 1), table(700, shift, 2)
    names = [f"c{i}" for i in range(len(CODES))]
    definition = DataDefinition(numerical_columns=names[1:], categorical_columns=names[:1])
    before, today = (
        Dataset.from_pandas(pd.DataFrame(x, columns=names).astype({"c0": str}), definition)
        for x in (reference, current)
    )
    reported = Report([DataDriftPreset()]).run(today, before).dict()["metrics"]
    by_column = {m["config"]["column"]: float(m["value"]) for m in reported if "column" in m["config"]}
    assert len(by_column) == len(CODES)
    for i, name in enumerate(names):
        sides = (x[np.isfinite(x)] for x in (reference[:, i], current[:, i]))
        assert distance(*sides, CODES[i]) == pytest.approx(by_column[name], abs=1e-9), name
    [counted] = [m["value"]["share"] for m in reported if "share" in str(m["value"])]
    assert drifted_share(reference, current, CODES) == pytest.approx(counted)


def test_a_column_that_is_missing_altogether_is_left_out():
    reference, current = table(2_000, 0.0, 1), table(700, 0.0, 2)
    current[:, 4] = np.nan
    without = np.delete(reference, 4, 1), np.delete(current, 4, 1)
    assert drifted_share(reference, current, CODES) == drifted_share(*without, CODES[:-1])


def test_of_a_reference_on_which_evidently_would_take_other_methods_nothing_is_known_and_nothing_said():
    few, today = table(1_000, 0.0, 1), table(700, 1.0, 2)
    assert np.isnan(drifted_share(few, today, CODES))
    assert drifted_share(table(1_001, 0.0, 1), today, CODES) >= DATASET_SHARE

    class FewFlights(DefaultDrift):
        def share(self, view) -> float:
            return drifted_share(few, today, CODES)

    small_place = NaiveDrift(FewFlights())
    assert small_place.alarms(None) == []
    assert not small_place.decide(SimpleNamespace(state=SimpleNamespace(last_retrain=None))).verdict
