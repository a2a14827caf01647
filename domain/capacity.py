"""What a site needs: cores, memory, disk and engine, from what one unit of work costs; who calls has the costs."""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from domain.errors import InvalidInput
from domain.features.grid import DAY_MINUTES, GRID_MINUTES

DAYS_A_MONTH = 365.25 / 12
DAY_SECONDS = 86_400
WEATHER_A_DAY = 24
MOST_AIRPORTS, MOST_FLIGHTS, MOST_REQUESTS, MOST_MONTHS = 20_000, 1_000_000, 1_000_000, 600


@dataclass(frozen=True)
class Demand:
    """What a site asks of ontime.

    Raises
    ------
    InvalidInput
        If a number is out of its range; names it as the command's option.
    """

    airports: int
    flights_per_day: int
    requests_per_second: float
    """Predictions a second at the busiest."""
    keep_months: int = 24
    """Months of predictions that are kept before the current one."""

    def __post_init__(self) -> None:
        _require("airports", self.airports, 2, MOST_AIRPORTS)
        _require("flights-per-day", self.flights_per_day, 1, MOST_FLIGHTS)
        _require("requests-per-second", self.requests_per_second, 0.01, MOST_REQUESTS)
        _require("keep-months", self.keep_months, 1, MOST_MONTHS)


@dataclass(frozen=True)
class UnitCosts:
    """What one unit of work costs: seconds of one core, bytes with all indexes."""

    prediction_seconds: float
    """Of an API worker, asked about a flight it was not asked about before."""
    shipping_seconds: float
    """Of the shipper and of PostgreSQL, a prediction."""
    prediction_bytes: float
    flight_bytes: float
    """Events and label of a flight."""
    observation_bytes: float
    tick_seconds: float
    """Of a tick without flights."""
    tick_seconds_a_daily_flight: float
    state_bytes_an_airport: float
    state_bytes_a_daily_flight: float
    refresher_bytes: float
    refresher_bytes_a_daily_flight: float
    worker_bytes: float
    """Of an API worker, the states that it holds left out."""
    training_seconds_a_row: float
    training_bytes: float
    training_bytes_a_row: float
    monitoring_seconds: float
    """Of a run of a day without predictions."""
    monitoring_seconds_a_prediction: float


@dataclass(frozen=True)
class CapacityPolicy:
    """What is assumed, and what one machine is."""

    utilisation: float = 0.6
    """Share of a core that is planned for: beyond it waiting grows faster than work."""
    peak_to_mean: float = 3.0
    """Requests a second at the busiest, of those of a whole day."""
    held_states: int = 48
    """States that each API worker holds in memory: four hours of ticks."""
    stored_days: int = 3
    """Days of states in PostgreSQL."""
    training_days: int = 365
    questions_a_flight: int = 2
    """Rows of a flight in a training set."""
    machine_cores: int = 32
    machine_bytes: float = 128e9
    machine_disk: float = 4e12
    training_hours: float = 6.0
    """A training run that takes longer on one machine is divided."""
    memory_headroom: float = 1.25
    """Where a limit has to be raised: what a container may hold, of what it needs."""
    shared_buffers: float = 0.25
    """Of a day of predictions and a month of events, the part that PostgreSQL should hold in memory."""


