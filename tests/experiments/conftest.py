"""A state folder of a test's own for what measures."""

from dataclasses import replace

import pytest

from adapters.postgres import Database
from tests.conftest import settings_for


@pytest.fixture
def own_settings(postgres: Database, tmp_path, dataset_dir):
    """Settings of a state folder of this test's own, which has the cleaned dataset."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "data").symlink_to(dataset_dir)
    return replace(settings_for(postgres, tmp_path / "state"), reports_dir=tmp_path / "reports")
