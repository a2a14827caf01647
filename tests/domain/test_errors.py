import pickle

import pytest

from domain.errors import Conflict, InvalidInput, StaleVersion


@pytest.mark.parametrize(
    "error",
    [
        InvalidInput("from", "a day", "2024"),
        InvalidInput("from", "a day"),
        StaleVersion(3, None),
        Conflict("no"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_of_another_process_arrives_as_it_was(error):
    arrived = pickle.loads(pickle.dumps(error))
    assert type(arrived) is type(error)
    assert (str(arrived), vars(arrived)) == (str(error), vars(error))
