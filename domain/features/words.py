"""Every feature in words, so that an explanation can be read by who does not know its name."""

import re

from domain.features.catalogue import FEATURES

KINDS = {
    "network": "all departures",
    "origin": "departures from this airport",
    "origin_carrier": "this carrier's departures from this airport",
    "carrier": "this carrier's flights",
    "dest": "flights to this destination",
    "route": "flights on this route",
    "sector": "flights as far in this direction",
    "origin_hour": "departures from this airport at this hour",
    "carrier_hour": "this carrier's departures from this airport at this hour",
    "carrier_route": "this carrier's flights on this route",
    "flight": "this flight number",
}
WINDOWS = {
    "1h": "hour",
    "3h": "3 hours",
    "6h": "6 hours",
    "12h": "12 hours",
    "24h": "24 hours",
    "30d": "30 days",
}
SCHEDULED = "scheduled in the last {window}"
MEASURES = {
    "cohort_lateness": f"mean lateness by now of {{kind}} {SCHEDULED}",
    "cohort_lateness_max": f"largest lateness by now among {{kind}} {SCHEDULED}",
    "cohort_late_share": f"share of {{kind}} {SCHEDULED} that are late by now",
    "cohort_waiting": f"{{kind}} {SCHEDULED} and still waiting to leave",
    "cohort_excess": f"lateness beyond the usual for the hour of {{kind}} {SCHEDULED}",
    "cohort": f"{{kind}} {SCHEDULED}",
    "cancelled": "{kind} cancelled or diverted in the last {window}",
    "departures": "{kind} that left in the last {window}",
    "departure_delay": "mean departure delay of {kind} that left in the last {window}",
    "departure_late_share": "share of {kind} that left late in the last {window}",
    "queue": "{kind} past their time that have not left",
    "queue_wait": "mean wait of {kind} past their time that have not left",
    "coming": "{kind} scheduled in the coming {window}",
    "arrivals": "{kind} that arrived in the last {window}",
    "arrival_delay": "mean arrival delay of {kind} in the last {window}",
    "late_share": "share of {kind} that arrived late in the last {window}",
    "en_route_loss": "minutes lost between departure and arrival by {kind} in the last {window}",
    "elapsed_excess": "gate-to-gate time beyond the usual of {kind} in the last {window}",
    "air_time_excess": "air time beyond the usual of {kind} in the last {window}",
    "elapsed": "mean gate-to-gate time of {kind} in the last {window}",
    "air_time": "mean air time of {kind} in the last {window}",
    "usual_late_share": "usual share of {kind} that arrives late",
    "usual_delay": "usual arrival delay of {kind}",
    "usual_loss": "minutes usually lost between departure and arrival by {kind}",
}
WEATHER = {
    "temp_f": "temperature",
    "dewpoint_f": "dewpoint",
    "humidity_pct": "relative humidity",
    "wind_speed_mph": "wind speed",
    "wind_gust_mph": "gusts",
    "precip_in": "precipitation",
    "pressure_mb": "air pressure",
    "visibility_mi": "visibility",
    "wind_from_east": "wind from the east",
    "wind_from_north": "wind from the north",
    "dewpoint_spread": "temperature above the dewpoint",
}
OWN = {
    "carrier_code": "the carrier",
    "origin_code": "the origin",
    "dest_code": "the destination",
    "lead_minutes": "how long before departure it is asked",
    "departure_minute_local": "scheduled departure, local time",
    "departure_hour_sine": "scheduled departure on the 24-hour clock, sine",
    "departure_hour_cosine": "scheduled departure on the 24-hour clock, cosine",
    "arrival_minute_local": "scheduled arrival, local time",
    "weekday": "the weekday",
    "days_since_holiday": "days since the last holiday",
    "days_until_holiday": "days until the next holiday",
    "block_minutes": "scheduled gate-to-gate time",
    "distance_miles": "distance",
    "scheduled_speed": "distance a minute of scheduled time",
    "padding": "scheduled time beyond the route's usual gate-to-gate time",
    "padding_less_wind": "scheduled time beyond the route's usual, today's winds taken off",
    "turn_minutes": "scheduled time on the ground since the last leg of its aircraft",
    "turn_slack": "time on the ground that the last leg of its aircraft leaves by now",
    "turn_inbound_delay": "lateness by now of the last leg of its aircraft",
    "turn_inbound_gone": "whether its aircraft has left on its last leg",
    "turn_inbound_there": "whether its aircraft has arrived from its last leg",
    "turn_inbound_here": "whether the last leg of its aircraft ends at this airport",
    "turn_estimated_delay": "departure delay that the airline expects",
    "slack": "scheduled time beyond what today's winds and this hour's taxiing take",
}
SUMS = {
    "precip_in_sum": "precipitation of the last {window}",
    "low_visibility_hours": "hours of low visibility in the last {window}",
    "wind_gust_mph_max": "strongest gust of the last {window}",
}
SUM = re.compile(rf"weather_({'|'.join(SUMS)})_(\w+)")
TREND = re.compile(r"weather_(\w+)_trend_(\w+)")
STATE = re.compile(rf"({'|'.join(sorted(KINDS, key=len, reverse=True))})_(\w+?)(?:_({'|'.join(WINDOWS)}))?")


def words(name: str) -> str:
    """Return what a feature is.

    Raises
    ------
    KeyError
        If there are no words for it: every feature of the catalogue has some.

    Examples
    --------
    >>> words("origin_queue")
    'departures from this airport past their time that have not left'
    >>> words("weather_pressure_mb_trend_3h")
    'change of air pressure over 3 hours'
    """
    if name in OWN:
        return OWN[name]
    if name.startswith("margin_"):
        kind = KINDS[name.removeprefix("margin_")]
        return f"lateness of {kind} in the last 3 hours less this flight's own slack"
    if name.startswith("weather_"):
        return _weather(name)
    found = STATE.fullmatch(name)
    if found is None:
        raise KeyError(name)
    kind, measure, window = found.groups()
    return MEASURES[measure].format(kind=KINDS[kind], window=WINDOWS[window] if window else "")


def _weather(name: str) -> str:
    trend = TREND.fullmatch(name)
    if trend:
        return f"change of {WEATHER[trend[1]]} over {WINDOWS[trend[2]]}"
    total = SUM.fullmatch(name)
    if total:
        return SUMS[total[1]].format(window=WINDOWS[total[2]])
    measure = name.removeprefix("weather_")
    if measure.endswith("_nearby"):
        return f"{WEATHER[measure.removesuffix('_nearby')]} at the airports nearby"
    return WEATHER[measure]


WORDS: dict[str, str] = {f.name: words(f.name) for f in FEATURES}
UNITS: dict[str, str] = {f.name: f.unit for f in FEATURES}
