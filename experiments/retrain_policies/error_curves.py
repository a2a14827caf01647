"""`make error-curves`: how often an account removes what is sound, and how soon it finds what is not.

From the real day-to-day differences of refits over 2013: each Monday's candidate against the fit one cadence before
it, on every day that neither was fitted on, from the first held-out day on. A pair's mean is taken off, so that what
is left is how days scatter, in their order: a window of days stays a block, with its weather. A harm is added, and the
account is kept as production keeps it: over the held-out days, and then until the next promotion, four weeks at most.

Bounds are chosen by nobody here: the curves are given for April to August and for September to December apart, so that
a setting chosen on the one can be read on the other.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from domain.evidence import EvidencePolicy, martingale
from domain.flights import Floats
from domain.metrics import log_losses
from experiments.markdown import table
from experiments.measured import origin
from experiments.retrain_policies.candidates import Candidate
from experiments.retrain_policies.year import Year, day_number

HARMS = (0.0, 0.002, 0.003, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1)
"""Log-loss a candidate loses in the mean, in nats; up to the margin it is sound."""
ALPHAS = (0.01, 0.05, 0.1, 0.2)
MARGINS = (0.0, 0.002, 0.005)
CADENCES = (1, 2, 4)
"""Weeks between the two fits that are compared."""
HELD_OUT_DAYS = 5
SEPTEMBER = date(2013, 9, 1)
COLUMNS = ("harm, nats a day", "passes the gate", "removed within the windows", "days, median", "days, 90%")
PARTS = ("April to August", "September to December")


@dataclass(frozen=True)
class Pair:
    """Daily differences of two fits on days that neither was fitted on; negative = the later fit is better."""

    days: tuple[int, ...]
    """YYYYMMDD, ascending."""
    difference: Floats
    """Mean log-loss of the later fit less the earlier's, in nats, shape (n_days,)."""


def pairs_of(year: Year, fits: Sequence[Candidate], apart: int, ends: date) -> list[Pair]:
    """Return each fit against the one `apart` places before it."""
    found = []
    for earlier, later in zip(fits, fits[apart:], strict=False):
        rows = np.flatnonzero(
            (year.rows.day >= year.rows.day[later.held_out[0]]) & (year.rows.day <= day_number(ends))
        )
        late = year.rows.y[rows]
        gap = log_losses(late, later.probability[rows]) - log_losses(late, earlier.probability[rows])
        days, position, counts = np.unique(year.rows.day[rows], return_inverse=True, return_counts=True)
        found.append(Pair(tuple(days.tolist()), np.bincount(position.reshape(-1), gap) / counts))
    return found


def account_days(apart: int, policy: EvidencePolicy) -> int:
    """Return for how many days an account is kept where a fit is promoted every so many weeks.

    Examples
    --------
    >>> account_days(1, EvidencePolicy()), account_days(2, EvidencePolicy()), account_days(9, EvidencePolicy())
    (12, 19, 33)
    """
    return HELD_OUT_DAYS + min(policy.watch_days, 7 * apart)


def series_of(pairs: Sequence[Pair], length: int, part: str) -> list[Floats]:
    """Return the differences of one part of the year, of each pair that has so many days there.

    Each is centred on its pair's mean, shape (n_days,).
    """
    border = day_number(SEPTEMBER)
    found = []
    for pair in pairs:
        days = np.array(pair.days)
        mine = days < border if part == PARTS[0] else days >= border
        x = (pair.difference - pair.difference.mean())[mine]
        if len(x) >= length:
            found.append(x)
    return found


def windows_of(series: Sequence[Floats], length: int) -> Floats:
    """Return every window of some days in a row of each series, shape (n, length)."""
    found = [np.lib.stride_tricks.sliding_window_view(x, length) for x in series]
    return np.concatenate(found) if found else np.empty((0, length))


