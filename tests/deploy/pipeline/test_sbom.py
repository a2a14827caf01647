"""The bill of materials of an image: what it names, and when it is refused."""

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.settings import PROJECT_ROOT
from deploy.pipeline.sbom import differences, document

LISTING = {
    "python": "3.13.5",
    "machine": "x86_64",
    "distributions": [["Flask", "3.1.3", "BSD-3-Clause"], ["numpy", "2.3.4", ""]],
    "base": [["pip", "25.1.1", ""], ["numpy", "2.3.4", ""]],
    "packages": [["libgomp1", "14.2.0-19", "amd64"]],
    "debian": "13",
}


def test_it_names_python_every_distribution_and_every_package_of_debian():
    made = json.loads(document("ontime/api:abc1234", "sha256:1234", LISTING))
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")
    container = made["metadata"]["component"]
    assert (container["type"], container["name"], container["version"]) == (
        "container",
        "ontime/api",
        "abc1234",
    )
    assert {component["purl"] for component in made["components"]} == {
        "pkg:generic/python@3.13.5",
        "pkg:pypi/flask@3.1.3",
        "pkg:pypi/numpy@2.3.4",
        "pkg:pypi/pip@25.1.1",
        "pkg:deb/debian/libgomp1@14.2.0-19?arch=amd64&distro=debian-13",
    }
    [flask] = [component for component in made["components"] if component["name"] == "Flask"]
    assert flask["licenses"] == [{"license": {"id": "BSD-3-Clause"}}]


@pytest.mark.parametrize(
    ("lock", "expected"),
    [
        ("flask==3.1.3\nnumpy==2.3.4\ncolorama==0.4.6 ; sys_platform == 'win32'\n", []),
        ("flask==3.1.2\nnumpy==2.3.4\n", ["flask: api.txt has 3.1.2, the image 3.1.3"]),
        ("flask==3.1.3\n", ["numpy: api.txt has None, the image 2.3.4"]),
        (
            "flask==3.1.3\nnumpy==2.3.4\norjson==3.11.3 ; python_full_version >= '3.13'\n",
            ["orjson: api.txt has 3.11.3, the image None"],
        ),
    ],
)
def test_an_image_that_holds_what_is_not_locked_or_lacks_what_is_differs(tmp_path, lock, expected):
    (tmp_path / "api.txt").write_text(lock)
    assert differences(tmp_path / "api.txt", LISTING) == expected


@pytest.fixture
def sbom(tmp_path):
    """A function that makes the documents of a Compose file with one image, which a Dockerfile makes."""
    made = []

    def run(dockerfile: str, name: str = "") -> tuple[subprocess.CompletedProcess[str], Path]:
        image = f"{name or 'somebody/else'}:test-{secrets.token_hex(4)}"
        if dockerfile:
            made.append(image)
            subprocess.run(
                ["docker", "build", "-q", "-t", image, "-"],
                input=dockerfile, text=True, check=True, capture_output=True,
            )  # fmt: skip
        file = tmp_path / "docker-compose.json"
        file.write_text(json.dumps({"services": {"one": {"image": image}}}))
        done = subprocess.run(
            [sys.executable, "-m", "deploy.pipeline.sbom", str(tmp_path / "sbom")],
            cwd=PROJECT_ROOT, env=os.environ | {"COMPOSE_FILE": str(file)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done, tmp_path / "sbom"

    yield run
    if made:
        subprocess.run(["docker", "rmi", *made], check=False, capture_output=True)


@pytest.mark.stack
def test_an_image_of_others_is_listed_by_its_packages(sbom):
    done, folder = sbom("FROM nginx:1.28\nLABEL of=a-test\n")
    assert done.returncode == 0, done.stderr
    [file] = folder.iterdir()
    found = {component["name"] for component in json.loads(file.read_text())["components"]}
    assert {"nginx", "libc6"} <= found


@pytest.mark.stack
@pytest.mark.parametrize(
    ("dockerfile", "name", "message"),
    [
        ("", "ontime/api", "No such image"),
        ("FROM python:3.13-slim-trixie\nLABEL of=a-test\n", "ontime/api", "flask: api.txt has"),
        ("FROM scratch\nCOPY --from=nginx:1.28 /etc/os-release /etc/\n", "", "sh"),
        ("FROM nginx:1.28\nRUN truncate -s 0 /var/lib/dpkg/status\n", "", "it lists no packages of Debian"),
    ],
)
def test_an_image_that_cannot_be_vouched_for_has_no_document(sbom, dockerfile, name, message):
    done, folder = sbom(dockerfile, name)
    assert done.returncode == 1
    assert message in done.stderr
    assert list(folder.iterdir()) == []
