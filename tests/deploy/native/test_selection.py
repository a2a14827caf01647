import os

import pytest
from typer.main import get_command

from adapters.settings import settings
from deploy.native import layout, selection, state
from deploy.native.selection import StackName
from ontime import cli
from tests.session import free_port


@pytest.fixture(autouse=True)
def own_state(tmp_path, monkeypatch):
    """The environment of a user whose own stack has its state in `tmp_path`."""
    for name in [name for name in os.environ if name.startswith("ONTIME_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ONTIME_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("ONTIME_SUPERVISOR_PORT", str(free_port()))
    yield tmp_path
    settings.cache_clear()


@pytest.fixture
def runs(monkeypatch):
    """Lets stacks look as if they ran."""

    def let_run(*names: StackName) -> None:
        managed = {selection.settings_of(name).state_dir for name in names}
        monkeypatch.setattr(selection.Stack, "is_managed", lambda stack: stack.settings.state_dir in managed)

    return let_run


def make_demo() -> None:
    state.claim(selection.settings_of(StackName.DEMO), "demo")


def test_the_demo_has_a_state_secrets_and_ports_of_its_own(own_state, monkeypatch):
    monkeypatch.setenv("ONTIME_API_PORT", "8100")
    monkeypatch.setenv("ONTIME_NOTIFY_URLS", "mailto://a-person")
    monkeypatch.setenv("ONTIME_INBOX_DIR", str(own_state / "inbox"))
    own, demo = selection.settings_of(StackName.OWN), selection.settings_of(StackName.DEMO)
    assert demo.state_dir == own_state / "demo"
    assert demo.api_keys_dir == own_state / "demo" / "secrets"
    assert {getattr(demo, name) - getattr(own, name) for name in layout.PORT_SETTINGS} == {10}
    assert (own.api_port, demo.api_port) == (8100, 8110)
    assert demo.inbox_dir == own_state / "demo" / "inbox"
    assert demo.notify_urls == ""


@pytest.mark.parametrize(
    ("running", "chosen"),
    [
        ([], StackName.OWN),
        ([StackName.OWN], StackName.OWN),
        ([StackName.DEMO], StackName.DEMO),
        ([StackName.OWN, StackName.DEMO], StackName.OWN),
    ],
)
def test_a_command_acts_on_the_stack_that_runs_and_of_two_on_the_users_own(runs, capsys, running, chosen):
    make_demo()
    runs(*running)
    assert selection.the_running_one() is chosen
    said = capsys.readouterr().err
    assert ("the stack of the demo" in said) == (chosen is StackName.DEMO)
    assert len(said.splitlines()) <= 1


def test_a_stack_that_no_demo_made_is_not_taken_for_one(runs):
    runs(StackName.DEMO)
    assert selection.running() == []


def test_who_enters_the_demo_has_its_settings_and_environment(own_state, monkeypatch):
    for name in ("ONTIME_SPOOL_DIR", "ONTIME_MLFLOW_URL", "MLFLOW_TRACKING_URI", "XDG_CACHE_HOME", "PATH"):
        monkeypatch.setenv(name, os.environ.get(name, "/elsewhere"))
    inside = dict(os.environ)
    try:
        entered = selection.enter(StackName.DEMO)
        assert entered == settings()
        assert entered.state_dir == own_state / "demo"
        assert entered.spool_dir == own_state / "demo" / "spool"
        assert os.environ["MLFLOW_TRACKING_URI"] == entered.mlflow_address
        assert layout.environment(entered)["ONTIME_STATE_DIR"] == str(own_state / "demo")
        assert layout.environment(entered)["ONTIME_API_PORT"] == str(entered.api_port)
    finally:
        os.environ.clear()
        os.environ.update(inside)


def test_every_command_that_chooses_a_stack_exists():
    assert set(get_command(cli.app).commands) >= cli.ON_THE_RUNNING_STACK | cli.CHOOSING_THEMSELVES
    assert not cli.ON_THE_RUNNING_STACK & cli.CHOOSING_THEMSELVES


def test_the_stack_of_a_site_has_a_state_and_a_home_of_its_own_and_the_users_ports(own_state, monkeypatch):
    monkeypatch.setenv("ONTIME_API_PORT", "8100")
    monkeypatch.setenv("ONTIME_NOTIFY_URLS", "mailto://a-person")
    before = dict(os.environ)
    try:
        there = selection.enter_beside(own_state / "sites" / "phoenix", "PHX")
        assert (there.state_dir, there.home_airport) == (own_state / "sites" / "phoenix", "PHX")
        assert (there.api_port, there.notify_urls) == (8100, "")
        # Its demo lies below it, and has the same home.
        demo = selection.enter(StackName.DEMO)
        assert (demo.state_dir, demo.home_airport) == (there.state_dir / "demo", "PHX")
        assert demo.api_port == 8110
    finally:
        os.environ.clear()
        os.environ.update(before)
