"""Secrets and settings of a backup, encrypted with a passphrase: scrypt, then AES-256-GCM.

python -m deploy.backups.sealing seal|unseal     # the passphrase is the first line of the input, as is all else

Needs `cryptography`; where a machine has only Docker, the worker's image runs it.
"""

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from domain.errors import OntimeError

MARK = b"ontime-sealed-1\n"
SALT_BYTES, NONCE_BYTES = 16, 12
# RFC 7914; the recommendation for files that an attacker can try at leisure: 128 MiB and about a third of a second.
SCRYPT = {"n": 2**17, "r": 8, "p": 1, "maxmem": 2**28, "dklen": 32}
SHORTEST = 12
PASSPHRASE = "backup_passphrase"  # noqa: S105  the name of the file
"""File beside the secrets; it is never part of a backup."""


@dataclass(frozen=True)
class Private:
    """What only its owner may read of a backup: the secrets by the names of their files, and the settings."""

    secrets: Mapping[str, str]
    settings: str

    def to_bytes(self) -> bytes:
        """Write it as JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> "Private":
        """Read what `to_bytes` wrote."""
        return cls(**json.loads(content))


def read_passphrase(folder: Path) -> str | None:
    """Return the passphrase that lies beside the secrets, None where there is none; OntimeError where it is short."""
    file = folder / PASSPHRASE
    if not file.exists():
        return None
    passphrase = file.read_text().strip()
    if len(passphrase) < SHORTEST or len(passphrase.splitlines()) > 1:
        raise OntimeError(f"{file}: expected a passphrase of {SHORTEST} characters or more, on one line")
    return passphrase


def seal(content: bytes, passphrase: str) -> bytes:
    """Encrypt; the same content is other bytes each time."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    salt, nonce = os.urandom(SALT_BYTES), os.urandom(NONCE_BYTES)
    return MARK + salt + nonce + AESGCM(_key(passphrase, salt)).encrypt(nonce, content, MARK)


def unseal(sealed: bytes, passphrase: str) -> bytes:
    """Decrypt what `seal` returned; OntimeError if the passphrase is another or a byte was changed."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    begin = len(MARK)
    salt, nonce = sealed[begin : begin + SALT_BYTES], sealed[begin + SALT_BYTES :][:NONCE_BYTES]
    encrypted = sealed[begin + SALT_BYTES + NONCE_BYTES :]
    try:
        return AESGCM(_key(passphrase, salt)).decrypt(nonce, encrypted, sealed[:begin])
    except (InvalidTag, ValueError) as error:
        raise OntimeError(
            "the secrets of the backup do not open: another passphrase sealed them; nothing was touched"
        ) from error


def _key(passphrase: str, salt: bytes) -> bytes:
    return hashlib.scrypt(passphrase.encode(), salt=salt, **SCRYPT)


def main() -> None:
    """Seal or unseal standard input to standard output."""
    passphrase, _, content = sys.stdin.buffer.read().partition(b"\n")
    work = {"seal": seal, "unseal": unseal}[sys.argv[1]]
    try:
        sys.stdout.buffer.write(work(content, passphrase.decode()))
    except OntimeError as error:
        sys.exit(f"ontime: {error}")


if __name__ == "__main__":
    main()
