"""How a model is trained, the first and every later one: which days, how they are split, what the gate looks at.

The window reaches back a year, so that it holds every season once and none twice: on 2013 retrains every two weeks
lost 0.002 nats less with every day since January than with the newest 120 days, most of it from September on, when
the spring has left the shorter window. `make policies` measures what a window and a policy are worth.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta

from domain.flights import Floats
from training.gate import Comparison, GatePolicy
from training.split import SplitPolicy
from training.training_set import TrainingSet


@dataclass(frozen=True)
class RetrainPlan:
    """What every retrain does the same way; who starts with less than a window has what is there."""

    window_days: int = 365
    split: SplitPolicy = field(default_factory=lambda: SplitPolicy(evaluation_days=5))
    gate: GatePolicy = field(default_factory=GatePolicy)

    def window(self, day: date) -> tuple[date, date]:
        """Return the first and last day that a retrain of a day trains and is evaluated on.

        Examples
        --------
        >>> [day.isoformat() for day in RetrainPlan(window_days=3).window(date(2013, 4, 5))]
        ['2013-04-02', '2013-04-04']
        """
        # On the newest day some flights are still in the air, most of them late: its labels would flatter.
        matured = day - timedelta(days=1)
        return matured - timedelta(days=self.window_days - 1), matured


def comparison(
    rows: TrainingSet,
    candidate: Floats,
    champion: Floats | None,
    baselines: dict[str, Floats],
    microseconds: float,
    megabytes: float,
) -> Comparison:
    """Lay out for the gate what a candidate, the champion and the baselines say of the held-out rows."""
    return Comparison(
        late=rows.y,
        day=rows.day,
        candidate=candidate,
        champion=champion,
        baselines=baselines,
        slices={"origin": rows.origin, "carrier": rows.carrier},
        microseconds=microseconds,
        megabytes=megabytes,
    )
