"""What every task of the flows has in common."""

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import prefect
from prefect.cache_policies import NO_CACHE

from flows.parts import parts

logger = logging.getLogger(__name__)


class Task(prefect.Task):  # type: ignore[misc]  # Prefect is not typed here
    """A task that is called; with ONTIME_TASK_RUNS=false Prefect hears nothing of it, and it is tried as often."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the function returns; raise what it raised last."""
        if parts().settings.task_runs:
            return super().__call__(*args, **kwargs)
        for left in range(self.retries, 0, -1):
            try:
                return self.fn(*args, **kwargs)
            except Exception as error:
                why = f"{type(error).__name__}: {error}"
                logger.warning("task failed", extra={"task": self.name, "reason": why, "tries_left": left})
                time.sleep(self.retry_delay_seconds)
        return self.fn(*args, **kwargs)


task: Callable[..., Any] = partial(Task, retries=3, retry_delay_seconds=2, cache_policy=NO_CACHE)
"""Safe to run again, and run again, three times, before its flow fails."""
