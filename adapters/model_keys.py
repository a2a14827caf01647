"""Keys of model signatures, Ed25519: whoever trains holds the private one, whoever serves the public ones alone.

The file of public keys has one a line, what follows on the line is for people. It is read at every verification: a line
that is added or taken away counts at once, and two lines are the overlap in which keys roll over.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from adapters.public_key import decoded, encoded, public_key, seed_of
from adapters.settings import Settings, read_secret
from domain.errors import ConfigurationError, SignatureInvalid


@dataclass(frozen=True)
class ModelKeys:
    """The public keys that are trusted, and the private key where there is one."""

    trusted: Callable[[], tuple[str, ...]]
    """Returns the public keys as they stand now, as text."""
    seed: bytes | None = None

    @classmethod
    def of(cls, secret: str, *others: str) -> "ModelKeys":
        """Make those of whoever signs with a secret, and trusts it and other public keys."""
        seed = seed_of(secret)
        trusted = (encoded(public_key(seed)), *others)
        return cls(lambda: trusted, seed)

    @classmethod
    def public(cls, *keys: str) -> "ModelKeys":
        """Make those of whoever verifies only."""
        return cls(lambda: keys)

    @classmethod
    def from_settings(cls, settings: Settings) -> "ModelKeys":
        """Take the public keys from the settings' file; for whoever serves."""
        return cls(lambda: _lines(settings))

    @classmethod
    def of_trainer(cls, settings: Settings) -> "ModelKeys":
        """Take the public keys and the private one from the settings' files; for whoever trains."""
        return cls(lambda: _lines(settings), seed_of(settings.signing_key.decode()))

    def sign(self, statement: Any) -> str:
        """Sign what JSON can say; returns public key and signature as one text.

        Raises
        ------
        ConfigurationError
            If there is no private key here.
        """
        if self.seed is None:
            raise ConfigurationError("there is no private key here: models are signed where they are trained")
        private = Ed25519PrivateKey.from_private_bytes(self.seed)
        signature = private.sign(_text(statement))
        return f"{encoded(private.public_key().public_bytes_raw())}.{encoded(signature)}"

    def verify(self, statement: Any, signature: str) -> None:
        """Check that a statement was signed with a key that is trusted now.

        Raises
        ------
        SignatureInvalid
            If it was not.
        """
        public, _, value = signature.partition(".")
        if public not in self.trusted():
            raise SignatureInvalid(
                f"the signature was not made with a key that this stack trusts: {public[:12]}"
            )
        try:
            made = decoded(value)
            Ed25519PublicKey.from_public_bytes(decoded(public)).verify(made, _text(statement))
        except (InvalidSignature, ValueError) as error:
            raise SignatureInvalid("the signature does not fit what it was made for") from error
        if encoded(made) != value:
            raise SignatureInvalid("the signature is not written as it was made")


def _lines(settings: Settings) -> tuple[str, ...]:
    lines = read_secret("public_keys_file", settings.public_keys_file).splitlines()
    return tuple(line.split()[0] for line in lines if line.strip() and not line.startswith("#"))


def _text(statement: Any) -> bytes:
    return json.dumps(statement, sort_keys=True, separators=(",", ":")).encode()
