"""A volume that another release of PostgreSQL wrote: found before it is touched, and copied into a new one.

The volume of each release has a name of its own, so that the old one stays as it is.
"""

import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.backups.databases import Session, dump, load, verify_rows
from deploy.compose.backup import DATABASES, SUPERUSER, Postgres
from deploy.compose.engine import ROOT, Compose, StackError, say

DATA = "/var/lib/postgresql/data"
# Releases that this stack ran before; any other is asked for by its number alone.
IMAGES_BEFORE = {"15": "postgres:15-bookworm"}
# On a volume that an upgrade made: from which one. Only such a volume is ever removed, and only while it lacks the
# file that is put beside the data when all of it has arrived.
UPGRADE_OF = "ontime.upgrade-of"
COMPLETE = "ontime_upgrade_is_complete"
# Whatever writes to the databases; the API keeps answering, and what it logs waits in the spool.
STOPPED = (
    "shipper",
    "features",
    "watchman",
    "feed",
    "prefect-worker",
    "prefect-server",
    "mlflow",
    "postgres",
)
READY_SECONDS = 120
OWN_DATABASES = "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres' ORDER BY 1"


@dataclass(frozen=True)
class Volume:
    """A volume with the data of a PostgreSQL.

    Parameters
    ----------
    release : str
        The major release that wrote it; empty where none has.
    unfinished : bool
        Whether an upgrade made it, and has not filled it to the end.
    """

    name: str
    release: str
    unfinished: bool = False


@dataclass(frozen=True)
class Wanted:
    """What the Compose file asks for."""

    image: str
    key: str
    volume: str
    release: str


def wanted(compose: Compose) -> Wanted | None:
    """Return the image and the volume of PostgreSQL; None where the Compose file keeps none."""
    config = compose.model()
    service = config["services"].get("postgres", {})
    sources = [v["source"] for v in service.get("volumes", []) if v["target"] == DATA]
    if not sources:
        return None
    version = _in_a_container(compose, service["image"], None, "postgres --version").split()
    name = config["volumes"][sources[0]]["name"]
    return Wanted(service["image"], sources[0], name, version[2].partition(".")[0])


def refuse_another_release(compose: Compose) -> None:
    """Check, before anything is started, that PostgreSQL finds data of its own release, or none anywhere.

    Raises
    ------
    StackError
        If the data were written by another release, or an upgrade of them did not end.
    """
    target = wanted(compose)
    if target is None:
        return
    own, others = volumes(compose, target)
    if own.release and not own.unfinished:
        found = own
    elif others:
        found = others[0]
    else:
        return
    if found.release == target.release:
        return
    advice = f"go back to an image of release {found.release}"
    if found is not own and int(found.release) < int(target.release):
        advice = "`make upgrade-postgres` copies it into a new volume, compares every row count, and keeps the old one"
    raise StackError(
        f"the volume {found.name} holds PostgreSQL {found.release}, and {target.image} cannot read it; "
        f"nothing was touched: {advice}"
    )


def volumes(compose: Compose, target: Wanted) -> tuple[Volume, list[Volume]]:
    """Return the volume the Compose file names, and those of other releases, newest first."""
    project = f"label=com.docker.compose.project={compose.environment['COMPOSE_PROJECT_NAME']}"
    shown = '{{.Name}} {{.Label "com.docker.compose.volume"}}'
    lines = compose.docker("volume", "ls", "--filter", project, "--format", shown).splitlines()
    names = [
        name for name, _, key in (line.partition(" ") for line in lines) if key.startswith("postgres-data")
    ]
    found = {name: _look_into(compose, target.image, name) for name in names}
    own = found.pop(target.volume, Volume(target.volume, ""))
    others = [v for v in found.values() if v.release]
    return own, sorted(others, key=lambda v: int(v.release), reverse=True)


def _look_into(compose: Compose, image: str, name: str) -> Volume:
    made_for = compose.docker(
        "volume", "inspect", "-f", f'{{{{index .Labels "{UPGRADE_OF}"}}}}', name
    ).strip()
    script = f"cat {DATA}/PG_VERSION 2>/dev/null; ls {DATA} | grep -x {COMPLETE}; true"
    words = _in_a_container(compose, image, name, script).split()
    release = next((word for word in words if word != COMPLETE), "")
    return Volume(name, release, unfinished=bool(made_for) and COMPLETE not in words)


def _in_a_container(compose: Compose, image: str, volume: str | None, script: str) -> str:
    """Run a script in a container and return what it printed; the container is gone then.

    Not with `run --rm`: on a busy machine that returned before the container was gone, or without its output.
    """
    mounted = ["-v", f"{volume}:{DATA}:ro"] if volume else ["--tmpfs", DATA]
    alone = ["--network", "none", "--user", "999:999", "--log-driver", "json-file", "--entrypoint", "sh"]
    container = compose.docker("run", "--detach", *alone, *mounted, image, "-c", script).strip()
    try:
        code = compose.docker("wait", container).strip()
        printed = compose.docker("logs", container)
    finally:
        compose.docker("rm", "-f", container)
    if code != "0":
        raise StackError(f"`{script}` in {image} ended with {code}")
    return printed


