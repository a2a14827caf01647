"""The secrets of the Compose stack: files in var/secrets, or SECRETS_DIR, which a native stack here shares."""

from collections.abc import Mapping
from pathlib import Path

from deploy.compose.engine import ROOT, Compose, StackError, require_plain, say, setting
from deploy.secret_files import (
    KEY_PREFIXES,
    add_public_key,
    is_there,
    kept_aside,
    make_missing,
    of_a_restored_stack,
    put_in_place,
    replace_signing_secret,
)

DATABASE_PASSWORDS = ("postgres_password", "mlflow_database_password", "prefect_database_password")
OWNERS = dict(zip(DATABASE_PASSWORDS, ("ontime", "mlflow", "prefect"), strict=True))
"""File of each database's password, and the role that owns the database."""
ROLE_PASSWORDS = ("postgres_api_password", "postgres_monitoring_password")
"""Given to the roles at every start: another password is no harm to the data."""
SERVER_PASSWORDS = ("mlflow_password", "prefect_api_password")
SIGNING_KEY = "model_signing_key"
PUBLIC_KEYS = "model_public_keys"
PREFIXES = (
    dict.fromkeys((*DATABASE_PASSWORDS, *ROLE_PASSWORDS, *SERVER_PASSWORDS, SIGNING_KEY), "") | KEY_PREFIXES
)
# The services inside run as other users and read the files as they are; nobody else can enter the folder.
MODE = 0o444


def make() -> None:
    """Make the secrets that are missing, and let containers read all of them.

    Raises
    ------
    StackError
        If the folder cannot be used, or a secret is missing that the stack's volumes were made with: another
        could not open them.
    """
    where = folder()
    _require_secrets_of_the_volumes(where)
    try:
        made = make_missing(where, {where / name: prefix for name, prefix in PREFIXES.items()}, MODE)
        add_public_key(where / SIGNING_KEY, where / PUBLIC_KEYS, MODE)
        for name in (*PREFIXES, PUBLIC_KEYS):
            (where / name).chmod(MODE)
    except OSError as error:
        raise StackError(f"SECRETS_DIR: cannot keep secrets in {_shown(where)}: {error}") from error
    for file in made:
        say(f"made {_shown(file)}")


def replace_signing_key() -> None:
    """Make another signing key, and trust it beside the one before: see `replace_signing_secret`."""
    say(replace_signing_secret(folder() / SIGNING_KEY, folder() / PUBLIC_KEYS))


def folder() -> Path:
    """Return the folder of the secrets; StackError where Compose would write its path otherwise."""
    return require_plain(
        ROOT / setting("SECRETS_DIR", "var/secrets"), "SECRETS_DIR", "name another, as it is"
    )


def are_there() -> bool:
    """Return whether there are the secrets that volumes can only be used with."""
    return all(is_there(folder() / name) for name in (*DATABASE_PASSWORDS, SIGNING_KEY))


def write(sealed: Mapping[str, str]) -> None:
    """Write the secrets that a backup brings: what the state was made with is replaced, all else that is there stays.

    The passwords of the databases are those of this host's volumes. What is replaced is kept aside.
    """
    where = folder()
    own = {name: (where / name).read_text() for name in sealed if is_there(where / name)}
    values = of_a_restored_stack(sealed, own)
    aside = put_in_place({where / name: value for name, value in values.items()}, where, MODE)
    if aside:
        say(kept_aside(_shown(aside)))


def database_volume() -> str | None:
    """Return the volume that the passwords of databases open; None where there is none, or no engine."""
    try:
        return _volumes(Compose()).get("postgres-data")
    except StackError:
        return None


def _require_secrets_of_the_volumes(where: Path) -> None:
    try:
        compose = Compose()
    except StackError:
        return  # without an engine there are no volumes
    there = _volumes(compose)
    for name in (*DATABASE_PASSWORDS, SIGNING_KEY):
        volume = there.get("artifacts" if name == SIGNING_KEY else "postgres-data")
        if volume and not is_there(where / name):
            raise StackError(
                f"{_shown(where / name)} is gone, and the volume {volume} can be used with no other: put it back, "
                "from a copy or another checkout, or remove the stack's volumes; nothing was touched"
            )


def _volumes(compose: Compose) -> Mapping[str, str]:
    """Return the project's volumes: what the Compose file calls them, without a release's number, and their names."""
    project = f"label=com.docker.compose.project={compose.environment['COMPOSE_PROJECT_NAME']}"
    shown = '{{.Label "com.docker.compose.volume"}} {{.Name}}'
    lines = compose.docker("volume", "ls", "--filter", project, "--format", shown).splitlines()
    named = (line.split() for line in lines)
    return {label.rstrip("-0123456789"): name for label, name in named}


def _shown(file: Path) -> str:
    return str(file.relative_to(ROOT) if file.is_relative_to(ROOT) else file)
