import pytest

from adapters.settings import read_settings
from experiments import measured


@pytest.fixture
def settings(tmp_path):
    return read_settings({"ONTIME_STATE_DIR": str(tmp_path / "var")})


def test_what_was_measured_is_kept_beside_the_pages(settings, tmp_path):
    pages = tmp_path / "docs"
    assert measured.read(settings, "cost", pages) is None
    path = measured.write(settings, "cost", {"seconds": 1})
    assert measured.read(settings, "cost", pages) == {"seconds": 1}
    path.unlink()  # another machine
    assert measured.read(settings, "cost", pages) == {"seconds": 1}


def test_what_this_machine_measured_goes_before_what_was_kept(settings, tmp_path):
    measured.write(settings, "cost", {"seconds": 1})
    measured.read(settings, "cost", tmp_path)
    measured.write(settings, "cost", {"seconds": 2})
    assert measured.read(settings, "cost", tmp_path) == {"seconds": 2}
