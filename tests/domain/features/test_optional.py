"""A site whose feed announces aircraft and departures: another contract, under the same laws."""

import os
import subprocess
import sys

import pytest

from adapters.settings import PROJECT_ROOT
from domain.errors import ConfigurationError
from domain.features.optional import CHOSEN, FAMILIES, VARIABLE, chosen
from tests.domain.features.test_catalogue import PINNED_CONTRACT

DESCRIBE = """
from domain.features.catalogue import CONTRACT_HASH, FEATURES
from domain.features.words import WORDS
print(CONTRACT_HASH, *[f.family for f in FEATURES if f.name.startswith("turn_") and WORDS[f.name]])
"""


def run_with(events: str, *command: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a process whose site has some optional events."""
    return subprocess.run(
        [sys.executable, *command], cwd=PROJECT_ROOT, env=os.environ | {VARIABLE: events},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_without_them_the_contract_has_nothing_of_them():
    assert CHOSEN == ()
    found = run_with("", "-c", DESCRIBE).stdout.split()
    assert found == [PINNED_CONTRACT]


def test_each_adds_its_family_and_each_choice_is_a_contract_of_its_own():
    both = ",".join(FAMILIES)
    found = {events: run_with(events, "-c", DESCRIBE).stdout.split() for events in (*FAMILIES, both)}
    assert set(found["aircraft_assigned"][1:]) == {"aircraft"}
    assert set(found["departure_estimated"][1:]) == {"estimate"}
    assert set(found[both][1:]) == {"aircraft", "estimate"}
    assert len({PINNED_CONTRACT, *(words[0] for words in found.values())}) == 4


def test_an_unknown_event_is_an_error_that_names_the_known_ones():
    with pytest.raises(ConfigurationError, match=r"aircraft_assigned, departure_estimated.*got gate_changed"):
        chosen({VARIABLE: "aircraft_assigned,gate_changed"})


@pytest.mark.parametrize(
    "laws",
    [
        ("tests/domain/features/test_properties.py", "-k", "aircraft or estimate"),
        pytest.param(
            ("tests/adapters/test_facts_buffer.py", "-k", "fresh_read"), marks=pytest.mark.integration
        ),
    ],
    ids=["features", "facts"],
)
def test_the_laws_of_features_and_facts_hold_with_them(laws):
    """Training and serving give the same bits, what becomes known later changes none, the buffer is a fresh read."""
    done = run_with(",".join(FAMILIES), "-m", "pytest", "-q", "-p", "no:cacheprovider", *laws)
    assert done.returncode == 0, done.stdout[-3000:]
