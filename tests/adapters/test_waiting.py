"""Waiting ends when what is waited for is there, or when time is up, whichever comes first."""

import time

import pytest

from adapters.waiting import retry, wait_until
from domain.errors import NotFound, NotReady


def test_what_is_there_is_returned_without_a_pause():
    pauses = []
    assert wait_until(lambda: [1], seconds=0, pause=5, sleep=pauses.append) == [1]
    assert retry(lambda: 2, NotReady, seconds=0, pause=5, sleep=pauses.append) == 2
    assert pauses == []


def test_it_is_asked_again_after_each_pause():
    answers, pauses = iter(["", "", "there"]), []
    assert wait_until(lambda: next(answers), seconds=10, pause=0.5, sleep=pauses.append) == "there"
    assert pauses == [0.5, 0.5]


def test_time_ends_waiting_with_what_was_found_last():
    began = time.monotonic()
    assert wait_until(lambda: [], seconds=0.05, pause=0.01) == []
    assert 0.05 <= time.monotonic() - began < 5


def test_time_ends_trying_with_the_last_failure():
    attempts = []

    def away() -> None:
        attempts.append(len(attempts))
        raise NotReady(f"attempt {len(attempts)}")

    with pytest.raises(NotReady) as failure:
        retry(away, NotReady, seconds=0.05, pause=0.01)
    assert len(attempts) > 1
    assert str(failure.value) == f"attempt {len(attempts)}"


def test_another_failure_is_not_tried_again():
    def gone() -> None:
        attempts.append(1)
        raise NotFound("no such thing")

    attempts: list[int] = []
    with pytest.raises(NotFound):
        retry(gone, NotReady, seconds=10, pause=0.01)
    assert len(attempts) == 1
