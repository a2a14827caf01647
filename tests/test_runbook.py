"""Each alert and each fault has an entry in the runbook, and each entry is of one of them."""

import re
from functools import cache

import pytest

from adapters.settings import PROJECT_ROOT
from app import champion_alert
from app.problem_types import BY_NAME
from domain.runbook import RUNBOOK, anchor, entry
from monitoring.rules import (
    FILES_REJECTED,
    MONTHS_NOT_KEPT,
    NIGHTLY,
    PART_UNHEALTHY,
    RETRAIN_UNENDED,
    RUN_FAILED,
    RUN_MISSED,
    evaluate,
)
from services.health import CHECKS
from tests.tree import project_files

TEXT = (PROJECT_ROOT / RUNBOOK).read_text()
ALERTS, FAULTS = TEXT.split("\n# Faults\n")
RULES = {rule.name: rule for rule in NIGHTLY}
OTHER_RULES = {
    PART_UNHEALTHY.name,
    RETRAIN_UNENDED.name,
    RUN_FAILED.name,
    RUN_MISSED.name,
    champion_alert.RULE.name,
    FILES_REJECTED.name,
    MONTHS_NOT_KEPT.name,
}
READINESS = re.findall(
    r'^        "(\w+)": _check\(', (PROJECT_ROOT / "app" / "readiness.py").read_text(), re.M
)
SAYS = ("**Meaning.**", "**First look.**", "**Mend.**")


def entries(text):
    found = re.split(r"^### (.+)$", text, flags=re.M)[1:]
    assert len(set(found[::2])) == len(found[::2])
    return dict(zip(found[::2], (body.split("\n# ")[0] for body in found[1::2]), strict=True))


def signals(body):
    line = re.search(r"^\*Seen as:\* (.+)$", body, re.M)
    return re.findall(r"`([^`]+)`", line[1]) if line else []


def test_every_rule_has_an_entry_and_every_entry_a_rule():
    assert set(entries(ALERTS)) == set(RULES) | OTHER_RULES


@pytest.mark.parametrize("rule", RULES)
def test_the_entry_of_a_rule_names_its_measure(rule):
    assert f"`{RULES[rule].metric}`" in entries(ALERTS)[rule]


@pytest.mark.parametrize("name", entries(TEXT))
def test_an_entry_says_what_it_means_where_to_look_and_how_to_mend_it(name):
    body = entries(TEXT)[name]
    assert [body.count(word) for word in SAYS] == [1, 1, 1]
    assert [body.index(word) for word in SAYS] == sorted(body.index(word) for word in SAYS)


def test_every_check_of_health_has_one_entry():
    named = [name for body in entries(FAULTS).values() for name in signals(body)]
    assert len(READINESS) >= 3
    for check in (*READINESS, *CHECKS):
        assert named.count(check) == 1, check


@pytest.mark.parametrize("name", entries(FAULTS))
def test_what_a_fault_is_seen_as_is_what_the_software_says(name):
    seen = signals(entries(FAULTS)[name])
    assert seen
    for signal in seen:
        known = signal in {*READINESS, *CHECKS, *BY_NAME, "make status", "/health/ready"}
        assert known or is_said(signal), signal


def is_said(words):
    """Whether code, a Makefile or a setting says it; `make up` and the like are commands."""
    name = re.fullmatch(r"make ([a-z-]+)", words)
    wanted = f"{name[1]}:" if name else words.strip("/").removeprefix("data/")
    return any(wanted in text for text in sources())


@cache
def sources() -> list[str]:
    names = project_files("*.py", "*.mk", "Makefile", ".env.example")
    return [(PROJECT_ROOT / name).read_text() for name in names if not name.startswith("tests/")]


@pytest.mark.parametrize("name", [*RULES, *OTHER_RULES])
def test_an_alert_leads_to_its_entry(name):
    path, _, fragment = entry(name).partition("#")
    assert path == RUNBOOK
    assert fragment in {anchor(heading) for heading in re.findall(r"^#+ (.+)$", TEXT, re.M)}


@pytest.mark.parametrize("rule", NIGHTLY, ids=lambda rule: rule.name)
def test_the_message_of_an_alert_ends_with_the_link(rule):
    past = rule.bound + 1 if rule.above else rule.bound - 1
    days = [(f"2013-04-{day:02}", past, 10**6) for day in range(9, 9 - rule.n, -1)]
    [alert] = evaluate([rule], {rule.metric: days})
    assert alert.message.endswith(f" {entry(rule.name)}")
