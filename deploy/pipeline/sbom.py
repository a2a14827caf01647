"""What is in each image of the stack, in CycloneDX: Python, its distributions, Debian's packages.

    python -m deploy.pipeline.sbom [FOLDER]     # exit status 1 = an image cannot be read, or is not what is locked

The image itself is asked, in a container without a network. One of ours has to hold what its lock says, no more and
no less; each document is checked against CycloneDX's own schema before it is written.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.utils import canonicalize_name

from deploy.compose.digests import OURS
from deploy.compose.engine import ROOT, Compose, StackError, fail, say
from deploy.pipeline.check_locks import FOLDER as LOCKS
from deploy.pipeline.locked_pythons import locked

REPORTS = ROOT / "var" / "reports" / "sbom"
DEBIAN = r"dpkg-query -W -f '${Package}\t${Version}\t${Architecture}\n'; sed -n 's/^VERSION_ID=//p' /etc/os-release"
PYTHON = """
import glob, json, platform, sys, sysconfig
from importlib.metadata import distributions
def found(*folders):
    there = distributions(path=folders)
    return [(d.metadata["Name"], d.version, d.metadata["License-Expression"] or "") for d in there]
print(json.dumps({
    "python": platform.python_version(), "machine": platform.machine(),
    "distributions": found(sysconfig.get_path("purelib")),
    "base": found(*glob.glob(sys.base_prefix + "/lib/python3*/*-packages")),
}))
"""
Listing = dict[str, Any]


def components(listing: Listing) -> Iterator[Component]:
    """Return what a listing of an image names, each with its package URL."""
    if "python" in listing:
        version = listing["python"]
        yield _component("python", version, PackageURL("generic", None, "python", version))
    for name, version, expression in [*listing.get("distributions", []), *listing.get("base", [])]:
        licences = [LicenseFactory().make_from_string(expression)] if expression else []
        yield _component(name, version, PackageURL("pypi", None, canonicalize_name(name), version), licences)
    for name, version, architecture in listing["packages"]:
        qualifiers = {"arch": architecture, "distro": f"debian-{listing['debian']}"}
        yield _component(name, version, PackageURL("deb", "debian", name, version, qualifiers))


def _component(name: str, version: str, purl: PackageURL, licences: Any = ()) -> Component:
    return Component(
        name=name,
        version=version,
        purl=purl,
        bom_ref=str(purl),
        licenses=licences,
        type=ComponentType.LIBRARY,
    )


def document(image: str, identity: str, listing: Listing) -> str:
    """Write the bill of materials of an image.

    Raises
    ------
    StackError
        If it is not what CycloneDX's schema asks for.
    """
    name, _, tag = image.partition("@")[0].rpartition(":")
    root = Component(name=name, version=tag, type=ComponentType.CONTAINER, bom_ref=identity)
    # One distribution may be there twice, in the environment and in the Python that it is made from.
    held = {str(found.purl): found for found in components(listing)}.values()
    bom = Bom(components=held, metadata=BomMetaData(component=root))
    bom.register_dependency(root, held)
    text = JsonV1Dot6(bom).output_as_string(indent=1)
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if wrong:
        raise StackError(f"{image}: not a CycloneDX document: {str(wrong)[:300]}")
    return text


def listed(compose: Compose, image: str) -> Listing:
    """Ask an image what it holds.

    Raises
    ------
    StackError
        If it cannot be asked, or has no packages of Debian.
    """
    *lines, debian = _inside(compose, image, "sh", "-c", DEBIAN).splitlines() or [""]
    listing: Listing = {"packages": [line.split("\t") for line in lines], "debian": debian.strip('"')}
    if not lines:
        raise StackError(f"{image}: it lists no packages of Debian")
    if image.startswith(OURS):
        listing |= json.loads(_inside(compose, image, "python", "-c", PYTHON))
    return listing


def _inside(compose: Compose, image: str, program: str, *arguments: str) -> str:
    alone = ("run", "--rm", "--network", "none", "--entrypoint", program, image)
    return compose.pass_through(*alone, *arguments, content=b"").decode()


def differences(lock: Path, listing: Listing) -> list[str]:
    """Return in what the distributions of an image differ from their lock, each in a line."""
    place = {
        "python_full_version": listing["python"],
        "python_version": listing["python"].rpartition(".")[0],
        "platform_machine": listing["machine"],
        "sys_platform": "linux",
    }
    wanted = {
        canonicalize_name(pin.name): str(pin.specifier).removeprefix("==")
        for pin in locked(lock)
        if pin.marker is None or pin.marker.evaluate(place)
    }
    have = {canonicalize_name(name): version for name, version, _ in listing["distributions"]}
    return [
        f"{name}: {lock.name} has {wanted.get(name)}, the image {have.get(name)}"
        for name in sorted(wanted.keys() | have.keys())
        if wanted.get(name) != have.get(name)
    ]


def write(compose: Compose, image: str, folder: Path) -> Path:
    """Write the document of an image into a folder.

    Raises
    ------
    StackError
        If the image is not here, cannot be read, or is one of ours and differs from its lock.
    """
    identity = compose.docker("image", "inspect", "-f", "{{.Id}}", image).strip()
    listing = listed(compose, image)
    name = image.removeprefix(OURS).partition(":")[0].replace("/", "-")
    if image.startswith(OURS):
        wrong = differences(LOCKS / f"{name}.txt", listing)
        if wrong:
            raise StackError("\n".join([f"{image} differs from its lock", *wrong]))
    file = folder / f"{name}.cdx.json"
    file.write_text(document(image, identity, listing) + "\n")
    counts = (
        f"{len(listing.get('distributions', []))} distributions, {len(listing['packages'])} Debian packages"
    )
    say(f"{image}: {counts}: {file}")
    return file


def images(model: Mapping[str, Any]) -> list[str]:
    """Return the images of a Compose file, each once."""
    return sorted({service["image"] for service in model["services"].values()})


def main() -> int:
    """Write a document for each image of the stack."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else REPORTS
    try:
        compose = Compose()
        folder.mkdir(parents=True, exist_ok=True)
        for image in images(compose.model()):
            write(compose, image, folder)
    except StackError as error:
        return fail(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
