"""Which tags of images stay on an engine, beside a stand-in for it; with a real one: tests/deploy/pipeline."""

from typing import Any

import pytest

from deploy.compose.deployments import KEPT, Deployments
from deploy.compose.engine import StackError
from deploy.compose.images import remove_tags


class StandInEngine:
    """Knows images by their references, and containers by the id and the name of their image."""

    def __init__(self) -> None:
        self.environment = {"COMPOSE_PROJECT_NAME": "ontime", "GIT_COMMIT": "1a2b3c"}
        self.images: dict[str, str] = {}
        self.containers: list[dict[str, Any]] = []
        self.tag = "latest"

    def build(self, tag: str, **ids: str) -> None:
        self.tag = tag
        self.images |= {f"ontime/{name}:{tag}": f"sha256:{known:0<64}" for name, known in ids.items()}

    def run(self, image: str, name: str) -> None:
        self.containers.append({"Image": image, "Config": {"Image": name}})

    def model(self) -> dict[str, Any]:
        return {"services": {name: {"image": f"ontime/{name}:{self.tag}"} for name in ("api", "mlflow")}}

    def states(self) -> list[dict[str, Any]]:
        return []

    def inspect_all(self, ids: list[str]) -> list[dict[str, Any]]:
        return self.containers

    def docker(self, *words: str) -> str:
        if words[:2] == ("image", "inspect"):
            missing = [name for name in words[4:] if name not in [*self.images, *self.images.values()]]
            if missing:
                raise StackError(f"no {missing}")
            return "\n".join(self.images.get(name, name) for name in words[4:])
        if words[0] == "tag":
            self.images[words[2]] = words[1]
        elif words[0] == "rmi":
            [name] = words[1:]
            image = self.images.pop(name)
            if image not in self.images.values() and image in [one["Image"] for one in self.containers]:
                raise StackError("a container uses it")
        elif words[0] == "images":
            return "\n".join(f"{name} {image}" for name, image in self.images.items())
        return ""


@pytest.fixture
def engine() -> StandInEngine:
    return StandInEngine()


@pytest.fixture
def deployments(engine, tmp_path, monkeypatch) -> Deployments:
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path / "secrets"))
    return Deployments(engine)


def deploy(deployments: Deployments) -> None:
    deployments.note_healthy(deployments.record())


def test_the_tag_that_a_deployment_was_built_under_goes_with_it(engine, deployments):
    engine.images["ontime/api:of-somebody"] = "sha256:ff"
    for number in range(KEPT + 3):
        # One image of the two is the same each time.
        engine.build(f"commit-{number}", api=f"a{number}", mlflow="b")
        deploy(deployments)
    kept = [f"commit-{number}" for number in range(3, KEPT + 3)]
    tags = {name.partition(":")[2] for name in engine.images}
    assert {tag for tag in tags if tag.startswith("commit")} == set(kept)
    assert "of-somebody" in tags
    assert len([name for name in engine.images if name.startswith("ontime/api:ontime-")]) == KEPT


def test_a_tag_that_names_another_image_by_now_or_is_deployed_still_stays(engine, deployments):
    for number in range(KEPT + 2):
        engine.build("latest", api=f"a{number}", mlflow="b")
        deploy(deployments)
    assert {"ontime/api:latest", "ontime/mlflow:latest"} <= set(engine.images)


def test_an_image_that_a_container_uses_stays(engine):
    engine.build("before", api="a1", mlflow="b1")
    engine.run(engine.images["ontime/api:before"], "sha256:another-name")
    remove_tags(engine, ["ontime/api:before", "ontime/mlflow:before", "ontime/api:never-was"])
    assert list(engine.images) == ["ontime/api:before"]
    engine.images["ontime/api:again"] = engine.images["ontime/api:before"]
    remove_tags(engine, ["ontime/api:before"])
    assert list(engine.images) == ["ontime/api:again"]
    engine.images["ontime/api:named"] = engine.images["ontime/api:again"]
    engine.run(engine.images["ontime/api:again"], "ontime/api:again")
    remove_tags(engine, ["ontime/api:again"])
    assert "ontime/api:again" in engine.images
