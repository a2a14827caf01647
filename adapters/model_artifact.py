"""A model on disk: text and JSON under a keyed signature; nothing is loaded that was not verified.

A folder holds `model.txt` (LightGBM's text), `hinges.json` (the logistic regression, where the model has one),
`model.json` (the manifest of `domain.model`) and whatever else describes the model. `SIGNATURE` lists the sha-256 of
each file, and the registered model and run that they belong to, under an HMAC-SHA256: a truncated text model crashes
the process that parses it, and one edited digit changes its scores silently. Signatures from before they named model
and run are of another form, and remain good for the files.

    python -m adapters.model_artifact FOLDER     # verify and test-load in this process; exit status 0 = sound
    python -m adapters.model_artifact FOLDER -   # the same, with the key read from standard input
"""

import hashlib
import hmac
import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from adapters.lightgbm_booster import LightGBMBooster
from adapters.settings import PROJECT_ROOT, settings
from domain.errors import SignatureInvalid
from domain.hinges import HingeLogistic
from domain.model import FlightModel, ModelManifest

TREES = "model.txt"
HINGES = "hinges.json"
MANIFEST = "model.json"
CARD = "card.md"
SIGNATURE = "SIGNATURE"
SMOKE_SECONDS = 15
"""Loading takes one or two; a promotion waits for it, within the 30 s that a request may take."""
FROM_STDIN = "-"


@dataclass(frozen=True)
class Owner:
    """The registered model and the training run that files belong to."""

    model: str
    run_id: str


def write(
    folder: Path,
    trees: str,
    manifest: ModelManifest,
    key: bytes,
    extra: dict[str, str] | None = None,
    hinges: HingeLogistic | None = None,
) -> None:
    """Write a model's files and sign them.

    Parameters
    ----------
    folder : Path
        Made where it is missing.
    trees : str
        LightGBM's text model.
    extra : dict of str
        More text files by name; signed too.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lines = {} if hinges is None else {HINGES: hinges.to_json()}
    for name, text in {TREES: trees, MANIFEST: manifest.to_json(), **lines, **(extra or {})}.items():
        (folder / name).write_text(text, encoding="utf-8")
    sign(folder, key)


def sign(folder: Path, key: bytes, owner: Owner | None = None) -> None:
    """Sign the files that lie in a folder, as those of a registered model's run once they have one."""
    signed: dict[str, Any] = {"files": _listing(folder)}
    if owner is not None:
        signed["owner"] = asdict(owner)
    signature = signed | {"hmac_sha256": _mac(_signed(signed), key)}
    (folder / SIGNATURE).write_text(json.dumps(signature, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def signed_files(signature: str, key: bytes) -> dict[str, str]:
    """Read a SIGNATURE's text: the sha-256 of each file it vouches for, by name.

    Raises
    ------
    SignatureInvalid
        If it is unreadable, made with another key, or does not cover the model itself.
    """
    files: dict[str, str] = _verified(signature, key)["files"]
    return files


def owner_of(signature: str, key: bytes) -> Owner | None:
    """Return the registered model and run of which a SIGNATURE's text speaks; None where it is older than that.

    Raises
    ------
    SignatureInvalid
        As `signed_files`.
    """
    owner = _verified(signature, key).get("owner")
    return Owner(**owner) if owner else None


def binding(owner: Owner, version: int, files: dict[str, str], key: bytes) -> str:
    """Compute what ties a version's number to an owner and to files; only who has the key can make it."""
    return _mac({"owner": asdict(owner), "version": version, "files": files}, key)


def _verified(signature: str, key: bytes) -> dict[str, Any]:
    try:
        signed = json.loads(signature)
        files, mac = dict(signed["files"]), str(signed["hmac_sha256"])
    except (ValueError, KeyError, TypeError) as error:
        raise SignatureInvalid(f"there is no readable {SIGNATURE}") from error
    if not hmac.compare_digest(mac.encode(), _mac(_signed(signed), key).encode()):
        raise SignatureInvalid("the signature was not made with this stack's key")
    if {TREES, MANIFEST} - files.keys():
        raise SignatureInvalid(f"the signature does not cover {TREES} and {MANIFEST}")
    return dict(signed)


def _signed(signed: dict[str, Any]) -> Any:
    """Return what the code is made over: without an owner the files alone, as before there were owners."""
    return {"files": signed["files"], "owner": signed["owner"]} if "owner" in signed else signed["files"]


def signature_of(folder: Path) -> str:
    """Read a folder's SIGNATURE.

    Raises
    ------
    SignatureInvalid
        If it cannot be read.
    """
    try:
        return (folder / SIGNATURE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SignatureInvalid(f"there is no readable {SIGNATURE}") from error


def verify(folder: Path, key: bytes) -> None:
    """Check that the files are those that were signed with `key`, no fewer and no more.

    Raises
    ------
    SignatureInvalid
        If the signature is missing or made with another key, or a file is missing, added or changed.
    """
    files, found = signed_files(signature_of(folder), key), _listing(folder)
    for name in sorted(files.keys() | found.keys()):
        if files.get(name) != found.get(name):
            raise SignatureInvalid(f"{name} is not the file that was signed")


def load(folder: Path, key: bytes) -> FlightModel:
    """Verify a model's files and load them.

    Raises
    ------
    SignatureInvalid
        If they are not those that were signed.
    ContractMismatch
        If trees, logistic regression and manifest do not name equally many features.
    """
    verify(folder, key)
    manifest = ModelManifest.from_json((folder / MANIFEST).read_text(encoding="utf-8"))
    lines = folder / HINGES
    hinges = HingeLogistic.from_json(lines.read_text(encoding="utf-8")) if lines.exists() else None
    return FlightModel(manifest, LightGBMBooster((folder / TREES).read_text(encoding="utf-8")), hinges)


def model_hash(folder: Path) -> str:
    """Hash of trees, logistic regression and manifest: equal for equal data, parameters and seed. sha-256, hex."""
    digest = hashlib.sha256()
    for path in (folder / TREES, folder / HINGES, folder / MANIFEST):
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()


def smoke_test(folder: Path, key: bytes) -> None:
    """Load a model in a process of its own and score rows: a crash there harms nobody.

    Raises
    ------
    SignatureInvalid
        If that process fails, dies or takes too long.
    """
    try:
        process = subprocess.run(  # noqa: S603  this module, with a path of our own
            [sys.executable, "-m", "adapters.model_artifact", str(folder.resolve()), FROM_STDIN],
            # A key on the command line or in the environment could be read by others.
            input=key, cwd=PROJECT_ROOT, capture_output=True, timeout=SMOKE_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise SignatureInvalid(f"the model's test load took over {SMOKE_SECONDS} s") from error
    if process.returncode:
        reason = (process.stderr.decode(errors="replace").strip().splitlines() or ["no message"])[-1]
        raise SignatureInvalid(f"the model's test load ended with {process.returncode}: {reason}")


def _listing(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != SIGNATURE)
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def _mac(signed: Any, key: bytes) -> str:
    text = json.dumps(signed, sort_keys=True, separators=(",", ":"))
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _main(folder: Path, key: bytes) -> None:
    model = load(folder, key)
    probability = model.probability(np.full((2, len(model.manifest.feature_names)), np.nan))
    if not np.isfinite(probability).all():
        sys.exit("the model returns no finite probability for a row without facts")


if __name__ == "__main__":
    _main(
        Path(sys.argv[1]), sys.stdin.buffer.read() if sys.argv[2:] == [FROM_STDIN] else settings().signing_key
    )