def curve(windows: Floats, harm: float, policy: EvidencePolicy) -> dict[str, Any]:
    """Return how often a harm passes the gate, how often it is ever removed, and after how many days.

    Returns
    -------
    dict
        passes_gate: share not convicted on the held-out days; removed: share convicted by the end of the windows;
        days_median, days_90: days until that share of them is convicted, None where that never happens.
    """
    over = martingale(windows + harm, policy) >= 1 / policy.alpha
    after = np.where(over.any(axis=1), over.argmax(axis=1) + 1.0, np.inf)
    quantiles = np.quantile(after, [0.5, 0.9], method="higher")
    return {
        "harm": harm,
        "passes_gate": round(float((after > HELD_OUT_DAYS).mean()), 4),
        "removed": round(float(np.isfinite(after).mean()), 4),
        **{
            name: int(days) if np.isfinite(days) else None
            for name, days in zip(("days_median", "days_90"), quantiles, strict=True)
        },
    }


def error_curves(year: Year, fits: Sequence[Candidate], ends: date) -> dict[str, Any]:
    """Return the curves by alpha, margin and cadence, each for both parts of the year."""
    own = EvidencePolicy()
    settings = [
        *((1, replace(own, alpha=alpha)) for alpha in ALPHAS),
        *((1, replace(own, margin=margin)) for margin in MARGINS if margin != own.margin),
        *((apart, own) for apart in CADENCES[1:]),
    ]
    curves = []
    for apart, policy in settings:
        pairs, days = pairs_of(year, fits, apart, ends), account_days(apart, policy)
        for part in PARTS:
            series = series_of(pairs, days, part)
            windows = windows_of(series, days)
            curves.append(
                {
                    "part": part,
                    "alpha": policy.alpha,
                    "margin": policy.margin,
                    "cadence_days": 7 * apart,
                    "days": days,
                    "windows": len(windows),
                    "pairs": len(series),
                    "deviation": round(float(np.concatenate(series).std()), 5) if series else None,
                    "lag_1": round(_lag(series), 3) if series else None,
                    "by_harm": [curve(windows, harm, policy) for harm in HARMS] if len(windows) else [],
                }
            )
    return {
        "held_out_days": HELD_OUT_DAYS,
        "fits": len(fits),
        "year": year.fingerprint,
        "policy": asdict(own),
        "curves": curves,
    }


def _lag(series: Sequence[Floats]) -> float:
    """Return the mean correlation of a day's difference with that of the day before."""
    return float(np.mean([np.corrcoef(x[1:], x[:-1])[0, 1] for x in series]))


def page(found: dict[str, Any]) -> str:
    """Return the page: a table for each setting."""
    lines = [
        "<!-- Written by `make error-curves`; run it again instead of editing. -->\n"
        "# Error curves of the account of evidence\n\n"
        f"Each Monday's candidate against the fit before it, {found['fits']} fits of 2013, on days that neither was "
        f"fitted on: windows of days in a row, as many as an account lasts ({found['held_out_days']} held out, then "
        "until the next promotion, four weeks at most), each pair centred, a harm added. A harm up to the margin is "
        "none: what is removed there is removed wrongly. A harm that outlives its account is that of a version which "
        "the next fit has replaced. Days are counted from the first held-out day.\n\n"
        "Settings: `ONTIME_DECISION_ALPHA`, `ONTIME_DECISION_MARGIN`, `ONTIME_RETRAIN_CADENCE_DAYS`, "
        "`ONTIME_DECISION_CLIP`, `ONTIME_ANCHOR_DAYS`.\n"
    ]
    for one in found["curves"]:
        lines.append(
            f"\n## alpha {one['alpha']:g}, margin {one['margin']:g}, a fit every {one['cadence_days']} days: "
            f"{one['part']}\n\n{_windows(one)}\n"
        )
    return "".join([*lines, f"\n{origin(found)}\n"])


def _windows(one: dict[str, Any]) -> str:
    if not one["by_harm"]:
        return f"No pair has {one['days']} days in a row here."
    return (
        f"{one['windows']} windows of {one['days']} days, of {one['pairs']} pairs; a day's difference has a standard "
        f"deviation of {one['deviation']:.4f} nats and correlates {one['lag_1']:.2f} with the day before.\n\n"
        f"{table(COLUMNS, map(_harm, one['by_harm']))}"
    )


def _harm(curve: dict[str, Any]) -> tuple[object, ...]:
    days = (_days(curve["days_median"]), _days(curve["days_90"]))
    return f"{curve['harm']:g}", f"{curve['passes_gate']:.1%}", f"{curve['removed']:.1%}", *days


def _days(days: int | None) -> str:
    return "never" if days is None else str(days)
