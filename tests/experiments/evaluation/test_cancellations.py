from domain.clock import NEVER
from experiments.evaluation.cancellations import announced
from experiments.rows import facts_in


def test_only_what_never_left_is_known_earlier_and_not_before_it_is_scheduled(dataset_dir):
    flights, _ = facts_in(dataset_dir)
    earlier = announced(flights, 6)
    moved = earlier.cancelled_known != flights.cancelled_known
    assert moved.sum() > 100
    assert (flights.dep_known[moved] == NEVER).all()
    assert (earlier.cancelled_known[moved] == flights.sched_dep[moved] - 360).all()
    assert (earlier.cancelled_known >= flights.scheduled_known)[earlier.cancelled_known != NEVER].all()
    diverted = (flights.cancelled_known != NEVER) & (flights.dep_known != NEVER)
    assert diverted.any()
    assert not moved[diverted].any()
