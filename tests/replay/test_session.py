import threading
import time
from datetime import date

import pytest

from adapters.clock_store import ClockStore
from adapters.monitoring_store import MonitoringRun, MonitoringStore
from data.site import NEW_YORK, Period, Site
from domain.errors import InvalidInput, OntimeError
from replay.driver import DayCount, morning_after
from replay.run_executor import RunQueue
from replay.session import Pace, _replay_day, days_to_monitor

APRIL_1, APRIL_3 = date(2013, 4, 1), date(2013, 4, 3)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ((None, None), (APRIL_1, date(2013, 12, 31))),
        ((APRIL_3, None), (APRIL_3, date(2013, 12, 31))),
        ((None, APRIL_3), (APRIL_1, APRIL_3)),
    ],
)
def test_without_days_the_whole_of_april_to_december_is_replayed(asked, expected):
    assert NEW_YORK.replayed(*asked) == Period(*expected)


def test_days_are_given_in_order():
    assert list(Period(APRIL_1, APRIL_3)) == [APRIL_1, date(2013, 4, 2), APRIL_3]


@pytest.mark.parametrize(
    ("first", "last", "field"),
    [(date(2013, 3, 31), None, "from"), (APRIL_3, APRIL_1, "to"), (None, date(2014, 1, 1), "to")],
)
def test_days_outside_of_the_replayed_months_are_refused_by_name(first, last, field):
    with pytest.raises(InvalidInput) as error:
        NEW_YORK.replayed(first, last)
    assert error.value.field == field


def test_the_days_of_another_site_are_its_own():
    site = Site("phoenix", date(2024, 1, 1), date(2024, 12, 31), date(2024, 4, 1))
    assert site.replayed() == Period(date(2024, 4, 1), date(2024, 12, 31))
    with pytest.raises(InvalidInput, match="2024-04-01 to 2024-12-31"):
        site.replayed(APRIL_1)


@pytest.mark.integration
def test_a_run_that_may_have_been_interrupted_and_days_never_monitored_are_done_first(postgres):
    ClockStore(postgres).set_simulated(morning_after(APRIL_3))
    store = MonitoringStore(postgres)
    for day in (APRIL_1, APRIL_3):
        store.save_run(MonitoringRun(day, morning_after(day), 1, 900, 890, None, None, 1.0), [])
    assert days_to_monitor(postgres, Period(APRIL_1, date(2013, 4, 9))) == [date(2013, 4, 2), APRIL_3]


class StandInRuns:
    """Waits to be asked before it ends a run; the run of 3 April fails."""

    def __init__(self):
        self.monitored: list[date] = []
        self.go = threading.Event()
        self.closed = False

    def run(self, day: date) -> None:
        self.go.wait(5)
        self.monitored.append(day)
        if day == APRIL_3:
            raise OntimeError("no report")

    def close(self) -> None:
        self.closed = True


def test_a_run_goes_on_beside_and_its_error_comes_out_where_it_is_waited_for():
    runner = StandInRuns()
    queue = RunQueue(runner)
    queue.begin(APRIL_1)
    assert runner.monitored == []
    runner.go.set()
    queue.wait()
    assert runner.monitored == [APRIL_1]

    queue.begin(APRIL_3)
    with pytest.raises(OntimeError, match="no report"):
        queue.wait()
    queue.wait()  # reported once
    queue.close()
    assert runner.closed


def test_a_day_is_monitored_to_its_end_before_the_next_one_is_answered():
    happened: list[str] = []

    class Runs(StandInRuns):
        def run(self, day: date) -> None:
            time.sleep(0.05)
            happened.append(f"monitored {day.day}")

    class Driver:
        def replay_day(self, day: date) -> DayCount:
            happened.append(f"answered {day.day}")
            return DayCount(day)

        def advance(self, until) -> None:
            pass

    queue = RunQueue(Runs())
    for day in Period(APRIL_1, date(2013, 4, 2)):
        _replay_day(Driver(), queue, day, Pace(lambda text: None, 2))
    queue.close()
    assert happened == ["answered 1", "monitored 1", "answered 2", "monitored 2"]
