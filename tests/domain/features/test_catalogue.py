import itertools
import math

import domain.features.catalogue as catalogue
from domain.features.catalogue import (
    CATEGORICAL,
    CONTRACT_HASH,
    FEATURE_NAMES,
    FEATURES,
    contract_hash,
    state_slices,
)
from domain.features.state import FAMILIES, KINDS
from domain.features.vectors import assemble
from tests.domain.worlds import NOON, Flight, query, state_of

PINNED_CONTRACT = "0417cf74581977e66f01f587f80bdcb77ace0df1eba43b95e20f9762968259ad"


def test_the_contract_changes_only_on_purpose():
    # A model is bound to this hash. Change the pin when features change, and retrain.
    assert CONTRACT_HASH == PINNED_CONTRACT


def test_a_renamed_feature_is_another_contract(monkeypatch):
    renamed = (*FEATURES[:-1], catalogue.Feature("other", "float64", "1", "weather", "schedule", math.nan))
    monkeypatch.setattr(catalogue, "FEATURES", renamed)
    assert contract_hash() != CONTRACT_HASH


def test_another_grid_is_another_contract(monkeypatch):
    monkeypatch.setattr(catalogue, "GRID_MINUTES", 10)
    assert contract_hash() != CONTRACT_HASH


def test_every_column_of_every_family_is_in_the_catalogue_once():
    columns = [f"{kind}_{c.name}" for kind in KINDS for f in FAMILIES for c in f.COLUMNS.get(kind, ())]
    assert len(set(FEATURE_NAMES)) == len(FEATURE_NAMES)
    assert FEATURE_NAMES[-len(columns) :] == tuple(columns)


def test_families_declare_only_kinds_that_have_a_table():
    assert {kind for f in FAMILIES for kind in f.COLUMNS} == set(KINDS)


def test_state_fills_the_vector_without_a_gap():
    slices = list(state_slices().values())
    assert all(one.stop == other.start for one, other in itertools.pairwise(slices))
    assert slices[-1].stop == len(FEATURES)


def test_every_feature_says_what_it_is_and_when_it_is_known():
    for feature in FEATURES:
        assert feature.unit
        assert feature.known_at
        assert feature.family in {
            "schedule",
            "congestion",
            "cohort",
            "queue",
            "weather",
            "history",
            "padding",
            "memory",
        }
        assert feature.default == 0 or math.isnan(feature.default)


def test_a_vector_has_the_catalogues_width():
    assert assemble(query(), state_of([Flight()]), query().as_of).shape == (1, len(FEATURES))
    assert query().as_of[0] == NOON


def test_codes_are_the_only_categories():
    assert CATEGORICAL == ("carrier_code", "origin_code", "dest_code")


def test_no_feature_comes_from_the_aircraft():
    # The recorded tail is after the fact: swaps. A truncation test cannot see that leak, so the name is forbidden.
    for word in ("tail", "aircraft", "plane", "seats", "engine"):
        assert not [name for name in FEATURE_NAMES if word in name]
