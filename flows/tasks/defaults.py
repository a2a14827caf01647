"""What every task of the flows has in common."""

from collections.abc import Callable
from functools import partial
from typing import Any

import prefect
from prefect.cache_policies import NO_CACHE

task: Callable[..., Any] = partial(prefect.task, retries=3, retry_delay_seconds=2, cache_policy=NO_CACHE)
"""Safe to run again, and run again, three times, before its flow fails."""
