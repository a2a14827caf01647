"""Who serves: the one way to move the alias `champion`, recorded in the ledger; for the API, flows and people."""

from typing import Any

from adapters.deployments import ANY, Deployment, Deployments, Expected
from adapters.model_registry import CHALLENGER, CHAMPION, ModelRegistry
from domain.errors import ContractMismatch
from domain.features.catalogue import CONTRACT_HASH


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
        """Let a version serve.

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
        contract = self._require_contract(version)
        # The API would refuse it and serve on: alias and ledger must not name what does not serve.
        self._registry.audit(version)
        self._registry.fetch(version)
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
        if self._registry.alias(CHALLENGER) == version:
            self._registry.delete_alias(CHALLENGER)
        return row

    def rollback(
        self,
        who: str,
        reason: str,
        to_version: int | None = None,
        expected_version: Expected = ANY,
        evidence: dict[str, Any] | None = None,
    ) -> Deployment:
        """Let the last champion this code can serve be champion again, or a named version.

        Raises
        ------
        NotFound
            If there is no earlier champion with this code's feature contract.
        StaleVersion, Conflict, ContractMismatch, NotReady
            As `promote`.
        """
        self._deployments.reconcile(self.champion)
        version = to_version or self._deployments.previous_champion(CONTRACT_HASH)
        return self._deployments.change(
            action="rollback",
            to_version=version,
            expected_version=expected_version,
            who=who,
            reason=reason,
            evidence=evidence,
            contract_hash=self._require_contract(version),
            move_alias=self._move,
            read_alias=self.champion,
        )

    def champion(self) -> int | None:
        """The version that serves by the registry."""
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
