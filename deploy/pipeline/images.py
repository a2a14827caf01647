"""The images that run, kept under the tag `previous` while others take their place."""

from deploy.compose.engine import Compose, StackError, say

OURS = "ontime/"
PREVIOUS = "previous"


class Images:
    """The images of a Compose project."""

    def __init__(self, compose: Compose):
        self._compose = compose
        self._compose.environment.setdefault("IMAGE_TAG", "latest")

    def keep_running(self) -> bool:
        """Tag what runs as previous; whether there is something to go back to.

        A deployment that is repeated changes nothing: what was before the first attempt stays the previous.

        Raises
        ------
        StackError
            If an image that is to run is not on this machine.
        """
        running = self.running()
        wanted = {name: self._id(f"{name}:{self._compose.environment['IMAGE_TAG']}") for name in self.names()}
        missing = sorted(name for name, found in wanted.items() if found is None)
        if missing:
            tag = self._compose.environment["IMAGE_TAG"]
            raise StackError(
                f"no image {missing[0]}:{tag} here: run `make images` with IMAGE_TAG={tag} first"
            )
        if not running:
            return False
        if any(wanted.get(name) != image for name, image in running.items()):
            for name, image in running.items():
                self._compose.docker("tag", image, f"{name}:{PREVIOUS}")
            say(f"kept as previous: {', '.join(sorted(running))}")
        return not self._missing()

    def require_kept(self) -> None:
        """Make sure that every image has a previous one.

        Raises
        ------
        StackError
            If one has none.
        """
        missing = self._missing()
        if missing:
            raise StackError(f"there is no image {missing[0]}:{PREVIOUS}: nothing was deployed here before")

    def names(self) -> list[str]:
        """Return our images, without their tags, as the Compose file names them."""
        lines = [line.split() for line in self._compose.read("config").splitlines()]
        found = {words[1] for words in lines if len(words) == 2 and words[0] == "image:"}
        return sorted({image.rpartition(":")[0] for image in found if image.startswith(OURS)})

    def running(self) -> dict[str, str]:
        """Return the id of the image each of our services runs, by the image's name."""
        found = {}
        for service in self._compose.services():
            for container in self._compose.containers(service, stopped=True):
                state = self._compose.inspect(container)
                name = state["Config"]["Image"].rpartition(":")[0]
                if name.startswith(OURS):
                    found[name] = state["Image"]
        return found

    def _missing(self) -> list[str]:
        return [name for name in self.names() if self._id(f"{name}:{PREVIOUS}") is None]

    def _id(self, image: str) -> str | None:
        return self._compose.docker("images", "-q", "--no-trunc", image).strip() or None
