"""What starts ontime on machines: natively, under Compose, and through a pipeline."""

import sys

# Before anything is imported that an older Python cannot read; it has to read this.
if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(f"ontime needs Python 3.11 to 3.14; {sys.executable} is another: set PYTHON=/path/to/python3.13")
