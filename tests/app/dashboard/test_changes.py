"""Forms that change what serves, on a real MLflow; what they do is in the ledger with who and why."""

import re
from dataclasses import replace

import numpy as np
import pytest

from adapters.championship import Championship
from adapters.deployments import Deployments
from adapters.model_registry import CHAMPION
from adapters.prediction_log import PredictionLog, ScoredByBoth
from tests.app import worlds
from tests.app.dashboard.browsing import sign_in, token
from tests.app.test_model_holder import register
from tests.builders import NOON
from tests.mlflow_server import KEYS

pytestmark = pytest.mark.integration


@pytest.fixture
def stack(postgres, own_settings, mlflow_address, registry, trees, tmp_path):
    """A stack of this test's own with two versions, of which the first serves."""
    own_settings.public_keys_file.write_text("\n".join(KEYS.trusted()))
    made = [register(registry, trees, tmp_path / f"made{n}", intercept=float(n)) for n in range(2)]
    settings = replace(own_settings, model_name=registry.model_name)
    Championship(registry, Deployments(postgres)).promote(made[0], None, "test", "the first")
    worlds.busy_morning(postgres)
    worlds.refresh_at(postgres, NOON)
    with worlds.serving(postgres, settings, mlflow_address) as api:
        worlds.look(api)
        sign_in(api)
        yield api, made


def send(api, form, **fields):
    data = {"csrf_token": token(api, "/dashboard/model")} | fields
    return api.client.post(f"/dashboard/model/{form}", data=data)


def test_a_version_is_promoted_and_rolled_back_with_who_and_why(stack, registry):
    api, (first, second) = stack
    answer = send(api, "promote", version=second, expected_version=first, reason="looks better")
    assert answer.status_code == 303, answer.text
    assert f"Version {second} was promoted" in api.client.get(answer.location).text
    assert registry.alias(CHAMPION) == second
    worlds.look(api)
    page = api.client.get("/dashboard/model").text
    assert f"Roll back to version {first}" in page
    assert "looks better" in page
    answer = send(api, "rollback", expected_version=second, reason="it does not")
    assert f"Version {first} serves again" in api.client.get(answer.location).text
    newest = api.parts.deployments.history(1)[0]
    assert (newest.action, newest.who, newest.reason) == ("rollback", "Ada", "it does not")


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(stack):
    api, (first, second) = stack
    answer = send(api, "promote", version=second, expected_version=second, reason="x")
    assert answer.status_code == 409
    assert "Somebody else changed this meanwhile" in answer.text
    assert api.parts.deployments.champion() == first


@pytest.fixture(params=["deleted alias", "refused version"])
def astray(request, stack, registry, trees, tmp_path):
    """The stack, its second version champion once, and an alias that names nothing that can serve; the first serves."""
    api, (first, second) = stack
    ledger = Championship(registry, api.parts.deployments)
    ledger.promote(second, first, "test", "looks better")
    ledger.rollback("test", "it does not")
    named = None
    if request.param == "deleted alias":
        registry.delete_alias(CHAMPION)
    else:
        named = register(registry, trees, tmp_path / "other", contract_hash="0" * 64)
        registry.set_alias(CHAMPION, named)
    worlds.look(api)
    assert api.parts.models.champion.version == first
    return api, first, second, named


@pytest.mark.parametrize("which", ["served", "other"])
def test_while_the_alias_names_nothing_that_serves_any_sound_version_is_promoted(astray, registry, which):
    api, first, second, named = astray
    wanted = first if which == "served" else second
    form = form_of(api, "promote")
    assert f"<option>{wanted}</option>" in form
    answer = send(api, "promote", version=wanted, reason="mends the alias", **expectation_in(form))
    assert answer.status_code == 303, answer.text
    assert registry.alias(CHAMPION) == wanted
    assert api.parts.deployments.history(1)[0].from_version == named


def test_while_the_alias_names_nothing_that_serves_a_rollback_goes_where_the_page_says(astray, registry):
    """To what the ledger calls champion: that is who served last."""
    api, _, second, named = astray
    Championship(registry, api.parts.deployments).promote(second, named, "test", "to go back from")
    if named is None:
        registry.delete_alias(CHAMPION)
    else:
        registry.set_alias(CHAMPION, named)
    worlds.look(api)
    form = form_of(api, "rollback")
    assert f"Roll back to version {second}<" in form
    answer = send(api, "rollback", reason="mends the alias", **expectation_in(form))
    assert answer.status_code == 303, answer.text
    assert registry.alias(CHAMPION) == second


def form_of(api, name):
    """A form of the page, as a browser has it."""
    page = api.client.get("/dashboard/model").text
    return page.split(f'action="/dashboard/model/{name}"')[1].split("</form>")[0]


def expectation_in(form):
    """The hidden field that says what serves, where the form has it."""
    found = re.search(r'name="(expected_version)" value="(\d*)"', form)
    return {found[1]: found[2]} if found else {}


@pytest.mark.parametrize(
    ("form", "fields", "named"),
    [
        ("promote", {"version": "2", "expected_version": "1", "reason": ""}, "reason"),
        ("promote", {"version": "x", "expected_version": "1", "reason": "x"}, "version"),
        ("promote", {"reason": "x"}, "version"),
        ("rollback", {"expected_version": "1", "reason": " "}, "reason"),
        ("retrain", {"reason": ""}, "reason"),
        ("retrain", {"reason": "x" * 5000}, "reason"),
    ],
)
def test_a_form_that_lacks_something_is_refused_by_name(operator, form, fields, named):
    answer = send(operator, form, **fields)
    assert answer.status_code == 422
    assert f"{named}: expected" in answer.text


def test_a_registry_that_is_away_changes_nothing_and_is_named(operator):
    answer = send(operator, "promote", version=2, expected_version=1, reason="x")
    assert answer.status_code == 503
    assert "MLflow is not reachable" in answer.text


def test_a_retrain_while_prefect_is_away_is_not_asked_for(operator):
    answer = send(operator, "retrain", reason="x")
    assert answer.status_code == 503


def test_two_versions_are_shown_side_by_side_with_only_what_differs(stack):
    api, (first, second) = stack
    page = api.client.get(f"/dashboard/model/compare?one={first}&other={second}").text
    assert "calibration intercept" in page
    assert "data hash" not in page
    assert "They never scored the same flights" in page


def test_a_measure_that_one_outcome_alone_does_not_have_is_a_dash_and_so_is_its_difference(
    stack, monkeypatch
):
    """All were on time: there is no pair of a late flight and one that was not."""
    api, (first, second) = stack
    n = 8
    alike = ScoredByBoth(
        np.full(n, 20130410), np.linspace(0.1, 0.2, n), np.linspace(0.2, 0.3, n), np.zeros(n, dtype=np.bool_)
    )
    monkeypatch.setattr(PredictionLog, "scored_by_both", lambda *_: alike)
    page = api.client.get(f"/dashboard/model/compare?one={first}&other={second}").text
    assert "8 predictions" in page
    assert "nan" not in page.replace("\n", " ").split("What differs")[0]
    assert 3 * '<td class="num">—</td>' in page


def test_every_version_is_listed_with_its_data(stack):
    api, made = stack
    page = api.client.get("/dashboard/model").text
    for number in made:
        assert f'href="/dashboard/model/versions/{number}"' in page
    assert "bbbbbbbbbbbb" in page
