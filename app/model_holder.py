"""The models a worker serves: loaded, verified and test-loaded off the request path, then swapped by reference."""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from adapters.model_registry import CHALLENGER, CHAMPION, ModelRegistry
from domain.errors import ContractMismatch, NotFound, NotReady, SignatureInvalid
from domain.features.catalogue import CONTRACT_HASH
from domain.model import FlightModel

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Served:
    """A loaded version."""

    version: int
    model: FlightModel


class ModelHolder:
    """Champion and challenger of one worker. Reading them is one attribute access, so a request sees one pair."""

    def __init__(self, registry: ModelRegistry):
        self._registry = registry
        self._warm: dict[int, Served] = {}
        self._refused: dict[str, int] = {}
        self._lock = threading.Lock()
        self.champion: Served | None = None
        self.challenger: Served | None = None

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
            self._follow(CHAMPION, champion)
            self._follow(CHALLENGER, challenger if challenger != champion else None)
            self._forget_cold()

    def require_champion(self) -> Served:
        """The champion.

        Raises
        ------
        NotReady
            If no champion could be loaded yet.
        """
        if self.champion is None:
            raise NotReady("no champion model is loaded yet")
        return self.champion

    def _follow(self, alias: str, version: int | None) -> None:
        current: Served | None = getattr(self, alias)
        if (current.version if current else None) == version:
            return
        if version is None:
            if alias == CHALLENGER:
                self.challenger = None
            return
        served = self._loaded(alias, version)
        if served is None:
            return
        setattr(self, alias, served)
        self._refused.pop(alias, None)
        change = {"alias": alias, "from_version": current.version if current else None, "to_version": version}
        logger.info("model swapped", extra=change)

    def _loaded(self, alias: str, version: int) -> Served | None:
        """The version, loaded; None where it is refused, which is logged once."""
        try:
            if version not in self._warm:
                model = self._registry.load(version)
                model.require_contract(CONTRACT_HASH)
                self._warm[version] = Served(version, model)
        except (SignatureInvalid, ContractMismatch, NotFound) as error:
            if self._refused.get(alias) != version:
                self._refused[alias] = version
                logger.error(
                    "model refused", extra={"alias": alias, "version": version, "reason": str(error)}
                )
            return None
        return self._warm[version]

    def _serve_last_good(self) -> None:
        if self.champion is not None:
            return
        remembered = self._registry.last_served()
        if remembered is not None:
            self._follow(CHAMPION, remembered)

    def _forget_cold(self) -> None:
        """Keep what serves and the champion before it, so that a rollback swaps at once."""
        keep = {served.version for served in (self.champion, self.challenger) if served}
        if self.champion is not None:
            self._registry.remember_served(self.champion.version)
        for version in sorted(set(self._warm) - keep)[:-1]:
            del self._warm[version]


def describe(served: Served) -> Mapping[str, object]:
    """A served version as answers name it."""
    return {"version": served.version, "contract": served.model.manifest.contract_hash[:12]}
