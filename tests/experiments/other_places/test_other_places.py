"""Another place, made of files as somebody would have them: read, fitted, tested, written."""

import gzip
import json
import os
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from adapters.settings import read_settings
from data import site_files
from data.bad_values import BadFile
from data.dataset import load_dataset
from data.facts import facts_of
from data.site import FIRST_CHAMPION_DAYS, NEW_YORK, Site, site_of
from data.site_files import copy_site, make_site, replay_site_from
from data.text_files import Unreadable
from domain.errors import InvalidInput
from experiments.other_places import command, report
from tests.data.public_files import asos_row, bts_row, write_rows
from tests.mlflow_server import KEYS
from training.run import TrainingRequest
from training.train import TreeParameters

FIRST = date(2024, 3, 1)
DAYS = 30
PARAMETERS = TreeParameters(n_trees=5)
REPLAYED = {
    "command": "ontime replay --site phoenix", "first": "2024-03-05", "last": "2024-03-05", "months": {},
    "made_with": {"commit": "c" * 40, "contract": "f" * 64},
    "totals": {
        "asked": 40, "logged": 40, "logged_twice": 0, "parity_mismatches": 0, "runs": 1, "runs_missing": 0,
        "pages_by_rule": {}, "retrains": 0, "promotions": 1, "rollbacks": 1,
    },
    "days": [{
        "day": "2024-03-05", "logged": 40, "version": 1, "alerts": ["an airport is closed"],
        "realised_late_rate": 0.25, "realised_auc": 0.7, "realised_log_loss": 0.5, "estimated_log_loss": None,
    }],
    "changes": [{
        "at": "2024-03-06T13:00:00+00:00", "action": "rollback", "from": 2, "to": 1, "who": "demo", "reason": "worse",
    }],
}  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory):
    """A month of Phoenix: 40 flights a day, late in the evening, and an observation a day."""
    folder = tmp_path_factory.mktemp("phoenix")
    chance = np.random.default_rng(3)
    rows = []
    for n in range(DAYS * 40):
        day, hour = FIRST + timedelta(days=n // 40), 6 + n % 40 * 16 // 40
        delay = int(chance.normal(2 * hour - 24, 15))
        rows.append(
            bts_row(
                FlightDate=f"{day}", Flight_Number_Reporting_Airline=str(100 + n % 40), Origin="PHX", Dest="DEN",
                CRSDepTime=f"{hour:02d}{n % 60:02d}", CRSArrTime=f"{hour + 2:02d}{n % 60:02d}", DepTime="", ArrTime="",
                DepDelay=str(max(delay, -5)), ArrDelay=str(delay), CRSElapsedTime="", AirTime="90",
            )
        )  # fmt: skip
    write_rows(folder / "march.csv", rows)
    weather = [asos_row(station="PHX", valid=f"{FIRST + timedelta(days=n)} 15:51") for n in range(DAYS)]
    write_rows(folder / "weather.csv", weather)
    return folder


def test_a_folder_of_files_is_a_site_and_stays_as_it_is(files, tmp_path):
    assert site_of(tmp_path) == NEW_YORK
    site = make_site("phoenix", files, tmp_path, 0.01)
    assert (site.name, site.home) == ("phoenix", "PHX")
    assert (site.first_day, site.last_day) == (FIRST, FIRST + timedelta(days=DAYS - 1))
    assert site_of(tmp_path) == site == make_site("phoenix", files, tmp_path, 0.01)
    assert sorted(path.name for path in files.iterdir()) == ["march.csv", "weather.csv"]
    events = load_dataset(tmp_path).events
    assert len(events.flight_events) == 3 * DAYS * 40
    assert len(events.weather_events) == DAYS
    assert events.flight_events["known_at"].is_monotonic_increasing


def test_a_place_without_weather_is_a_site_with_events_of_flights_alone(files, tmp_path):
    (tmp_path / "dry").mkdir()
    (tmp_path / "dry" / "march.csv").symlink_to(files / "march.csv")
    site = make_site("dry", tmp_path / "dry", tmp_path / "data", 0.01)
    events = load_dataset(tmp_path / "data").events.between(datetime(2000, 1, 1, tzinfo=UTC), site.complete)
    assert (len(events.flight_events), len(events.weather_events)) == (3 * DAYS * 40, 0)
    flights, weather = facts_of(events)
    assert (len(flights), len(weather)) == (DAYS * 40, 0)


@pytest.mark.parametrize(("days", "begins"), [(30, 7), (60, 43), (200, 49)])
def test_a_site_is_replayed_from_when_a_first_champion_can_be_fitted(days, begins, tmp_path):
    (tmp_path / "files").mkdir()
    rows = [bts_row(FlightDate=f"{FIRST + timedelta(days=n)}") for n in range(days)]
    write_rows(tmp_path / "files" / "a.csv", rows)
    site = make_site("a", tmp_path / "files", tmp_path / "data", 0.01)
    assert site.replay_from == FIRST + timedelta(days=begins)


def test_days_without_a_flight_that_arrived_fit_no_first_champion(tmp_path):
    (tmp_path / "files").mkdir()
    never = dict.fromkeys(("DepTime", "DepDelay", "ArrTime", "ArrDelay", "AirTime"), "")
    days = [FIRST + timedelta(days=n) for n in range(100)]
    rows = [bts_row(FlightDate=f"{day}", **({} if n % 2 == 0 else never)) for n, day in enumerate(days)]
    rows = [row | ({} if row["ArrDelay"] else {"Cancelled": "1.00"}) for row in rows]
    write_rows(tmp_path / "files" / "a.csv", rows)
    site = make_site("a", tmp_path / "files", tmp_path / "data", 0.01)
    assert site.replay_from == FIRST + timedelta(days=2 * (FIRST_CHAMPION_DAYS - 1) + 1)
    site_of(tmp_path / "data").require_first_days(site.replay_from)
    with pytest.raises(InvalidInput, match=f"from: expected a day from {site.replay_from} on"):
        site.require_first_days(site.replay_from - timedelta(days=1))


def test_what_one_file_of_a_site_calls_off_and_another_has_as_arrived_arrived(tmp_path):
    (tmp_path / "files").mkdir()
    never = dict.fromkeys(("DepTime", "DepDelay", "ArrTime", "ArrDelay", "AirTime"), "")
    other_day = bts_row(FlightDate="2013-04-12")
    write_rows(tmp_path / "files" / "a.csv", [bts_row(Cancelled="1.00", **never), other_day])
    write_rows(tmp_path / "files" / "b.csv", [bts_row()])
    make_site("a", tmp_path / "files", tmp_path / "data", 0.01)
    events = load_dataset(tmp_path / "data").events.flight_events
    found = events.loc[events["flight_id"] == "UA1545-EWR-20130411", "kind"].tolist()
    assert found == ["scheduled", "departed", "arrived"]


def test_a_file_of_a_site_that_breaks_its_reader_is_named_a_bad_one(files, tmp_path, monkeypatch):
    def breaks(*given):
        raise KeyError("0")

    monkeypatch.setattr("data.bts.read_flights", breaks)
    with pytest.raises(BadFile, match=r"march\.csv: file: cannot be read: KeyError"):
        make_site("phoenix", files, tmp_path, 0.01)


def test_a_file_of_a_site_that_is_cut_short_is_named(files, tmp_path):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "march.csv.gz").write_bytes(gzip.compress((files / "march.csv").read_bytes())[:-9])
    with pytest.raises(Unreadable, match=r"march\.csv\.gz: cannot be unpacked, is it whole"):
        make_site("files", tmp_path / "files", tmp_path / "data", 0.01)


