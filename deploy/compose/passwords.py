"""Other passwords for the databases, their roles, MLflow and Prefect of the Compose stack."""

from deploy.compose import secrets
from deploy.compose.deployments import Deployments
from deploy.compose.engine import ROOT, StackError, say
from deploy.secret_files import others
from deploy.status import NOTHING_RUNS

NATIVE_DATABASES = ROOT / "var" / "postgres"
"""Of a native stack of this checkout, whose owner has the same password where the folder of secrets is shared."""
PSQL = (
    "psql",
    "-X",
    "-q",
    "-1",
    "-v",
    "ON_ERROR_STOP=1",
    "-U",
    secrets.OWNERS["postgres_password"],
    "-d",
    "postgres",
)
"""Inside the container, where nobody is asked for a password."""


def rotate(deployments: Deployments) -> None:
    """Give them, and start the stack again: a container reads its secrets as it starts.

    Safe to repeat after an interruption: it goes on with the same passwords.

    Raises
    ------
    StackError
        If no stack runs, or a native one was made with the same passwords: nothing is touched then.
    """
    compose, where = deployments.compose(), secrets.folder()
    containers = compose.containers("postgres")
    if not containers:
        raise StackError(NOTHING_RUNS)
    if where == NATIVE_DATABASES.parent / "secrets" and NATIVE_DATABASES.exists():
        raise StackError(
            f"the native stack in {NATIVE_DATABASES.parent} was made with the same postgres_password, and could not be "
            "opened with another: give one of the two secrets of its own (SECRETS_DIR); nothing was touched"
        )
    names = (*secrets.DATABASE_PASSWORDS, *secrets.ROLE_PASSWORDS, *secrets.SERVER_PASSWORDS)
    with others([where / name for name in names], secrets.MODE) as values:
        # Random letters, digits, - and _: nothing that a literal would have to escape.
        given = (
            f"ALTER ROLE {role} PASSWORD '{values[where / name]}';\n" for name, role in secrets.OWNERS.items()
        )
        compose.pass_through("exec", "-i", containers[0], *PSQL, content="".join(given).encode())
    say("every password is another: the stack stops, and starts with them")
    compose.run("stop")
    deployments.start_again()
