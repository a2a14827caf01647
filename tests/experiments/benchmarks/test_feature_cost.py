from experiments.benchmarks import feature_cost
from experiments.benchmarks.feature_cost import FEATURES


def test_the_cost_of_every_feature_is_reported(dataset_dir, monkeypatch):
    monkeypatch.setattr(feature_cost, "TIMES", 2)
    monkeypatch.setattr(feature_cost, "BUSY", feature_cost.BUSY[:1])
    found = feature_cost.measure(dataset_dir)
    assert [row["feature"] for row in found["each"]] == [f.name for f in FEATURES]
    assert sum(row["features"] for row in found["families"]) == len(FEATURES)
    assert found["microseconds_a_tick"] > 0
    assert found["microseconds_a_vector"] > 0
    own = sum(row["microseconds_a_tick"] for row in found["families"])
    assert own > 0
    # The schedule is of a question, not of a tick.
    assert next(row for row in found["families"] if row["family"] == "schedule")["microseconds_a_tick"] == 0
