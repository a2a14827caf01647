"""What the flows are made of, once a process."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache

from adapters.alert_deliveries import AlertDeliveries
from adapters.championship import Championship
from adapters.clock_store import ClockStore
from adapters.deployments import Deployments
from adapters.event_store import EventStore
from adapters.label_store import LabelStore
from adapters.model_registry import ModelRegistry
from adapters.monitoring_store import MonitoringStore
from adapters.notifier import Notifier, Pager
from adapters.pipeline_trigger import PipelineTrigger
from adapters.postgres import Database
from adapters.prediction_log import PredictionLog
from adapters.prediction_sample import HeadlineLead, PredictionSampler
from adapters.service_store import ServiceStore
from adapters.settings import Settings, settings
from adapters.spool_reader import SpoolReader
from adapters.standby import reads_of
from domain.evidence import EvidencePolicy
from flows.plan import evidence_policy
from monitoring.windows import HEADLINE_LEAD, LEAD_TOLERANCE

RETRAIN_LOCK = 715_006


@dataclass(frozen=True)
class Analysis:
    """What is read at length and never written: from a standby where there is one."""

    database: Database
    events: EventStore
    labels: LabelStore
    log: PredictionLog
    sampler: PredictionSampler

    @classmethod
    def of(cls, reads: Database) -> "Analysis":
        """Make the stores over where reads go."""
        return cls(
            reads,
            EventStore(reads),
            LabelStore(reads),
            PredictionLog(reads),
            PredictionSampler(reads, HeadlineLead(HEADLINE_LEAD, LEAD_TOLERANCE)),
        )


@dataclass(frozen=True)
class Parts:
    """Everything a task may need."""

    settings: Settings
    database: Database
    analysis: Analysis
    clock: ClockStore
    events: EventStore
    labels: LabelStore
    log: PredictionLog
    spool: SpoolReader
    service: ServiceStore
    registry: ModelRegistry
    deployments: Deployments
    championship: Championship
    monitoring: MonitoringStore
    pager: Pager
    trigger: PipelineTrigger

    @property
    def evidence_policy(self) -> EvidencePolicy:
        """Return the policy of accounts, as this stack is set."""
        return evidence_policy(self.settings)

    def retrain_lock(self) -> AbstractContextManager[bool]:
        """Hold the lock of retraining for a block; whether it was to be had."""
        return self.database.try_lock(RETRAIN_LOCK)


@lru_cache(maxsize=1)
def parts() -> Parts:
    """Return the process's parts, made once from the settings of the environment."""
    return make_parts(settings())


def make_parts(own: Settings) -> Parts:
    """Make the parts; nothing is opened yet."""
    database = Database.from_settings(own, application="ontime-flow")
    registry = ModelRegistry.of_trainer(own)
    deployments = Deployments(database)
    return Parts(
        settings=own,
        database=database,
        analysis=Analysis.of(reads_of(own, database)),
        clock=ClockStore(database),
        events=EventStore(database),
        labels=LabelStore(database),
        log=PredictionLog(database),
        spool=SpoolReader(own.spool_dir),
        service=ServiceStore(database),
        registry=registry,
        deployments=deployments,
        championship=Championship(registry, deployments),
        monitoring=MonitoringStore(database),
        pager=Pager(AlertDeliveries(database), Notifier.from_settings(own)),
        trigger=PipelineTrigger.from_settings(own),
    )
