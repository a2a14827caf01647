"""Reports that the version which MLflow's alias names does not serve, and when it does again."""

import logging

from adapters.clock_store import ClockStore
from adapters.monitoring_store import MonitoringStore
from app.model_holder import ModelHolder
from domain.watch_rule import WatchRule

logger = logging.getLogger(__name__)
RULE = WatchRule(
    "the champion does not serve", "critical",
    "Workers serve the last sound champion. Roll back, or promote a version whose files are sound.",
)  # fmt: skip


class ChampionAlert:
    """Opens and resolves one alert; of several workers the first one opens it."""

    def __init__(self, store: MonitoringStore, clock: ClockStore):
        self._store = store
        self._clock = clock
        self._reported: str | None = None  # a worker begins without knowing what those before it opened

    def report(self, models: ModelHolder) -> None:
        """Bring the alert up to what a worker found.

        Raises
        ------
        NotReady
            If PostgreSQL is away; call again.
        """
        problem = models.problem
        if problem is None or problem == self._reported:
            return
        now = self._clock.read().now
        if not problem:
            self._store.resolve_alerts([RULE.name], [], now)
        else:
            champion = models.champion
            evidence = {"reason": problem, "serving": champion.version if champion else None}
            message = RULE.message(problem)
            if self._store.open_alert(RULE.name, RULE.severity, now.date(), now, message, evidence):
                logger.error(RULE.name, extra=evidence)
        self._reported = problem
