"""The entry of the command: the console script `ontime`, or `python -m ontime`."""

import os


def main() -> None:
    """Run the command line."""
    # Read by OpenMP when it is loaded: see `deploy.native.layout.environment`.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from ontime import cli

    cli.main()


if __name__ == "__main__":
    main()
