"""The only adapter for PostgreSQL: connections, transactions, notifications and named queries.

One module, because all of it is the life of a connection: lent, cut when it is held too long, given back, lost, and
opened again by whoever listens. For the schema see `migrations`.
"""

import os
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import psycopg2
import psycopg2.errors
from psycopg2.extensions import connection as Connection  # noqa: N812  the class has a lower-case name
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from adapters.settings import Settings
from domain.errors import NotReady

__all__ = ["Connection", "ConnectionParameters", "Cursor", "Database", "Listener", "Notification", "query"]

SQL_DIR = Path(__file__).parent / "sql"
CONNECT_SECONDS = 5
Row = tuple[Any, ...]
Parameters = Mapping[str, Any]
Result = TypeVar("Result")


@cache
def query(name: str) -> str:
    """Return the statement of `adapters/sql/queries/<name>.sql`; its first comment states what it promises."""
    return (SQL_DIR / "queries" / f"{name}.sql").read_text(encoding="utf-8")


@dataclass(frozen=True)
class ConnectionParameters:
    """Where a database is and who asks."""

    host: str
    port: int
    user: str
    password: str
    database: str

    @classmethod
    def from_settings(cls, settings: Settings) -> "ConnectionParameters":
        """Take them from the settings."""
        return cls(
            settings.postgres_host,
            settings.postgres_port,
            settings.postgres_user,
            settings.postgres_password,
            settings.postgres_database,
        )

    def __repr__(self) -> str:
        return f"{self.user}@{self.host}:{self.port}/{self.database}"

    def to_database(self, name: str) -> "ConnectionParameters":
        """Address another database of the same server."""
        return replace(self, database=name)

    def as_user(self, user: str, password: str) -> "ConnectionParameters":
        """Address the same database as somebody else."""
        return replace(self, user=user, password=password)

    def url(self, driver: str = "postgresql+psycopg2") -> str:
        """Write the address for SQLAlchemy. It holds the password: never log it."""
        from urllib.parse import quote

        who = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        return f"{driver}://{who}@{self.host}:{self.port}/{self.database}"

    def connect(self, application: str = "ontime") -> Connection:
        """Open a connection whose session is in UTC.

        Raises
        ------
        NotReady
            If PostgreSQL cannot be reached.
        """
        try:
            return psycopg2.connect(
                host=self.host,
                port=self.port,
                user=self.user,
                password=self.password,
                dbname=self.database,
                application_name=application,
                connect_timeout=CONNECT_SECONDS,
                # A server that is gone with its network says no goodbye: found out in seconds, not in minutes.
                keepalives_idle=5,
                keepalives_interval=2,
                keepalives_count=3,
                tcp_user_timeout=10_000,
                # Whoever gives an answer up leaves no query behind that goes on.
                options="-c timezone=UTC -c idle_in_transaction_session_timeout=600000"
                " -c client_connection_check_interval=2000",
            )
        except psycopg2.OperationalError as error:
            reason = str(error).strip().splitlines()[-1:]
            raise NotReady(f"PostgreSQL is not reachable: {self!r}, {''.join(reason)}") from error


