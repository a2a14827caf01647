"""Starting, watching and stopping the native stack."""

import contextlib
import fcntl
import http.client
import subprocess
import sys
import xmlrpc.client
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from adapters.api_keys import ApiKeys
from adapters.migrations import migrate
from adapters.model_registry import START_PATIENCE_SECONDS, ModelRegistry
from adapters.postgres import ConnectionParameters, Database
from adapters.postgres_admin import create_databases, let_roles_in
from adapters.settings import PROJECT_ROOT, Settings
from adapters.terminal import Say
from adapters.waiting import wait_until
from deploy.native import layout, processes
from deploy.native.embedded_postgres import initialise, require_free_port
from deploy.native.programs import SUPERVISOR_USER, programs, start_supervisord, supervisor_configuration
from deploy.native.release import release_hash
from deploy.native.starting import PATIENCE, CannotStart, Patience, Starting, settled
from deploy.pids import is_running
from domain.errors import ConfigurationError, NotReady, OntimeError
from services import health

FIRST_PREDICTION = Patience(idle_seconds=240.0, longest_seconds=240.0)
"""The API is idle while it waits for a model and for the first state."""
STOP_SECONDS = 60.0
CALL_SECONDS = 40.0
"""A call that stops a program waits for its end."""
PING_SECONDS = 10.0
"""Ample: a manager that is taken for dead is started again, and with it the whole stack."""

ALREADY_STARTED = 60
"""The process manager's fault where another command has started the program meanwhile."""

Probe = Callable[[], None]
NO_ANSWER = (OSError, xmlrpc.client.Error, http.client.HTTPException)
"""What a call of the process manager raises when it is away or refuses."""


