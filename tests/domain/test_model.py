import json
from dataclasses import replace

import numpy as np
import pytest

from domain.errors import ContractMismatch
from domain.hinges import HingeLogistic
from domain.model import Calibration, CategoryEncoder, FlightModel, ModelManifest
from domain.perceptrons import Perceptrons

NAMES = ("lead_minutes", "carrier_code", "wind")
MANIFEST = ModelManifest(
    contract_hash="a" * 64,
    feature_names=NAMES,
    categories={"carrier_code": (370.0, 425.0, 1090.0)},
    calibration=Calibration(slope=2.0, intercept=-0.5),
    trained_from="2013-01-01",
    trained_until="2013-03-24",
    as_of="2013-04-01T12:00:00Z",
    data_hash="b" * 64,
    git_commit="c" * 40,
    seed=7,
    parameters={"n_trees": 350, "learning_rate": 0.05},
    metrics={"auc": 0.78},
)


UNSEEN = (1.0, 400.0, 9999.0, np.nan, np.inf)


class LinearBooster:
    """Log-odds = 0.1 + 0.01 lead + category + 0.2 wind; a missing category counts 5."""

    n_features = 3

    def raw_scores(self, matrix):
        return self.contributions(matrix).sum(axis=1)

    def contributions(self, matrix):
        category = np.where(np.isnan(matrix[:, 1]), 5.0, matrix[:, 1])
        return np.column_stack([0.01 * matrix[:, 0], category, 0.2 * matrix[:, 2], np.full(len(matrix), 0.1)])


@pytest.fixture
def model():
    return FlightModel(MANIFEST, LinearBooster())


@pytest.mark.parametrize(
    ("code", "own"),
    [(370.0, 0.0), (425.0, 1.0), (1090.0, 2.0), *((unseen, np.nan) for unseen in UNSEEN)],
)
def test_a_code_becomes_the_models_own_and_an_unseen_one_missing(code, own):
    encoded = CategoryEncoder(NAMES, MANIFEST.categories)(np.array([[60.0, code, 3.0]]))
    np.testing.assert_array_equal(encoded, [[60.0, own, 3.0]])


def test_a_row_is_encoded_to_the_bit_as_in_a_batch():
    encode = CategoryEncoder(NAMES, MANIFEST.categories)
    rows = np.array([[60.0, code, 3.0] for code in (*MANIFEST.categories["carrier_code"], *UNSEEN, -0.0)])
    alone = np.concatenate([encode(rows[i : i + 1]) for i in range(len(rows))])
    assert alone.tobytes() == encode(rows).tobytes()


def test_a_category_never_seen_in_training_is_always_missing():
    encoded = CategoryEncoder(NAMES, {"carrier_code": ()})(np.array([[60.0, 370.0, 3.0]]))
    assert np.isnan(encoded[0, 1])


def test_encoding_leaves_the_callers_vectors_alone(model):
    vectors = np.array([[60.0, 425.0, 3.0]])
    model.probability(vectors)
    np.testing.assert_array_equal(vectors, [[60.0, 425.0, 3.0]])


def test_a_probability_is_the_calibrated_log_odds(model):
    raw = 0.1 + 0.01 * 60 + 1 + 0.2 * 3
    expected = 1 / (1 + np.exp(-(2 * raw - 0.5)))
    assert model.probability(np.array([[60.0, 425.0, 3.0]])) == pytest.approx([expected])


def test_a_row_scores_the_same_alone_and_in_a_batch(model):
    vectors = np.column_stack([np.arange(50.0), np.full(50, 1090.0), np.linspace(-1, 1, 50)])
    alone = [model.probability(vectors[i : i + 1])[0] for i in range(50)]
    assert model.probability(vectors).tolist() == alone


def test_contributions_sum_to_the_log_odds_of_the_probability(model):
    vectors = np.array([[60.0, 425.0, 3.0], [5.0, 1.0, -4.0]])
    probability = model.probability(vectors)
    log_odds = np.log(probability / (1 - probability))
    np.testing.assert_allclose(model.contributions(vectors).sum(axis=1), log_odds, atol=1e-9)


def test_shares_are_the_trees_own_times_the_slope(model):
    vectors = np.array([[60.0, 425.0, 3.0], [5.0, 1.0, -4.0]])
    shares = model.contributions(vectors).sum(axis=1)
    np.testing.assert_allclose(shares, 2 * model.raw_scores(vectors) - 0.5, rtol=1e-9)


