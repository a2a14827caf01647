from dataclasses import replace

import pytest

from adapters.deployments import Deployments
from adapters.settings import read_settings
from replay.run_executor import WarmRuns


@pytest.mark.integration
@pytest.mark.parametrize(("kept", "expected"), [(0, "2"), (5, "5")])
def test_a_replay_keeps_days_of_vectors_between_retrains_also_where_its_stack_does_not(
    postgres, tmp_path, kept, expected
):
    settings = replace(read_settings({"ONTIME_STATE_DIR": str(tmp_path)}), keep_vectors_gb=kept)
    runs = WarmRuns(settings, Deployments(postgres))
    assert runs.environment(draws=False)["ONTIME_KEEP_VECTORS_GB"] == expected
