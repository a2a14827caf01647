"""Which images stay on a manager, beside a stand-in for its engine."""

from deploy.swarm.cluster import Swarm


class StandInEngine:
    """Knows images by their references, and the services of a swarm."""

    def __init__(self, *images: str):
        self.environment = {"COMPOSE_PROJECT_NAME": "ontime"}
        self.images = {name: f"sha256:{name}" for name in images}

    def inspect_all(self, ids: list[str]) -> list[dict]:
        return []

    def docker(self, *words: str) -> str:
        if words[0] == "rmi":
            del self.images[words[1]]
        elif words[0] == "images":
            return "\n".join(f"{name} {image}" for name, image in self.images.items())
        return "true" if words[0] == "info" else ""


def spec(image: str) -> dict:
    return {"TaskTemplate": {"ContainerSpec": {"Image": image}}}


def test_contents_that_no_service_is_or_goes_back_to_leave_the_node(monkeypatch):
    now, before, long_ago = (f"ontime/api:swarm-{digit * 12}" for digit in "abc")
    engine = StandInEngine(now, before, long_ago, "ontime/api:latest", "ontime/api:swarm-of-somebody")
    swarm = Swarm(engine)
    services = [
        {"Spec": spec(now), "PreviousSpec": spec(before)},
        {"Spec": spec("nginx:1.28"), "PreviousSpec": None},
    ]
    monkeypatch.setattr(swarm, "_inspect", lambda kind, ids: services)
    swarm.remove_unused_images()
    assert list(engine.images) == [now, before, "ontime/api:latest", "ontime/api:swarm-of-somebody"]
