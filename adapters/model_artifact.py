"""A model on disk: text and JSON under a signature; nothing is loaded that was not verified.

A folder holds `model.txt` (LightGBM's text), `hinges.json` (the logistic regression) and `perceptrons.json` where the
model has them, `model.json` (the manifest of `domain.model`, with its feature contract) and whatever else describes it.
`SIGNATURE` lists the sha-256 of each file, and the registered model and run that they belong to, under an Ed25519
signature: a truncated text model crashes the process that parses it, and one edited digit changes its scores silently.
Only whoever trains can sign, see `model_keys`; what earlier releases signed is in `signatures_before`.

    python -m adapters.model_artifact FOLDER     # verify and test-load in this process; exit status 0 = sound
    python -m adapters.model_artifact FOLDER -   # the same, trusting the public keys on standard input
"""

import hashlib
import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from adapters.lightgbm_booster import LightGBMBooster
from adapters.model_keys import ModelKeys
from adapters.settings import PROJECT_ROOT, settings
from domain.errors import NotReady, SignatureInvalid
from domain.hinges import HingeLogistic
from domain.model import FlightModel, ModelManifest
from domain.perceptrons import Perceptrons

TREES = "model.txt"
HINGES = "hinges.json"
PERCEPTRONS = "perceptrons.json"
PARTS = (TREES, HINGES, PERCEPTRONS)
MANIFEST = "model.json"
CARD = "card.md"
SIGNATURE = "SIGNATURE"
ED25519 = "ed25519"
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
    keys: ModelKeys,
    extra: dict[str, str] | None = None,
    hinges: HingeLogistic | None = None,
    perceptrons: Perceptrons | None = None,
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
    parts = {HINGES: hinges, PERCEPTRONS: perceptrons}
    beside = {name: part.to_json() for name, part in parts.items() if part is not None}
    for name, text in {TREES: trees, MANIFEST: manifest.to_json(), **beside, **(extra or {})}.items():
        (folder / name).write_text(text, encoding="utf-8")
    sign(folder, keys)


def sign(folder: Path, keys: ModelKeys, owner: Owner | None = None) -> None:
    """Sign the files that lie in a folder, as those of a registered model's run once they have one."""
    files = _listing(folder)
    text = to_text({"files": files} | signed_part(files, owner, keys))
    (folder / SIGNATURE).write_text(text, encoding="utf-8")


def signed_part(files: dict[str, str], owner: Owner | None, keys: ModelKeys) -> dict[str, Any]:
    """Return what a SIGNATURE says beside the list of files: whose they are, and the signature over both."""
    of = None if owner is None else asdict(owner)
    return {"of": of, ED25519: keys.sign(_statement(files, of))}


def to_text(signature: dict[str, Any]) -> str:
    """Write a SIGNATURE."""
    return json.dumps(signature, indent=1, sort_keys=True) + "\n"


def signed_files(signature: str, keys: ModelKeys) -> dict[str, str]:
    """Read a SIGNATURE's text: the sha-256 of each file it vouches for, by name.

    Raises
    ------
    SignatureInvalid
        If it is unreadable, made with a key that is not trusted, or does not cover the model itself.
    """
    files: dict[str, str] = _verified(signature, keys)["files"]
    return files


def owner_of(signature: str, keys: ModelKeys) -> Owner | None:
    """Return the registered model and run of which a SIGNATURE's text speaks; None where it has none yet.

    Raises
    ------
    SignatureInvalid
        As `signed_files`.
    """
    of = _verified(signature, keys)["of"]
    return Owner(**of) if of else None


def binding(owner: Owner, version: int, files: dict[str, str], keys: ModelKeys) -> str:
    """Sign what ties a version's number to an owner and to files."""
    return keys.sign(_bound(owner, version, files))


def require_binding(
    signature: str, owner: Owner, version: int, files: dict[str, str], keys: ModelKeys
) -> None:
    """Check what `binding` made; SignatureInvalid where it is of another version, owner or files."""
    keys.verify(_bound(owner, version, files), signature)


def _bound(owner: Owner, version: int, files: dict[str, str]) -> Any:
    return {"what": "version of a model", "owner": asdict(owner), "version": version, "files": files}


