import getpass

import pytest

from adapters.operator import operator


@pytest.mark.parametrize("error", [KeyError("uid not found: 1234"), OSError("no user name")])
def test_a_user_with_a_number_only_has_a_name_in_the_ledger_all_the_same(monkeypatch, error):
    def nobody() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert operator() == "command line"