def test_days_before_a_first_champion_can_be_fitted_are_refused_before_a_stack_is_started():
    site = Site("phoenix", FIRST, FIRST + timedelta(days=60), FIRST + timedelta(days=43))
    site.require_first_days(site.replay_from)
    with pytest.raises(
        InvalidInput,
        match="from: expected a day from 2024-04-13 on: a first champion needs 43 days with flights",
    ):
        site.require_first_days(FIRST + timedelta(days=42))
    split = TrainingRequest(FIRST, FIRST, datetime(2024, 3, 1, tzinfo=UTC), "first champion").split
    assert split.minimum_fit_days + split.evaluation_days + 1 == FIRST_CHAMPION_DAYS


def test_a_site_is_copied_to_be_replayed_from_another_day(files, tmp_path):
    site = make_site("phoenix", files, tmp_path / "one", 0.01)
    later = site.replay_from + timedelta(days=5)
    copied = copy_site(tmp_path / "one", tmp_path / "other", later)
    assert copied == site_of(tmp_path / "other") == replace(site, replay_from=later)
    assert site_of(tmp_path / "one") == site
    with pytest.raises(InvalidInput, match="from"):
        replay_site_from(tmp_path / "other", site.first_day)
    assert len(load_dataset(tmp_path / "other").events) == len(load_dataset(tmp_path / "one").events)


