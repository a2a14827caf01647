"""A model on disk: text and JSON under a keyed signature; nothing is loaded that was not verified.

A folder holds `model.txt` (LightGBM's text), `model.json` (the manifest of `domain.model`) and whatever else
describes the model. `SIGNATURE` lists the sha-256 of each file under an HMAC-SHA256: a truncated text model
crashes the process that parses it, and one edited digit changes its scores silently.

    python -m adapters.model_artifact FOLDER     # verify and test-load in this process; exit status 0 = sound
"""

import hashlib
import hmac
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from adapters.lightgbm_booster import LightGBMBooster
from adapters.settings import PROJECT_ROOT, settings
from domain.errors import SignatureInvalid
from domain.model import FlightModel, ModelManifest

TREES = "model.txt"
MANIFEST = "model.json"
SIGNATURE = "SIGNATURE"
SMOKE_SECONDS = 60


def write(
    folder: Path, trees: str, manifest: ModelManifest, key: bytes, extra: dict[str, str] | None = None
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
    for name, text in {TREES: trees, MANIFEST: manifest.to_json(), **(extra or {})}.items():
        (folder / name).write_text(text, encoding="utf-8")
    sign(folder, key)


def sign(folder: Path, key: bytes) -> None:
    """Sign the files that lie in a folder."""
    listing = _listing(folder)
    signature = {"files": listing, "hmac_sha256": _mac(listing, key)}
    (folder / SIGNATURE).write_text(json.dumps(signature, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def verify(folder: Path, key: bytes) -> None:
    """Check that the files are those that were signed with `key`, no fewer and no more.

    Raises
    ------
    SignatureInvalid
        If the signature is missing or made with another key, or a file is missing, added or changed.
    """
    try:
        signed = json.loads((folder / SIGNATURE).read_text(encoding="utf-8"))
        files, mac = dict(signed["files"]), str(signed["hmac_sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SignatureInvalid(f"{folder.name}: there is no readable {SIGNATURE}") from error
    if not hmac.compare_digest(mac, _mac(files, key)):
        raise SignatureInvalid(f"{folder.name}: the signature was not made with this stack's key")
    found = _listing(folder)
    if {TREES, MANIFEST} - files.keys():
        raise SignatureInvalid(f"{folder.name}: the signature does not cover {TREES} and {MANIFEST}")
    for name in sorted(files.keys() | found.keys()):
        if files.get(name) != found.get(name):
            raise SignatureInvalid(f"{folder.name}: {name} is not the file that was signed")


def load(folder: Path, key: bytes) -> FlightModel:
    """Verify a model's files and load them.

    Raises
    ------
    SignatureInvalid
        If they are not those that were signed.
    """
    verify(folder, key)
    manifest = ModelManifest.from_json((folder / MANIFEST).read_text(encoding="utf-8"))
    return FlightModel(manifest, LightGBMBooster((folder / TREES).read_text(encoding="utf-8")))


def model_hash(folder: Path) -> str:
    """Hash of the trees and the manifest: equal for equal data, parameters and seed. sha-256, hex."""
    digest = hashlib.sha256()
    for name in (TREES, MANIFEST):
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()


def smoke_test(folder: Path) -> None:
    """Load a verified model in a process of its own and score a row: a crash there harms nobody.

    Raises
    ------
    SignatureInvalid
        If that process fails, dies or takes longer than a minute.
    """
    try:
        process = subprocess.run(  # noqa: S603  this module, with a path of our own
            [sys.executable, "-m", "adapters.model_artifact", str(folder)],
            cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=SMOKE_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise SignatureInvalid(f"{folder.name}: its test load took over {SMOKE_SECONDS} s") from error
    if process.returncode:
        reason = (process.stderr.strip().splitlines() or ["no message"])[-1]
        raise SignatureInvalid(f"{folder.name}: its test load ended with {process.returncode}: {reason}")


def _listing(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != SIGNATURE)
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def _mac(listing: dict[str, str], key: bytes) -> str:
    text = json.dumps(listing, sort_keys=True, separators=(",", ":"))
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _main(folder: Path) -> None:
    model = load(folder, settings().signing_key)
    probability = model.probability(np.full((2, len(model.manifest.feature_names)), np.nan))
    if not np.isfinite(probability).all():
        sys.exit("the model gives no finite probability for a row without facts")


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
