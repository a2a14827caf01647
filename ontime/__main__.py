"""The entry of the command: the console script `ontime`, or `python -m ontime`."""

import os


def main() -> None:
    """Run the command line."""
    # The stack's own processes have none of them either: they say where some other server is, and how to ask it.
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]
    # Read by OpenMP and OpenBLAS when they are loaded: see `deploy.native.layout.environment`.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from ontime import cli

    cli.main()


if __name__ == "__main__":
    main()
