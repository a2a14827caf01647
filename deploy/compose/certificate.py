"""The gateway's certificate: the one that lies beside the secrets, or one that this host makes for itself."""

import hashlib
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from deploy import validity
from deploy.compose.engine import Compose, StackError, say
from deploy.secret_files import is_there, write_in_place, write_secret
from deploy.validity import Validity

CERTIFICATE, KEY = "gateway_certificate", "gateway_key"
MODE = 0o444
SOON = timedelta(days=30)
"""Before its end: another is made, or the operator reads of it."""
ALWAYS = ("localhost", "gateway", "127.0.0.1", "::1")
END_OF_KEY = "-----END PRIVATE KEY-----\n"


def make_missing(compose: Compose) -> None:
    """Make a certificate where the gateway asks for one and none was given, or this host's own is near its end.

    Says what it made, or that another one nears its end.

    Raises
    ------
    StackError
        If only one of certificate and key is there.
    """
    config = compose.model()
    files = _files(config)
    there = [file for file in files if is_there(file)]
    if len(there) == 1:
        raise StackError(
            f"{there[0]} is there without the other of {CERTIFICATE} and {KEY}: put both there, or none"
        )
    near = _near_its_end(files[0]) if there else None
    if files and (not there or (near and near.made_here)):
        _make(compose, config["services"]["prefect-worker"]["image"], *files)
    elif near:
        say(_described(files[0], near))


def ending(compose: Compose) -> tuple[str, ...]:
    """Return what an operator has to know of the gateway's certificate; nothing while it lasts."""
    files = _files(compose.model())
    near = _near_its_end(files[0]) if files and is_there(files[0]) else None
    return (_described(files[0], near),) if near else ()


def _files(config: dict[str, Any]) -> list[Path]:
    known = config.get("secrets", {})
    return [Path(known[name]["file"]) for name in (CERTIFICATE, KEY) if name in known]


def _near_its_end(certificate: Path) -> Validity | None:
    found = validity.read(certificate)
    return found if found and found.end < datetime.now(UTC) + SOON else None


def _described(certificate: Path, near: Validity) -> str:
    when = "has ended on" if near.end < datetime.now(UTC) else "ends on"
    what = "makes another" if near.made_here else "takes another, once you have put it there with its key"
    return f"the gateway's certificate {certificate} {when} {near.end:%Y-%m-%d}: `make up` {what}"


def _make(compose: Compose, image: str, certificate: Path, key: Path) -> None:
    names = sorted({*ALWAYS, socket.gethostname(), socket.getfqdn()})
    alone = ("run", "--rm", "--network", "none", "--entrypoint", "python", image)
    made = compose.docker(*alone, "-m", "deploy.certificate", *names)
    secret, _, public = made.partition(END_OF_KEY)
    _write(key, secret + END_OF_KEY)
    _write(certificate, public)
    fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(public)).hexdigest()
    say(
        f"made {certificate} for {', '.join(names)}: signed by this host alone, so clients have to be given it"
    )
    say(f"its SHA-256 is {fingerprint}; put one of an authority in its place, with its key, and `make up`")


def _write(file: Path, value: str) -> None:
    if is_there(file):
        write_in_place(file, value)
    else:
        write_secret(file, value, MODE)
