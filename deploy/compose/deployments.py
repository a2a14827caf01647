"""What each deployment of the stack consisted of, kept beside the secrets, so that one is put back as a whole.

A deployment is a numbered folder: the Compose file with every setting in it, copies of what containers mount from the
checkout, and the images, each under a tag of its own for as long as the folder is kept. What runs has a copy of it in
`running`, a place that never changes: a checkout may change or go meanwhile, and what is the same is not replaced.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deploy.compose import digests, rolling, secrets
from deploy.compose.digests import OURS
from deploy.compose.engine import ROOT, Compose, StackError, say
from deploy.compose.images import remove_tags, tagged
from deploy.compose.postgres_upgrade import refuse_another_release

RUNNING = "running"
COMPOSE_FILE = "docker-compose.json"
FACTS = "deployment.json"
BUILT_AS = "x-built-as"
"""In a deployment's Compose file: the tags its images were built under, which go with it."""
KEPT = 5
# Settings may hold what only the owner may read; what containers mount is read by their users.
PRIVATE, READABLE = 0o600, 0o644
Model = dict[str, Any]
"""A Compose file as Compose resolves it."""


@dataclass(frozen=True)
class Deployment:
    """One deployment.

    Parameters
    ----------
    number : int
        In the order in which they were made.
    content : str
        Hash of all that it consists of.
    images : mapping
        The id of each of our images, by its name.
    healthy : bool
        Whether it ran, and was well.
    """

    number: int
    made_at: str
    commit: str
    content: str
    images: Mapping[str, str]
    healthy: bool = False


