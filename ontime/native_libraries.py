"""LightGBM needs GNU's OpenMP library, which a minimal Debian lacks; scikit-learn's wheel carries a copy.

    python -m ontime.native_libraries     # after an installation: link that copy where the system has none

The dynamic linker reads LD_LIBRARY_PATH at a program's start only, so `ensure` starts the program anew once.
"""

import ctypes
import os
import sys
import sysconfig
from pathlib import Path

LIBRARY = "libgomp.so.1"
FOLDER = Path(sys.prefix) / "lib" / "native"
VARIABLE = "LD_LIBRARY_PATH"


def ensure() -> None:
    """Start this program anew with the linked copy in reach, where there is one that is not."""
    paths = os.environ.get(VARIABLE, "").split(":")
    if FOLDER.is_dir() and str(FOLDER) not in paths:
        os.environ[VARIABLE] = ":".join([str(FOLDER), *filter(None, paths)])
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  this program, as it was called


def link() -> None:
    """Link the copy that scikit-learn's wheel carries, unless the system has the library."""
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        site = Path(sysconfig.get_paths()["purelib"])
        [carried] = sorted((site / "scikit_learn.libs").glob("libgomp*"))
        FOLDER.mkdir(exist_ok=True)
        target = FOLDER / LIBRARY
        target.unlink(missing_ok=True)
        target.symlink_to(carried)


if __name__ == "__main__":
    link()
