"""The benchmark of the monitoring run fills a database of the schema that runs; PostgreSQL is a real one."""

import numpy as np
import pytest

from domain.features.catalogue import FEATURE_NAMES
from experiments.benchmarks import monitoring

pytestmark = pytest.mark.integration
ASKED_ABOUT_A_FLIGHT = 20


def test_a_day_is_filled_with_predictions_of_the_pool_and_labels(postgres, tmp_path):
    vectors = np.arange(3.0 * len(FEATURE_NAMES)).reshape(3, -1)
    np.savez(tmp_path / "pool.npz", vectors=vectors, probability=np.array([0.0, 0.5, 1.0]))
    pool = monitoring._fill_pool(postgres, tmp_path)
    monitoring._fill(postgres, 0, 60, pool, lambda text: None)
    with postgres.transaction() as cursor:
        cursor.execute(
            "SELECT flight_id, count(*), min(features), min(probability) FROM predictions GROUP BY 1"
        )
        filled = cursor.fetchall()
        cursor.execute(
            "SELECT arr_delay_minutes FROM labels JOIN predictions USING (flight_id) WHERE probability = 1"
        )
        late = {minutes for (minutes,) in cursor.fetchall()}
    assert [count for _, count, _, _ in filled] == [ASKED_ABOUT_A_FLIGHT] * 3
    assert {name[-8:] for name, *_ in filled} == {f"{monitoring.DAY:%Y%m%d}"}
    assert sorted(features for _, _, features, _ in filled) == vectors.tolist()
    assert late == {30}