HINGES = HingeLogistic(
    lead_column=0,
    band_until=np.array([90.0, 1440.0]),
    low=np.array([0.0, 0.0, -2.0]),
    high=np.array([1440.0, 0.0, 2.0]),
    mean=np.array([60.0, 0.0, 0.5]),
    scale=np.array([100.0, 1.0, 2.0]),
    knots=np.array([[0.0, 0.0, 0.1], [1.0, 0.0, 0.4]]),
    weights=np.array([[[0.1, 0.0, 1.0], [0.2, 0.0, -0.5], [0.0, 0.0, 2.0]], np.full((3, 3), 0.5)]),
    intercept=np.array([-1.0, -2.0]),
    expected=np.array([[0.3, 0.0, 0.2], [0.1, 0.0, 0.1]]),
)
PERCEPTRONS = Perceptrons(
    low=np.array([0.0, 0.0, -2.0]),
    high=np.array([1440.0, 0.0, 2.0]),
    mean=np.array([60.0, 0.0, 0.5]),
    scale=np.array([100.0, 1.0, 2.0]),
    lead_column=0,
    lead_bounds=np.array([90.0, 360.0]),
    value_column=np.array([1, 1]),
    value=np.array([370.0, 425.0]),
    weights=np.random.default_rng(7).normal(size=(8, 5)).astype(np.float32),
    bias=np.array([0.1, -0.2, 0.3, 0.0, -1.0], dtype=np.float32),
    out=np.array([0.5, -0.4, 0.3, 0.8, -0.1], dtype=np.float32),
    intercept=-1.5,
    expected=np.array([0.2, 0.0, 0.1, 0.4, 0.3, 0.5, 0.3, 0.1]),
)
MIXED = replace(MANIFEST, logistic_share=0.3)
OF_THREE = replace(MANIFEST, logistic_share=0.2, perceptron_share=0.5)


def test_a_model_of_a_newer_release_is_refused():
    newer = json.dumps(json.loads(MANIFEST.to_json()) | {"forest_share": 0.2})
    with pytest.raises(ContractMismatch, match="newer release: its manifest has forest_share"):
        ModelManifest.from_json(newer)


def test_a_manifest_of_an_earlier_release_has_no_perceptrons():
    values = json.loads(MIXED.to_json())
    del values["perceptron_share"]
    assert ModelManifest.from_json(json.dumps(values)) == MIXED


def test_trees_and_lines_are_mixed_in_log_odds():
    vectors = np.array([[60.0, 425.0, 1.5], [720.0, 1.0, -4.0], [5.0, 370.0, 2.5]])
    mixed = FlightModel(MIXED, LinearBooster(), HINGES)
    trees = FlightModel(MANIFEST, LinearBooster()).raw_scores(vectors)
    expected = 0.7 * trees + 0.3 * HINGES.raw_scores(vectors)
    np.testing.assert_allclose(mixed.raw_scores(vectors), expected, rtol=1e-12)
    np.testing.assert_allclose(mixed.contributions(vectors).sum(axis=1), 2 * expected - 0.5, rtol=1e-12)
    assert mixed.with_manifest(MIXED).raw_scores(vectors).tolist() == mixed.raw_scores(vectors).tolist()


def test_three_parts_are_mixed_in_log_odds():
    vectors = np.array([[60.0, 425.0, 1.5], [720.0, 1.0, -4.0], [5.0, 370.0, 2.5]])
    mixed = FlightModel(OF_THREE, LinearBooster(), HINGES, PERCEPTRONS)
    trees = FlightModel(MANIFEST, LinearBooster()).raw_scores(vectors)
    expected = 0.3 * trees + 0.2 * HINGES.raw_scores(vectors) + 0.5 * PERCEPTRONS.raw_scores(vectors)
    np.testing.assert_allclose(mixed.raw_scores(vectors), expected, rtol=1e-12)
    np.testing.assert_allclose(mixed.contributions(vectors).sum(axis=1), 2 * expected - 0.5, rtol=1e-12)
    assert mixed.with_manifest(OF_THREE).raw_scores(vectors).tolist() == mixed.raw_scores(vectors).tolist()


@pytest.mark.parametrize(
    ("manifest", "parts", "refused"),
    [
        (MIXED, (), r"a logistic regression .* share of 0\.3: there is none"),
        (OF_THREE, (HINGES,), r"perceptrons .* share of 0\.5: there is none"),
        (
            OF_THREE,
            (HINGES, replace(PERCEPTRONS, mean=np.zeros(9))),
            r"perceptrons of 3 features .* there is 9",
        ),
    ],
)
def test_a_share_without_its_part_is_refused(manifest, parts, refused):
    with pytest.raises(ContractMismatch, match=refused):
        FlightModel(manifest, LinearBooster(), *parts)


def test_another_contract_is_refused_by_name(model):
    model.require_contract("a" * 64)
    with pytest.raises(ContractMismatch, match=r"aaaaaaaaaaaa.*dddddddddddd"):
        model.require_contract("d" * 64)


def test_trees_of_another_width_are_refused():
    with pytest.raises(ContractMismatch, match=r"3 features.*names 2"):
        FlightModel(replace(MANIFEST, feature_names=NAMES[:2]), LinearBooster())


def test_a_manifest_survives_its_text():
    text = MANIFEST.to_json()
    assert ModelManifest.from_json(text) == MANIFEST
    assert ModelManifest.from_json(text).to_json() == text
