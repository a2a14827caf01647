"""README's question, asked as README asks it; of this stack, on a day that is to come there."""

import json
import re
import shlex
import subprocess
from datetime import timedelta
from typing import Any

import pytest
import requests

from adapters.clock_store import ClockStore
from adapters.settings import PROJECT_ROOT
from replay.readme import KEPT, QUESTION, README
from tests.documented import documented
from tests.e2e.conftest import World

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]
DEMO_ADDRESS, DEMO_KEY, DEMO_DAY = "http://127.0.0.1:8010", "var/demo/secrets/predict.key", "2013-04-11"


ASKED = documented("""
    curl -s http://127.0.0.1:8010/v1/predictions
      -H "Authorization: Bearer $(cat var/demo/secrets/predict.key)" -H 'Content-Type: application/json'
      -d '{"carrier": "UA", "flight": 272, "origin": "EWR", "dest": "ORD",
           "scheduled_departure": "2013-04-11T14:50:00Z", "scheduled_arrival": "2013-04-11T17:24:00Z"}'
""")


def command() -> str:
    """README's, as it stands there: a shell puts the key into it."""
    found = re.search(r"```sh\n(curl .*?)```", README.read_text(), re.DOTALL)
    assert found is not None
    assert shlex.split(" ".join(found.group(1).replace("\\\n", " ").split())) == ASKED.argv
    return found.group(1)


def sent(text: str) -> list[str]:
    """Let a shell expand a curl command; returns curl's arguments."""
    script = f"curl() {{ printf '%s\\0' \"$@\"; }}\n{text}"
    done = subprocess.run(["sh", "-c", script], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    return done.stdout.split("\0")[:-1]


def shape(value: Any) -> Any:
    """The fields of an answer and the types of their values."""
    return {k: shape(v) for k, v in value.items()} if isinstance(value, dict) else type(value).__name__


def test_readmes_command_gets_an_answer_like_the_one_it_shows(world: World) -> None:
    # The next day on which the flight has not left yet: it leaves at 14:50 UTC.
    day = (ClockStore(world.database).read().now + timedelta(hours=9, minutes=10)).date()
    text = command()
    for there, here in {
        DEMO_ADDRESS: world.settings.api_address,
        DEMO_KEY: str(world.settings.api_keys_dir / "predict.key"),
        DEMO_DAY: day.isoformat(),
    }.items():
        assert there in text
        text = text.replace(there, here)
    silent, address, *options = sent(text)
    headers = dict(options[i + 1].split(": ", 1) for i, word in enumerate(options) if word == "-H")
    body = options[options.index("-d") + 1]
    assert silent == "-s"
    answer = requests.post(address, data=body, headers=headers, timeout=10)
    assert answer.status_code == 200, answer.text
    shown = json.loads(KEPT.read_text())
    assert shape(answer.json()) == shape(shown)
    assert answer.json()["flight_id"] == shown["flight_id"].replace("20130411", f"{day:%Y%m%d}")


def test_readme_asks_what_the_demo_asks() -> None:
    assert json.loads(sent(command())[-1]) == QUESTION