class Stack:
    """The native stack of one state folder."""

    def __init__(self, settings: Settings):
        self.settings = settings

    def is_managed(self) -> bool:
        """Return whether the process manager answers."""
        try:
            return bool(self._ask("getState", patience=PING_SECONDS)["statename"] == "RUNNING")
        except NO_ANSWER:
            return False

    def start_servers(self, say: Say) -> None:
        """Start the process manager and the servers of others; PostgreSQL is migrated when this returns.

        A stack that runs other code than this is stopped first, with its data kept; one of the same code stays.
        Waits while another command does so for the same state.

        Raises
        ------
        ConfigurationError
            If a port is taken: names it and its setting.
        CannotStart
            If a part ends again and again, or does not answer: names it, its log's end, and what to do.
        """
        with self._alone(say):
            self._start_servers(say)
        say("PostgreSQL is up and migrated; MLflow and Prefect are starting")

    def _start_servers(self, say: Say) -> None:
        if self.is_managed() and self._is_of_another_release():
            # Before the schema changes: what only the code before uses is taken away then.
            say("the stack runs other code than this checkout's: starting it again, with its data")
            self.stop(lambda text: None)
        if self.is_managed():
            self._say_what_waits(say)
        else:
            self._start_manager(say)
        parameters = ConnectionParameters.from_settings(self.settings).to_database("postgres")
        self._ensure("postgres", "prefect-server")
        self._wait_for(self._starting(), "postgres", lambda: parameters.connect("wait").close())
        create_databases(parameters, [self.settings.postgres_database, "mlflow"])
        self._ensure("mlflow")
        with_database(self.settings, self._prepare)

    def start_services(self, say: Say) -> None:
        """Start ontime's own processes and wait until every part answers, the API's readiness left out.

        Raises
        ------
        CannotStart
            As `start_servers`.
        """
        self._ensure("features", "shipper", "watchman", "api")
        starting = self._starting()
        self._wait_for(starting, "prefect-server", self._check("prefect-server"))
        self._ensure("prefect-worker")
        self.register_flows()
        for name in ("mlflow", "api", "watchman"):
            self._wait_for(starting, name, self._check(name))
        self._wait_for(starting, "prefect-worker", partial(health.worker_online, self.settings))
        sign_again(self.settings)
        for name in ("features", "shipper"):
            # They are well when they have work and do it; here that they run is all that can be asked.
            self._wait_for(starting, name, self._settled(name))
        say("every part of the stack answers")

    def wait_for_mlflow(self) -> None:
        """Wait until MLflow answers clients; CannotStart as `start_servers`."""
        self._wait_for(self._starting(), "mlflow", self._check("mlflow"))

    def wait_for_predictions(self) -> None:
        """Wait until the API can serve a prediction; CannotStart as `start_servers`."""
        ready = partial(health.api_ready, self.settings)
        self._wait_for(self._starting(), "api", ready, FIRST_PREDICTION)

    def start(self, say: Say) -> None:
        """Start whatever does not run, with its data."""
        self.start_servers(say)
        self.start_services(say)

    def register_flows(self) -> None:
        """Register every deployment with Prefect; safe to repeat."""
        self.run_module("flows.deploy")

    def run_module(self, module: str, *arguments: str) -> None:
        """Run a module in the stack's environment, to its end.

        Raises
        ------
        OntimeError
            If it fails; carries the end of what it said.
        """
        done = subprocess.run(  # a module of this project
            [sys.executable, "-m", module, *arguments],
            cwd=PROJECT_ROOT,
            env=layout.environment(self.settings),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise OntimeError(f"{module} failed: {done.stderr.strip()[-2000:]}")

    def was_stopped(self) -> bool:
        """Return whether a command stopped it, or deleted its state, since it was started: it did not just die."""
        return self._stopped.exists() or not self._stopped.parent.exists()

    @property
    def _stopped(self) -> Path:
        return self.settings.state_dir / "run" / "stopped"

    def stop(self, say: Say) -> None:
        """Stop everything, and make sure that no process is left; whoever guards it does not start it again."""
        if self._stopped.parent.exists():
            self._stopped.touch()
        if self.is_managed():
            manager = int(self._ask("getPID"))
            self._ask("shutdown")
            # It answers no more while it ends its programs, each in its time, PostgreSQL last.
            wait_until(lambda: not is_running(manager), STOP_SECONDS, pause=0.2)
        left = processes.of_stack(self.settings.state_dir)
        if left:
            processes.end(left)
        remaining = processes.of_stack(self.settings.state_dir)
        if remaining:
            raise OntimeError(f"could not stop the processes {remaining}")
        say("the stack is stopped; its data stay")

    def states(self) -> dict[str, dict[str, Any]]:
        """Return what the process manager says of each program: statename, pid, start, now."""
        if not self.is_managed():
            return {}
        return self._infos()

    def probe(self, states: Mapping[str, dict[str, Any]]) -> dict[str, str | None]:
        """Ask each program that runs what its clients need of it; None = well, else what is wrong."""
        return {name: self._problem(name, states.get(name, {})) for name in health.CHECKS}

    def _problem(self, name: str, info: dict[str, Any]) -> str | None:
        # Not asked: one that has nothing to do would pass for healthy.
        return _failure(self._check(name)) if info.get("pid") else "it does not run"

    def _check(self, name: str) -> Probe:
        return partial(health.check, name, self.settings)

    def _wait_for(self, starting: Starting, name: str, probe: Probe, patience: Patience = PATIENCE) -> None:
        try:
            starting.wait_for(name, probe, patience)
        except CannotStart as error:
            # Else its manager would start it for ever.
            with contextlib.suppress(*NO_ANSWER):
                self._ask("stopProcess", error.part)
            raise

    def _say_what_waits(self, say: Say) -> None:
        """Say which variables have other values than those that the running stack was started with."""
        before = processes.environment(int(self._ask("getPID")))
        changed = layout.changed(before, layout.environment(self.settings)) if before else []
        if changed:
            say(f"the stack keeps the values it was started with until it is stopped: {', '.join(changed)}")

    def _is_of_another_release(self) -> bool:
        return not self._release.exists() or self._release.read_text() != release_hash()

    @property
    def _release(self) -> Path:
        return self.settings.state_dir / "run" / "release"

    def _starting(self) -> Starting:
        return Starting(self._infos, self.settings.state_dir / "log")

    def _settled(self, name: str) -> Probe:
        return lambda: settled(self._infos()[name])

    def _infos(self) -> dict[str, dict[str, Any]]:
        try:
            return {info["name"]: info for info in self._ask("getAllProcessInfo")}
        except NO_ANSWER as error:
            raise NotReady(f"the process manager went away: {error}") from error

    def _prepare(self, database: Database) -> None:
        migrate(database)
        let_roles_in(database, self.settings)
        register_keys(database, self.settings)
        ModelRegistry.of_trainer(self.settings).sign_cached_again(self.settings.signing_key)

    def _start_manager(self, say: Say) -> None:
        left = processes.of_stack(self.settings.state_dir)
        if left:
            say(f"stopping {len(left)} processes that an interrupted stack left behind")
            processes.end(left)
        for name in layout.PORT_SETTINGS:
            require_free_port(getattr(self.settings, name), f"ONTIME_{name.upper()}")
        with self._state_usable():
            path = self._make_state()
            self._release.write_text(release_hash())
            self._stopped.unlink(missing_ok=True)
        start_supervisord(path, layout.environment(self.settings))
        if not wait_until(self.is_managed, seconds=15, pause=0.05):
            raise NotReady(f"supervisord does not answer; see {self.settings.state_dir / 'log'}")

    @contextlib.contextmanager
    def _alone(self, say: Say) -> Iterator[None]:
        """Hold the lock of whoever starts this stack; the kernel lets it go when that process ends."""
        with self._state_usable():
            layout.make_folders(self.settings)
            lock = (self.settings.state_dir / "run" / "start.lock").open("a")
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say("another command is starting this stack: waiting until it has")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def _state_usable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OntimeError(f"ONTIME_STATE_DIR: cannot use {error.filename}: {error.strerror}") from error

    def _make_state(self) -> Path:
        """Make what is missing of the state; return the process manager's configuration."""
        layout.make_secrets(self.settings)
        initialise(self.settings.state_dir / "postgres", self.settings.postgres_password_file)
        path = self.settings.state_dir / "run" / "supervisord.conf"
        path.touch(mode=0o600)
        path.write_text(supervisor_configuration(self.settings))
        return path

    def _ensure(self, *names: str) -> None:
        states = self._infos()
        for name in names:
            if states[name]["statename"] not in ("RUNNING", "STARTING", "BACKOFF"):
                self._start_program(name)

    def _start_program(self, name: str) -> None:
        try:
            self._ask("startProcess", name, False)
        except xmlrpc.client.Fault as error:
            if error.faultCode != ALREADY_STARTED:
                raise

    def _ask(self, method: str, *arguments: Any, patience: float = CALL_SECONDS) -> Any:
        """Call the process manager."""
        try:
            password = layout.supervisor_password_file(self.settings).read_text().strip()
        except OSError:
            password = "none-yet"  # noqa: S105  what no stack has as its password
        address = f"http://{SUPERVISOR_USER}:{password}@127.0.0.1:{self.settings.supervisor_port}/RPC2"
        with xmlrpc.client.ServerProxy(address, transport=_ImpatientTransport(patience)) as manager:
            return getattr(manager.supervisor, method)(*arguments)


class _ImpatientTransport(xmlrpc.client.Transport):
    """Gives up on somebody else's server that takes the call and stays silent."""

    def __init__(self, patience: float):
        super().__init__()
        self._patience = patience

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        """Connect with a time limit."""
        connection = super().make_connection(host)
        connection.timeout = self._patience
        return connection


def register_keys(database: Database, settings: Settings) -> None:
    """Record the keys that lie beside the stack, each in place of the one that lay there before."""
    keys = ApiKeys(database)
    for name, scopes in layout.KEYS.items():
        keys.register(name, scopes, (settings.api_keys_dir / name).read_text().strip())


def sign_again(settings: Settings, patience: float = START_PATIENCE_SECONDS) -> dict[int, str]:
    """Sign the models of an earlier release with today's key; see `ModelRegistry.sign_again`."""
    return ModelRegistry.of_trainer(settings, patience).sign_again(settings.signing_key)


def with_database(settings: Settings, work: Callable[[Database], None]) -> None:
    """Do some work on the stack's database and leave no connection behind."""
    database = Database.from_settings(settings, max_connections=2)
    try:
        work(database)
    finally:
        database.close()


def _failure(probe: Probe) -> str | None:
    try:
        probe()
    except (OntimeError, OSError) as error:
        return str(error)
    return None


__all__ = ["ConfigurationError", "Stack", "programs", "with_database"]
