"""Digests of the images of others: asked of a registry that speaks the registry's protocol, kept, used, required."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from adapters.settings import PROJECT_ROOT
from deploy.compose import digests
from domain.errors import ConfigurationError, NotReady
from tests.documented import documented

IMAGES = {"nginx", "postgres", "prom/prometheus", "grafana/grafana", "python"}
POSTGRES = "postgres:17-trixie"


@dataclass
class Registry:
    """Images by path and tag, each of which has one manifest; asks for a token, which it gives to anybody."""

    address: str
    manifests: dict[str, bytes] = field(default_factory=dict)
    refuses: set[str] = field(default_factory=set)

    def digest(self, path: str) -> str:
        """What it answers for a path."""
        return "sha256:" + sha256(self.manifests.get(path, path.encode())).hexdigest()


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """A registry on loopback, asked in place of every other."""
    there = Registry("")

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            path = self.path.removeprefix("/v2/")
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            name = path.partition("/manifests/")[0]
            if token != f"pull-{name}":
                self.send_response(401)
                challenge = f'realm="{there.address}/token",service="here",scope="repository:{name}:pull"'
                self.send_header("WWW-Authenticate", f"Bearer {challenge}")
            elif path in there.refuses or "oci.image.index" not in self.headers["Accept"]:
                self.send_response(404)
            else:
                self.send_response(200)
                self.send_header("Docker-Content-Digest", there.digest(path))
            self.end_headers()

        def do_GET(self) -> None:
            asked = parse_qs(urlsplit(self.path).query)
            assert asked["service"] == ["here"]
            name = asked["scope"][0].split(":")[1]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"token": f"pull-{name}"}).encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        there.address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("IMAGE_REGISTRY", there.address)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield there
        server.shutdown()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout as far as images are concerned."""
    for name in ("docker-compose.yml", "Dockerfile"):
        shutil.copy(PROJECT_ROOT / name, tmp_path)
    digests.file_of(tmp_path).parent.mkdir(parents=True)
    return tmp_path


def test_every_image_of_others_has_a_variable_for_its_digest(root):
    assert {image.partition(":")[0] for image in digests.references(root).values()} == IMAGES
    named = re.findall(r"^ +image: (\S+)", (root / "docker-compose.yml").read_text(), re.MULTILINE)
    assert all("_DIGEST:-}" in image for image in named if not image.startswith(digests.OURS))
    first = re.findall(r"^FROM (\S+)", (root / "Dockerfile").read_text(), re.MULTILINE)[0]
    assert first.endswith("${PYTHON_DIGEST}")


def test_renewed_digests_are_those_of_the_registry_and_are_used_from_then_on(root, registry):
    said: list[str] = []
    assert digests.variables(root) == {}
    assert digests.renew(root, said.append)
    used = digests.variables(root)
    assert used["POSTGRES_DIGEST"] == "@" + registry.digest("library/postgres/manifests/17-trixie")
    assert used["PROMETHEUS_DIGEST"] == "@" + registry.digest("prom/prometheus/manifests/v3.5.0")
    assert len(used) == len(said) == len(IMAGES)
    digests.require(root, {})


def test_the_command_writes_them_into_the_checkout_in_which_it_is_run(root, registry):
    shutil.copy(PROJECT_ROOT / "Makefile", root)
    for name in ("adapters", "deploy", "domain"):
        shutil.copytree(PROJECT_ROOT / name, root / name, dirs_exist_ok=True)
    digests.file_of(root).write_text("")
    said = documented("make renew-images").run(os.environ, cwd=root).stdout
    assert f"{POSTGRES}: " in said
    assert digests.variables(root)["POSTGRES_DIGEST"] == "@" + registry.digest(
        "library/postgres/manifests/17-trixie"
    )


def test_a_tag_that_moved_is_shown_from_old_to_new_and_one_that_did_not_as_before(root, registry):
    digests.renew(root, lambda line: None)
    path = "library/postgres/manifests/17-trixie"
    old, registry.manifests[path] = registry.digest(path), b"rebuilt"
    said: list[str] = []
    assert digests.renew(root, said.append)
    assert f"{POSTGRES}: {old} -> {registry.digest(path)}" in said
    assert sum(line.endswith("as before") for line in said) == len(IMAGES) - 1
    assert not digests.renew(root, said.append)


def test_a_registry_that_does_not_know_one_image_leaves_the_file_as_it_was(root, registry):
    digests.renew(root, lambda line: None)
    before = digests.file_of(root).read_text()
    registry.manifests["library/nginx/manifests/1.28"] = b"rebuilt"
    registry.refuses.add("library/postgres/manifests/17-trixie")
    with pytest.raises(NotReady, match=f"^{POSTGRES}: "):
        digests.renew(root, lambda line: None)
    assert digests.file_of(root).read_text() == before


def test_a_tag_that_was_changed_without_its_digest_is_refused(root, registry):
    digests.renew(root, lambda line: None)
    file = root / "docker-compose.yml"
    file.write_text(file.read_text().replace(POSTGRES, "postgres:18-trixie"))
    assert "POSTGRES_DIGEST" not in digests.variables(root)
    with pytest.raises(ConfigurationError, match=r"^postgres:18-trixie .*`make renew-images`"):
        digests.require(root, {})


@pytest.mark.parametrize(
    ("image", "build", "passes"),
    [
        (f"{POSTGRES}@sha256:{'a' * 64}", f"@sha256:{'b' * 64}", True),
        (POSTGRES, f"@sha256:{'b' * 64}", False),
        (f"{POSTGRES}@sha256:{'a' * 64}", "", False),
    ],
)
@pytest.mark.parametrize("required", ["1", ""])
def test_a_stack_that_requires_digests_refuses_an_image_without_one(root, image, build, passes, required):
    ours = {"image": "ontime/api:latest", "build": {"args": {"PYTHON_DIGEST": build}}}
    model = {digests.REQUIRED: required, "services": {"postgres": {"image": image}, "api": ours}}
    if passes or not required:
        digests.require(root, model)
    else:
        with pytest.raises(ConfigurationError, match="make renew-images"):
            digests.require(root, model)


def test_an_image_is_asked_for_at_its_own_registry_unless_a_mirror_is_named(monkeypatch):
    monkeypatch.delenv("IMAGE_REGISTRY", raising=False)
    ask = digests._address
    assert ask("nginx:1.28") == f"https://{digests.HUB}/v2/library/nginx/manifests/1.28"
    assert ask("prom/prometheus:v3.5.0") == f"https://{digests.HUB}/v2/prom/prometheus/manifests/v3.5.0"
    assert ask("quay.example/a/b:1") == "https://quay.example/v2/a/b/manifests/1"
    assert ask("localhost:5000/b:1") == "https://localhost:5000/v2/b/manifests/1"


def test_the_command_says_which_image_could_not_be_asked_for(monkeypatch):
    monkeypatch.setenv("IMAGE_REGISTRY", "http://127.0.0.1:9")
    done = subprocess.run(
        [sys.executable, "-m", "deploy.compose", "renew-images"],
        cwd=PROJECT_ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert re.search(r"^ontime: \S+:\S+: http://127\.0\.0\.1:9/v2/\S+ does not answer", done.stderr)
