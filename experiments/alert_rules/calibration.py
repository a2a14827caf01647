"""How often the rules page in the dataset's year as it was: `ontime calibrate-alerts`.

Every day from March on is measured as the flow measures it: the feeds by what was known then, the model by one
fitted on the three months before and fitted again each month. What only a running stack shows is left out.
"""

import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from adapters.settings import Settings
from adapters.terminal import Say
from data.dataset import load_dataset
from data.facts import FactsInMemory, facts_of
from data.site import NEW_YORK, Period, Site, site_of
from domain.clock import minute_floor
from domain.flights import FlightFacts, Floats, Strings, WeatherFacts
from domain.metrics import Labels, auc, log_loss_gap
from domain.monitored import ALL
from experiments import measured
from experiments.rows import months
from monitoring.calibration import CalibrationPolicy, FalsePages, calibrated, false_pages
from monitoring.measures import Measure
from monitoring.performance import measure_evidence
from monitoring.quality import TRAILING_DAYS, measure_quality
from monitoring.rules import LOSES_MORE, NIGHTLY
from monitoring.windows import run_moment
from training.train import TreeParameters, fit_trees
from training.training_set import HEADLINE_LEAD, TrainingSet, build

SET_ON = "April to August, on which the newer bounds were set"
SET_UNTIL = date(2013, 8, 31)
HELD_OUT = "September to December"
"""False pages are counted on each apart: on days that set a bound they are few by construction."""
SET_EARLY = ("hours have moved", LOSES_MORE)
"""Rules whose bounds were set on days up to August; those of the others were set on the whole year."""
SETTLES = timedelta(days=7)
"""The first days of a data set have no history yet."""
ALL_KNOWN = timedelta(days=3)
"""Of later days it is not known how they went on."""
MONTHS_BEFORE = 3
PARAMETERS = TreeParameters(n_trees=150, learning_rate=0.08)
"""Fewer and larger steps than the champion's: what is measured is the rules."""
HOURS_30_DAYS = (TRAILING_DAYS + 3) * 1440


def calibrate(settings: Settings, say: Say) -> Path:
    """Measure the days, count the pages, and write var/reports/alert-calibration.json; return its path."""
    site = site_of(settings.state_dir / "data")
    days = Period(site.replay_from, site.last_day - ALL_KNOWN)
    flights, weather = facts_of(load_dataset(settings.state_dir / "data").events)
    history = _feeds(flights, weather, days, say)
    history |= _performance(FactsInMemory(flights, weather), site, days, say)
    policy = CalibrationPolicy()
    widened = {rule.name: rule.bound for rule in calibrated(NIGHTLY, history, policy)}
    found = {
        "days_drawn_from": f"{days.first} to {days.last}",
        "block_days": policy.block_days,
        "draws": policy.draws,
        "pages_in_60_days": _as_dict(false_pages(history, NIGHTLY, policy)),
        "by_part": {
            name: _as_dict(false_pages(_days_of(history, days, part), NIGHTLY, policy))
            for name, part in parts_of_year(site, days).items()
        },
        "rules": [
            {
                "rule": rule.name,
                "metric": rule.metric,
                "bound": rule.bound,
                "above": rule.above,
                "most_extreme": _extreme(history[rule.metric], rule.above),
                "calibrated_bound": widened[rule.name],
            }
            for rule in NIGHTLY
            if rule.metric in history
        ],
    }
    return measured.write(settings, "alert-calibration", found, "make calibrate-alerts")


def parts_of_year(site: Site, days: Period) -> dict[str, Period]:
    """Return the days on which bounds were set, and the others; of another site than New York all are others."""
    if site != NEW_YORK:
        return {f"{days.first} to {days.last}": days}
    return {
        SET_ON: Period(days.first, SET_UNTIL),
        HELD_OUT: Period(SET_UNTIL + timedelta(days=1), days.last),
    }


def _days_of(history: dict[str, Floats], days: Period, part: Period) -> dict[str, Floats]:
    """Return the values of some of the days."""
    rows = slice((part.first - days.first).days, (part.last - days.first).days + 1)
    return {name: values[rows] for name, values in history.items()}


def _as_dict(pages: FalsePages) -> dict[str, Any]:
    return {
        "mean": round(pages.mean, 3),
        "share_of_draws_above_one": round(pages.share_above_one, 4),
        "by_rule": {name: round(value, 3) for name, value in pages.by_rule.items()},
    }