def test_of_a_flight_in_two_files_the_correction_counts_as_in_the_inbox(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    days = [bts_row(FlightDate=f"{FIRST + timedelta(days=n)}", ArrDelay="5.00") for n in range(2)]
    write_rows(folder / "march.csv", days)
    write_rows(folder / "march (1).csv", [days[0] | {"ArrDelay": "40.00"}])
    make_site("newark", folder, tmp_path / "data", 0.01)
    events = load_dataset(tmp_path / "data").events.flight_events
    assert events.loc[events["kind"] == "arrived", "delay_minutes"].tolist() == [40, 5]


def test_a_data_folder_is_of_one_site(files, tmp_path):
    make_site("phoenix", files, tmp_path, 0.01)
    with pytest.raises(InvalidInput, match="phoenix"):
        make_site("tucson", files, tmp_path, 0.01)
    with pytest.raises(InvalidInput, match="a folder of files"):
        make_site("nowhere", tmp_path / "nothing", tmp_path / "empty", 0.01)


def a_week(folder, flight: str):
    folder.mkdir(parents=True, exist_ok=True)
    days = [FIRST + timedelta(days=n) for n in range(7)]
    rows = [bts_row(FlightDate=f"{day}", Flight_Number_Reporting_Airline=flight) for day in days]
    return write_rows(folder / f"{flight}.csv", rows)


def flights_in(data_dir) -> set[str]:
    return set(load_dataset(data_dir).events.flight_events["flight_id"].str.split("-").str[0])


def test_a_site_is_made_again_of_other_files_and_by_other_readers(tmp_path, monkeypatch):
    a_week(tmp_path / "x" / "2024", "100")
    a_week(tmp_path / "y" / "2024", "200")
    data = tmp_path / "state" / "data"
    make_site("2024", tmp_path / "x" / "2024", data, 0.01)
    make_site("2024", tmp_path / "y" / "2024", data, 0.01)
    assert flights_in(data) == {"UA200"}
    a_week(tmp_path / "y" / "2024", "300")
    make_site("2024", tmp_path / "y" / "2024", data, 0.01)
    assert flights_in(data) == {"UA200", "UA300"}
    a_week(tmp_path / "y" / "2024", "200").write_text((tmp_path / "x" / "2024" / "100.csv").read_text())
    before = make_site("2024", tmp_path / "y" / "2024", data, 0.01)
    assert flights_in(data) == {"UA100", "UA300"}
    monkeypatch.setattr(site_files, "CODE", ("data/bts.py",))
    assert make_site("2024", tmp_path / "y" / "2024", data, 0.01).code != before.code


def test_a_file_that_is_only_touched_is_the_same_and_one_that_is_not_is_not_hashed(tmp_path, monkeypatch):
    file = a_week(tmp_path / "files", "100")
    site = make_site("files", tmp_path / "files", tmp_path / "data", 0.01)
    os.utime(file, (0, 0))
    monkeypatch.setattr(site_files, "read_guarded", None)
    assert make_site("files", tmp_path / "files", tmp_path / "data", 0.01) == site
    os.utime(file, ns=(site.files["100.csv"]["stamp"][2],) * 2)
    monkeypatch.setattr(site_files, "_sha256", None)
    assert make_site("files", tmp_path / "files", tmp_path / "data", 0.01) == site


def test_other_files_than_a_stack_has_begun_with_are_refused(tmp_path, monkeypatch):
    state, folder = tmp_path / "state", tmp_path / "files"
    file = a_week(folder, "100")
    site = make_site("files", folder, state / "data", 0.01)
    (state / "postgres").mkdir()
    new = a_week(folder, "200")
    with pytest.raises(InvalidInput, match=r"remove that folder.* got '200\.csv is new'"):
        make_site("files", folder, state / "data", 0.01)
    new.rename(file)
    with pytest.raises(InvalidInput, match=r"100\.csv is another file"):
        make_site("files", folder, state / "data", 0.01)
    file.rename(folder / ".100.csv")
    with pytest.raises(InvalidInput, match=r"100\.csv is gone"):
        make_site("files", folder, state / "data", 0.01)
    a_week(folder, "100")
    assert make_site("files", folder, state / "data", 0.01) == site
    monkeypatch.setattr(site_files, "CODE", ("data/bts.py",))
    with pytest.raises(InvalidInput, match="other code of the readers"):
        make_site("files", folder, state / "data", 0.01)


@pytest.mark.parametrize(
    ("first", "last", "field"), [(0, None, "from"), (40, None, "from"), (20, 40, "to"), (20, 10, "to")]
)
def test_days_that_a_site_does_not_have_are_refused(first, last, field):
    site = Site("phoenix", FIRST, FIRST + timedelta(days=29), FIRST + timedelta(days=10))
    asked = [None if n is None else FIRST + timedelta(days=n) for n in (first, last)]
    with pytest.raises(InvalidInput) as refused:
        command.plan_of(site, *asked)
    assert refused.value.field == field


def test_by_default_the_last_third_of_the_days_is_the_test():
    plan = command.plan_of(
        Site("phoenix", date(2024, 1, 1), date(2024, 12, 31), date(2024, 4, 1)), None, None
    )
    assert (plan.fit_until, plan.test_from, plan.test_until) == (
        date(2024, 8, 31),
        date(2024, 9, 1),
        date(2024, 12, 31),
    )


def test_a_site_is_evaluated_and_its_page_written(files, tmp_path):
    site = make_site("phoenix", files, tmp_path / "data", 0.01)
    plan = command.plan_of(site, FIRST + timedelta(days=20), None)
    found = command.measure(site, plan, tmp_path, KEYS, PARAMETERS, lambda text: None)
    assert found["model"]["n"] == 400
    assert found["baselines"]["late rate by carrier and hour"]["auc"] > 0.6
    page = report.page({"phoenix": {"site": command._plain(asdict(site)), "evaluated": found}})
    assert "## phoenix" in page
    assert "| ontime | 400 |" in page
    assert f"--from {FIRST + timedelta(days=20)}" in page


def test_a_site_that_is_tested_on_days_without_a_late_flight_has_its_page(files, tmp_path):
    site = make_site("phoenix", files, tmp_path / "data", 0.01)
    nothing = {f"{name}{end}": None for name in report.METRICS for end in ("", "_low", "_high")}
    punctual = nothing | {"n": 400.0, "late_rate": 0.0, "log_loss": 0.1}
    split = asdict(command.plan_of(site, FIRST + timedelta(days=20), None))
    found = {
        "split": split, "features": 167, "model": punctual, "baselines": {}, "by_lead": {"60": punctual},
        "slices": {"origin": {"PHX": punctual}, "month": {"202403": punctual}, "hour": {}}, "seconds": 1,
        "cpu_seconds": 1, "model_hash": "a" * 64, "git_commit": "b" * 40, "made_at": "2024-04-01T00:00:00Z",
    }  # fmt: skip
    page = report.page({"phoenix": {"site": command._plain(asdict(site)), "evaluated": found}})
    assert "| ontime | 400 | 0.0% | - | - | 0.1000 | - | - |" in page


def test_an_evaluation_without_a_late_flight_says_so_and_is_kept(files, tmp_path, monkeypatch):
    settings = read_settings({"ONTIME_STATE_DIR": str(tmp_path / "state")})
    make_site("phoenix", files, tmp_path / "state" / "data", 0.01)
    kept, said = [], []
    monkeypatch.setattr(
        command, "measure", lambda *given: {"model": {"auc": None, "log_loss": 0.1}, "baselines": {}}
    )
    monkeypatch.setattr(command, "keep", lambda *given: kept.append(given))
    command.evaluate(settings, None, None, said.append, tmp_path / "page.md")
    assert said[-1] == f"AUC -, log-loss 0.1000: {tmp_path / 'page.md'}"
    assert kept


def test_what_is_measured_of_a_place_is_kept_beside_the_rest(tmp_path):
    page, settings = tmp_path / "page.md", read_settings({"ONTIME_STATE_DIR": str(tmp_path / "state")})
    command.note_replay(settings, "ontime replay --site phoenix", lambda text: None, page)
    assert not page.exists()  # nothing was replayed
    phoenix, tucson = (Site(name, FIRST, FIRST, FIRST, "PHX") for name in ("phoenix", "tucson"))
    command.keep(tucson, {"replayed": REPLAYED}, page)
    command.keep(phoenix, {}, page)
    command.keep(phoenix, {"replayed": REPLAYED}, page)
    text = page.read_text()
    assert text.index("## phoenix") < text.index("## tucson")
    assert text.count("ontime replay --site phoenix --from 2024-03-05 --to 2024-03-05") == 2
    assert "| 2024-03-05 | 40 | 0.250 | 0.700 | 0.500 | - | an airport is closed | 1 |" in text
    assert "| 2024-03-06 13:00 | rollback | 2 | 1 | demo | worse |" in text


def test_a_sites_figures_leave_the_checkout_alone_unless_they_are_to_be_kept(tmp_path):
    settings = read_settings(
        {"ONTIME_STATE_DIR": str(tmp_path), "ONTIME_REPORTS_DIR": str(tmp_path / "reports")}
    )
    page = command.page_of(settings, is_kept=False)
    assert page == tmp_path / "reports" / "other-places.md"
    command.keep(
        Site("phoenix", FIRST, FIRST + timedelta(days=60), FIRST + timedelta(days=43), "PHX"), {}, page
    )
    assert "## phoenix" in page.read_text()
    assert command.page_of(settings, is_kept=True) == command.PAGE


def test_the_page_says_what_was_measured():
    """After a change of the page's words: `ontime evaluate --site`, or `write_page`."""
    found = json.loads((command.PAGE.parent / "measured" / f"{command.MEASURED}.json").read_text())["places"]
    assert command.PAGE.read_text() == report.page(found)