def _statement(files: dict[str, str], of: dict[str, str] | None) -> Any:
    return {"what": "files of a model", "files": files, "of": of}


def _verified(signature: str, keys: ModelKeys) -> dict[str, Any]:
    try:
        signed = json.loads(signature)
        files, of, value = dict(signed["files"]), signed["of"], str(signed[ED25519])
    except (ValueError, KeyError, TypeError) as error:
        raise SignatureInvalid(f"there is no readable {SIGNATURE}") from error
    if signature != to_text(signed):  # one way to write it: whatever byte is another, is seen
        raise SignatureInvalid(f"there is no readable {SIGNATURE}")
    keys.verify(_statement(files, of), value)
    if {TREES, MANIFEST} - files.keys():
        raise SignatureInvalid(f"the signature does not cover {TREES} and {MANIFEST}")
    return dict(signed)


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


def verify(folder: Path, keys: ModelKeys) -> None:
    """Check that the files are those that were signed with a trusted key, no fewer and no more.

    Raises
    ------
    SignatureInvalid
        If the signature is missing or made with a key that is not trusted, or a file is missing, added or changed.
    """
    files, found = signed_files(signature_of(folder), keys), _listing(folder)
    for name in sorted(files.keys() | found.keys()):
        if files.get(name) != found.get(name):
            raise SignatureInvalid(f"{name} is not the file that was signed")


def load(folder: Path, keys: ModelKeys) -> FlightModel:
    """Verify a model's files and load them.

    Raises
    ------
    SignatureInvalid
        If they are not those that were signed.
    ContractMismatch
        If the parts of the model and its manifest do not name equally many features.
    """
    verify(folder, keys)
    manifest = ModelManifest.from_json((folder / MANIFEST).read_text(encoding="utf-8"))
    texts = {name: (folder / name).read_text(encoding="utf-8") for name in PARTS if (folder / name).exists()}
    return FlightModel(
        manifest,
        LightGBMBooster(texts[TREES]),
        HingeLogistic.from_json(texts[HINGES]) if HINGES in texts else None,
        Perceptrons.from_json(texts[PERCEPTRONS]) if PERCEPTRONS in texts else None,
    )


def model_hash(folder: Path) -> str:
    """Hash of the model's parts and its manifest: equal for equal data, parameters and seed. sha-256, hex."""
    digest = hashlib.sha256()
    for path in (folder / name for name in (*PARTS, MANIFEST)):
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()


def megabytes(folder: Path) -> float:
    """Return how long the texts of the model's parts are."""
    return sum(path.stat().st_size for path in (folder / name for name in PARTS) if path.exists()) / 1e6


def smoke_test(folder: Path, keys: ModelKeys) -> None:
    """Load a model in a process of its own and score rows: a crash there harms nobody.

    Raises
    ------
    SignatureInvalid
        If that process fails or dies.
    NotReady
        If it takes too long: a busy machine says nothing of the model.
    """
    try:
        process = subprocess.run(  # noqa: S603  this module, with a path of our own
            [sys.executable, "-m", "adapters.model_artifact", str(folder.resolve()), FROM_STDIN],
            # The keys that are trusted here; it may find other settings in its environment.
            input="\n".join(keys.trusted()).encode(),
            cwd=PROJECT_ROOT, capture_output=True, timeout=SMOKE_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise NotReady(
            f"the model was not loaded as a test within {SMOKE_SECONDS} s: this machine is busy"
        ) from error
    if process.returncode:
        reason = (process.stderr.decode(errors="replace").strip().splitlines() or ["no message"])[-1]
        raise SignatureInvalid(f"the model's test load ended with {process.returncode}: {reason}")


def _listing(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != SIGNATURE)
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def _main(folder: Path, keys: ModelKeys) -> None:
    model = load(folder, keys)
    probability = model.probability(np.full((2, len(model.manifest.feature_names)), np.nan))
    if not np.isfinite(probability).all():
        sys.exit("the model returns no finite probability for a row without facts")


if __name__ == "__main__":
    given = sys.argv[2:] == [FROM_STDIN]
    _main(
        Path(sys.argv[1]),
        ModelKeys.public(*sys.stdin.read().split()) if given else ModelKeys.from_settings(settings()),
    )
