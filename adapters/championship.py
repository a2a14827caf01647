"""Who serves: the one way to move the alias `champion`, recorded in the ledger; for the API, flows and people."""

import logging
from dataclasses import replace
from typing import Any

from adapters.deployments import ANY, Deployment, Deployments, Expected
from adapters.model_registry import CHALLENGER, CHAMPION, SUCCESSOR, ModelRegistry
from domain.errors import ContractMismatch, NotFound, NotReady, SignatureInvalid
from domain.features.catalogue import CONTRACT_HASH

logger = logging.getLogger(__name__)
SUCCEEDS = "the release of another feature contract serves"
REPEAT_SECONDS = 600.0
"""A rollback that is asked for again in the same words within this time is the same one: its answer was lost."""


class Championship:
    """Promotes and rolls back versions whose feature contract is that of the running code."""

    def __init__(self, registry: ModelRegistry, deployments: Deployments):
        self._registry = registry
        self._deployments = deployments

    def promote(
        self,
        version: int,
        expected_version: Expected,
        who: str,
        reason: str,
        evidence: dict[str, Any] | None = None,
    ) -> Deployment:
        """Promote a version.

        Raises
        ------
        StaleVersion
            If another version serves than expected.
        Conflict
            If the version serves already.
        ContractMismatch
            If it was trained on other features than this code computes.
        SignatureInvalid
            If its files in MLflow are not those that were signed, or fail their test load.
        NotFound
            If there is no such version.
        NotReady
            If MLflow or PostgreSQL is away.
        """
        contract = self.require_sound(version)
        row = self._deployments.change(
            action="promote",
            to_version=version,
            expected_version=expected_version,
            who=who,
            reason=reason,
            evidence=evidence,
            contract_hash=contract,
            move_alias=self._move,
            read_alias=self.champion,
        )
        return replace(row, note=self._drop_challenger(version))

    def rollback(
        self,
        who: str,
        reason: str,
        to_version: int | None = None,
        expected_version: Expected = ANY,
        evidence: dict[str, Any] | None = None,
    ) -> Deployment:
        """Make the last champion that workers can load champion again, or a named version.

        The same words again within ten minutes give the same change, without an expectation or with the one
        that was met: a request whose answer was lost does not go back twice, and is no conflict.

        Raises
        ------
        NotFound
            If there is no earlier champion with this code's feature contract, or none whose files are sound.
        StaleVersion, Conflict, ContractMismatch, SignatureInvalid, NotReady
            As `promote`.
        """
        serving = self._deployments.reconcile(self.champion)
        repeated = self.repeated_rollback(who, reason) if to_version in (None, serving) else None
        if (
            repeated is not None
            and repeated.to_version == serving
            and expected_version in (ANY, repeated.from_version)
        ):
            return replace(repeated, note="this rollback was done before, and asked for again")
        passed_over: dict[str, str] = {}
        version = to_version or self._last_sound(passed_over)
        row = self._deployments.change(
            action="rollback",
            to_version=version,
            # What was chosen by who serves now is stale when somebody else serves a moment later.
            expected_version=serving if expected_version == ANY and to_version is None else expected_version,
            who=who,
            reason=reason,
            evidence=(evidence or {}) | ({"passed_over": passed_over} if passed_over else {}),
            contract_hash=self.require_sound(version) if to_version else CONTRACT_HASH,
            move_alias=self._move,
            read_alias=self.champion,
        )
        # Made champion by hand, it is challenger still, and would be promoted again.
        return replace(row, note=self._drop_challenger(row.from_version))

    def succeed(self, who: str) -> Deployment | None:
        """Make the successor champion, once nothing of the champion's release runs any more; safe to repeat.

        Returns
        -------
        Deployment or None
            The ledger's row; None where no version waits, or it serves already.

        Raises
        ------
        ContractMismatch, SignatureInvalid, StaleVersion, NotReady
            As `promote`.
        """
        successor, champion = self._registry.aliased(SUCCESSOR), self._registry.aliased(CHAMPION)
        if successor is None:
            return None
        row = None
        if champion is None or champion.version != successor.version:
            before = champion.version if champion else None
            contracts = {
                "contract": successor.contract,
                "contract_before": champion.contract if champion else None,
            }
            row = self.promote(successor.version, before, who, SUCCEEDS, contracts)
        self._registry.delete_alias(SUCCESSOR)
        self._drop_strange_challenger()
        return row

    def _drop_strange_challenger(self) -> None:
        """Take the alias from a challenger of another contract: nobody computes its vectors any more."""
        challenger = self._registry.aliased(CHALLENGER)
        if challenger is not None and challenger.contract != CONTRACT_HASH:
            self._registry.delete_alias(CHALLENGER)

    def repeated_rollback(self, who: str, reason: str) -> Deployment | None:
        """Return the newest change if it is a rollback that was asked for in these words minutes ago."""
        return self._deployments.repeated_rollback(who, reason, REPEAT_SECONDS)

    def rollback_target(self, preferred: int | None = None) -> int:
        """Return the version a rollback would go to: the preferred one where workers can load it, else the last such.

        Raises
        ------
        NotFound
            If there is no earlier champion with this code's feature contract and sound files.
        """
        if preferred is not None:
            try:
                self.require_sound(preferred)
            except (SignatureInvalid, ContractMismatch, NotFound) as error:
                logger.warning(
                    "rollback target passed over", extra={"version": preferred, "reason": str(error)}
                )
            else:
                return preferred
        return self._last_sound({})

    def _last_sound(self, passed_over: dict[str, str]) -> int:
        """Return the first version a rollback may go to that workers can load; notes why others are passed over."""
        for version in self._deployments.earlier_champions(CONTRACT_HASH, self.champion()):
            try:
                self.require_sound(version)
            except (SignatureInvalid, ContractMismatch, NotFound) as error:
                passed_over[str(version)] = str(error)
            else:
                return version
        why = "".join(f"; version {version}: {reason}" for version, reason in passed_over.items())
        raise NotFound(f"there is no earlier champion with this code's feature contract and sound files{why}")

    def require_sound(self, version: int) -> str:
        """Check that workers can load a version; return its contract.

        They would refuse it and serve on: alias and ledger must not name what does not serve.
        """
        contract = self._require_contract(version)
        self._registry.audit(version)
        return contract

    def _drop_challenger(self, version: int | None) -> str:
        """Take the alias of challengers from a version that serves or was left; a note where that failed."""
        try:
            if version is not None and self._registry.alias(CHALLENGER) == version:
                self._registry.delete_alias(CHALLENGER)
        except NotReady as error:
            # The change is done, and a champion that is its own challenger is not scored twice.
            logger.warning("challenger's alias left", extra={"version": version, "reason": str(error)})
            return f"the change is done; the alias {CHALLENGER} of version {version} could not be taken away"
        return ""

    def champion(self) -> int | None:
        """Return the version that serves by the registry."""
        return self._registry.alias(CHAMPION)

    def _move(self, version: int) -> None:
        self._registry.set_alias(CHAMPION, version)

    def _require_contract(self, version: int) -> str:
        contract = self._registry.version(version).tags.get("contract_hash", "")
        if contract != CONTRACT_HASH:
            raise ContractMismatch(
                f"version {version} was trained on feature contract {contract[:12] or 'unknown'}, "
                f"this code computes {CONTRACT_HASH[:12]}"
            )
        return contract