def upgrade(compose: Compose, old_image: str | None = None) -> None:
    """Copy the data of an older release into a new volume of this one; the old volume stays.

    The API keeps answering meanwhile, and what it logs is shipped afterwards.

    Raises
    ------
    StackError
        If anything fails or differs: the new volume is removed, and what ran before is started again.
    """
    target = wanted(compose)
    found = _to_upgrade(compose, target) if target else None
    if target is None or found is None:
        say("nothing to upgrade: the stack has a volume of this release, or none of an older one")
        return
    own, source = found
    image = old_image or IMAGES_BEFORE.get(source.release, f"postgres:{source.release}")
    say(f"PostgreSQL {source.release} in {source.name} becomes {target.release} in {own.name}")
    with _stopped(compose):
        _require_unused(compose, source.name)
        _make_volume(compose, target, own, source)
        try:
            with old_server(compose, image, source.name) as old, new_server(compose) as new:
                copy(old, new)
            _mark_complete(compose, target)
        except BaseException:
            compose.docker("volume", "rm", "-f", own.name)
            raise
    say(f"every row count agrees. `make up` starts the stack on {own.name}; {source.name} stays as it was")


def _to_upgrade(compose: Compose, target: Wanted) -> tuple[Volume, Volume] | None:
    """Return the volume to fill and the newest of an older release; None where there is nothing to upgrade."""
    own, others = volumes(compose, target)
    older = [v for v in others if int(v.release) < int(target.release)]
    return (own, older[0]) if older and (own.unfinished or not own.release) else None


@contextmanager
def _stopped(compose: Compose) -> Iterator[None]:
    """Keep what writes to the databases stopped; start it again when the upgrade fails."""
    running = [s["Id"] for service in STOPPED for s in compose.states(service) if s["State"]["Running"]]
    if running:
        compose.docker("stop", "-t", "60", *running)
    try:
        yield
    except BaseException:
        if running:
            compose.docker("start", *reversed(running))
        raise


def _require_unused(compose: Compose, volume: str) -> None:
    users = compose.docker("ps", "-q", "--filter", f"volume={volume}").split()
    if users:
        raise StackError(
            f"{volume} is in use by the container {users[0]}: stop that first; nothing was touched"
        )


def _make_volume(compose: Compose, target: Wanted, own: Volume, source: Volume) -> None:
    """Make the new volume, in the place of one that an upgrade before did not fill to its end."""
    if own.unfinished:
        compose.docker("volume", "rm", own.name)
    elif compose.docker("volume", "ls", "-q", "--filter", f"name=^{own.name}$").strip():
        raise StackError(f"{own.name} is there without a database, and no upgrade made it: remove it first")
    labels = {
        "com.docker.compose.project": compose.environment["COMPOSE_PROJECT_NAME"],
        "com.docker.compose.volume": target.key,
        UPGRADE_OF: source.name,
    }
    named = [part for label, value in labels.items() for part in ("--label", f"{label}={value}")]
    compose.docker("volume", "create", *named, own.name)


def copy(old: Postgres, new: Postgres) -> None:
    """Dump every database, load it, and compare the row counts."""
    _name_what_stays_behind(old)
    (ROOT / "var").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "var") as scratch:
        for database in DATABASES:
            file = Path(scratch) / f"{database}.dump"
            rows = dump(old, database, file)
            load(new, database, file)
            verify_rows(new, database, rows)
            file.unlink()
            say(f"{database}: {sum(rows.values())} rows")


def _name_what_stays_behind(old: Postgres) -> None:
    with Session(old, "postgres") as session:
        others = sorted({name for (name,) in session.ask(OWN_DATABASES)} - set(DATABASES))
    if others:
        say(f"not ontime's, and left in the old volume: {', '.join(others)}")


@contextmanager
def old_server(compose: Compose, image: str, volume: str) -> Iterator[Postgres]:
    """Run the older release on its volume, with no network."""
    arguments = ["run", "-d", "--network", "none", "--user", "999:999", "--shm-size", "256m"]
    container = compose.docker(*arguments, "-v", f"{volume}:{DATA}", image).strip()
    with _ready_then_stopped(compose, container) as server:
        yield server


@contextmanager
def new_server(compose: Compose) -> Iterator[Postgres]:
    """Run this release on its empty volume, with its roles made as at a first start; no client knows its name."""
    name = f"{compose.environment['COMPOSE_PROJECT_NAME']}-postgres-upgrade"
    left = compose.docker("ps", "-aq", "--filter", f"name=^/{name}$").split()
    if left:
        compose.docker("rm", "-f", *left)
    compose.run("run", "-d", "--no-deps", "--name", name, "postgres", stdout=subprocess.DEVNULL)
    with _ready_then_stopped(compose, name) as server:
        yield server


@contextmanager
def _ready_then_stopped(compose: Compose, container: str) -> Iterator[Postgres]:
    try:
        _wait_until_ready(compose, container)
        yield Postgres(compose, container)
    finally:
        # Ends with a checkpoint: the volume is as after any orderly stop.
        compose.docker("stop", "-t", "60", container)
        compose.docker("rm", "-f", container)


def _wait_until_ready(compose: Compose, container: str) -> None:
    """Wait for the server that stays: while the databases are made, one answers on the socket only."""
    deadline = time.monotonic() + READY_SECONDS
    probe: Sequence[str] = ("exec", container, "pg_isready", "-q", "-h", "127.0.0.1", "-U", SUPERUSER)
    while True:
        try:
            compose.docker(*probe)
        except StackError as error:
            [state] = compose.inspect_all([container])
            if not state["State"]["Running"] or time.monotonic() > deadline:
                log = "\n".join(f"  {line}" for line in compose.log(container, 10))
                raise StackError(f"{state['Config']['Image']} does not start on its volume\n{log}") from error
            time.sleep(0.5)
        else:
            return


def _mark_complete(compose: Compose, target: Wanted) -> None:
    alone = ["run", "--rm", "--network", "none", "--user", "999:999", "--entrypoint", "touch"]
    compose.docker(*alone, "-v", f"{target.volume}:{DATA}", target.image, f"{DATA}/{COMPLETE}")