class Database:
    """A pool of connections that threads share; it survives restarts of the server.

    At most `max_connections` are open; a thread waits for a free one. All of them stay open between uses:
    psycopg2's own pool closes whatever exceeds its minimum, which costs a connect at every peak.
    Do not share one over a fork.

    Parameters
    ----------
    patience : float, optional
        Seconds after which a connection that is still lent is cut, so that its borrower ends with `NotReady`: a server
        that is frozen refuses nothing, and no timeout of its own comes. By default as long as it takes.
    require : callable, optional
        Called before a connection is lent; raises `NotReady` where the server is known to be away.
    """

    REFUSALS = (psycopg2.DataError, psycopg2.IntegrityError)
    """What a statement raises when the server refuses its values."""
    UNKNOWN_COLUMN = psycopg2.errors.UndefinedColumn
    """What a statement raises that names a column the table lacks."""
    CHANGED_SIDES = (
        psycopg2.errors.ReadOnlySqlTransaction,
        psycopg2.errors.IdleInTransactionSessionTimeout,
    )
    """What a server raises that became a standby, or gave the session up: the next connection may find another."""
    TAKEN_AWAY = (
        psycopg2.errors.InsufficientPrivilege,
        psycopg2.errors.UndefinedTable,
        psycopg2.errors.UndefinedFunction,
    )
    """What a statement raises after somebody changed rights, the schema or its search path by hand."""
    REFUSED = CHANGED_SIDES + TAKEN_AWAY

    def __init__(
        self,
        parameters: ConnectionParameters,
        max_connections: int = 8,
        application: str = "ontime",
        patience: float | None = None,
        require: Callable[[], None] = lambda: None,
    ):
        self.parameters = parameters
        self._application = application
        self._idle: list[Connection] = []
        self._lock = threading.Lock()
        self._free = threading.BoundedSemaphore(max_connections)
        self._require = require
        self._lease = Deadlines(patience).lease if patience else _endless

    @classmethod
    def from_settings(
        cls, settings: Settings, max_connections: int = 8, application: str = "ontime", **options: Any
    ) -> "Database":
        """Make a pool for the database of the settings; nothing is opened yet. Options are those of the class."""
        return cls(ConnectionParameters.from_settings(settings), max_connections, application, **options)

    @contextmanager
    def transaction(self) -> Iterator[Cursor]:
        """Run the block in one transaction: committed at its end, rolled back when it raises.

        Raises
        ------
        NotReady
            If the server is or goes away, cannot go on (disk full, deadlock, shutdown), or takes no writes.
        """
        with self.session() as connection, connection, connection.cursor() as cursor:
            yield cursor

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """Lend one connection, for work that spans several transactions under one session lock."""
        self._require()
        with self._free:
            connection = self._checkout()
            try:
                with self._lease(connection):
                    yield connection
            except (psycopg2.OperationalError, psycopg2.InterfaceError, *self.REFUSED) as error:
                if isinstance(error, self.REFUSED):
                    connection.close()  # the next one finds what was mended meanwhile
                raise NotReady(f"PostgreSQL could not finish: {str(error).strip()}") from error
            finally:
                self._put_back(connection)

    def run(self, work: Callable[[Cursor], Result]) -> Result:
        """Do work in a transaction of its own and return what it returns."""
        with self.transaction() as cursor:
            return work(cursor)

    def rows(self, name: str, parameters: Parameters | None = None) -> list[Row]:
        """Run a named query in its own transaction and return its rows."""
        return self.run(lambda cursor: _asked(cursor, name, parameters).fetchall())

    def row(self, name: str, parameters: Parameters | None = None) -> Row | None:
        """Run a named query in its own transaction and return its first row."""
        return self.run(lambda cursor: _asked(cursor, name, parameters).fetchone())

    def execute(self, name: str, parameters: Parameters | None = None) -> int:
        """Run a named statement in its own transaction and return the number of rows it touched."""
        return self.run(lambda cursor: _asked(cursor, name, parameters).rowcount)

    @contextmanager
    def try_lock(self, number: int) -> Iterator[bool]:
        """Hold an advisory lock for the block, if nobody else does; return whether it is held.

        A crash of this process or of the server frees it.
        """
        with self.session() as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_lock(%s)", [number])
                row = cursor.fetchone()
                held = bool(row and row[0])
                try:
                    yield held
                finally:
                    # What has ended meanwhile holds nothing.
                    with suppress(psycopg2.OperationalError, psycopg2.InterfaceError):
                        if held:
                            cursor.execute("SELECT pg_advisory_unlock(%s)", [number])
            if not connection.closed:
                connection.autocommit = False

    def listen(self, *channels: str) -> "Listener":
        """Listen to channels on a connection of its own."""
        return Listener(self, channels)

    def connect(self) -> Connection:
        """Open a connection outside the pool; the caller closes it."""
        return self.parameters.connect(self._application)

    def close(self) -> None:
        """Close the idle connections; those in use close when they come back."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _checkout(self) -> Connection:
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return self.connect()
            if not _is_stale(connection):
                return connection
            connection.close()

    def _put_back(self, connection: Connection) -> None:
        if not connection.closed:
            try:
                connection.rollback()  # a no-op unless the borrower left a transaction open
            except psycopg2.Error:
                connection.close()
        if not connection.closed:
            with self._lock:
                self._idle.append(connection)


class Deadlines:
    """Cuts connections that were lent for too long; one thread watches them all, begun with the first."""

    CHECKS = 10
    """A deadline is looked at so often."""

    def __init__(self, seconds: float):
        self._seconds = seconds
        self._lent: dict[Connection, float] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextmanager
    def lease(self, connection: Connection) -> Iterator[None]:
        """Cut a connection if the block has not ended in time, which ends it with `NotReady`."""
        with self._lock:
            self._lent[connection] = time.monotonic() + self._seconds
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="postgres-deadlines", daemon=True)
                self._thread.start()
        try:
            yield
        except psycopg2.Error as error:
            if connection not in self._lent:
                raise NotReady(f"PostgreSQL did not answer in {self._seconds:g} s") from error
            raise
        finally:
            with self._lock:
                self._lent.pop(connection, None)

    def _watch(self) -> None:
        while True:
            time.sleep(self._seconds / self.CHECKS)
            with self._lock:
                now = time.monotonic()
                late = [connection for connection, until in self._lent.items() if now > until]
                for connection in late:
                    del self._lent[connection]
                    _cut(connection)


def _cut(connection: Connection) -> None:
    """End the conversation from our side: whoever waits for an answer reads the end of the stream."""
    try:
        with socket.socket(fileno=os.dup(connection.fileno())) as ours:
            ours.shutdown(socket.SHUT_RDWR)
    except (psycopg2.InterfaceError, OSError):  # closed meanwhile
        return


def _asked(cursor: Cursor, name: str, parameters: Parameters | None) -> Cursor:
    cursor.execute(query(name), parameters)
    return cursor


@contextmanager
def _endless(connection: Connection) -> Iterator[None]:
    yield


def _is_stale(connection: Connection) -> bool:
    """Return whether the server closed an idle connection: only then is there something to read from it."""
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
    return bool(poll.poll(0))


@dataclass(frozen=True)
class Notification:
    """A message of NOTIFY."""

    channel: str
    payload: str


class Listener:
    """Waits for notifications on a connection of its own; for one thread."""

    def __init__(self, database: Database, channels: Sequence[str]):
        self._database = database
        self._channels = tuple(channels)
        self._connection: Connection | None = None
        self._woken, self._wakes = os.pipe()
        os.set_blocking(self._wakes, False)

    def wake(self) -> None:
        """End the wait of the thread that waits, or its next one; for other threads."""
        with suppress(BlockingIOError):  # it was woken often enough
            os.write(self._wakes, b"w")

    def __del__(self) -> None:
        os.close(self._woken)
        os.close(self._wakes)

    def wait(self, timeout: float) -> list[Notification]:
        """Wait for notifications, at most `timeout` seconds.

        Whatever it returns, look at the state again: the first call and the first after a lost connection
        return an empty list at once, because what was sent before is not known.

        Raises
        ------
        NotReady
            If the server cannot be reached; call again later.
        """
        try:
            if self._connection is None:
                self._connect()
                return []
            return self._receive(self._connection, timeout)
        except Database.CHANGED_SIDES as error:
            self.close()
            raise NotReady(f"PostgreSQL takes no writes, and nobody may listen: {error}") from error
        except (psycopg2.OperationalError, psycopg2.InterfaceError, OSError) as error:
            self.close()
            raise NotReady("PostgreSQL closed the connection that listens") from error

    def close(self) -> None:
        """Close its connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> None:
        self._connection = connection = self._database.connect()
        connection.autocommit = True
        with connection.cursor() as cursor:
            for channel in self._channels:
                cursor.execute(f'LISTEN "{channel}"')

    def _receive(self, connection: Connection, timeout: float) -> list[Notification]:
        deadline = time.monotonic() + timeout
        while not connection.notifies:
            left = deadline - time.monotonic()
            notified = connection.fileno()
            ready = select.select([notified, self._woken], [], [], left)[0] if left > 0 else []
            if self._woken in ready:
                os.read(self._woken, 4096)
            if notified not in ready:
                return []
            connection.poll()
        received = [Notification(n.channel, n.payload or "") for n in connection.notifies]
        connection.notifies.clear()
        return received
