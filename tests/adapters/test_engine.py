import threading

import pytest

from adapters.engine import LOCAL, LocalEngine, engine_of
from adapters.settings import read_settings
from domain.errors import InvalidInput


def in_thread(number: int) -> tuple[int, int]:
    return number, threading.get_ident()


def met(barrier: threading.Barrier, number: int) -> int:
    barrier.wait(20)
    return number


def refusing(number: int) -> int:
    if number == 2:
        raise InvalidInput("number", "any but 2", number)
    return number


def test_one_thread_is_the_one_that_asks_and_a_piece_is_made_when_its_result_is_asked_for():
    made = []
    results = LOCAL.map(in_thread, ((made.append(i) or i,) for i in range(3)))
    assert made == []
    assert next(results) == (0, threading.get_ident())
    assert made == [0]


def test_two_threads_compute_two_pieces_at_once_and_results_keep_the_order_of_pieces():
    barrier = threading.Barrier(2)
    assert list(LocalEngine(2).map(met, [(barrier, i) for i in range(6)])) == list(range(6))


def test_no_more_pieces_are_made_ahead_than_there_are_threads():
    made = []
    results = LocalEngine(2).map(in_thread, ((made.append(i) or i,) for i in range(9)))
    assert next(results)[0] == 0
    assert made == [0, 1, 2]
    assert [number for number, _ in results] == list(range(1, 9))


def test_an_error_of_a_piece_is_raised_in_its_turn():
    results = LocalEngine(2).map(refusing, [(i,) for i in range(9)])
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(InvalidInput, match="any but 2"):
        next(results)


def test_who_asks_by_the_settings_has_two_threads_and_who_does_not_one():
    barrier = threading.Barrier(2)
    with engine_of(read_settings({})) as engine:
        assert list(engine.map(met, [(barrier, 1), (barrier, 2)])) == [1, 2]
    assert {thread for _, thread in LOCAL.map(in_thread, [(1,), (2,)])} == {threading.get_ident()}
