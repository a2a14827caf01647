"""The entry of the command: the console script `ontime`, or `python -m ontime`."""

import os

from adapters import threads


def main() -> None:
    """Run the command line."""
    # The stack's own processes have none of them either: they say where some other server is, and how to ask it.
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]
    for name, value in threads.CALM.items():
        os.environ.setdefault(name, value)
    from ontime import cli

    cli.main()


if __name__ == "__main__":
    main()
