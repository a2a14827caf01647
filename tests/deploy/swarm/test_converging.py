"""When a service has settled, and when waiting for it is vain, from what a manager says."""

import pytest

from deploy.swarm.converging import is_job, settled, takes_tasks, wanted


def service(mode, update=None):
    return {"Spec": {"Mode": mode}, "UpdateStatus": {"State": update} if update else None}


def task(state, desired="running"):
    return {"Status": {"State": state}, "DesiredState": desired}


THREE = {"Replicated": {"Replicas": 3}}
RUNS = task("running")


def test_as_many_as_are_wanted_run_and_all_are_new():
    assert settled(service(THREE), [RUNS] * 3, [RUNS] * 3, nodes=2)


@pytest.mark.parametrize(
    ("tasks", "new"),
    [
        ([RUNS] * 3, [RUNS] * 2),  # an old one still serves
        ([RUNS] * 4, [RUNS] * 3),  # beside the new ones
        ([RUNS] * 2, [RUNS] * 2),
        ([RUNS, RUNS, task("starting")], [RUNS, RUNS, task("starting")]),
        ([RUNS, RUNS, task("running", "shutdown")], [RUNS, RUNS, task("running", "shutdown")]),
    ],
)
def test_otherwise_it_is_waited_for(tasks, new):
    assert not settled(service(THREE), tasks, new, nodes=2)


@pytest.mark.parametrize("state", ["updating", "rollback_started"])
def test_an_update_at_work_is_waited_for(state):
    assert not settled(service(THREE, state), [RUNS] * 3, [RUNS] * 3, nodes=2)


def test_a_global_service_has_one_on_every_node_that_takes_tasks():
    assert wanted(service({"Global": {}}), nodes=3) == 3
    drained = {"Spec": {"Availability": "drain"}, "Status": {"State": "ready"}}
    away = {"Spec": {"Availability": "active"}, "Status": {"State": "down"}}
    well = {"Spec": {"Availability": "active"}, "Status": {"State": "ready"}}
    assert [takes_tasks(node) for node in (well, drained, away)] == [True, False, False]


def test_a_job_has_settled_when_it_has_ended_well():
    job = service({"ReplicatedJob": {"MaxConcurrent": 1}})
    assert is_job(job)
    assert not settled(job, [RUNS], [RUNS], nodes=1)
    assert settled(job, [task("complete", "complete")], [task("complete", "complete")], nodes=1)
