"""Model versions in MLflow, and the aliases that say which version serves; training runs are in `training_runs`.

Reading goes over plain REST, so that the API never imports MLflow; registering takes its client, imported
at the first write, and never a model flavour.
"""

import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from adapters import model_artifact, signatures_before
from adapters.mlflow_client import LazyClient, reachable
from adapters.mlflow_rest import MlflowRest
from adapters.model_artifact import Owner
from adapters.model_cache import ModelCache
from adapters.model_keys import ModelKeys
from adapters.model_version import BINDING, ModelVersion
from adapters.settings import Settings
from adapters.training_runs import TrainingRuns
from domain.errors import NotFound, NotReady, SignatureInvalid
from domain.model import FlightModel, ModelManifest

CHAMPION = "champion"
CHALLENGER = "challenger"
SUCCESSOR = "successor"
"""Of another feature contract than the champion: what the release that comes serves until the one that goes is gone."""
ARTIFACT_PATH = "model"
EVERY = 10_000
"""More versions than a registered model has."""
START_PATIENCE_SECONDS = 60.0
"""For what a start of the stack runs once: one slow answer of a busy MLflow would end the start."""


class ModelRegistry:
    """Model versions of one name; every failure to reach MLflow is `NotReady`.

    Parameters
    ----------
    patience : float
        Seconds for which a question is repeated that has no answer; by default it is asked once.
    """

    def __init__(
        self,
        address: str,
        model_name: str,
        cache_dir: Path,
        keys: ModelKeys,
        auth: str | None = None,
        patience: float = 0.0,
    ):
        self.model_name = model_name
        self._mlflow = LazyClient(address, auth)
        self._rest = MlflowRest(address, auth=auth, patience=patience)
        self.runs = TrainingRuns(self._mlflow, self._rest, model_name)
        self._keys = keys
        self._cache = ModelCache(cache_dir, model_name, keys)

    @classmethod
    def from_settings(
        cls, settings: Settings, keys: ModelKeys | None = None, patience: float = 0.0
    ) -> "ModelRegistry":
        """Take address, name, cache folder and, by default, the public keys from the settings: it cannot register."""
        known = keys or ModelKeys.from_settings(settings)
        cache, auth = settings.model_cache_dir, settings.mlflow_auth
        return cls(settings.mlflow_address, settings.model_name, cache, known, auth, patience)

    @classmethod
    def of_trainer(cls, settings: Settings, patience: float = 0.0) -> "ModelRegistry":
        """Take the private key from the settings as well: it can register."""
        return cls.from_settings(settings, ModelKeys.of_trainer(settings), patience)

    def register(self, run_id: str, folder: Path, tags: Mapping[str, str]) -> int:
        """Store a signed model folder with its run and make it the next version.

        The folder is signed again as this model's and run's; a version is good once its number is bound to them.

        Raises
        ------
        SignatureInvalid
            If the folder is not signed with a key that is trusted.
        NotReady
            If MLflow is away.
        """
        model_artifact.verify(folder, self._keys)
        owner = Owner(self.model_name, run_id)
        model_artifact.sign(folder, self._keys, owner)
        with reachable():
            self._mlflow.client.log_artifacts(run_id, str(folder), ARTIFACT_PATH)
            self._ensure_model()
            source = f"{self._mlflow.client.get_run(run_id).info.artifact_uri}/{ARTIFACT_PATH}"
            made = self._mlflow.client.create_model_version(
                self.model_name, source, run_id, tags=dict(tags), await_creation_for=0
            )
            version = int(made.version)
            try:
                files = model_artifact.signed_files(model_artifact.signature_of(folder), self._keys)
                bound = model_artifact.binding(owner, version, files, self._keys)
                self._mlflow.client.set_model_version_tag(self.model_name, str(version), BINDING, bound)
            except Exception:
                with suppress(Exception):  # MLflow may be gone; nobody loads a version that is not bound
                    self._mlflow.client.delete_model_version(self.model_name, str(version))
                raise
        return version

    def sign_again(self, secret: bytes) -> dict[int, str]:
        """Sign what an earlier release signed with a secret, copies in the cache first; safe to repeat.

        A version that such a release did not sign, or not under its number, stays as it is.

        Returns
        -------
        dict of str
            What was found wrong with a version, empty where it is signed now, by its number.

        Raises
        ------
        NotReady
            If MLflow is away.
        """
        self.sign_cached_again(secret)
        done = {}
        for found in self.versions(EVERY):
            if not found.binding:
                try:
                    self._sign_again(found, secret)
                    done[found.version] = ""
                except (SignatureInvalid, NotFound) as error:
                    done[found.version] = str(error)
        return done

    def sign_cached_again(self, secret: bytes) -> None:
        """Do the same with the copies in the cache alone; needs no MLflow."""
        self._cache.sign_again(secret)

    def _sign_again(self, found: ModelVersion, secret: bytes) -> None:
        owner = Owner(self.model_name, found.run_id)
        text = self._rest.file(found.source, model_artifact.SIGNATURE).decode(errors="replace")
        signed = signatures_before.signed_again(text, secret, owner, self._keys)
        files = model_artifact.signed_files(signed, self._keys)
        if signatures_before.names_owner(text):
            signatures_before.require_bound(found.binding_before, owner, found.version, files, secret)
        with reachable():
            if signed != text:
                self._mlflow.client.log_text(
                    found.run_id, signed, f"{ARTIFACT_PATH}/{model_artifact.SIGNATURE}"
                )
            bound = model_artifact.binding(owner, found.version, files, self._keys)
            self._mlflow.client.set_model_version_tag(self.model_name, str(found.version), BINDING, bound)

    def alias(self, name: str) -> int | None:
        """Return the version that an alias names; None where nothing has the alias."""
        found = self.aliased(name)
        return found.version if found else None

    def aliased(self, name: str) -> ModelVersion | None:
        """Return what is recorded of the version that an alias names; None where nothing has the alias."""
        found = self._rest.aliased(self.model_name, name)
        return None if found is None else ModelVersion.of_record(found)

    def served(self, champion: ModelVersion | None, contract_hash: str) -> ModelVersion | None:
        """Return what a release of a feature contract serves: the champion, or the successor where only that has it."""
        if champion is None or champion.contract == contract_hash:
            return champion
        successor = self.aliased(SUCCESSOR)
        return successor if successor and successor.contract == contract_hash else champion

    def set_alias(self, name: str, version: int) -> None:
        """Set an alias to a version; `NotFound` where there is none."""
        self._rest.set_alias(self.model_name, name, version)

    def delete_alias(self, name: str) -> None:
        """Take an alias away; nothing happens where it is gone."""
        self._rest.delete_alias(self.model_name, name)

    def version(self, version: int) -> ModelVersion:
        """Return what is recorded of a version.

        Raises
        ------
        NotFound
            If there is no such version.
        """
        return ModelVersion.of_record(self._rest.version(self.model_name, version))

    def versions(self, most: int = 100) -> list[ModelVersion]:
        """Return what is recorded of the newest versions, newest first."""
        found = [ModelVersion.of_record(record) for record in self._rest.versions(self.model_name, most)]
        return sorted(found, key=lambda version: -version.version)

    def describe(self, version: int) -> tuple[ModelManifest, str]:
        """Return a version's manifest and its model card, verified; the card is empty where the version has none.

        Raises
        ------
        NotFound, NotReady, SignatureInvalid
            As `load`.
        """
        folder = self.fetch(version)
        card = folder / model_artifact.CARD
        text = card.read_text(encoding="utf-8") if card.is_file() else ""
        return ModelManifest.from_json((folder / model_artifact.MANIFEST).read_text(encoding="utf-8")), text

    def load(self, version: int, known: ModelVersion | None = None) -> FlightModel:
        """Load a version, from the cache where it is there, verified either way.

        Parameters
        ----------
        known : ModelVersion, optional
            What MLflow records of it, where that was just read.

        Raises
        ------
        NotFound
            If there is no such version.
        NotReady
            If it is not in the cache and MLflow is away, or the cache takes no files.
        SignatureInvalid
            If its files are not those that were signed, or it fails its test load.
        """
        return model_artifact.load(self.fetch(version, known), self._keys)

    def load_cached(self, version: int) -> FlightModel | None:
        """Load a version's verified copy from the cache, whatever MLflow says; None where there is none."""
        folder = self._cache.find(version)
        return None if folder is None else model_artifact.load(folder, self._keys)

    def audit(self, version: int) -> None:
        """Verify a version's files as MLflow holds them now, and see to it that workers can load them.

        Raises
        ------
        NotFound
            If there is no such version.
        NotReady
            If MLflow is away, or the cache takes no files.
        SignatureInvalid
            If its files are not those that were signed, or fail their test load.
        """
        found = self.version(version)
        with self._usable_cache(), self._downloaded(found) as fetched:
            if not self._cache.is_sound(self._cache.directory / found.folder):
                self._cache.keep(fetched, self._cache.directory / found.folder)

    def fetch(self, version: int, known: ModelVersion | None = None) -> Path:
        """Bring a version's verified, test-loaded files into the cache; their folder.

        A copy in the cache is used again, even while MLflow is away; one that was damaged is fetched again.
        """
        try:
            found = known or self.version(version)
        except NotReady:
            cached = self._cache.find(version)
            if cached is None:
                raise
            return cached
        folder = self._cache.directory / found.folder
        with self._usable_cache():
            if not self._cache.is_sound(folder):
                with self._downloaded(found) as fetched:
                    self._cache.keep(fetched, folder)
        return folder

    @contextmanager
    def _usable_cache(self) -> Iterator[None]:
        """Raise NotReady where the block meets a disk that is full, or a folder that may not be written."""
        try:
            yield
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise NotReady(f"the model cache {self._cache.directory} cannot be used: {reason}") from error

    @contextmanager
    def _downloaded(self, found: ModelVersion) -> Iterator[Path]:
        """Return a version's verified files as MLflow holds them now, for the length of the block."""
        self._cache.directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._cache.directory, prefix=".fetch-") as scratch:
            fetched = Path(scratch) / found.folder
            self._download(found, fetched)
            model_artifact.verify(fetched, self._keys)
            _require_tagged_contract(found, fetched)
            yield fetched

    def remember_served(self, version: int, known: ModelVersion | None = None) -> None:
        """Note which version serves: what a process that starts while MLflow is away begins with."""
        self._cache.note_served(known.folder if known else str(version))

    def last_served(self) -> int | None:
        """Return the version noted last, None where there is none."""
        return self._cache.last_served()

    def copies_beside(self, kept: Collection[int | None]) -> list[Path]:
        """Return the cached copies of all versions but these."""
        return self._cache.copies_beside(kept)

    def _download(self, found: ModelVersion, folder: Path) -> None:
        """Fetch the files that a version's signature names, and only if the signature is ours and of this version."""
        folder.mkdir()
        try:
            signature = self._rest.file(found.source, model_artifact.SIGNATURE).decode(errors="replace")
            files = model_artifact.signed_files(signature, self._keys)
            self._require_bound(found, signature, files)
            for name in files:
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(self._rest.file(found.source, name))
        except NotFound as error:
            raise SignatureInvalid(f"version {found.version}: {error}") from error
        (folder / model_artifact.SIGNATURE).write_text(signature, encoding="utf-8")

    def _require_bound(self, found: ModelVersion, signature: str, files: dict[str, str]) -> None:
        """Check that the files were signed as those of this model, run and version."""
        here = Owner(self.model_name, found.run_id)
        try:
            model_artifact.require_binding(found.binding, here, found.version, files, self._keys)
            bound = model_artifact.owner_of(signature, self._keys) == here
        except SignatureInvalid:
            bound = False
        if not bound:
            raise SignatureInvalid(
                f"version {found.version} of {here.model} holds files that were signed as another version's"
            )

    def _ensure_model(self) -> None:
        from mlflow.exceptions import RestException

        try:
            self._mlflow.client.create_registered_model(self.model_name)
        except RestException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise


def _require_tagged_contract(found: ModelVersion, folder: Path) -> None:
    """Check that a version's tag, which anybody can set, names the feature contract that was signed."""
    signed = ModelManifest.from_json(
        (folder / model_artifact.MANIFEST).read_text(encoding="utf-8")
    ).contract_hash
    if found.tags.get("contract_hash", signed) != signed:
        raise SignatureInvalid(
            f"version {found.version} is tagged with another feature contract than was signed"
        )
