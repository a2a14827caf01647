"""Load for the API: real flights of the coming day, as `make load` asks about them.

Each client asks about single flights, now and then about a hundred at once, and reads one answer back. An answer that
is not what the API promises counts as a failure, and a failure makes Locust's exit status 1.
"""

import random
from datetime import timedelta
from typing import Any

from locust import FastHttpUser, constant, task

from adapters.clock_store import ClockStore
from adapters.postgres import Database
from adapters.settings import settings
from data.dataset import load_dataset
from replay.feed import Feed

BATCH = 100
AHEAD = timedelta(hours=23)
"""The API answers for departures of the next 24 hours; the clock may move on while the load runs."""


def flights_ahead() -> list[dict[str, Any]]:
    """Flights that leave within a day after the stack's clock, as bodies of a request that asks about now."""
    database = Database.from_settings(settings(), max_connections=1)
    try:
        now = ClockStore(database).read().now
    finally:
        database.close()
    feed = Feed(load_dataset(settings().state_dir / "data"))
    soon = feed.flights_between(now + timedelta(minutes=30), now + AHEAD, timedelta(0))
    flights = [
        {name: flight[name] for name in flight if name != "as_of"} for batch in soon for flight in batch
    ]
    if len(flights) < BATCH:
        raise SystemExit(
            f"the dataset has {len(flights)} flights in the day after {now}: set the clock to 2013"
        )
    return flights


FLIGHTS = flights_ahead()
KEY = (settings().api_keys_dir / "predict.key").read_text().strip()


class Dispatcher(FastHttpUser):
    """Asks again as soon as it is answered."""

    wait_time = constant(0)
    default_headers = {"Authorization": f"Bearer {KEY}"}  # noqa: RUF012  locust's own way

    def on_start(self) -> None:
        """Begin with no answer to read back."""
        self.answered: str | None = None

    @task(20)
    def one_flight(self) -> None:
        """Ask about a flight."""
        flight = random.choice(FLIGHTS)
        with self.rest("POST", "/v1/predictions", json=flight) as answer:
            probability = (answer.js or {}).get("probability", -1.0)
            if not 0 <= probability <= 1:
                answer.failure(f"no probability in {answer.text[:200]!r}")
                return
            self.answered = answer.js["prediction_id"]

    @task(1)
    def a_hundred_flights(self) -> None:
        """Ask about many flights at once."""
        flights = random.sample(FLIGHTS, BATCH)
        name = f"/v1/predictions ({BATCH} flights)"
        with self.rest("POST", "/v1/predictions", json={"flights": flights}, name=name) as answer:
            items = (answer.js or {}).get("items", [])
            if [item["status"] for item in items] != [200] * BATCH:
                answer.failure(f"not every flight was answered: {answer.text[:200]!r}")

    @task(1)
    def an_answer_again(self) -> None:
        """Read back what was just answered: it is in the log."""
        if self.answered is None:
            return
        with self.rest("GET", f"/v1/predictions/{self.answered}", name="/v1/predictions/<id>") as answer:
            if (answer.js or {}).get("prediction_id") != self.answered:
                answer.failure(f"another prediction than asked for: {answer.text[:200]!r}")
