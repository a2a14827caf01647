import json
import random
import shutil
from dataclasses import replace

import lightgbm
import numpy as np
import pytest

from adapters import model_artifact
from adapters.lightgbm_booster import LightGBMBooster
from adapters.model_artifact import HINGES, MANIFEST, SIGNATURE, TREES
from adapters.model_keys import ModelKeys
from domain.errors import ConfigurationError, ContractMismatch, NotReady, SignatureInvalid
from domain.hinges import HingeLogistic
from domain.model import Calibration, FlightModel, ModelManifest
from tests.domain.test_model import PERCEPTRONS

KEYS = ModelKeys.of("a secret that nobody else has")
STRANGER = ModelKeys.of("another secret")
NAMES = ("lead_minutes", "carrier_code", "wind")
LINES = HingeLogistic(
    lead_column=0,
    band_until=np.array([1440.0]),
    low=np.full(3, -5.0),
    high=np.full(3, 5.0),
    mean=np.zeros(3),
    scale=np.ones(3),
    knots=np.array([[0.0, 0.0, 0.0], [0.5, 0.0, 0.5]]),
    weights=np.array([[[0.5, 0.0, 1.0], [0.25, 0.0, -1.0], [0.0, 0.0, 0.75]]]),
    intercept=np.array([-1.0]),
    expected=np.zeros((1, 3)),
)


@pytest.fixture(scope="module")
def trees():
    rows = np.random.default_rng(1).normal(size=(600, 3))
    rows[:, 1] = np.random.default_rng(2).integers(0, 3, 600)
    data = lightgbm.Dataset(
        rows, (rows[:, 0] + rows[:, 1] > 1).astype(float), feature_name=list(NAMES), categorical_feature=[1]
    )
    parameters = {"objective": "binary", "num_leaves": 7, "verbosity": -1, "seed": 1, "num_threads": 1}
    return lightgbm.train(parameters, data, 20).model_to_string()


@pytest.fixture(scope="module")
def manifest():
    return ModelManifest(
        contract_hash="a" * 64,
        feature_names=NAMES,
        categories={"carrier_code": (370.0, 425.0, 1090.0)},
        calibration=Calibration(1.1, -0.1),
        trained_from="2013-01-01",
        trained_until="2013-03-24",
        as_of="2013-04-01T12:00:00Z",
        data_hash="b" * 64,
        git_commit="c" * 40,
        seed=7,
    )


@pytest.fixture
def folder(tmp_path, trees, manifest):
    model_artifact.write(tmp_path / "3", trees, manifest, KEYS, {"card.md": "# A model\n"})
    return tmp_path / "3"


def test_a_signed_model_loads_and_scores_as_its_trees_do(folder, trees, manifest):
    model = model_artifact.load(folder, KEYS)
    vectors = np.array([[0.3, 425.0, -1.0], [1.2, 7.0, np.nan]])
    encoded = np.array([[0.3, 1.0, -1.0], [1.2, np.nan, np.nan]])
    raw = lightgbm.Booster(model_str=trees).predict(encoded, raw_score=True)
    assert model.manifest == manifest
    np.testing.assert_array_equal(model.probability(vectors), manifest.calibration.apply(raw))


def test_a_model_of_three_parts_loads_with_them_and_scores_as_all(tmp_path, trees, manifest):
    mixed = replace(manifest, logistic_share=0.4, perceptron_share=0.1)
    model_artifact.write(tmp_path, trees, mixed, KEYS, hinges=LINES, perceptrons=PERCEPTRONS)
    model = model_artifact.load(tmp_path, KEYS)
    vectors = np.array([[0.3, 425.0, -1.0], [1.2, 370.0, np.nan]])
    of_trees = FlightModel(manifest, LightGBMBooster(trees)).raw_scores(vectors)
    of_others = 0.4 * LINES.raw_scores(vectors) + 0.1 * PERCEPTRONS.raw_scores(vectors)
    np.testing.assert_allclose(model.raw_scores(vectors), 0.5 * of_trees + of_others, rtol=1e-12)


@pytest.mark.parametrize("name", [HINGES, model_artifact.PERCEPTRONS])
def test_an_edited_digit_of_what_stands_beside_the_trees_is_refused(tmp_path, trees, manifest, name):
    mixed = replace(manifest, logistic_share=0.4, perceptron_share=0.1)
    model_artifact.write(tmp_path, trees, mixed, KEYS, hinges=LINES, perceptrons=PERCEPTRONS)
    text = (tmp_path / name).read_text()
    (tmp_path / name).write_text(text.replace("0.5", "0.6", 1))
    with pytest.raises(SignatureInvalid, match=f"{name} is not the file that was signed"):
        model_artifact.load(tmp_path, KEYS)


def test_other_numbers_beside_the_trees_are_another_hash(tmp_path, trees, manifest):
    mixed = replace(manifest, logistic_share=0.4, perceptron_share=0.1)
    of = {
        "one": (LINES, PERCEPTRONS),
        "other lines": (replace(LINES, intercept=np.array([0.1])), PERCEPTRONS),
        "other perceptrons": (LINES, replace(PERCEPTRONS, intercept=0.1)),
    }
    for name, (lines, perceptrons) in of.items():
        model_artifact.write(tmp_path / name, trees, mixed, KEYS, hinges=lines, perceptrons=perceptrons)
    assert len({model_artifact.model_hash(tmp_path / name) for name in of}) == 3


