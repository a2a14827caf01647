"""Other passwords for the database's owner and roles, MLflow and Prefect of the native stack."""

from adapters.postgres import ConnectionParameters
from adapters.postgres_admin import ROLES, change_password
from adapters.settings import Settings
from adapters.terminal import Say
from deploy.native.manager import Stack
from deploy.secret_files import others


def rotate(settings: Settings, say: Say) -> None:
    """Give them, and start the stack again: what runs keeps the passwords that it was started with.

    Safe to repeat after an interruption: it goes on with the same passwords.

    Raises
    ------
    NotReady
        If PostgreSQL does not answer.
    """
    owner = settings.postgres_password_file
    roles = [settings.api_keys_dir / name for name in ROLES.values()]
    with others([owner, *roles, settings.mlflow_password_file, settings.prefect_password_file]) as passwords:
        change_password(ConnectionParameters.from_settings(settings), passwords[owner])
    say("every password is another: the stack stops, and starts with them")
    stack = Stack(settings)
    stack.stop(say)
    stack.start(say)
