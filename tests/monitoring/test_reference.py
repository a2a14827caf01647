import numpy as np
import pytest

from monitoring.reference import COLUMNS, Reference, make_reference


@pytest.fixture(scope="module")
def made() -> Reference:
    values = np.random.default_rng(1).normal(size=(30 * 50, len(COLUMNS)))
    return make_reference(COLUMNS, values, np.repeat(20130101 + np.arange(30), 50))


def test_what_was_saved_is_found(made, tmp_path):
    path = tmp_path / "reference" / "1.npz"
    assert Reference.find(path) is None
    made.save(path)
    found = Reference.find(path)
    assert found is not None
    assert (found.thresholds, found.days, found.missing) == (made.thresholds, made.days, made.missing)
    np.testing.assert_array_equal(found.sample, made.sample)
    assert [file.name for file in path.parent.iterdir()] == ["1.npz"]


@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
def test_a_reference_that_was_cut_short_counts_as_none(made, tmp_path, caplog, share):
    """As after a power failure: it is made again, and no run fails for it."""
    path = tmp_path / "1.npz"
    made.save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    assert Reference.find(path) is None
    assert [record.message for record in caplog.records] == ["kept reference is damaged"]