def _extreme(values: Floats, above: bool) -> float:
    return round(float(np.nanmax(values) if above else np.nanmin(values)), 4)


def _feeds(flights: FlightFacts, weather: WeatherFacts, days: Period, say: Say) -> dict[str, Floats]:
    """Return the measures of the feeds of every day, oldest first."""
    found: list[dict[str, float]] = []
    started = time.monotonic()
    for i, day in enumerate(days):
        found.append({m.name: m.value for m in feed_measures(flights, weather, day)})
        if i % 60 == 59:
            left = (time.monotonic() - started) / (i + 1) * (len(days) - i - 1)
            say(f"  {i + 1} of {len(days)} days of feeds, {left:.0f} s left")
    return _by_measure(found)


def _by_measure(found: list[dict[str, float]]) -> dict[str, Floats]:
    """Return the values of the days by measure; NaN where a day lacks it."""
    names = dict.fromkeys(name for day in found for name in day)
    return {name: np.array([day.get(name, np.nan) for day in found]) for name in names}


def feed_measures(flights: FlightFacts, weather: WeatherFacts, day: date) -> list[Measure]:
    """Return the measures of the feeds of a day, all slices together, by what was known when the flow measures it."""
    as_of = run_moment(day)
    now = minute_floor(as_of)
    near = (flights.sched_dep > now - HOURS_30_DAYS) & (flights.sched_dep < now + 1440)
    known = flights.take(near).known_by(now)
    observed = weather.take((weather.known > now - HOURS_30_DAYS) & (weather.known <= now))
    labelled = known.flight_id[known.arr_known <= now]
    return [m for m in measure_quality(known, observed, labelled, day, as_of).measures if m.slice == ALL]


def _performance(store: FactsInMemory, site: Site, days: Period, say: Say) -> dict[str, Floats]:
    """Return the measures of the model on every day, by models that did not see it."""
    scored = score(store, site, days, say)
    found = _by_measure([performance_measures(*scored.of(day)) for day in days])
    gaps = [
        (len(scored.of(day)[0]), gap) for day, gap in zip(days, found["log_loss_gap"].tolist(), strict=True)
    ]
    evidence = [measure_evidence(gaps[: i + 1])[0].value for i in range(len(gaps))]
    return found | {"performance_evidence": np.array(evidence)}


@dataclass(frozen=True)
class Scored:
    """The year's questions at the headline lead, and what a model that did not see their day says of them."""

    rows: TrainingSet
    probability: Floats
    """NaN on days that nothing was asked of."""

    def of(self, day: date) -> tuple[Labels, Floats]:
        """Return outcomes and probabilities of a day."""
        own = self.rows.day == _number(day)
        return self.rows.y[own], self.probability[own]

    def flights(self, day: date) -> Strings:
        """Return the flights of a day, in the same order."""
        names: Strings = self.rows.flight_id[self.rows.day == _number(day)]
        return names


def score(store: FactsInMemory, site: Site, days: Period, say: Say) -> Scored:
    """Score the questions of some days, each month by a model fitted on the three before it."""
    say("  vectors of the year")
    rows = build(store, site.first_day + SETTLES, days.last, site.complete, (HEADLINE_LEAD,), 0)
    probability = np.full(len(rows), np.nan)
    for first, last in months(days.first, days.last):
        say(f"  a model for {first:%B}")
        scored = np.isin(rows.day, [_number(day) for day in Period(first, last)])
        probability[scored] = _fitted_before(rows, first, rows.take(scored).X)
    return Scored(rows, probability)


def _number(day: date) -> int:
    return int(f"{day:%Y%m%d}")


def _fitted_before(rows: TrainingSet, day: date, vectors: Floats) -> Floats:
    counted, month = rows.day // 10_000 * 12 + rows.day // 100 % 100, day.year * 12 + day.month
    before = (counted < month) & (counted >= month - MONTHS_BEFORE)
    return fit_trees(rows.take(before), PARAMETERS, day.month).probability(vectors)


def performance_measures(late: Labels, p: Floats) -> dict[str, float]:
    """Return the measures of a day's performance that rules are about; none of a day without flights."""
    if not len(late):
        return {}
    return {
        "realised_auc": auc(late, p),
        "log_loss_gap": log_loss_gap(late, p),
        "late_rate_gap": float(late.mean() - p.mean()),
    }
