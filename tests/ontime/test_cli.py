import json
import os
import pty
import socket
import subprocess
import sys
from datetime import date, timedelta
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.main import get_command

import ontime as ontime_package
from adapters.settings import PROJECT_ROOT
from data.site import site_of
from deploy.native import layout
from deploy.native.processes import of_stack
from ontime import cli
from ontime.develop import _test_environment
from services.health import CHECKS
from tests.data.public_files import bts_row, write_rows
from tests.documented import Command, documented
from tests.ontime.forked import ontime
from tests.session import STACK_PORTS, settings_of_a_new_stack, without_settings


@pytest.fixture
def environment(tmp_path) -> dict[str, str]:
    """Settings of a stack that nobody else has."""
    return without_settings() | settings_of_a_new_stack(tmp_path)


@pytest.mark.parametrize("name", STACK_PORTS)
def test_a_taken_port_is_an_error_that_names_it_and_its_setting(environment, name):
    setting = f"ONTIME_{name}_PORT"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(environment[setting])))
        taken.listen()
        done = ontime(environment, "local")
    assert done.returncode == 1
    assert setting in done.stderr
    assert environment[setting] in done.stderr
    assert "Traceback" not in done.stderr
    assert of_stack(Path(environment["ONTIME_STATE_DIR"])) == []


def test_a_stack_that_does_not_run_is_unhealthy(environment):
    done = ontime(environment, "status")
    assert done.returncode == 1
    assert "stopped" in done.stdout


