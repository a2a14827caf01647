"""Sixty nights on which nothing goes wrong: how often the rules page all the same.

Whole weeks of the champion's training months are drawn with replacement and laid one after another: traffic keeps
its weekdays and local hours, weather its days. The first four weeks are what the rules compare with. Predictions are
those of models that did not see the week. What only a running service can show, its latency say, is not measured.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from adapters.prediction_log import PredictionColumns
from domain.clock import NEVER, minute_floor
from domain.flights import FlightFacts, Floats, Ints, WeatherFacts
from monitoring import performance, quality, rules, windows
from monitoring.measures import ALL, Measure
from training.training_set import TrainingSet

NEW_YORK = ZoneInfo("America/New_York")
NIGHTS = 60
WEEK = timedelta(days=7)
FIRST_DAY = date(2013, 11, 11)
"""The drawn weeks are laid from this Monday on: no change of the clocks for seventeen weeks."""
TRAILING_WEEKS = 4
KNOWN = ("scheduled_known", "dep_known", "arr_known", "cancelled_known")
PAGES = ("warning", "critical")

Drift = Callable[[Floats, Floats], Sequence[Measure]]
"""Measures of a night's vectors and probabilities against the reference."""


@dataclass(frozen=True)
class Months:
    """The months that weeks are drawn from."""

    flights: FlightFacts
    weather: WeatherFacts
    rows: TrainingSet
    probability: Floats
    """Of each row, by a model that did not see its week."""


@dataclass(frozen=True)
class Laid:
    """Drawn weeks, one after another from `FIRST_DAY` on."""

    flights: FlightFacts
    weather: WeatherFacts
    source: dict[date, date]
    """The drawn day that each day is made of."""


