"""Ask the deployed stack as a client does: through the gateway, with a client's key."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from adapters.asking import ask
from adapters.waiting import retry
from deploy.compose.engine import StackError, say

READY_SECONDS = 60


def smoke(address: str, secrets: Path) -> None:
    """Wait until the stack is ready, then ask for predictions; strangers are refused.

    Raises
    ------
    StackError
        If an answer is not what a client may expect; says which.
    """
    key = _key(secrets)
    ready = _ready(address)
    flight = _flight(datetime.fromisoformat(ready["clock"]["now"]))
    for number in range(1, 6):
        status, body = ask(f"{address}/v1/predictions", flight | {"flight": number}, key)
        if status != 200 or not 0.0 <= _number(body, "probability") <= 1.0:
            raise StackError(f"smoke test: a prediction was answered with {status}: {str(body)[:300]}")
    status, body = ask(f"{address}/v1/predictions", flight, "a stranger's key")
    if status != 401:
        raise StackError(f"smoke test: a stranger was answered with {status}: {str(body)[:300]}")
    say(f"smoke test passed: 5 predictions by version {ready['model_version']} through {address}")


def _key(secrets: Path) -> str:
    try:
        return (secrets / "predict.key").read_text().strip()
    except OSError as error:
        raise StackError(f"smoke test: {secrets / 'predict.key'}: {error.strerror}") from error


def _number(body: Any, name: str) -> float:
    """Return a number of an answer; one out of every range where there is none."""
    value = body.get(name) if isinstance(body, dict) else None
    return float(value) if isinstance(value, int | float) else -1.0


def _ready(address: str) -> dict[str, Any]:
    def ready() -> dict[str, Any]:
        status, body = ask(f"{address}/health/ready")
        if status != 200:
            raise StackError(f"smoke test: {address} is not ready: {status} {str(body)[:300]}")
        return dict(body)

    return retry(ready, StackError, READY_SECONDS, pause=1)


def _flight(now: datetime) -> dict[str, Any]:
    """Return a flight three hours after the stack's clock."""
    departure = now.replace(second=0, microsecond=0) + timedelta(hours=3)
    return {
        "carrier": "UA",
        "origin": "EWR",
        "dest": "ORD",
        "flight": 1,
        "scheduled_departure": departure.isoformat(),
        "scheduled_arrival": (departure + timedelta(hours=2)).isoformat(),
    }