@dataclass(frozen=True)
class CapacityPlan:
    """What a site needs; memory and disk in bytes, times in seconds."""

    api_cores: float
    api_workers: int
    api_bytes: float
    shippers: int
    shipping_cores: float
    log_bytes: float
    events_bytes: float
    """Over as many months as predictions are kept."""
    states_bytes: float
    postgres_bytes: float
    postgres_memory: float
    state_bytes: float
    tick_seconds: float
    refresher_bytes: float
    training_rows: int
    training_core_hours: float
    training_bytes: float
    monitoring_seconds: float
    machine_cores: int
    """Of everything that runs at all times, rounded up."""
    machine_bytes: float
    engine: str
    training_engine: str
    reasons: tuple[str, ...]
    """Why not all of it on one machine; nothing where it fits."""
    compose_memory: tuple[str, ...]
    """Settings of the Compose file that have to be raised from what they are by default."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)

    def lines(self) -> list[str]:
        """Return it as people read it."""
        return [
            f"API: {self.api_cores:,.1f} cores, {self.api_workers} workers, {gigabytes(self.api_bytes)} of memory",
            f"shippers: {self.shippers}, {self.shipping_cores:,.2f} cores with PostgreSQL's part",
            f"PostgreSQL: {gigabytes(self.postgres_bytes)} on disk ({gigabytes(self.log_bytes)} log, "
            f"{gigabytes(self.events_bytes)} events, {gigabytes(self.states_bytes)} states), "
            f"{gigabytes(self.postgres_memory)} in memory",
            f"refresher: {self.tick_seconds:,.2f} s a tick, a state of {gigabytes(self.state_bytes)}, "
            f"{gigabytes(self.refresher_bytes)} of memory",
            f"training: {self.training_rows:,} rows, {self.training_core_hours:,.1f} core hours, "
            f"{gigabytes(self.training_bytes)} of memory, on {self.training_engine}",
            f"monitoring run: {self.monitoring_seconds / 60:,.0f} min",
            f"in all: {self.machine_cores} cores, {gigabytes(self.machine_bytes)} of memory, on {self.engine}",
            *(f"because {reason}" for reason in self.reasons),
            *([f"under Compose: {' '.join(self.compose_memory)}"] if self.compose_memory else []),
        ]


COMPOSE, SWARM = "Compose, one machine", "Swarm"
DATABASE_APART = "Compose, PostgreSQL on a host of its own"
WORKER, DASK = "the Prefect worker", "Dask"
COMPOSE_MEMORY = {"API_MEMORY": 768, "FEATURES_MEMORY": 512, "POSTGRES_MEMORY": 1024, "WORKER_MEMORY": 6144}
"""What docker-compose.yml lets containers hold, MiB."""
REPLICA_WORKERS = 2
OTHERS_CORES, OTHERS_BYTES = 3.0, 6e9
"""MLflow, Prefect's server and worker, gateway and watchman, as the Compose file bounds them, training left out."""


def plan(demand: Demand, costs: UnitCosts, policy: CapacityPolicy | None = None) -> CapacityPlan:
    """Return what a site needs.

    Examples
    --------
    >>> costs = UnitCosts(*[0.001] * 17)
    >>> plan(Demand(3, 920, 600), costs).api_cores
    1.0
    """
    policy = policy or CapacityPolicy()
    need = _Need(demand, costs, policy)
    return CapacityPlan(*(getattr(need, figure.name) for figure in fields(CapacityPlan)))


