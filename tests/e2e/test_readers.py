"""The API guide and the Postman collection, run against the live stack as a reader runs them."""

import json
from datetime import timedelta

import pytest

from adapters.clock_store import ClockStore
from replay.guide import GUIDE, agrees, examples, run
from replay.newman import run_collection
from tests.e2e.conftest import DAY, NEXT_DAY, World, unheard

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]


@pytest.fixture
def replaced(world: World) -> dict[str, str]:
    """What the guide says of the demo's stack by what holds here, on a day that is to come."""
    # The next day on which the flight has not left yet: it leaves at 14:50 UTC.
    day = (ClockStore(world.database).read().now + timedelta(hours=9, minutes=10)).date()
    return {
        "http://127.0.0.1:8010": world.settings.api_address,
        "var/demo/secrets": str(world.settings.api_keys_dir),
        "2013-04-11": day.isoformat(),
        "20130411": f"{day:%Y%m%d}",
        "2013-04-03": DAY.isoformat(),
        "2013-04-04": NEXT_DAY.isoformat(),
    }


@pytest.mark.usefixtures("curl")
def test_every_example_of_the_guide_gets_an_answer_like_the_one_it_shows(
    world: World, replaced: dict[str, str]
) -> None:
    text = GUIDE.read_text()
    assert all(there in text for there in replaced)
    outputs = run(text, replaced)
    shown = examples(text)
    assert len(outputs) == len(shown)
    for example, output in zip(shown, outputs, strict=True):
        assert bool(output.strip()) == (example.shown is not None), example.code
        if example.shown is not None:
            got = json.loads(output)
            assert agrees(example.shown, got), (example.code, example.shown, got)


@pytest.mark.npm
def test_the_postman_collection_runs(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_collection(world.settings, unheard, append=True) == 0, capfd.readouterr().out
