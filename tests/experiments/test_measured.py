import pytest

from adapters.settings import read_settings
from domain.features.catalogue import CONTRACT_HASH
from experiments import measured
from training.provenance import DIRTY, git_commit, recipe_hash


@pytest.fixture
def settings(tmp_path):
    return read_settings({"ONTIME_STATE_DIR": str(tmp_path / "var")})


def test_what_was_measured_is_kept_beside_the_pages_with_what_made_it(settings, tmp_path):
    pages = tmp_path / "docs"
    assert measured.read(settings, "cost", pages) is None
    path = measured.write(settings, "cost", {"seconds": 1}, "make cost", "rows")
    made = {"command": "make cost", "commit": git_commit(), "contract": CONTRACT_HASH, "data": "rows"}
    made["recipe"] = recipe_hash()
    assert measured.read(settings, "cost", pages) == {"made_with": made, "seconds": 1}
    path.unlink()  # another machine
    assert measured.read(settings, "cost", pages) == {"made_with": made, "seconds": 1}


def test_what_this_machine_measured_goes_before_what_was_kept(settings, tmp_path):
    for seconds in (1, 2):
        measured.write(settings, "cost", {"seconds": seconds}, "make cost")
        assert measured.read(settings, "cost", tmp_path)["seconds"] == seconds


def test_figures_of_other_features_say_so(settings, tmp_path):
    measured.write(settings, "cost", {}, "make cost", "rows")
    found = measured.read(settings, "cost", tmp_path)
    # A checkout that somebody works in differs from its commit.
    changed = " and changes since" if git_commit().endswith(DIRTY) else ""
    said = f"Measured by `make cost` at commit `{git_commit()[:12]}`{changed}, data `rows`."
    assert measured.origin(found) == said
    found["made_with"]["recipe"] = "another"
    assert measured.origin(found) == f"{said} **The recipe of models has changed since.**"
    found["made_with"]["contract"] = "another"
    assert measured.origin(found) == f"{said} **The features have changed since.**"
    assert "an earlier contract" in measured.origin({})
