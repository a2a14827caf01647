"""The Ed25519 public key of a stack's signing secret, by arithmetic alone: what sets a machine up has no library.

Signing and verifying is `model_keys`, with a library.

Source: https://www.rfc-editor.org/rfc/rfc8032, sections 5.1 and 6.
"""

import base64
import hashlib

P = 2**255 - 19
D = -121665 * pow(121666, P - 2, P) % P
Point = tuple[int, int, int, int]
"""Extended coordinates (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z."""
NEUTRAL: Point = (0, 1, 1, 0)
DERIVED_FOR = b"ontime: Ed25519 seed of model signatures\n"
"""The secret was the key of an HMAC in earlier releases, and still is for signatures of that time."""


def seed_of(secret: str) -> bytes:
    """Derive the private key from the text of a secret; 32 bytes."""
    return hashlib.sha256(DERIVED_FOR + secret.strip().encode()).digest()


def public_key(seed: bytes) -> bytes:
    """Compute the public key of a private one; 32 bytes each.

    Examples
    --------
    The first test vector of RFC 8032:

    >>> public_key(bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")).hex()[:16]
    'd75a980182b10ab7'
    """
    scalar = int.from_bytes(hashlib.sha512(seed).digest()[:32], "little")
    x, y, z, _ = _times((scalar & ((1 << 254) - 8)) | (1 << 254), _base())
    inverse = pow(z, P - 2, P)
    return ((y * inverse % P) | ((x * inverse % P & 1) << 255)).to_bytes(32, "little")


def encoded(key: bytes) -> str:
    """Write a key or a signature as text: URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(key).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """Read what `encoded` wrote; ValueError where it is no such text."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _base() -> Point:
    y = 4 * pow(5, P - 2, P) % P
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P)
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    x = P - x if x % 2 else x
    return x, y, 1, x * y % P


def _times(scalar: int, point: Point) -> Point:
    total = NEUTRAL
    while scalar:
        if scalar & 1:
            total = _sum(total, point)
        point, scalar = _sum(point, point), scalar >> 1
    return total


def _sum(one: Point, other: Point) -> Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c, d = 2 * one[3] * other[3] * D % P, 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P
