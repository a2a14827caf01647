import numpy as np
import pytest

from adapters.matrix_file import matrix_in, rows_of
from domain.errors import NotReady


@pytest.fixture
def matrix(tmp_path):
    made = matrix_in(tmp_path, 40_000, 3)
    made[:] = np.arange(120_000).reshape(-1, 3)
    return made


def test_a_matrix_in_a_file_leaves_no_file(matrix, tmp_path):
    assert isinstance(matrix, np.memmap)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("at", [np.arange(40_000) % 2 == 0, np.array([39_999, 0, 7]), slice(10, 20)])
def test_some_rows_of_a_file_are_in_a_file(matrix, at):
    taken = rows_of(matrix, at)
    assert isinstance(taken, np.memmap)
    assert np.array_equal(taken, np.array(matrix)[at])


def test_rows_of_memory_stay_there_and_no_rows_take_no_file(matrix, tmp_path):
    assert not isinstance(rows_of(np.array(matrix), np.array([1, 2])), np.memmap)
    assert rows_of(matrix, np.zeros(40_000, dtype=bool)).shape == (0, 3)
    assert matrix_in(tmp_path, 0, 3).shape == (0, 3)


def test_a_file_that_has_no_room_is_refused_before_it_is_filled(tmp_path):
    with pytest.raises(NotReady, match=r"no room for a training set of 80000000\.0 GB in"):
        matrix_in(tmp_path, 10**14, 100)
