"""What the application is made of."""

from dataclasses import dataclass
from typing import Any, cast

from flask import current_app

from adapters.api_keys import ApiKeys
from adapters.championship import Championship
from adapters.clock_store import ClockStore
from adapters.deployments import Deployments
from adapters.event_store import EventStore
from adapters.label_store import LabelStore
from adapters.model_registry import ModelRegistry
from adapters.monitoring_store import MonitoringStore
from adapters.postgres import Database
from adapters.prediction_lines import HEADER
from adapters.prediction_log import PredictionLog
from adapters.prefect_client import PrefectClient
from adapters.service_store import ServiceStore
from adapters.settings import Settings
from adapters.spool import SpoolWriter
from adapters.spool_reader import SpoolReader
from app.auth import KeyRing
from app.champion_alert import ChampionAlert
from app.feature_cache import FeatureCache
from app.model_holder import ModelHolder
from app.service_counts import ServiceCounter
from app.serving import Predictor
from app.spool_watch import SpoolWatch
from domain.errors import NotFound, NotReady, OntimeError
from domain.features.catalogue import CONTRACT_HASH

FLOWS_PATIENCE_SECONDS = 2.0
FLOWS_TIMEOUT_SECONDS = 5.0
"""A request holds a worker meanwhile: what it waits for ends before Gunicorn ends the worker, after 30 s. Starting a
flow takes two calls; each is tried for 2 s, and each try takes 5 s at most."""
POSTGRES_PATIENCE_SECONDS = 8.0
"""The same of one transaction."""


@dataclass(frozen=True)
class Parts:
    """Everything a request may need, made once a worker."""

    settings: Settings
    database: Database
    """For requests."""
    followed: Database
    """For the threads."""
    keys: KeyRing
    cache: FeatureCache
    models: ModelHolder
    champion_alert: ChampionAlert
    registry: ModelRegistry
    spool: SpoolWriter
    spooled: SpoolReader
    spool_watch: SpoolWatch
    predictor: Predictor
    events: EventStore
    labels: LabelStore
    log: PredictionLog
    monitoring: MonitoringStore
    deployments: Deployments
    championship: Championship
    counts: ServiceCounter
    flows: PrefectClient

    def previous_champion(self) -> int | None:
        """Return the version a rollback goes to; the ledger's champion, where the alias was moved or lost by hand."""
        try:
            named = self.championship.champion()
        except NotReady:
            named = self.models.named  # two seconds old
        try:
            return self.deployments.previous_champion(CONTRACT_HASH, named)
        except NotFound:
            return None

    def describe_version(self, version: int) -> dict[str, Any]:
        """Return where a model version came from; only its number while MLflow is away."""
        try:
            tags = self.registry.version(version).tags
        except OntimeError:
            tags = {}
        wanted = ("data_hash", "git_commit", "as_of", "trained_from", "trained_until", "model_hash")
        return {"name": self.settings.model_name, "version": version} | {n: tags.get(n) for n in wanted}


def parts() -> Parts:
    """Return the parts of the application that handles the current request."""
    return cast(Parts, current_app.extensions["ontime"])


def make_parts(settings: Settings) -> Parts:
    """Make the parts from the settings; opens the spool, nothing else."""
    # Two pools: the threads find out whether the server answers, and requests do not wait to find out.
    followed = Database.from_settings(
        settings, max_connections=3, application="ontime-api", patience=POSTGRES_PATIENCE_SECONDS
    )
    cache = FeatureCache(followed)
    database = Database.from_settings(
        settings,
        max_connections=4,
        application="ontime-api",
        patience=POSTGRES_PATIENCE_SECONDS,
        require=cache.require_database,
    )
    cache.ask_about_the_past(database)
    registry = ModelRegistry.from_settings(settings)
    followed_ledger = Deployments(followed)
    models = ModelHolder(registry, lambda: followed_ledger.champions(CONTRACT_HASH))
    deployments = Deployments(database)
    spool = SpoolWriter(settings.spool_dir, "api", HEADER)
    return Parts(
        settings=settings,
        database=database,
        followed=followed,
        keys=KeyRing(ApiKeys(followed)),
        cache=cache,
        models=models,
        champion_alert=ChampionAlert(MonitoringStore(followed), ClockStore(followed)),
        registry=registry,
        spool=spool,
        spooled=SpoolReader(settings.spool_dir),
        predictor=Predictor(models, spool, settings.model_name),
        events=EventStore(database),
        labels=LabelStore(database),
        log=PredictionLog(database),
        monitoring=MonitoringStore(database),
        deployments=deployments,
        championship=Championship(registry, deployments),
        spool_watch=SpoolWatch(SpoolReader(settings.spool_dir), PredictionLog(followed).offset),
        counts=ServiceCounter(ServiceStore(followed), cache.last_known, cache.now),
        flows=PrefectClient(
            settings.prefect_address,
            auth=settings.prefect_auth,
            patience=FLOWS_PATIENCE_SECONDS,
            timeout=FLOWS_TIMEOUT_SECONDS,
        ),
    )
