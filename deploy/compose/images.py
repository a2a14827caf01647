"""The tags of our images on an engine, and taking away those that nothing needs any more."""

from collections.abc import Iterable

from deploy.compose.digests import OURS
from deploy.compose.engine import Compose


def tagged(compose: Compose) -> dict[str, str]:
    """Return the ids of our images, by name and tag."""
    shown = ("--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}", "--filter", f"reference={OURS}*")
    lines = compose.docker("images", *shown).splitlines()
    return {name: image for name, _, image in (line.partition(" ") for line in lines)}


def remove_tags(compose: Compose, names: Iterable[str]) -> None:
    """Take tags away, and with the last tag its image; what a container uses, or was started by, stays."""
    there = tagged(compose)
    states = compose.inspect_all(compose.docker("ps", "-aq", "--no-trunc").split())
    used = {state["Image"] for state in states} | {state["Config"]["Image"] for state in states}
    for name in names:
        image = there.get(name)
        is_last = list(there.values()).count(image or "") == 1
        if image and name not in used and not (is_last and image in used):
            compose.docker("rmi", name)
            del there[name]