@dataclass(frozen=True)
class _Need:
    """The arithmetic, a line each."""

    demand: Demand
    costs: UnitCosts
    policy: CapacityPolicy

    @property
    def api_cores(self) -> float:
        return self.demand.requests_per_second * self.costs.prediction_seconds / self.policy.utilisation

    @property
    def api_workers(self) -> int:
        """Return one worker a core, and never fewer than two: one that is replaced leaves one that answers."""
        return max(2, math.ceil(self.api_cores))

    @property
    def api_bytes(self) -> float:
        return self.api_workers * (self.costs.worker_bytes + self.policy.held_states * self.state_bytes)

    @property
    def shipping_cores(self) -> float:
        return self.demand.requests_per_second * self.costs.shipping_seconds / self.policy.utilisation

    @property
    def shippers(self) -> int:
        return max(1, math.ceil(self.shipping_cores))

    @property
    def predictions_a_day(self) -> float:
        return self.demand.requests_per_second / self.policy.peak_to_mean * DAY_SECONDS

    @property
    def months(self) -> int:
        """Return the months that are stored: those kept, and the current one."""
        return self.demand.keep_months + 1

    @property
    def log_bytes(self) -> float:
        return self.predictions_a_day * DAYS_A_MONTH * self.months * self.costs.prediction_bytes

    @property
    def events_bytes(self) -> float:
        weather = self.demand.airports * WEATHER_A_DAY * self.costs.observation_bytes
        a_day = self.demand.flights_per_day * self.costs.flight_bytes + weather
        return a_day * DAYS_A_MONTH * self.months

    @property
    def state_bytes(self) -> float:
        of_airports = self.demand.airports * self.costs.state_bytes_an_airport
        return of_airports + self.demand.flights_per_day * self.costs.state_bytes_a_daily_flight

    @property
    def states_bytes(self) -> float:
        return self.state_bytes * self.policy.stored_days * (DAY_MINUTES // GRID_MINUTES)

    @property
    def postgres_bytes(self) -> float:
        return self.log_bytes + self.events_bytes + self.states_bytes

    @property
    def postgres_memory(self) -> float:
        read = self.predictions_a_day * self.costs.prediction_bytes + self.events_bytes / self.months
        return max(1e9, self.policy.shared_buffers * read)

    @property
    def tick_seconds(self) -> float:
        return self.costs.tick_seconds + self.demand.flights_per_day * self.costs.tick_seconds_a_daily_flight

    @property
    def refresher_bytes(self) -> float:
        of_flights = self.demand.flights_per_day * self.costs.refresher_bytes_a_daily_flight
        return self.costs.refresher_bytes + of_flights

    @property
    def training_rows(self) -> int:
        return self.demand.flights_per_day * self.policy.training_days * self.policy.questions_a_flight

    @property
    def training_core_hours(self) -> float:
        return self.training_rows * self.costs.training_seconds_a_row / 3600

    @property
    def training_bytes(self) -> float:
        return self.costs.training_bytes + self.training_rows * self.costs.training_bytes_a_row

    @property
    def monitoring_seconds(self) -> float:
        of_predictions = self.predictions_a_day * self.costs.monitoring_seconds_a_prediction
        return self.costs.monitoring_seconds + of_predictions

    @property
    def _cores(self) -> float:
        of_ticks = self.tick_seconds / (GRID_MINUTES * 60) / self.policy.utilisation
        return self.api_cores + self.shipping_cores + of_ticks + OTHERS_CORES

    @property
    def machine_cores(self) -> int:
        return math.ceil(self._cores)

    @property
    def machine_bytes(self) -> float:
        return self.api_bytes + self.postgres_memory + self.refresher_bytes + OTHERS_BYTES

    @property
    def engine(self) -> str:
        """Return what does: where one machine does not, more machines, or only another one for PostgreSQL."""
        if not self._serving_reasons:
            return COMPOSE
        without = self.machine_bytes - self.postgres_memory
        fits = self._cores <= self.policy.machine_cores and without <= self.policy.machine_bytes
        return DATABASE_APART if fits else SWARM

    @property
    def training_engine(self) -> str:
        return DASK if self._training_reasons else WORKER

    @property
    def reasons(self) -> tuple[str, ...]:
        return self._serving_reasons + self._training_reasons

    @property
    def compose_memory(self) -> tuple[str, ...]:
        held = {
            "API_MEMORY": self.api_bytes / self.api_workers * REPLICA_WORKERS,
            "FEATURES_MEMORY": self.refresher_bytes,
            "POSTGRES_MEMORY": self.postgres_memory,
            "WORKER_MEMORY": self.training_bytes if self.training_engine == WORKER else 0.0,
        }
        needed = {name: size / 2**20 for name, size in held.items()}
        return tuple(
            f"{name}={math.ceil(self.policy.memory_headroom * size)}m"
            for name, size in needed.items()
            if size > COMPOSE_MEMORY[name]
        )

    @property
    def _serving_reasons(self) -> tuple[str, ...]:
        """Return why one machine does not do."""
        limits, memory, disk = self.policy, gigabytes(self.machine_bytes), gigabytes(self.postgres_bytes)
        return _over(
            (self._cores, limits.machine_cores, f"{self._cores:,.0f} cores are needed"),
            (self.machine_bytes, limits.machine_bytes, f"{memory} of memory are needed"),
            (self.postgres_bytes, limits.machine_disk, f"{disk} of disk are needed"),
            (
                self.tick_seconds,
                GRID_MINUTES * 60 * limits.utilisation,
                f"a tick takes {self.tick_seconds:,.0f} s",
            ),
        )

    @property
    def _training_reasons(self) -> tuple[str, ...]:
        """Return why the worker of one machine does not train."""
        limits = self.policy
        hours = self.training_core_hours / limits.machine_cores
        memory = gigabytes(self.training_bytes)
        return _over(
            (self.training_bytes, limits.machine_bytes / 2, f"training takes {memory} of memory"),
            (hours, limits.training_hours, f"training takes {hours:,.0f} hours of all cores"),
        )


def _over(*bounds: tuple[float, float, str]) -> tuple[str, ...]:
    """Return what is said of the values that exceed their limits."""
    return tuple(said for value, limit, said in bounds if value > limit)


def gigabytes(value: float) -> str:
    """Write bytes as people read them.

    Examples
    --------
    >>> gigabytes(1_500_000_000), gigabytes(260_000), gigabytes(4e12)
    ('1.5 GB', '0.3 MB', '4.0 TB')
    """
    for unit, size in (("TB", 1e12), ("GB", 1e9)):
        if value >= size:
            return f"{value / size:,.1f} {unit}"
    return f"{value / 1e6:,.1f} MB" if value < 1e8 else f"{value / 1e6:,.0f} MB"


def _require(option: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InvalidInput(f"--{option}", f"a number from {low:,} to {high:,}", value)
