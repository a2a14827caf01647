"""Signatures of earlier releases, made with a shared secret: what such a release signed is signed again, beside.

A version's SIGNATURE keeps what the earlier release reads, so that one can go back to it.
"""

import hashlib
import hmac
import json
from typing import Any

from adapters import model_artifact
from adapters.model_artifact import Owner
from adapters.model_keys import ModelKeys
from domain.errors import SignatureInvalid

MAC = "hmac_sha256"


def signed_again(signature: str, secret: bytes, owner: Owner, keys: ModelKeys) -> str:
    """Return a SIGNATURE's text with today's signature beside that of before; as it is where it has both.

    Raises
    ------
    SignatureInvalid
        If the secret did not make it, or it is another model's or run's.
    """
    try:
        signed = json.loads(signature)
        files, mac, named = dict(signed["files"]), str(signed[MAC]), signed.get("owner")
    except (ValueError, KeyError, TypeError) as error:
        raise SignatureInvalid("there is no signature of an earlier release") from error
    _require(mac, {"files": files, "owner": named} if named else files, secret)
    if named and Owner(**named) != owner:
        raise SignatureInvalid("the signature is of another version's files")
    if model_artifact.ED25519 in signed:
        return signature
    return model_artifact.to_text(signed | model_artifact.signed_part(files, owner, keys))


def require_bound(bound: str, owner: Owner, version: int, files: dict[str, str], secret: bytes) -> None:
    """Check what an earlier release tied a version's number to its files with; SignatureInvalid where it does not."""
    _require(bound, {"owner": vars(owner), "version": version, "files": files}, secret)


def names_owner(signature: str) -> bool:
    """Return whether a verified signature of before names its model and run: then its number is bound as well."""
    return "owner" in json.loads(signature)


def make(signed: Any, secret: bytes) -> str:
    """Compute the code an earlier release made over something."""
    text = json.dumps(signed, sort_keys=True, separators=(",", ":"))
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def _require(mac: str, signed: Any, secret: bytes) -> None:
    if not hmac.compare_digest(mac.encode(), make(signed, secret).encode()):
        raise SignatureInvalid("the signature of an earlier release was not made with this stack's secret")
