import numpy as np

from domain.model import ModelManifest
from tests.training.sets import training_set
from training.evaluate import evaluate
from training.model_card import write_card


def test_a_card_tells_quality_beside_the_baselines_and_by_lead():
    rows = training_set(days=8)
    probability = np.random.default_rng(1).uniform(0.05, 0.6, len(rows))
    evaluation = evaluate(rows, probability, {"carrier_by_hour": np.full(len(rows), 0.3)})
    manifest = ModelManifest(
        contract_hash="a" * 64, feature_names=("wind",), categories={}, logistic_share=0.3,
        trained_from="2013-01-01", trained_until="2013-03-24", as_of="2013-04-01T12:00:00Z",
        data_hash="b" * 64, git_commit="c" * 40, seed=7,
    )  # fmt: skip
    card = write_card(manifest, evaluation)
    assert card.startswith("# Model card: late arrivals of flights from EWR, JFK, LGA\n")
    for said in ("2013-01-01 to 2013-03-24", "b" * 16, "30% from a logistic", "carrier by hour", "Not for:"):
        assert said in card
    assert f"{evaluation.headline['auc']:.3f}" in card
    assert f"| 180 | {evaluation.by_lead['180']['auc']:.3f} |" in card
