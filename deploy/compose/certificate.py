"""The gateway's certificate: the one that lies beside the secrets, or one that this host makes for itself."""

import hashlib
import socket
import ssl
from pathlib import Path

from deploy.compose.engine import Compose, StackError, say
from deploy.secret_files import is_there, write_secret

CERTIFICATE, KEY = "gateway_certificate", "gateway_key"
MODE = 0o444
ALWAYS = ("localhost", "gateway", "127.0.0.1", "::1")
END_OF_KEY = "-----END PRIVATE KEY-----\n"


def make_missing(compose: Compose) -> None:
    """Make a certificate where the gateway asks for one and none was given; say so.

    Raises
    ------
    StackError
        If only one of certificate and key is there.
    """
    config = compose.model()
    known = config.get("secrets", {})
    files = [Path(known[name]["file"]) for name in (CERTIFICATE, KEY) if name in known]
    there = [file for file in files if is_there(file)]
    if len(there) == 1:
        raise StackError(
            f"{there[0]} is there without the other of {CERTIFICATE} and {KEY}: put both there, or none"
        )
    if files and not there:
        _make(compose, config["services"]["prefect-worker"]["image"], *files)


def _make(compose: Compose, image: str, certificate: Path, key: Path) -> None:
    names = sorted({*ALWAYS, socket.gethostname(), socket.getfqdn()})
    alone = ("run", "--rm", "--network", "none", "--entrypoint", "python", image)
    made = compose.docker(*alone, "-m", "deploy.certificate", *names)
    secret, _, public = made.partition(END_OF_KEY)
    write_secret(key, secret + END_OF_KEY, MODE)
    write_secret(certificate, public, MODE)
    fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(public)).hexdigest()
    say(
        f"made {certificate} for {', '.join(names)}: signed by this host alone, so clients have to be given it"
    )
    say(f"its SHA-256 is {fingerprint}; put one of an authority in its place, with its key, and `make up`")
