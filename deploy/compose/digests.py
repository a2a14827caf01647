"""The digests of images that others build, one a line in a file that `make renew-images` writes.

A tag names another image tomorrow; a digest is the hash of one. While the file has none, tags are used as they are.
"""

import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from email.message import Message
from pathlib import Path
from typing import Any

from adapters.atomic_write import atomic_write
from domain.errors import ConfigurationError, NotReady

REFERENCE = re.compile(r"^\s*(?:image:|FROM) (\S+?)\$\{(\w+_DIGEST)(?::-)?\}", re.MULTILINE)
"""Where docker-compose.yml and the Dockerfile name such an image, and the variable that adds its digest."""
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
KINDS = ", ".join(
    f"application/vnd.{kind}+json"
    for kind in (
        "oci.image.index.v1",
        "docker.distribution.manifest.list.v2",
        "oci.image.manifest.v1",
        "docker.distribution.manifest.v2",
    )
)
HUB = "registry-1.docker.io"
"""Where images are whose name begins with no registry's."""
SECONDS = 30.0
OURS = "ontime/"
REQUIRED = "x-require-digests"
"""In the Compose file: 1 where REQUIRE_DIGESTS is, also if `.env` says so."""


def file_of(root: Path) -> Path:
    """Return where a checkout keeps the digests."""
    return root / "deploy" / "images" / "digests.txt"


def references(root: Path) -> dict[str, str]:
    """Return the images of others that a checkout uses, by the variable of each."""
    texts = [(root / name).read_text() for name in ("docker-compose.yml", "Dockerfile")]
    return {variable: image for text in texts for image, variable in REFERENCE.findall(text)}


def kept(root: Path) -> dict[str, str]:
    """Return the digests of the file by image; of a tag that is no longer used, too."""
    path = file_of(root)
    lines = path.read_text().splitlines() if path.exists() else []
    pairs = (line.partition("@") for line in lines if line and not line.startswith("#"))
    return {image: digest for image, _, digest in pairs}


def variables(root: Path) -> dict[str, str]:
    """Return the variables that add digests to images; none for an image whose tag the file does not have."""
    known = kept(root)
    return {name: f"@{known[image]}" for name, image in references(root).items() if image in known}


def require(root: Path, model: Mapping[str, Any]) -> None:
    """Check that the file, where there is one, has every image, and that a stack which requires digests names them.

    Parameters
    ----------
    model : mapping
        The Compose file as Compose resolves it, with the settings of `.env`.

    Raises
    ------
    ConfigurationError
        If an image is named by its tag alone: names it, and what to do.
    """
    known = kept(root)
    bare = [image for image in references(root).values() if known and image not in known]
    if str(model.get(REQUIRED)) == "1":
        bare += _bare(model)
    if bare:
        path = file_of(root).relative_to(root)
        raise ConfigurationError(
            f"{bare[0]} is named by its tag alone: run `make renew-images`, commit {path}"
        )


def _bare(model: Mapping[str, Any]) -> list[str]:
    """Return the images of others that are named without a digest, those that ours are built on among them."""
    found = []
    for service in model["services"].values():
        if not service["image"].startswith(OURS) and "@sha256:" not in service["image"]:
            found.append(service["image"])
        if "build" in service and not service["build"].get("args", {}).get("PYTHON_DIGEST"):
            found.append(f"what {service['image']} is built on")
    return found


def renew(root: Path, say: Callable[[str], None]) -> bool:
    """Ask the registries for the digests of all images, and write the file; return whether one has changed.

    Raises
    ------
    NotReady
        If a registry does not answer with one; the file stays as it is then.
    """
    before, images = kept(root), sorted(set(references(root).values()))
    found = {image: digest_of(image) for image in images}
    for image, digest in found.items():
        was = before.get(image)
        say(f"{image}: {digest}, as before" if was == digest else f"{image}: {was or 'its tag'} -> {digest}")
    path = file_of(root)
    lines = ["# Written by `make renew-images`.", *(f"{image}@{digest}" for image, digest in found.items())]
    with atomic_write(path) as unfinished:
        unfinished.write_text("\n".join(lines) + "\n")
    return found != before


def digest_of(image: str) -> str:
    """Return the digest that an image's tag has at its registry now.

    Raises
    ------
    NotReady
        If the registry does not say.
    """
    address = _address(image)
    try:
        headers = _head(address)
        if "WWW-Authenticate" in headers:
            headers = _head(address, _token(headers["WWW-Authenticate"]))
    except (OSError, ValueError) as error:
        raise NotReady(f"{image}: {address} does not answer: {error}") from error
    digest = headers.get("Docker-Content-Digest", "")
    if not DIGEST.fullmatch(digest):
        raise NotReady(f"{image}: {address} answers without a digest")
    return digest


def _address(image: str) -> str:
    name, _, tag = image.rpartition(":")
    host, _, path = name.partition("/")
    if not path or not re.search(r"[.:]|^localhost$", host):
        host, path = HUB, name if path else f"library/{name}"
    # A mirror, which has the images of every registry under their names.
    origin = os.environ.get("IMAGE_REGISTRY", "") or f"https://{host}"
    return f"{origin.rstrip('/')}/v2/{path}/manifests/{tag}"


def _head(address: str, token: str = "") -> Message:
    """Return the headers of an answer; those of a refusal only where it asks for a token that was not given.

    Raises
    ------
    OSError
        If there is no answer, or another refusal.
    """
    headers = {"Accept": KINDS} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(address, headers=headers, method="HEAD")  # noqa: S310  of a registry
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
            found: Message = answer.headers
            return found
    except urllib.error.HTTPError as error:
        with error:
            if error.code != 401 or token or "WWW-Authenticate" not in error.headers:
                raise
            return error.headers


def _token(challenge: str) -> str:
    """Return the token that anybody is given who asks where the registry says."""
    asked = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    query = urllib.parse.urlencode({name: asked[name] for name in ("service", "scope") if name in asked})
    with urllib.request.urlopen(f"{asked.get('realm', '')}?{query}", timeout=SECONDS) as answer:  # noqa: S310
        said = json.loads(answer.read())
    return str(said.get("token") or said.get("access_token", ""))