@pytest.mark.parametrize("share", ["logistic_share", "perceptron_share"])
def test_a_share_whose_part_is_not_there_is_refused(tmp_path, trees, manifest, share):
    model_artifact.write(tmp_path, trees, replace(manifest, **{share: 0.4}), KEYS)
    with pytest.raises(ContractMismatch, match="there is none"):
        model_artifact.load(tmp_path, KEYS)


def test_a_model_is_text_and_json_only(folder):
    assert sorted(path.name for path in folder.iterdir()) == [SIGNATURE, "card.md", MANIFEST, TREES]
    for path in folder.iterdir():
        path.read_text(encoding="utf-8")
    json.loads((folder / MANIFEST).read_text())


def test_a_truncated_model_is_refused_before_it_is_parsed(folder):
    path = folder / TREES
    path.write_text(path.read_text()[: path.stat().st_size // 2])
    with pytest.raises(SignatureInvalid, match=r"model\.txt is not the file that was signed"):
        model_artifact.load(folder, KEYS)


@pytest.mark.parametrize("name", [TREES, MANIFEST, "card.md"])
def test_one_edited_digit_is_refused(folder, name):
    text = (folder / name).read_text() + "\n1"
    (folder / name).write_text(text[:-1] + "2")
    with pytest.raises(SignatureInvalid, match=name):
        model_artifact.verify(folder, KEYS)


def test_a_file_taken_away_or_added_is_refused(folder):
    (folder / "more.txt").write_text("unsigned")
    with pytest.raises(SignatureInvalid, match=r"more\.txt"):
        model_artifact.verify(folder, KEYS)
    (folder / "more.txt").unlink()
    (folder / "card.md").unlink()
    with pytest.raises(SignatureInvalid, match=r"card\.md"):
        model_artifact.verify(folder, KEYS)


@pytest.mark.parametrize("signature", [None, "", "{}", "[]", '{"files": 3, "of": null, "ed25519": "x"}'])
def test_an_unsigned_model_is_refused(folder, signature):
    (folder / SIGNATURE).unlink()
    if signature is not None:
        (folder / SIGNATURE).write_text(signature)
    with pytest.raises(SignatureInvalid, match="no readable SIGNATURE"):
        model_artifact.load(folder, KEYS)


def test_another_stacks_key_is_refused(folder):
    with pytest.raises(SignatureInvalid, match="not made with a key that this stack trusts"):
        model_artifact.load(folder, STRANGER)


def test_a_list_of_files_edited_to_fit_is_refused(folder):
    (folder / TREES).write_text("tree\n")
    model_artifact.sign(folder, STRANGER)
    with pytest.raises(SignatureInvalid, match="not made with a key that this stack trusts"):
        model_artifact.verify(folder, KEYS)


def test_two_hundred_changed_artifacts_are_refused(folder):
    """One byte each, of any file, to any other value."""
    draw = random.Random(7)
    files = sorted(path for path in folder.iterdir())
    for number in range(200):
        path = files[number % len(files)]
        sound = path.read_bytes()
        at, other = draw.randrange(len(sound)), draw.randrange(1, 256)
        path.write_bytes(sound[:at] + bytes([sound[at] ^ other]) + sound[at + 1 :])
        with pytest.raises(SignatureInvalid):
            model_artifact.verify(folder, KEYS)
        path.write_bytes(sound)
    model_artifact.verify(folder, KEYS)


def test_whoever_has_public_keys_alone_verifies_and_cannot_sign(folder):
    serves = ModelKeys.public(*KEYS.trusted())
    assert model_artifact.load(folder, serves)
    with pytest.raises(ConfigurationError, match="no private key here"):
        model_artifact.sign(folder, serves)


def test_a_signature_that_leaves_the_trees_out_is_refused(folder):
    trees = (folder / TREES).read_text()
    (folder / TREES).unlink()
    model_artifact.sign(folder, KEYS)
    (folder / TREES).write_text(trees)
    with pytest.raises(SignatureInvalid, match=r"does not cover model\.txt"):
        model_artifact.verify(folder, KEYS)


def test_trees_of_another_width_than_the_manifest_are_refused(tmp_path, trees, manifest):
    model_artifact.write(
        tmp_path / "3", trees, replace(manifest, feature_names=NAMES[:2], categories={}), KEYS
    )
    with pytest.raises(ContractMismatch):
        model_artifact.load(tmp_path / "3", KEYS)


def test_equal_models_have_equal_hashes_wherever_they_lie(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "elsewhere")
    (copy / "card.md").write_text("another card")
    assert model_artifact.model_hash(copy) == model_artifact.model_hash(folder)
    (copy / TREES).write_text((copy / TREES).read_text() + "\n")
    assert model_artifact.model_hash(copy) != model_artifact.model_hash(folder)


def test_the_smoke_test_passes_a_sound_model(folder):
    model_artifact.smoke_test(folder, KEYS)


def test_a_model_that_kills_its_process_fails_the_smoke_test_only(tmp_path, trees, manifest):
    # Signed after the damage: the test load is what is left between it and a worker.
    model_artifact.write(tmp_path / "3", trees[: len(trees) // 2], manifest, KEYS)
    with pytest.raises(SignatureInvalid, match="test load ended with"):
        model_artifact.smoke_test(tmp_path / "3", KEYS)


def test_a_busy_machine_says_nothing_of_a_model(folder, monkeypatch):
    monkeypatch.setattr(model_artifact, "SMOKE_SECONDS", 0.01)
    with pytest.raises(NotReady, match="this machine is busy"):
        model_artifact.smoke_test(folder, KEYS)
