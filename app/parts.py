"""What the application is made of."""

from dataclasses import dataclass
from typing import Any, cast

from flask import current_app

from adapters.api_keys import ApiKeys
from adapters.championship import Championship
from adapters.deployments import Deployments
from adapters.event_store import EventStore
from adapters.label_store import LabelStore
from adapters.model_registry import ModelRegistry
from adapters.monitoring_store import MonitoringStore
from adapters.postgres import Database
from adapters.prediction_log import PredictionLog
from adapters.prefect_client import PrefectClient
from adapters.service_store import ServiceStore
from adapters.settings import Settings
from adapters.spool import SpoolReader, SpoolWriter
from app.auth import KeyRing
from app.feature_cache import FeatureCache
from app.model_holder import ModelHolder
from app.service_counts import ServiceCounter
from app.serving import Predictor
from domain.errors import OntimeError

FLOWS_PATIENCE_SECONDS = 2.0
"""A request holds a worker meanwhile."""


@dataclass(frozen=True)
class Parts:
    """Everything a request may need, made once a worker."""

    settings: Settings
    database: Database
    keys: KeyRing
    cache: FeatureCache
    models: ModelHolder
    registry: ModelRegistry
    spool: SpoolWriter
    spooled: SpoolReader
    predictor: Predictor
    events: EventStore
    labels: LabelStore
    log: PredictionLog
    monitoring: MonitoringStore
    deployments: Deployments
    championship: Championship
    counts: ServiceCounter
    flows: PrefectClient

    def describe_version(self, version: int) -> dict[str, Any]:
        """Where a model version came from; only its number while MLflow is away."""
        try:
            tags = self.registry.version(version).tags
        except OntimeError:
            tags = {}
        wanted = ("data_hash", "git_commit", "as_of", "trained_from", "trained_until", "model_hash")
        return {"name": self.settings.model_name, "version": version} | {n: tags.get(n) for n in wanted}


def parts() -> Parts:
    """The parts of the application that handles the current request."""
    return cast(Parts, current_app.extensions["ontime"])


def make_parts(settings: Settings) -> Parts:
    """Make the parts from the settings; opens the spool, nothing else."""
    database = Database.from_settings(settings, max_connections=4, application="ontime-api")
    registry = ModelRegistry.from_settings(settings)
    cache, models = FeatureCache(database), ModelHolder(registry)
    deployments = Deployments(database)
    spool = SpoolWriter(settings.spool_dir, "api")
    return Parts(
        settings=settings,
        database=database,
        keys=KeyRing(ApiKeys(database)),
        cache=cache,
        models=models,
        registry=registry,
        spool=spool,
        spooled=SpoolReader(settings.spool_dir),
        predictor=Predictor(models, spool),
        events=EventStore(database),
        labels=LabelStore(database),
        log=PredictionLog(database),
        monitoring=MonitoringStore(database),
        deployments=deployments,
        championship=Championship(registry, deployments),
        counts=ServiceCounter(ServiceStore(database), cache.last_known, cache.now),
        flows=PrefectClient(
            settings.prefect_address, auth=settings.prefect_auth, patience=FLOWS_PATIENCE_SECONDS
        ),
    )
