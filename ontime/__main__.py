"""`python -m ontime`: see `--help`."""

import os

if __name__ == "__main__":
    # Read by OpenMP when it is loaded: see `deploy.native.layout.environment`.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from ontime.cli import main

    main()
