"""When a certificate ends, and whether this host made it, read from its file. Needs no library."""

import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

MADE_HERE = "ontime, made by this host for itself"
"""Name of who signed a certificate that a host made for itself."""
PEM = re.compile("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
# Tags and forms of X.690 and RFC 5280.
VERSION, UTC_TIME = 0xA0, 0x17
LONG_LENGTH = 0x80


@dataclass(frozen=True)
class Validity:
    """The end of a certificate, and whether it is a host's own."""

    end: datetime
    made_here: bool


def read(file: Path) -> Validity | None:
    """Return the validity of the first certificate of a PEM file; None where it holds none that can be read."""
    found = PEM.search(file.read_text(errors="replace"))
    try:
        return _of(ssl.PEM_cert_to_DER_cert(found[0])) if found else None
    except (ValueError, IndexError):
        return None


def _of(certificate: bytes) -> Validity:
    (_, whole), *_ = _parts(certificate)
    (_, signed), *_ = _parts(whole)
    fields = [content for tag, content in _parts(signed) if tag != VERSION]
    _, _, issuer, between, *_ = fields
    _, (tag, end) = _parts(between)
    form = "%y%m%d%H%M%SZ" if tag == UTC_TIME else "%Y%m%d%H%M%SZ"
    moment = datetime.strptime(end.decode("ascii"), form).replace(tzinfo=UTC)
    return Validity(moment, MADE_HERE.encode() in issuer)


def _parts(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield what is in a structure of DER: the tag of each part, and its content."""
    at = 0
    while at < len(content):
        tag, length = content[at], content[at + 1]
        at += 2
        if length >= LONG_LENGTH:
            digits = length - LONG_LENGTH
            length = int.from_bytes(content[at : at + digits])
            at += digits
        yield tag, content[at : at + length]
        at += length