class Deployments:
    """The deployments of a Compose project.

    Parameters
    ----------
    checkout : Compose
        Compose with the files and settings of this checkout.
    """

    def __init__(self, checkout: Compose):
        self.checkout = checkout
        self._project = checkout.environment["COMPOSE_PROJECT_NAME"]
        self._home = secrets.folder().parent / "deployments" / self._project

    def all(self) -> list[Deployment]:
        """Return those that are kept, oldest first."""
        if not self._home.exists():
            return []
        folders = sorted(int(path.name) for path in self._home.iterdir() if path.name.isdecimal())
        return [_read(self._home / str(number)) for number in folders]

    def running(self) -> Deployment | None:
        """Return the one that was brought up last; None where none was, or its images are gone."""
        folder = self._home / RUNNING
        found = _read(folder) if (folder / FACTS).exists() else None
        return found if found and self._image_ids(*found.images.values()) else None

    def compose(self) -> Compose:
        """Return Compose with what runs; with this checkout's files where nothing was deployed."""
        return Compose(self._home / RUNNING / COMPOSE_FILE) if self.running() else self.checkout

    def last_healthy(self) -> Deployment | None:
        """Return what serves, or served last before what is brought up now."""
        running = self.running()
        return running if running and running.healthy else self._newest_healthy()

    def before(self, number: int | None = None) -> Deployment:
        """Return the deployment to go back to: the one that is named, or the last healthy one before the newest.

        Asked for again it is the same: it goes back no further than once.

        Raises
        ------
        StackError
            If there is none.
        """
        kept = self.all()
        if number is not None:
            found = next((d for d in kept if d.number == number), None)
        else:
            running = self.running()
            went_back = running and running.healthy and any(d.number > running.number for d in kept)
            found = running if went_back else self._newest_healthy(before=running)
        if found is None:
            asked = "no earlier deployment" if number is None else f"no deployment {number}"
            numbers = ", ".join(str(d.number) for d in kept) or "none"
            raise StackError(f"there is {asked} to go back to; kept in {self._home}: {numbers}")
        return found

    def _newest_healthy(self, before: Deployment | None = None) -> Deployment | None:
        healthy = [d for d in self.all() if d.healthy and (before is None or d.number < before.number)]
        return healthy[-1] if healthy else None

    def record(self) -> Deployment:
        """Return what this checkout deploys, kept under the next number; the running one where nothing differs.

        Raises
        ------
        StackError
            If one of our images is not on this machine.
        ConfigurationError
            If an image of others has to be named by its digest, and is not.
        """
        if not self.all() and (images := self._images_that_run()):
            say("what runs was started without a record: of it, the images alone are kept")
            self._keep(images, healthy=True)
        return self._keep({}, healthy=False)

    def _images_that_run(self) -> dict[str, str]:
        states = self.checkout.states()
        named = ((state["Config"]["Image"].rpartition(":")[0], state["Image"]) for state in states)
        return {name: image for name, image in named if name.startswith(OURS)}

    def _keep(self, images: Mapping[str, str], *, healthy: bool) -> Deployment:
        """Write a deployment of this checkout, with its own images but for those given."""
        model = self.checkout.model()
        digests.require(ROOT, model)
        used, built_as = {}, {}
        for service in model["services"].values():
            name, _, tag = service.get("image", "").rpartition(":")
            if name.startswith(OURS):
                used[name] = images.get(name) or self._require_image(name, tag)
                built_as[service["image"]] = used[name]
                service["image"] = f"{name}:{self._tag(used[name])}"
        mounted = _take_in(model, self._home / RUNNING)
        number = max([d.number for d in self.all()], default=0) + 1
        now, commit = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", self.checkout.environment["GIT_COMMIT"]
        new = Deployment(number, now, commit, _content(model, mounted), used, healthy)
        running = self.running()
        if running and running.content == new.content:
            return running
        for name, image in used.items():
            self.checkout.docker("tag", image, f"{name}:{self._tag(image)}")
        self._store(new, model | {BUILT_AS: built_as}, mounted)
        return new

    def _require_image(self, name: str, tag: str) -> str:
        found = self._image_ids(f"{name}:{tag}")
        if not found:
            raise StackError(f"no image {name}:{tag} here: run `make images` with IMAGE_TAG={tag} first")
        return found[0]

    def _image_ids(self, *images: str) -> list[str]:
        """Return the ids of images; nothing where one of them is not on this machine."""
        try:
            return self.checkout.docker("image", "inspect", "-f", "{{.Id}}", *images).split()
        except StackError:
            return []

    def _tag(self, image: str) -> str:
        return f"{self._project}-{image.removeprefix('sha256:')[:12]}"

    def _store(self, deployment: Deployment, model: Model, mounted: Mapping[str, Path]) -> None:
        folder = self._home / str(deployment.number)
        unfinished = folder.with_name(f"{folder.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        self._home.chmod(0o700)
        _copy(mounted, unfinished)
        _write(unfinished / COMPOSE_FILE, _text(model))
        _write(unfinished / FACTS, _text(asdict(deployment)))
        unfinished.rename(folder)

    def bring_up(self, deployment: Deployment, replicas: int, *, contracting: bool = True) -> Compose:
        """Make a deployment the one that runs, and return Compose with it when all of it is healthy."""
        folder = self._home / str(deployment.number)
        refuse_another_release(Compose(folder / COMPOSE_FILE))
        self._install(folder)
        compose = Compose(self._home / RUNNING / COMPOSE_FILE)
        rolling.up(compose, replicas, contracting=contracting)
        return compose

    def _install(self, folder: Path) -> None:
        """Copy a deployment to where containers mount it."""
        running = self._home / RUNNING
        # Without the facts it is none: they come when the rest has.
        (running / FACTS).unlink(missing_ok=True)
        new = {str(file.relative_to(folder)): file for file in _files(folder)}
        if running.exists():
            for file in list(_files(running)):
                if str(file.relative_to(running)) not in new:
                    file.unlink()
        facts = {name: new.pop(name) for name in (COMPOSE_FILE, FACTS)}
        _copy(new, running)
        for name, file in facts.items():
            _write(running / name, file.read_bytes())

    def upgrade(self, replicas: int) -> Compose:
        """Bring the stack to this checkout, and return Compose with what runs then."""
        deployment = self.record()
        compose = self.bring_up(deployment, replicas)
        self.note_healthy(deployment)
        return compose

    def start_again(self) -> None:
        """Start what a restore stopped, with as many replicas as there were; where nothing ran, this checkout."""
        replicas = max(1, len(self.checkout.containers("api", stopped=True)))
        running = self.running()
        if running:
            self.bring_up(running, replicas)
        else:
            self.upgrade(replicas)

    def note_healthy(self, deployment: Deployment) -> None:
        """Note that a deployment runs and is well, and delete those before it beyond the newest few."""
        for folder in (self._home / str(deployment.number), self._home / RUNNING):
            _write(folder / FACTS, _text(asdict(replace(deployment, healthy=True))))
        earlier = [d for d in self.all() if d.number < deployment.number]
        kept = [d for d in earlier if d.healthy][1 - KEPT :]
        leaving = [old for old in earlier if old not in kept]
        built_as = {name: image for old in leaving for name, image in self._built_as(old).items()}
        for old in leaving:
            shutil.rmtree(self._home / str(old.number))
        self._remove_tags(built_as)

    def _built_as(self, deployment: Deployment) -> dict[str, str]:
        """Return the ids of a deployment's images by the tags they were built under; none of an earlier record."""
        model = json.loads((self._home / str(deployment.number) / COMPOSE_FILE).read_text())
        found: dict[str, str] = model.get(BUILT_AS, {})
        return found

    def _remove_tags(self, built_as: Mapping[str, str]) -> None:
        """Take away the tags of deployments that are gone: our own, and those they were built under."""
        kept = self.all()
        used = {self._tag(image) for deployment in kept for image in deployment.images.values()}
        still = {name for deployment in kept for name in self._built_as(deployment)}
        own = re.compile(rf"{OURS}[^:]+:({re.escape(self._project)}-[0-9a-f]{{12}})")
        unused = [
            name
            for name, image in tagged(self.checkout).items()
            if (built_as.get(name) == image and name not in still)
            or ((found := own.fullmatch(name)) and found[1] not in used)
        ]
        remove_tags(self.checkout, unused)


def _take_in(model: Model, place: Path) -> dict[str, Path]:
    """Turn a Compose file of a checkout into one that needs none; return the files that it mounts, by their names.

    Parameters
    ----------
    place
        Where those files will be.
    """
    for extension in [name for name in model if name.startswith("x-")]:
        del model[extension]
    mounted: dict[str, Path] = {}
    for service in model["services"].values():
        # What is here was chosen already, and is built.
        service.pop("profiles", None)
        service.pop("build", None)
        for volume in service.get("volumes", []):
            source = Path(volume["source"])
            if volume["type"] == "bind" and source.is_relative_to(ROOT):
                mounted |= {str(file.relative_to(ROOT)): file for file in _files(source)}
                volume["source"] = str(place / source.relative_to(ROOT))
    return mounted


def _files(path: Path) -> Iterator[Path]:
    return (file for file in path.rglob("*") if file.is_file()) if path.is_dir() else iter([path])


def _content(model: Model, mounted: Mapping[str, Path]) -> str:
    found = hashlib.sha256(_text(model))
    for name in sorted(mounted):
        found.update(f"\n{name}\n".encode() + mounted[name].read_bytes())
    return found.hexdigest()


def _copy(files: Mapping[str, Path], folder: Path) -> None:
    """Copy what containers mount, into the files that are there: a container that has one of them sees the change."""
    for name, source in files.items():
        executable = source.stat().st_mode & 0o100
        _write(folder / name, source.read_bytes(), READABLE | (0o111 if executable else 0))
    for path in folder.rglob("*"):
        if path.is_dir():
            path.chmod(READABLE | 0o111)


def _write(file: Path, content: bytes, mode: int = PRIVATE) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists() or file.read_bytes() != content:
        file.touch(PRIVATE)
        file.write_bytes(content)
    file.chmod(mode)


def _text(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, indent=1, sort_keys=True).encode() + b"\n"


def _read(folder: Path) -> Deployment:
    return Deployment(**json.loads((folder / FACTS).read_text()))
