import pytest

from adapters.service_store import ServiceDay
from monitoring.rules import NIGHTLY, evaluate
from monitoring.service import measure_log, measure_requests

QUIET = ServiceDay(answered=980, refused=20, shed=0, failed=0, minutes=100, most_a_minute=30)


def values(measures) -> dict[str, float]:
    return {measure.name: measure.value for measure in measures}


def fired(*days) -> list[str]:
    """Names of the rules that fire on days of measures, newest first."""
    history: dict = {}
    for ago, measures in enumerate(days):
        for measure in measures:
            history.setdefault(measure.name, []).append((f"2013-04-{20 - ago}", measure.value, measure.n))
    return [alert.rule for alert in evaluate(NIGHTLY, history)]


def test_rates_are_shares_of_all_requests_and_throughput_is_of_busy_minutes():
    found = values(measure_requests(ServiceDay(80, 10, 6, 4, 20, 17)))
    assert found == {
        "requests": 100, "error_rate": 0.04, "shed_rate": 0.06, "refused_rate": 0.1,
        "requests_a_minute_mean": 5, "requests_a_minute_max": 17,
    }  # fmt: skip


def test_a_day_without_requests_has_no_rates():
    assert values(measure_requests(ServiceDay(0, 0, 0, 0, 0, 0))) == {"requests": 0}


def test_quiet_days_and_one_that_restarted_page_nobody():
    restarted = measure_requests(ServiceDay(900, 0, 100, 0, 100, 30))
    assert fired(measure_requests(QUIET), measure_log(900, 0, 900)) == []
    assert fired(restarted, measure_requests(QUIET), measure_requests(QUIET)) == []


def test_a_handful_of_requests_is_not_checked():
    assert fired(measure_requests(ServiceDay(10, 0, 20, 10, 5, 20))) == []


def test_errors_page_at_once_and_shedding_when_it_comes_again():
    failing = measure_requests(ServiceDay(950, 0, 0, 50, 100, 30))
    shedding = measure_requests(ServiceDay(900, 0, 100, 0, 100, 30))
    assert fired(failing) == ["requests fail"]
    assert fired(shedding, measure_requests(QUIET), shedding) == ["requests are shed"]


def test_one_acknowledged_prediction_that_is_not_in_the_log_is_critical():
    measures = measure_log(901, 0, 900)
    assert values(measures)["log_missing"] == 1
    assert fired(measures) == ["answers are missing in the log"]
    [rule] = [rule for rule in NIGHTLY if rule.metric == "log_missing"]
    assert rule.severity == "critical"


@pytest.mark.parametrize(("acknowledged", "unshipped"), [(901, 40), (901, None), (None, 0)])
def test_nothing_is_said_of_the_log_while_answers_wait_or_nobody_counted(acknowledged, unshipped):
    assert not {"log_missing", "log_surplus"} & set(values(measure_log(acknowledged, unshipped, 900)))


def test_rows_nobody_counted_are_a_surplus_and_page_nobody():
    measures = measure_log(890, 0, 900)
    assert (values(measures)["log_missing"], values(measures)["log_surplus"]) == (0, 10)
    assert fired(measures) == []
