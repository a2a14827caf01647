"""The pipeline's checks of a checkout, as somebody runs them; half a minute of a core, so with `make test-stack`."""

import os

import pytest

from tests.documented import documented

pytestmark = [pytest.mark.stack, pytest.mark.long]


def test_no_secret_is_under_version_control_that_the_baseline_does_not_know():
    assert documented("make check-secrets").run(os.environ).stdout.startswith("0 new secrets, ")


def test_what_is_installed_is_what_is_locked():
    assert "installed: the locked versions\n" in documented("make check-dependencies").run(os.environ).stdout
