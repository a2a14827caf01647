from dataclasses import fields, replace

import pytest

from domain.capacity import (
    COMPOSE,
    DASK,
    DATABASE_APART,
    SWARM,
    WORKER,
    CapacityPlan,
    CapacityPolicy,
    Demand,
    UnitCosts,
    plan,
)
from domain.errors import InvalidInput

COSTS = UnitCosts(
    prediction_seconds=0.0006,
    shipping_seconds=0.00012,
    prediction_bytes=2000,
    flight_bytes=1000,
    observation_bytes=250,
    tick_seconds=0.01,
    tick_seconds_a_daily_flight=1e-5,
    state_bytes_an_airport=1000,
    state_bytes_a_daily_flight=100,
    refresher_bytes=100e6,
    refresher_bytes_a_daily_flight=20_000,
    worker_bytes=90e6,
    training_seconds_a_row=0.0002,
    training_bytes=1e9,
    training_bytes_a_row=8000,
    monitoring_seconds=20,
    monitoring_seconds_a_prediction=3e-5,
)
"""Round numbers, near those that are measured."""
POLICY = CapacityPolicy(utilisation=0.6, peak_to_mean=3)
SITE = Demand(100, 10_000, 30, keep_months=23)


def test_a_plan_is_what_is_worked_out_by_hand():
    found = plan(SITE, COSTS, POLICY)
    assert found.api_cores == pytest.approx(30 * 0.0006 / 0.6) == pytest.approx(0.03)
    assert (found.api_workers, found.shippers) == (2, 1)
    assert found.shipping_cores == pytest.approx(0.006)
    a_day = 30 / 3 * 86_400
    assert found.log_bytes == pytest.approx(a_day * 30.4375 * 24 * 2000)  # 23 months and the current one
    assert found.events_bytes == pytest.approx((10_000 * 1000 + 100 * 24 * 250) * 30.4375 * 24)
    assert found.state_bytes == 100 * 1000 + 10_000 * 100
    assert found.states_bytes == found.state_bytes * 3 * 288
    assert found.postgres_bytes == pytest.approx(found.log_bytes + found.events_bytes + found.states_bytes)
    assert found.postgres_memory == 1e9  # a day of the log and a month of events come to less
    assert found.api_bytes == 2 * (90e6 + 48 * found.state_bytes)
    assert found.tick_seconds == pytest.approx(0.11)
    assert found.refresher_bytes == pytest.approx(300e6)
    assert found.training_rows == 7_300_000
    assert found.training_core_hours == pytest.approx(7.3e6 * 0.0002 / 3600)
    assert found.training_bytes == pytest.approx(1e9 + 58.4e9)
    assert found.monitoring_seconds == pytest.approx(20 + a_day * 3e-5)
    assert (found.engine, found.training_engine, found.reasons) == (COMPOSE, WORKER, ())


@pytest.mark.parametrize("name", ["airports", "flights_per_day", "requests_per_second", "keep_months"])
def test_more_of_anything_never_needs_less(name):
    sizes = [replace(SITE, **{name: getattr(SITE, name) * times}) for times in (1, 2, 10, 25)]
    plans = [plan(demand, COSTS, POLICY) for demand in sizes]
    numbers = [f.name for f in fields(CapacityPlan) if isinstance(getattr(plans[0], f.name), (int, float))]
    for number in numbers:
        values = [getattr(found, number) for found in plans]
        assert values == sorted(values), number
    assert plans[-1].as_dict() != plans[0].as_dict()


@pytest.mark.parametrize(
    ("demand", "reason"),
    [
        (replace(SITE, requests_per_second=30_000), "39 cores are needed"),
        (replace(SITE, keep_months=600), "of disk are needed"),
    ],
)
def test_a_site_that_is_too_large_for_one_machine_says_so_and_why(demand, reason):
    found = plan(demand, COSTS, POLICY)
    assert found.engine == (
        SWARM if demand.requests_per_second > SITE.requests_per_second else DATABASE_APART
    )
    assert any(reason in why for why in found.reasons)
    assert all(f"because {why}" in found.lines() for why in found.reasons)


def test_what_does_not_fit_the_worker_is_trained_by_dask():
    found = plan(replace(SITE, flights_per_day=20_000), COSTS, POLICY)
    assert (found.engine, found.training_engine) == (COMPOSE, DASK)
    assert found.reasons == ("training takes 117.8 GB of memory",)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("airports", 1),
        ("flights_per_day", 0),
        ("requests_per_second", 0),
        ("requests_per_second", float("nan")),
        ("keep_months", -1),
    ],
)
def test_a_number_out_of_range_is_refused_by_its_option(option, value):
    with pytest.raises(InvalidInput, match="--" + option.replace("_", "-")):
        replace(SITE, **{option: value})


def test_limits_of_the_compose_file_that_are_too_low_are_named():
    assert plan(Demand(3, 100, 1), COSTS, POLICY).compose_memory == ()
    found = plan(replace(SITE, flights_per_day=30_000), COSTS, POLICY)
    assert found.refresher_bytes == pytest.approx(700e6)
    assert "FEATURES_MEMORY=835m" in found.compose_memory  # 1.25 of 700 MB, in MiB
    assert "under Compose: FEATURES_MEMORY=835m" in found.lines()[-1]
    assert not any(limit.startswith("WORKER") for limit in found.compose_memory)  # Dask trains
