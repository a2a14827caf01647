"""`ontime capacity`, as an operator runs it."""

import json
import os
import subprocess

import pytest

from tests.documented import documented
from tests.ontime.forked import ontime
from tests.session import without_settings

NEW_YORK = {"--airports": "3", "--flights-per-day": "920", "--requests-per-second": "1"}


def capacity(*words: str, **options: str) -> subprocess.CompletedProcess[str]:
    given = NEW_YORK | {f"--{name.replace('_', '-')}": value for name, value in options.items()}
    pairs = [word for pair in given.items() for word in pair]
    return ontime(os.environ, "capacity", *pairs, *words)


def test_it_says_what_a_site_needs_and_where_it_runs():
    done = capacity()
    assert done.returncode == 0, done.stderr
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == [
        "API", "shippers", "PostgreSQL", "refresher", "training", "monitoring run", "in all"
    ]  # fmt: skip
    assert done.stdout.rstrip().endswith("on Compose, one machine")


def test_of_a_country_it_says_which_limits_to_raise():
    command = documented(
        ".venv/bin/ontime capacity --airports 350 --flights-per-day 20000 --requests-per-second 100"
    )
    assert "under Compose: FEATURES_MEMORY=" in command.run(without_settings()).stdout


def test_json_has_the_same_figures_for_scripts():
    done = capacity("--json", requests_per_second="100000")
    found = json.loads(done.stdout)
    assert found["engine"] == "Swarm"
    assert found["api_workers"] > 32
    assert found["reasons"]


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("airports", "1", "--airports: expected a number from 2 to 20,000, got 1"),
        ("flights_per_day", "0", "--flights-per-day: expected a number from 1"),
        ("requests_per_second", "-3", "--requests-per-second: expected a number from 0.01"),
        ("keep_months", "0", "--keep-months: expected a number from 1 to 600, got 0"),
    ],
)
def test_a_number_out_of_range_is_one_line_that_names_the_option(option, value, message):
    done = capacity(**{option: value})
    assert done.returncode == 1
    assert done.stderr.startswith("ontime: " + message)
    assert len(done.stderr.splitlines()) == 1
