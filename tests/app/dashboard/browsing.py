"""Small helpers for the dashboard's tests."""

import re
from typing import Any

from adapters.api_keys import ApiKeys
from tests.app.worlds import Api


def token(api: Api, path: str = "/dashboard/sign-in", base: str = "http://localhost") -> str:
    """A form's token of the client's session, from a page; of the page it leads to where it leads on."""
    page = api.client.get(path, base_url=base, follow_redirects=True)
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert found, page.text[:500]
    return found.group(1)


def sign_in(api: Api, scope: str = "admin", **fields: Any) -> Any:
    """Open a session with the key of a scope."""
    form = {"csrf_token": token(api), "key": key_of(api, scope), "who": "Ada"} | fields
    return api.client.post("/dashboard/sign-in", data=form)


def key_of(api: Api, scope: str) -> str:
    """A key as the stack makes them at its first start: that of an operator may also read."""
    if scope == "admin" and "operator" not in api.keys:
        api.keys["operator"] = ApiKeys(api.database).create("operator", ["predict", "admin"])
        api.parts.keys.refresh()
    return api.keys["operator" if scope == "admin" else scope]
