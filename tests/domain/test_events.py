import pytest

from domain.errors import InvalidInput
from domain.events import FlightEvent, WeatherEvent
from tests.builders import NOON, departed, observation, scheduled


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"flight_id": "UA1-EWR"}, "flight_id"),
        ({"flight_id": "UA1-EWR-20130411\n"}, "flight_id"),
        ({"flight_id": "UA2-EWR-20130411"}, "flight_id"),
        ({"kind": "taxied"}, "kind"),
        ({"event_time": NOON.replace(tzinfo=None)}, "event_time"),
        ({"known_at": NOON.replace(tzinfo=None)}, "known_at"),
        ({"dest": None}, "dest"),
        ({"dest": "iah"}, "dest"),
        ({"scheduled_departure": NOON.replace(second=1)}, "scheduled_departure"),
        ({"source": "tab\there"}, "source"),
        ({"source": ""}, "source"),
    ],
)
def test_a_schedule_that_does_not_fit_names_its_field(changes: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        scheduled(**{"flight_id": "UA1-EWR-20130411", "known_at": NOON} | changes)
    assert refusal.value.field == field


@pytest.mark.parametrize("kind", ["departed", "arrived"])
@pytest.mark.parametrize("delay", [None, -2000, 20_000])
def test_a_departure_or_arrival_needs_a_plausible_delay(kind: str, delay: int | None) -> None:
    with pytest.raises(InvalidInput) as refusal:
        departed(kind=kind, delay_minutes=delay)
    assert refusal.value.field == "delay_minutes"


def test_a_cancellation_needs_nothing_more() -> None:
    event = FlightEvent("UA1-EWR-20130411", "cancelled", NOON)
    assert event.known_at is None


def test_an_observation_has_a_value_or_none_for_each_column() -> None:
    assert observation(temp_f=1.0).values[0] == 1.0
    with pytest.raises(InvalidInput, match="values"):
        WeatherEvent("EWR", NOON, (1.0,))
