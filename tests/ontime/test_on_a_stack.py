"""Commands that act on a running stack: a real PostgreSQL and MLflow, and no Prefect."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from adapters import model_artifact
from adapters.championship import Championship
from adapters.clock_store import ClockStore
from adapters.deployments import ANY, Deployments
from adapters.model_keys import ModelKeys
from adapters.model_registry import CHAMPION, ModelRegistry
from adapters.monitoring_store import MonitoringStore
from adapters.settings import PROJECT_ROOT, read_settings
from domain.features.catalogue import CONTRACT_HASH
from tests.app import worlds
from tests.builders import NOON
from tests.documented import documented
from tests.ontime.forked import ontime
from tests.session import without_settings

pytestmark = pytest.mark.integration
DAY = date(2013, 4, 10)


@pytest.fixture
def environment(stack_environment, mlflow_address) -> dict[str, str]:
    own = {
        "ONTIME_MLFLOW_URL": mlflow_address,
        "ONTIME_MODEL_NAME": stack_environment["ONTIME_POSTGRES_DATABASE"],
        "ONTIME_PREFECT_URL": worlds.NOWHERE,
    }
    return without_settings() | stack_environment | own


@pytest.fixture
def registry(environment) -> ModelRegistry:
    return ModelRegistry.of_trainer(
        read_settings({name: value for name, value in environment.items() if name.startswith("ONTIME_")})
    )


@pytest.fixture
def folders(environment, tmp_path) -> Callable[[int], list[Path]]:
    """Makes folders of signed models."""
    keys = ModelKeys.of((tmp_path / "secrets" / "model_signing_key").read_text())

    def make(count: int) -> list[Path]:
        made = [tmp_path / f"made{number}" for number in range(count)]
        for number, folder in enumerate(made):
            model_artifact.write(folder, worlds.trees(), worlds.manifest(float(number)), keys)
        return made

    return make


@pytest.fixture
def versions(registry, folders) -> list[int]:
    """Two signed versions; none is champion."""
    return [registered(registry, folder) for folder in folders(2)]


def registered(registry: ModelRegistry, folder: Path) -> int:
    with registry.runs.open("a test") as run:
        return registry.register(run.run_id, folder, {"contract_hash": CONTRACT_HASH})


def test_the_commands_of_operations_promote_and_go_back_on_the_stack_that_runs(
    environment, versions, registry
):
    first, second = versions
    for version in versions:
        done = documented("make promote VERSION=7", {"7": str(version)}).run(environment)
    assert f"version {second} is champion, version {first} before it" in done.stdout
    assert f"version {first} is champion" in documented("make rollback").run(environment).stdout
    assert registry.alias(CHAMPION) == first


def test_the_steps_of_an_upgrade_by_hand_find_nothing_to_do_where_a_start_took_them(
    environment, versions, registry
):
    assert ontime(environment, "promote", str(versions[0])).returncode == 0
    assert documented(".venv/bin/ontime succeed").run(environment).stdout == ""
    assert documented(".venv/bin/ontime sign-again").run(environment).stdout == ""
    assert registry.alias(CHAMPION) == versions[0]


def test_promote_and_rollback_act_at_once_and_the_ledger_says_who(environment, versions, registry, postgres):
    first, second = versions
    for version in versions:
        done = ontime(environment, "promote", str(version), "--who", "erika", "--reason", "a test")
        assert done.returncode == 0, done.stderr
    assert f"version {second} is champion, version {first} before it" in done.stdout

    done = ontime(environment, "rollback", "--who", "erika", "--expected-version", str(second))
    assert done.returncode == 0, done.stderr
    assert registry.alias(CHAMPION) == first
    row = Deployments(postgres).history(1)[0]
    assert (row.action, row.from_version, row.to_version) == ("rollback", second, first)
    assert (row.who, row.reason) == ("erika", "rolled back by hand")
    assert row.evidence["command"] == "ontime rollback"


@pytest.mark.parametrize(
    "of_the_shell",
    [
        {"http_proxy": worlds.NOWHERE, "HTTPS_PROXY": worlds.NOWHERE, "ALL_PROXY": worlds.NOWHERE},
        {"PGSERVICE": "elsewhere", "PGHOSTADDR": "192.0.2.1", "PGSSLMODE": "verify-full"},
        {"MLFLOW_TRACKING_URI": worlds.NOWHERE, "PREFECT_API_URL": worlds.NOWHERE, "PREFECT_PROFILE": "mine"},
    ],
    ids=["proxies", "libpq", "others' stacks"],
)
def test_what_the_shell_of_an_operator_exports_leads_no_command_elsewhere(
    environment, versions, registry, of_the_shell
):
    without = {name: value for name, value in environment.items() if name.lower() != "no_proxy"}
    done = subprocess.run(
        [sys.executable, "-m", "ontime", "promote", str(versions[0])],
        env=without | of_the_shell, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert registry.alias(CHAMPION) == versions[0]


def test_a_rollback_from_a_champion_that_is_another_by_now_changes_nothing(environment, versions, registry):
    assert ontime(environment, "promote", str(versions[1])).returncode == 0
    done = ontime(
        environment, "rollback", "--expected-version", str(versions[0]), "--to-version", str(versions[0])
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert registry.alias(CHAMPION) == versions[1]


def test_a_rollback_that_is_asked_for_again_goes_back_once(environment, registry, folders):
    first, second, third = (registered(registry, folder) for folder in folders(3))
    for version in (first, second, third):
        assert ontime(environment, "promote", str(version)).returncode == 0
    assert f"version {second} is champion" in ontime(environment, "rollback").stdout
    again = ontime(environment, "rollback")
    assert again.returncode == 0, again.stderr
    assert "was done before" in again.stdout
    assert registry.alias(CHAMPION) == second


def test_a_rollback_takes_under_two_seconds(versions, registry, postgres):
    championship = Championship(registry, Deployments(postgres))
    for version in versions:
        championship.promote(version, ANY, "a test", "a test")
    began = time.monotonic()
    championship.rollback("a test", "a test")
    assert time.monotonic() - began < 2
    assert registry.alias(CHAMPION) == versions[0]


@pytest.mark.parametrize("words", [("promote", "1"), ("rollback",)])
def test_without_mlflow_a_change_of_champion_says_so_in_a_plain_line(environment, words):
    done = ontime(environment | {"ONTIME_MLFLOW_URL": worlds.NOWHERE}, *words)
    assert done.returncode == 1
    assert done.stderr == (
        f"ontime: MLflow is not reachable: ConnectionError at {worlds.NOWHERE}/api/2.0; "
        "ask again once it answers: the workers serve on meanwhile\n"
    )


def test_without_an_earlier_champion_a_rollback_says_so_in_a_line(environment, registry):
    done = ontime(environment, "rollback")
    assert done.returncode == 1
    assert "no earlier champion" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_alerts_as_json_are_those_of_the_store(environment, postgres):
    ClockStore(postgres).set_simulated(NOON)
    assert json.loads(ontime(environment, "alerts", "--json").stdout) == []
    number = MonitoringStore(postgres).open_alert("slow", "warning", DAY, NOON, "It is slow.", {"p99": 1})
    [alert] = json.loads(ontime(environment, "alerts", "--json").stdout)
    assert alert["alert_id"] == number
    assert alert["rule"] == "slow"
    assert alert["day"] == "2013-04-10"
    assert alert["opened_at"] == f"{NOON:%Y-%m-%dT%H:%M:%SZ}"
    assert alert["evidence"] == {"p99": 1}
    assert alert["resolved_at"] is None


def test_the_first_acknowledgement_of_an_alert_is_kept(environment, postgres):
    ClockStore(postgres).set_simulated(NOON)
    number = MonitoringStore(postgres).open_alert("slow", "warning", DAY, NOON, "It is slow.", {})
    for who in ("erika", "max"):
        command = documented(".venv/bin/ontime acknowledge 12 --who erika", {"12": str(number), "erika": who})
        assert "seen by erika" in command.run(environment).stdout
    assert (
        f"{number} warning  2013-04-10 open, seen by erika: It is slow."
        in documented(".venv/bin/ontime alerts").run(environment).stdout
    )


def test_the_clock_is_set_and_read_as_json(environment):
    assert json.loads(ontime(environment, "clock", "--json").stdout)["mode"] == "system"
    assert (
        ontime(environment, "clock", "--at", "2013-04-11T12:00:00").stdout
        == "2013-04-11 12:00:00 UTC, simulated\n"
    )
    done = ontime(environment, "clock", "--first", "--at", "2013-05-01T00:00:00", "--json")
    assert json.loads(done.stdout) == {"now": "2013-04-11T12:00:00Z", "mode": "simulated"}
    ontime(environment, "clock", "--system")
    assert documented(".venv/bin/ontime clock").run(environment).stdout.endswith(" UTC, system\n")
    now = datetime.fromisoformat(json.loads(ontime(environment, "clock", "--json").stdout)["now"])
    assert abs((datetime.now(UTC) - now).total_seconds()) < 60
