import math

import pytest

from app.explanations import MOST_FLIGHTS
from domain.features.catalogue import FEATURES
from domain.features.words import MEASURES, UNITS, WORDS
from tests.app.worlds import FLIGHT, assert_field


def explained(api, body, explain="true"):
    return api.post(f"/v1/predictions?explain={explain}", body, "predict")


def assert_exact(explanation, probability):
    """To the last digits: the shares are LightGBM's own, and their sum is the margin."""
    total = explanation["constant"] + explanation["rest"] + sum(row["share"] for row in explanation["shares"])
    assert total == pytest.approx(explanation["log_odds"], rel=1e-9, abs=1e-12)
    assert 1 / (1 + math.exp(-explanation["log_odds"])) == pytest.approx(probability, rel=1e-9)
    slope, intercept = (explanation["calibration"][name] for name in ("slope", "intercept"))
    assert slope * explanation["raw_score"] + intercept == pytest.approx(explanation["log_odds"], rel=1e-9)


def test_an_answer_says_why_to_the_margin(api):
    body = explained(api, FLIGHT).get_json()
    explanation = body["explanation"]
    assert len(explanation["shares"]) == 5
    assert_exact(explanation, body["probability"])
    sizes = [abs(row["share"]) for row in explanation["shares"]]
    assert sizes == sorted(sizes, reverse=True)
    for row in explanation["shares"]:
        assert row["words"].startswith(WORDS[row["feature"]])
        assert row["unit"] == UNITS[row["feature"]]


def test_the_explanation_changes_no_answer_and_is_there_only_when_asked_for(api):
    plain, why = api.predict().get_json(), explained(api, FLIGHT).get_json()
    assert "explanation" not in plain
    assert "explanation" not in explained(api, FLIGHT, "false").get_json()
    assert plain["probability"] == why["probability"]


@pytest.mark.parametrize("count", [1, 7, 50])
def test_as_many_shares_are_shown_as_are_asked_for(api, count):
    body = explained(api, FLIGHT, count).get_json()
    assert len(body["explanation"]["shares"]) == count
    assert_exact(body["explanation"], body["probability"])


@pytest.mark.parametrize(
    "value",
    ["0", "51", "-1", "1.5", "yes", "", "True", "5%20", "\uff15", "true&explain=true", "1e1", "9" * 5000],
)
def test_anything_else_is_refused_by_name(api, value):
    answer = api.post(f"/v1/predictions?explain={value}", FLIGHT, "predict")
    assert_field(answer, "explain", "true, false, or how many")


def test_codes_are_reported_by_their_letters(api):
    shares = explained(api, FLIGHT, 50).get_json()["explanation"]["shares"]
    words = {row["feature"]: row["words"] for row in shares}
    expected = {"carrier_code": "UA", "origin_code": "EWR", "dest_code": "IAH"}
    named = [name for name in expected if name in words]
    assert named
    assert [words[name].split(", ")[1] for name in named] == [expected[name] for name in named]


def test_each_flight_of_a_batch_is_explained(api):
    answer = api.post(
        "/v1/predictions?explain=3", {"flights": [FLIGHT, FLIGHT | {"carrier": "ua"}]}, "predict"
    )
    good, bad = answer.get_json()["items"]
    assert_exact(good["prediction"]["explanation"], good["prediction"]["probability"])
    assert bad["status"] == 422


def test_a_batch_that_is_too_large_to_explain_is_refused(api):
    answer = api.post("/v1/predictions?explain=true", {"flights": [FLIGHT] * (MOST_FLIGHTS + 1)}, "predict")
    assert_field(answer, "flights", f"at most {MOST_FLIGHTS} flights with explain")


def test_a_logged_prediction_is_explained_from_its_own_vector(api):
    body = explained(api, FLIGHT).get_json()
    shown = api.get(f"/v1/predictions/{body['prediction_id']}?explain=true", "predict").get_json()
    assert shown["explanation"] == body["explanation"]
    assert_exact(shown["explanation"], body["probability"])
    assert "explanation" not in api.get(f"/v1/predictions/{body['prediction_id']}", "predict").get_json()


def test_every_feature_has_words_and_they_differ():
    assert set(WORDS) == {f.name for f in FEATURES}
    assert len(set(WORDS.values())) == len(WORDS)
    assert not any("{" in text or "  " in text for text in WORDS.values())
    assert all(UNITS.values())


def test_no_words_are_left_over():
    used = " ".join(WORDS)
    assert [measure for measure in MEASURES if measure not in used] == []
