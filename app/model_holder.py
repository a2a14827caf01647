"""The models a worker serves: loaded, verified and test-loaded off the request path, then swapped by reference."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from adapters.model_registry import CHALLENGER, CHAMPION, ModelRegistry
from adapters.model_version import ModelVersion
from domain.errors import ContractMismatch, NotFound, NotReady, SignatureInvalid
from domain.features.catalogue import CONTRACT_HASH
from domain.model import FlightModel

logger = logging.getLogger(__name__)
FIRST_REST_SECONDS = 1.0
LONGEST_REST_SECONDS = 60.0
"""How long a refused version is left alone, longer each time: fetching and test-loading it at every look would take a
core, and files that were away may come back."""
REFUSALS = (SignatureInvalid, ContractMismatch, NotFound)


@dataclass(frozen=True)
class Served:
    """A loaded version."""

    version: int
    model: FlightModel
    known: ModelVersion | None = None
    """What MLflow recorded of it; None where it was loaded from the cache without asking."""


@dataclass(frozen=True)
class Refused:
    """A version that cannot serve, until when it is left alone, and why."""

    until: float
    rest: float
    reason: str


class Pair(NamedTuple):
    """What serves, and what is scored beside it."""

    champion: Served | None = None
    challenger: Served | None = None


class ModelHolder:
    """Champion and challenger of one worker. Reading them is one attribute access, so a request sees one pair.

    Parameters
    ----------
    ledger : callable, optional
        Returns the versions that may serve by the ledger, the champion first: where the alias names none that can.
    """

    def __init__(self, registry: ModelRegistry, ledger: Callable[[], list[int]] = list):
        self._registry = registry
        self._ledger = ledger
        self._warm: dict[str, Served] = {}
        self._refused: dict[str, Refused] = {}
        self._problem: str | None = None
        self._alias: int | None = None
        self._looked = False
        self._lock = threading.Lock()
        self._former: Served | None = None
        self._pair = Pair()

    @property
    def champion(self) -> Served | None:
        """Return what serves, None before the first was loaded."""
        return self._pair.champion

    @property
    def challenger(self) -> Served | None:
        """Return what is scored beside it, None without one."""
        return self._pair.challenger

    @property
    def problem(self) -> str | None:
        """Return why the alias's version does not serve; empty where it does, None while that is not known."""
        return self._problem

    @property
    def named(self) -> int | None:
        """Return the version that the alias named at the last look, which a change has to expect; None without one.

        Before MLflow answered once, what serves.
        """
        if self._looked:
            return self._alias
        return self.champion.version if self.champion else None

    def refresh(self) -> None:
        """Follow the aliases; where that cannot be done, serve on, after a restart what served last.

        Raises
        ------
        NotReady
            If MLflow is away.
        """
        with self._lock:
            try:
                named = self._registry.aliased(CHAMPION)
                self._alias, self._looked = named.version if named else None, True
                champion = self._registry.served(named, CONTRACT_HASH)
                challenger = self._registry.aliased(CHALLENGER)
                self._follow_champion(champion)
            except NotReady:
                self._serve_last_sound()
                raise
            self._serve_last_sound()
            self._problem = self._reason_of(champion)
            same = champion is not None and challenger is not None and champion.version == challenger.version
            self._follow_challenger(None if same else challenger)
            self._forget_cold()

    def require_champion(self) -> Served:
        """Return the champion.

        Raises
        ------
        NotReady
            If no champion could be loaded yet.
        """
        return self.require_pair()[0]

    def require_pair(self) -> tuple[Served, Served | None]:
        """Return the champion, and the challenger that belongs beside it.

        Raises
        ------
        NotReady
            If no champion could be loaded yet.
        """
        champion, challenger = self._pair
        if champion is None:
            raise NotReady("no champion model is loaded yet")
        return champion, challenger

    def _follow_champion(self, found: ModelVersion | None) -> None:
        """Serve another version; without an alias, or when it is refused, the one that serves goes on."""
        served = self._loaded(CHAMPION, found)
        if served is not None:
            self._serve(served)

    def _serve(self, served: Served) -> None:
        current, challenger = self._pair
        if served == current:
            return
        self._pair = Pair(served, challenger if challenger != served else None)
        self._former = current
        _log_swap(CHAMPION, current, served)

    def _follow_challenger(self, found: ModelVersion | None) -> None:
        champion, current = self._pair
        served = self._loaded(CHALLENGER, found)
        if served == current:
            return
        self._pair = Pair(champion, served)
        _log_swap(CHALLENGER, current, served)

    def _loaded(self, alias: str, found: ModelVersion | None) -> Served | None:
        """Return the version, loaded.

        None where there is none or it is refused, which is logged each time it is tried.
        """
        if found is None:
            return None
        # By number and run: after a restore the same number may be another model.
        name = f"{found.version}-{found.run_id}"
        refused = self._refused.get(name)
        if refused is not None and time.monotonic() < refused.until:
            return None
        try:
            if name not in self._warm:
                model = self._registry.load(found.version, found)
                model.require_contract(CONTRACT_HASH)
                self._warm[name] = Served(found.version, model, found)
        except REFUSALS as error:
            self._refuse(alias, found.version, name, str(error))
            return None
        self._refused.pop(name, None)
        return self._warm[name]

    def _refuse(self, alias: str, version: int, name: str, reason: str) -> None:
        before = self._refused.get(name)
        rest = min(2 * before.rest, LONGEST_REST_SECONDS) if before else FIRST_REST_SECONDS
        self._refused[name] = Refused(time.monotonic() + rest, rest, reason)
        logger.error("model refused", extra={"alias": alias, "version": version, "reason": reason})

    def _reason_of(self, found: ModelVersion | None) -> str:
        """Say why what the alias names does not serve; nothing where it does, or a new stack has no champion yet."""
        if found is None:
            return f"MLflow's alias {CHAMPION} names no version" if self.champion else ""
        refused = self._refused.get(f"{found.version}-{found.run_id}")
        return f"version {found.version} is refused: {refused.reason}" if refused else ""

    def _serve_last_sound(self) -> None:
        """Serve, where nothing does, what served last on this machine, else the ledger's last sound champion."""
        if self.champion is not None:
            return
        last = self._registry.last_served()
        for version in dict.fromkeys([*([last] if last is not None else []), *self._by_ledger()]):
            model = self._sound(version)
            if model is not None:
                self._serve(Served(version, model))
                return

    def _sound(self, version: int) -> FlightModel | None:
        """Return a version from the cache, or as MLflow has it; None where neither is there, or it is refused."""
        name = str(version)
        refused = self._refused.get(name)
        if refused is not None and time.monotonic() < refused.until:
            return None
        try:
            model = self._registry.load_cached(version) or self._registry.load(version)
            model.require_contract(CONTRACT_HASH)
        except (*REFUSALS, NotReady) as error:
            self._refuse("the ledger", version, name, str(error))
            return None
        return model

    def _by_ledger(self) -> list[int]:
        try:
            return self._ledger()
        except NotReady:
            return []

    def _forget_cold(self) -> None:
        """Keep what serves and the champion before it, so that a rollback swaps at once."""
        keep = [served for served in (*self._pair, self._former) if served]
        champion = self.champion
        if champion is not None and champion.known is not None:
            self._registry.remember_served(champion.version, champion.known)
        self._warm = {name: served for name, served in self._warm.items() if served in keep}


def _log_swap(alias: str, before: Served | None, after: Served | None) -> None:
    versions: dict[str, object] = {
        "alias": alias,
        "from_version": before.version if before else None,
        "to_version": after.version if after else None,
    }
    logger.info("model swapped", extra=versions)
