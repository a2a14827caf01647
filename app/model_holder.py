"""The models a worker serves: loaded, verified and test-loaded off the request path, then swapped by reference."""

import logging
import threading
import time
from dataclasses import dataclass
from typing import NamedTuple

from adapters.model_registry import CHALLENGER, CHAMPION, ModelRegistry
from domain.errors import ContractMismatch, NotFound, NotReady, SignatureInvalid
from domain.features.catalogue import CONTRACT_HASH
from domain.model import FlightModel

logger = logging.getLogger(__name__)
REFUSED_SECONDS = 30.0
"""How long a refused version is left alone: fetching and test-loading it at every look would take a core."""


@dataclass(frozen=True)
class Served:
    """A loaded version."""

    version: int
    model: FlightModel


class Pair(NamedTuple):
    """What serves, and what is scored beside it."""

    champion: Served | None = None
    challenger: Served | None = None


class ModelHolder:
    """Champion and challenger of one worker. Reading them is one attribute access, so a request sees one pair."""

    def __init__(self, registry: ModelRegistry):
        self._registry = registry
        self._warm: dict[int, Served] = {}
        self._refused: dict[int, float] = {}
        self._lock = threading.Lock()
        self._former: Served | None = None
        self._pair = Pair()

    @property
    def champion(self) -> Served | None:
        """What serves, None before the first was loaded."""
        return self._pair.champion

    @property
    def challenger(self) -> Served | None:
        """What is scored beside it, None without one."""
        return self._pair.challenger

    def refresh(self) -> None:
        """Follow the aliases; while MLflow is away, keep serving, from the cache after a restart.

        Raises
        ------
        NotReady
            If MLflow is away.
        """
        with self._lock:
            try:
                champion, challenger = self._registry.alias(CHAMPION), self._registry.alias(CHALLENGER)
            except NotReady:
                self._serve_last_good()
                raise
            self._follow_champion(champion)
            self._follow_challenger(challenger if challenger != champion else None)
            self._forget_cold()

    def require_champion(self) -> Served:
        """The champion.

        Raises
        ------
        NotReady
            If no champion could be loaded yet.
        """
        return self.require_pair()[0]

    def require_pair(self) -> tuple[Served, Served | None]:
        """The champion, and the challenger that belongs beside it.

        Raises
        ------
        NotReady
            If no champion could be loaded yet.
        """
        champion, challenger = self._pair
        if champion is None:
            raise NotReady("no champion model is loaded yet")
        return champion, challenger

    def _follow_champion(self, version: int | None) -> None:
        """Let a version serve; without an alias, or when it is refused, the one that serves goes on."""
        current, challenger = self._pair
        served = self._loaded(CHAMPION, version)
        if served is None or served == current:
            return
        self._pair = Pair(served, challenger if challenger != served else None)
        self._former = current
        _tell(CHAMPION, current, served)

    def _follow_challenger(self, version: int | None) -> None:
        champion, current = self._pair
        served = self._loaded(CHALLENGER, version)
        if served == current:
            return
        self._pair = Pair(champion, served)
        _tell(CHALLENGER, current, served)

    def _loaded(self, alias: str, version: int | None) -> Served | None:
        """The version, loaded; None where there is none or it is refused, which is logged each time it is tried."""
        if version is None or time.monotonic() < self._refused.get(version, 0.0):
            return None
        try:
            if version not in self._warm:
                model = self._registry.load(version)
                model.require_contract(CONTRACT_HASH)
                self._warm[version] = Served(version, model)
        except (SignatureInvalid, ContractMismatch, NotFound) as error:
            self._refused[version] = time.monotonic() + REFUSED_SECONDS
            logger.error("model refused", extra={"alias": alias, "version": version, "reason": str(error)})
            return None
        self._refused.pop(version, None)
        return self._warm[version]

    def _serve_last_good(self) -> None:
        if self.champion is not None:
            return
        remembered = self._registry.last_served()
        if remembered is not None:
            self._follow_champion(remembered)

    def _forget_cold(self) -> None:
        """Keep what serves and the champion before it, so that a rollback swaps at once."""
        keep = {served.version for served in (*self._pair, self._former) if served}
        if self.champion is not None:
            self._registry.remember_served(self.champion.version)
        for version in set(self._warm) - keep:
            del self._warm[version]


def _tell(alias: str, before: Served | None, after: Served | None) -> None:
    versions: dict[str, object] = {
        "alias": alias,
        "from_version": before.version if before else None,
        "to_version": after.version if after else None,
    }
    logger.info("model swapped", extra=versions)
