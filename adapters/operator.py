"""Who runs a command: what the ledger names."""

import getpass


def operator() -> str:
    """Return the name of the user who runs the command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user of a container may have a number only
        return "command line"
