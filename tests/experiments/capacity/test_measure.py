"""Unit costs and a country's are measured by a real refresher, a real API and a real PostgreSQL, at a small size."""

import pytest

from experiments.capacity import measure, report, simulate
from tests.experiments.capacity.test_costs import FOUND, RUNS
from training.train import TreeParameters

pytestmark = pytest.mark.integration
SMALL = TreeParameters(n_trees=10)


def test_a_plan_is_made_from_what_was_measured_and_compared_with_a_country(own_settings, tmp_path):
    found = measure.bench(
        own_settings,
        lambda line: None,
        SMALL,
        countries=((3, 60), (5, 90), (5, 180)),
        training_days=(9,),
        asked=60,
    )
    assert found["predictions"]["asked"] == 60
    assert found["training"][0]["cpu_seconds"] > 0
    assert [tick["flights_per_day"] for tick in found["ticks"]] == [60, 90, 180]
    assert all(tick["cpu_seconds"] > 0 for tick in found["ticks"])
    assert all(tick["state_bytes"] > 0 for tick in found["ticks"])
    country = simulate.simulate(own_settings, lambda line: None, 5, 180, ticks=2, asked=60, parameters=SMALL)
    assert country["loading"]["flights"] == 180 * 33
    page = report.text(found | {"training": FOUND["training"]}, RUNS, country)
    # The same country twice, once for the plan: what it has does not depend on how busy the machine is.
    [state] = [line for line in page.splitlines() if line.startswith("| a state, MB |")]
    assert float(state.split("|")[4]) == pytest.approx(1.0, abs=0.35)
