import json

import numpy as np
import pytest

from domain.evidence import EvidencePolicy
from experiments.retrain_policies.command import CURVES, CURVES_PAGE
from experiments.retrain_policies.error_curves import (
    HARMS,
    PARTS,
    Pair,
    account_days,
    curve,
    page,
    series_of,
    windows_of,
)

POLICY = EvidencePolicy()


@pytest.fixture(scope="module")
def kept() -> dict:
    return json.loads((CURVES_PAGE.parent / "measured" / f"{CURVES}.json").read_text())


def test_windows_are_days_in_a_row_of_one_part_of_the_year_centred_on_their_pair():
    days = (*range(20130825, 20130832), *range(20130901, 20130911))
    pair = Pair(days, np.arange(17.0))
    short = Pair(days[:4], np.arange(4.0))
    series = [series_of([pair, short], 5, part) for part in PARTS]
    assert [len(found) for found in series] == [1, 1]  # a pair without a window counts nowhere
    first, second = (windows_of(found, 5) for found in series)
    assert (len(first), len(second)) == (3, 6)
    assert np.array_equal(first[0], np.arange(5.0) - 8.0)
    assert np.array_equal(second[-1], np.arange(12.0, 17.0) - 8.0)


def test_a_larger_harm_passes_less_often_and_is_found_sooner():
    windows = np.random.default_rng(0).normal(0, 0.012, (500, 33))
    found = [curve(windows, harm, POLICY) for harm in HARMS]
    assert [c["passes_gate"] for c in found] == sorted((c["passes_gate"] for c in found), reverse=True)
    assert [c["removed"] for c in found] == sorted(c["removed"] for c in found)
    assert found[0]["days_median"] is None
    assert found[-1]["days_median"] == 1


def test_the_windows_are_as_long_as_production_keeps_an_account(kept):
    assert {(one["cadence_days"], one["days"]) for one in kept["curves"]} == {(7, 12), (14, 19), (28, 33)}
    assert account_days(1, POLICY) == 12


def test_the_page_is_that_of_the_kept_figures_which_say_what_made_them(kept):
    assert CURVES_PAGE.read_text() == page(kept)
    assert set(kept["made_with"]) == {"command", "commit", "contract", "data", "recipe"}


def test_on_real_days_the_default_settings_remove_no_more_often_than_they_state(kept):
    for one in kept["curves"]:
        if (one["cadence_days"], one["margin"], one["alpha"]) == (7, POLICY.margin, POLICY.alpha):
            at_margin = next(c for c in one["by_harm"] if c["harm"] == POLICY.margin)
            assert at_margin["removed"] <= one["alpha"]