def mondays(first: date, last: date) -> list[date]:
    """Give the Mondays of the whole weeks within some days, both included.

    Examples
    --------
    >>> [day.isoformat() for day in mondays(date(2013, 1, 1), date(2013, 1, 20))]
    ['2013-01-07', '2013-01-14']
    """
    monday = first + timedelta(days=-first.weekday() % 7)
    return [monday + WEEK * i for i in range(((last - monday).days + 1) // 7)]


def drawn(weeks: Sequence[date], seed: int, nights: int = NIGHTS) -> list[date]:
    """Draw as many weeks as the nights and the weeks before them take."""
    count = TRAILING_WEEKS + -(-nights // 7)
    return [weeks[i] for i in np.random.default_rng(seed).integers(0, len(weeks), count)]


def lay(months: Months, weeks: Sequence[date]) -> Laid:
    """Lay drawn weeks one after another, each moved by whole days of local time."""
    day = np.array([_day(name) for name in months.flights.flight_id.tolist()], dtype="datetime64[D]")
    seen = _days_of(months.weather.observed)
    flights, weather, source = [], [], {}
    for i, week in enumerate(weeks):
        target = FIRST_DAY + WEEK * i
        minutes = _minutes_between(week, target)
        flights.append(_moved_flights(months.flights.take(_within(day, week)), minutes, target - week))
        weather.append(_moved_weather(months.weather.take(_within(seen, week)), minutes))
        source |= {target + timedelta(days=n): week + timedelta(days=n) for n in range(7)}
    return Laid(_joined(flights, "sched_dep"), _joined(weather, "known"), source)


def nights_of(laid: Laid, months: Months, drift: Drift, nights: int = NIGHTS) -> Iterator[list[rules.Alert]]:
    """Judge the nights after the first four weeks, each with the history of those before it."""
    history: dict[str, list[tuple[str, float, int | None]]] = {}
    first = FIRST_DAY + WEEK * TRAILING_WEEKS
    for day in (first + timedelta(days=i) for i in range(nights)):
        for measure in measures_of(laid, months, drift, day):
            if measure.slice == ALL:
                history.setdefault(measure.name, []).insert(0, (day.isoformat(), measure.value, measure.n))
        yield rules.evaluate(rules.NIGHTLY, history)


def measures_of(laid: Laid, months: Months, drift: Drift, day: date) -> list[Measure]:
    """Measure one night by the nightly flow's own functions."""
    as_of = windows.night_of(day)
    now = minute_floor(as_of)
    start = minute_floor(datetime.combine(day, time(), UTC)) - (quality.TRAILING_DAYS + 1) * 1440
    flights = laid.flights.take((laid.flights.sched_dep >= start) & (laid.flights.sched_dep <= now + 2880))
    labelled = flights.flight_id[flights.arr_known <= now]
    weather = laid.weather.take((laid.weather.known >= start) & (laid.weather.known <= now))
    rows = months.rows.day == int(f"{laid.source[day]:%Y%m%d}")
    predictions = _predictions(months.rows.take(rows), months.probability[rows])
    return [
        *quality.measure_quality(flights.known_by(now), weather, labelled, day, as_of).measures,
        *performance.measure_realised(predictions),
        *performance.measure_estimated(predictions),
        *drift(predictions.features, predictions.probability),
    ]


def openings(nights: Sequence[Sequence[rules.Alert]]) -> list[rules.Alert]:
    """Keep of each rule's alerts those that open: it did not fire the night before, so they would be sent."""
    opened, before = [], set()
    for alerts in nights:
        opened += [alert for alert in alerts if alert.rule not in before]
        before = {alert.rule for alert in alerts}
    return opened


def summary(draws: Sequence[Sequence[Sequence[rules.Alert]]]) -> dict[str, Any]:
    """Tell how many pages the nights of each draw had, and by which rules."""
    pages = [[a for a in openings(nights) if a.severity in PAGES] for nights in draws]
    return {
        "nights": len(draws[0]) if draws else 0,
        "draws": len(draws),
        "pages": [len(found) for found in pages],
        "pages_in_60_nights": round(sum(map(len, pages)) / max(len(pages), 1), 2),
        "rules": sorted({alert.rule for found in pages for alert in found}),
        "messages": [alert.message for found in pages for alert in found],
    }


def _day(flight_id: str) -> str:
    return f"{flight_id[-8:-4]}-{flight_id[-4:-2]}-{flight_id[-2:]}"


def _days_of(minutes: Ints) -> np.ndarray:
    """Local days, by the zone's offset in winter: an hour of weather on the border matters little."""
    return (minutes - 300).astype("datetime64[m]").astype("datetime64[D]")


def _within(day: np.ndarray, week: date) -> np.ndarray:
    return (day >= np.datetime64(week)) & (day < np.datetime64(week + WEEK))


def _minutes_between(source: date, target: date) -> int:
    """Minutes that move a local time of one day to the same local time of another."""
    moments = [datetime.combine(day, time(12), NEW_YORK).astimezone(UTC) for day in (source, target)]
    return (moments[1] - moments[0]) // timedelta(minutes=1)


def _moved_flights(flights: FlightFacts, minutes: int, days: timedelta) -> FlightFacts:
    names = [
        f"{name[:-8]}{date.fromisoformat(_day(name)) + days:%Y%m%d}" for name in flights.flight_id.tolist()
    ]
    known = {name: getattr(flights, name) for name in KNOWN}
    return replace(
        flights,
        flight_id=np.array(names),
        sched_dep=flights.sched_dep + minutes,
        sched_arr=flights.sched_arr + minutes,
        **{name: np.where(value < NEVER, value + minutes, NEVER) for name, value in known.items()},
    )


def _moved_weather(weather: WeatherFacts, minutes: int) -> WeatherFacts:
    return replace(weather, observed=weather.observed + minutes, known=weather.known + minutes)


def _joined(parts: Sequence[Any], order: str) -> Any:
    names = [name for name in parts[0].__dataclass_fields__ if name != "network"]
    whole = replace(parts[0], **{n: np.concatenate([getattr(part, n) for part in parts]) for n in names})
    return whole.take(np.argsort(getattr(whole, order), kind="stable"))


def _predictions(rows: TrainingSet, probability: Floats) -> PredictionColumns:
    """The rows as a log of predictions would hold them."""
    n, none = len(rows), np.full(len(rows), -1, dtype=np.int64)
    return PredictionColumns(
        prediction_id=rows.flight_id,
        flight_id=rows.flight_id,
        carrier=rows.carrier,
        origin=rows.origin,
        dest=rows.dest,
        sched_dep=rows.queries.sched_dep,
        sched_arr=rows.queries.sched_arr,
        as_of=rows.queries.as_of,
        lead_minutes=rows.lead,
        state_tick=rows.queries.as_of,
        contract_hash=np.full(n, rows.contract_hash),
        probability=probability,
        model_version=none,
        challenger_version=none,
        challenger_probability=np.full(n, np.nan),
        latency_us=np.zeros(n, dtype=np.int64),
        arr_delay_minutes=np.full(n, np.nan),
        is_late=rows.y.astype(np.float64),
        features=rows.X,
    )
