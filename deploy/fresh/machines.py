"""The machines that `make test-fresh` makes: a Debian release and the user who clones ontime on it."""

from dataclasses import dataclass
from itertools import product

RELEASES = {"Debian 12": "debian:bookworm-slim", "Debian 13": "debian:trixie-slim"}
HOMES = {"root": "/root", "someone": "/home/someone"}

PACKAGES = "python3 python3-venv git make"
"""What the README asks for."""

PREPARE = """
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq -y {packages}
for program in cc gcc c++ clang; do
  ! command -v $program || {{ echo "a new machine has no compiler, this one has $program"; exit 1; }}
done
! ldconfig -p | grep libgomp || {{ echo "a new machine has no OpenMP library, this one has"; exit 1; }}
id {user} >/dev/null 2>&1 || useradd --create-home --shell /bin/bash {user}
chmod 0700 {home}
"""


@dataclass(frozen=True)
class Machine:
    """A release and a user."""

    system: str
    user: str

    @property
    def name(self) -> str:
        """Return the short name, also of the log: debian12-root."""
        return f"{self.system.lower().replace(' ', '')}-{self.user}"

    @property
    def image(self) -> str:
        """Return the base image."""
        return RELEASES[self.system]

    @property
    def home(self) -> str:
        """Return the home of the user, which nobody else may enter."""
        return HOMES[self.user]

    @property
    def prepare(self) -> str:
        """Return the script that root runs first: what the README asks for, and the user."""
        return PREPARE.format(packages=PACKAGES, user=self.user, home=self.home)


MACHINES = tuple(Machine(system, user) for system, user in product(RELEASES, HOMES))

TESTED_IN_SHORT = Machine("Debian 13", "someone")
"""Where the short form runs the tests: developers and CI run them as root or on an older Python anyway."""