def test_status_needs_no_variable_of_a_shell(environment):
    """As a job that some scheduler starts with an empty environment."""
    done = subprocess.run(
        [sys.executable, "-m", "ontime", "status"],
        env={name: value for name, value in environment.items() if name.startswith("ONTIME_")},
        cwd=PROJECT_ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert "stopped" in done.stdout
    assert "Traceback" not in done.stderr


def test_status_as_json_has_a_problem_a_program(environment):
    done = ontime(environment, "status", "--json")
    assert done.returncode == 1
    [stack] = json.loads(done.stdout)
    assert (stack["stack"], stack["folder"]) == ("own", environment["ONTIME_STATE_DIR"])
    assert stack["healthy"] is False
    assert {program["name"] for program in stack["programs"]} == set(CHECKS)
    assert {(program["state"], program["problem"]) for program in stack["programs"]} == {
        ("stopped", "it does not run")
    }


def test_down_ends_a_demo_whose_folder_somebody_deleted(environment):
    folder = f"{environment['ONTIME_STATE_DIR']}/demo"
    left = subprocess.Popen(["/bin/sleep", "60"], env={layout.MARK: folder})
    done = ontime(environment, "down")
    assert f"the stack of the demo ({folder}) is stopped" in done.stdout
    assert left.wait(5) < 0
    assert "the stack of the demo" not in ontime(environment, "down").stdout


def test_the_signing_key_that_is_rotated_is_that_of_the_stack(environment):
    """Wherever its folder is, and none is made where there is none to replace."""
    done = ontime(environment, "rotate-signing-key")
    assert done.returncode == 1
    folder = Path(environment["ONTIME_STATE_DIR"]) / "secrets"
    assert f"there is no signing key in {folder / 'model_signing_key'}" in done.stderr
    assert not folder.exists()
    folder.mkdir(parents=True)
    (folder / "model_signing_key").write_text("the key before")
    done = documented("make rotate-signing-key").run(environment)
    assert str(folder / "model_public_keys") in done.stdout
    assert (folder / "model_signing_key").read_text() != "the key before"
    assert len((folder / "model_public_keys").read_text().splitlines()) == 2


def test_the_script_is_the_command_from_any_folder(environment, tmp_path):
    """What `make install` puts beside the interpreter."""
    script = Path(sys.executable).parent / "ontime"
    done = subprocess.run(
        [script, "--version"], env=environment | {"ONTIME_GIT_COMMIT": "abc"}, cwd=tmp_path,
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.stdout == f"ontime {ontime_package.__version__} (commit abc)\n"


def test_the_help_has_every_command(environment):
    shown = documented(".venv/bin/ontime --help").run(environment | {"COLUMNS": "200"}).stdout
    assert [name for name in get_command(cli.app).commands if f" {name} " not in shown] == []


def test_the_installed_version_is_that_of_the_code():
    assert version("ontime") == ontime_package.__version__


def test_the_shell_completes_commands(environment):
    asked = {"_ONTIME_COMPLETE": "complete_bash", "COMP_WORDS": "ontime roll", "COMP_CWORD": "1"}
    assert ontime(environment | asked).stdout.split() == ["rollback"]


def test_every_command_has_a_group_and_acts_on_a_stack_by_a_rule_that_exists():
    commands = get_command(cli.app).commands
    assert {command.rich_help_panel for command in commands.values()} == set(cli.GROUPS)
    named = cli.ON_THE_RUNNING_STACK | cli.CHOOSING_THEMSELVES | cli.OF_A_CHECKOUT
    assert named <= set(commands)
    assert set() == cli.ON_THE_RUNNING_STACK & cli.CHOOSING_THEMSELVES


@pytest.fixture
def image(tmp_path) -> Path:
    """A folder with what an image has of the code: no experiments, and no programs of a native stack."""
    for name in (
        "domain",
        "adapters",
        "data",
        "training",
        "monitoring",
        "services",
        "flows",
        "replay",
        "app",
        "ontime",
        "deploy",
    ):
        (tmp_path / name).symlink_to(PROJECT_ROOT / name)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("status",), "there is no native stack here"),
        (("backup",), "there is no native stack here"),
        (("evaluate",), "run the command in a checkout"),
    ],
)
def test_in_an_image_a_command_it_cannot_run_says_so_in_a_line(environment, image, words, said):
    missing = "import sys; sys.modules['supervisor'] = None; sys.path[0] = '.'; import ontime.__main__ as m; m.main()"
    hidden = f"import sys; sys.path = [p for p in sys.path if p != {str(PROJECT_ROOT)!r}]; " + missing
    done = subprocess.run(
        [sys.executable, "-c", hidden, *words],
        env=environment | {"PYTHONPATH": ""}, cwd=image, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_stopping_a_stack_that_does_not_run_is_no_error(environment):
    assert ontime(environment, "down").returncode == 0


def test_there_is_nothing_to_back_up_where_no_stack_runs(environment):
    done = ontime(environment, "backup")
    assert done.returncode == 1
    assert done.stderr.startswith("ontime: no stack runs here: `make up`")
    assert not Path(environment["ONTIME_STATE_DIR"]).exists()


def filled(environment: dict[str, str], *names: str) -> Path:
    """The state folder, with a file of each name in it."""
    state = Path(environment["ONTIME_STATE_DIR"])
    for name in names:
        (state / name).parent.mkdir(parents=True, exist_ok=True)
        (state / name).write_text("something")
    return state


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


MARK = "demo/made-by.json"


def demo_of(environment: dict[str, str]) -> Path:
    """The state folder of a user, with a demo in it."""
    state = filled(environment, "log/api.log", "secrets/predict.key", "demo/log/api.log", MARK)
    (state / MARK).write_text('{"made_by": "demo"}')
    return state


def test_clean_forgets_the_demo_and_leaves_the_users_own_state(environment):
    state = demo_of(environment)
    done = ontime(environment, "clean", "--yes")
    assert done.returncode == 0
    assert files_in(state) == {"log/api.log", "secrets/predict.key", MARK}
    assert "--stack own clean" in done.stdout


def test_clean_forgets_the_users_own_state_only_when_it_is_named(environment):
    state = filled(environment, "log/api.log", "secrets/predict.key", "backups/a.tar")
    assert ontime(environment, "clean", "--yes").returncode == 0
    assert "log/api.log" in files_in(state)
    done = ontime(environment, "--stack", "own", "clean", "--yes")
    assert done.returncode == 0
    assert "left where they are: backups, secrets" in done.stdout
    assert files_in(state) == {"secrets/predict.key", "backups/a.tar"}


def test_clean_deletes_nothing_where_nobody_can_be_asked(environment):
    state = demo_of(environment)
    before = files_in(state)
    for words in (("clean",), ("--stack", "own", "clean")):
        done = ontime(environment, *words)
        assert done.returncode == 1
        assert "--yes" in done.stderr
        assert "0.0 MB   written" in done.stdout
    assert files_in(state) == before


@pytest.mark.parametrize(("answer", "deleted"), [("n", False), ("", False), ("y", True)])
def test_clean_asks_on_a_terminal(environment, answer, deleted):
    state = demo_of(environment)
    done = answered(answer, documented("make clean"), environment)
    assert (done.returncode == 0) == deleted
    assert ("demo/log/api.log" not in files_in(state)) == deleted


def test_the_users_own_state_is_listed_asked_about_and_deleted(environment):
    state = filled(environment, "log/api.log", "secrets/predict.key", "backups/a.tar")
    done = answered("y", documented("make clean STACK=own"), environment)
    assert done.returncode == 0, done.stderr
    assert "0.0 MB   written" in done.stdout
    assert files_in(state) == {"secrets/predict.key", "backups/a.tar"}


def answered(answer: str, command: Command, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Answer what a command asks on a terminal."""
    keyboard, terminal = pty.openpty()
    os.write(keyboard, f"{answer}\n".encode())
    done = command.run(environment, check=False, stdin=terminal)
    os.close(keyboard)
    os.close(terminal)
    assert "Delete it? [y/N]" in done.stdout
    return done


def test_a_demo_does_not_begin_in_a_folder_that_no_demo_made(environment):
    state = filled(environment, "demo/postgres/PG_VERSION")
    done = ontime(environment, "demo")
    assert done.returncode == 1
    assert "was not made by `ontime demo`" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert files_in(state) == {"demo/postgres/PG_VERSION"}


def test_the_users_own_stack_is_never_the_demos(environment):
    state = filled(environment, "log/api.log")
    done = ontime(environment, "--stack", "own", "demo")
    assert done.returncode == 1
    assert "--stack" in done.stderr
    assert files_in(state) == {"log/api.log"}


def test_the_demos_stack_is_not_started_before_there_was_a_demo(environment):
    done = ontime(environment, "--stack", "demo", "local")
    assert done.returncode == 1
    assert "`make demo` makes one" in done.stderr


def test_an_unknown_setting_is_an_error_that_lists_the_known_ones(environment):
    done = ontime(environment | {"ONTIME_API_PROT": "1"}, "status")
    assert done.returncode == 1
    assert "ONTIME_API_PROT: no such setting" in done.stderr
    assert "ONTIME_API_PORT" in done.stderr


def test_the_tests_may_ask_the_engine_that_the_stack_may_not():
    stack = {"DOCKER_HOST": layout.NO_ENGINE, "PATH": "/bin", "ONTIME_API_PORT": "1"}
    assert _test_environment(stack) == {"PATH": "/bin"}
    assert _test_environment({"DOCKER_HOST": "tcp://elsewhere"}) == {"DOCKER_HOST": "tcp://elsewhere"}


@pytest.mark.parametrize(
    "words",
    [
        ("demo", "--from", "2024-04-01"),
        ("drill", "--from", "2024-04-01"),
        ("policies", "--to", "2024-04-01"),
        ("evaluate", "--to", "2024-04-01"),
    ],
)
def test_days_are_chosen_of_another_site_only(environment, words):
    asked = ontime(environment, *words)
    assert asked.returncode == 1
    assert "no days without --site" in asked.stderr


@pytest.mark.parametrize("command", ["demo", "drill", "policies", "evaluate", "replay"])
def test_a_site_without_files_is_refused_by_every_command_that_takes_one(environment, command, tmp_path):
    asked = ontime(environment, command, "--site", str(tmp_path / "nowhere"))
    assert asked.returncode == 1
    assert "a folder of files of flights and weather" in asked.stderr


@pytest.fixture
def newark(tmp_path) -> Path:
    """A folder of files of sixty days."""
    (tmp_path / "newark").mkdir()
    days = [bts_row(FlightDate=f"{date(2013, 4, 1) + timedelta(days=n)}") for n in range(60)]
    write_rows(tmp_path / "newark" / "april.csv", days)
    return tmp_path / "newark"


@pytest.mark.parametrize("command", ["demo", "policies", "replay"])
def test_days_before_a_first_champion_can_be_fitted_are_refused_before_anything_is_fitted(
    environment, command, newark
):
    asked = ontime(environment, command, "--site", str(newark), "--from", "2013-04-20")
    assert asked.returncode == 1
    assert "from: expected a day from 2013-05-14 on" in asked.stderr
    data = Path(environment["ONTIME_STATE_DIR"]) / "sites" / "newark" / "data"
    assert site_of(data).replay_from == date(2013, 5, 14)
