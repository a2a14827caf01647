"""Load for the API: real flights of the coming day, as `make load` asks about them.

Each client asks about single flights, now and then about a hundred at once, reads one answer back, and sends the label
of a flight that has arrived, which the API has from its arrival already or takes as the truth that it is. An answer
that is not what the API promises counts as a failure. The exit status is 1 where more fail, or wait longer, than may.
"""

import logging
import os
import random
from datetime import datetime, timedelta
from typing import Any

import gevent
import requests
from locust import FastHttpUser, constant, constant_throughput, events, task
from locust.env import Environment

from adapters.settings import settings
from data.dataset import Dataset, load_dataset
from replay.feed import Feed

logger = logging.getLogger(__name__)
BATCH = 100
AHEAD = timedelta(hours=23)
"""The API answers for departures of the next 24 hours; the clock may move on while the load runs."""
RATE = float(os.environ.get("LOAD_RATE", "0"))
"""Requests a second of each client; 0 = as many as are answered."""
P99_LIMIT_MS = float(os.environ.get("LOAD_P99_MS", "1000"))
FAILED_LIMIT = float(os.environ.get("LOAD_FAILED_SHARE", "0"))
SINGLE = "/v1/predictions"


def flights_ahead(dataset: Dataset, now: datetime) -> list[dict[str, Any]]:
    """Return flights that leave within a day after the stack's clock, as bodies of a request that asks about now."""
    soon = Feed(dataset).flights_between(now + timedelta(minutes=30), now + AHEAD, timedelta(0))
    flights = [
        {name: flight[name] for name in flight if name != "as_of"} for batch in soon for flight in batch
    ]
    if len(flights) < BATCH:
        raise SystemExit(
            f"the dataset has {len(flights)} flights in the day after {now}: set the clock to 2013"
        )
    return flights


def labels_known(dataset: Dataset, now: datetime) -> list[dict[str, Any]]:
    """Return labels of flights that arrived in the two days before the stack's clock."""
    of_flights = dataset.events.flight_events
    arrived = of_flights[
        (of_flights["kind"] == "arrived")
        & (of_flights["known_at"] <= now)
        & (of_flights["known_at"] > now - timedelta(days=2))
    ]
    return [
        {"flight_id": row.flight_id, "arr_delay_minutes": int(row.delay_minutes)}
        for row in arrived.itertuples()
    ]


DATASET = load_dataset(settings().state_dir / "data")
# Timers count from the moment that gevent's loop last looked at the clock: before the dataset was read.
gevent.get_hub().loop.update_now()
FLIGHTS: list[dict[str, Any]] = []
LABELS: list[dict[str, Any]] = []
KEY = (settings().api_keys_dir / "predict.key").read_text().strip()
INGEST_KEY = (settings().api_keys_dir / "ingest.key").read_text().strip()


@events.test_start.add_listener
def ask_what_time_it_is(environment: Environment, **_: Any) -> None:
    """Choose flights and labels by the clock of the stack that is loaded."""
    ready = requests.get(f"{environment.host}/health/ready", timeout=10).json()
    if "clock" not in ready:
        raise SystemExit(f"the API at {environment.host} is not ready: {ready}")
    now = datetime.fromisoformat(ready["clock"]["now"])
    FLIGHTS[:], LABELS[:] = flights_ahead(DATASET, now), labels_known(DATASET, now)


@events.quitting.add_listener
def hold_to_the_limits(environment: Environment, **_: Any) -> None:
    """End with status 1 where more failed, or waited longer, than may."""
    total, single = environment.stats.total, environment.stats.get(SINGLE, "POST")
    p99 = single.get_response_time_percentile(0.99) or 0.0
    problems = []
    if not single.num_requests:
        problems.append("no flight was asked about")
    if total.fail_ratio > FAILED_LIMIT:
        problems.append(f"{total.fail_ratio:.2%} of the requests failed, more than {FAILED_LIMIT:.2%}")
    if p99 > P99_LIMIT_MS:
        problems.append(f"the p99 of one flight is {p99:.0f} ms, more than {P99_LIMIT_MS:.0f}")
    for problem in problems:
        logger.error(problem)
    environment.process_exit_code = 1 if problems else 0


class Dispatcher(FastHttpUser):
    """Asks again as soon as it is answered."""

    wait_time = constant_throughput(RATE) if RATE else constant(0)
    default_headers = {"Authorization": f"Bearer {KEY}"}  # noqa: RUF012  locust's own way

    def on_start(self) -> None:
        """Begin with no answer to read back."""
        self.answered: str | None = None

    @task(20)
    def one_flight(self) -> None:
        """Ask about a flight."""
        flight = random.choice(FLIGHTS)
        with self.rest("POST", SINGLE, json=flight) as answer:
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

    @task(1)
    def a_label(self) -> None:
        """Send the label of a flight that has arrived, again and again the same."""
        if not LABELS:
            return
        headers = {"Authorization": f"Bearer {INGEST_KEY}"}
        body = {"labels": [random.choice(LABELS)]}
        with self.rest("POST", "/v1/labels", json=body, headers=headers) as answer:
            if [item["status"] for item in (answer.js or {}).get("items", [])] not in (
                ["accepted"],
                ["duplicate"],
            ):
                answer.failure(f"the label was not taken: {answer.text[:200]!r}")
