"""The accounts of evidence on the Model page, out of decisions that the flows' own functions made."""

import numpy as np
import pytest

from domain.account_record import CHALLENGER, CHAMPION
from domain.evidence import EvidencePolicy, keep_account
from monitoring.policy import ShadowPolicy, Standing, Trial, decide_guardrail, decide_shadow
from tests.builders import DAY, NOON

pytestmark = pytest.mark.integration
WAITS = ShadowPolicy(needs_approval=True)
SOUND = Trial(rows=913, unsound=0, microseconds=150.0)


def account(mean: float, days: int):
    return keep_account(np.full(days, mean), EvidencePolicy())


def tried(api, day: int, mean: float) -> None:
    """Put on record what a shadow decision of the given day of the account says."""
    decision = decide_shadow(SOUND, account(mean, day), day, WAITS).naming({CHALLENGER: 3, CHAMPION: 2})
    keep(api, "shadow", day, decision)


def watched(api, day: int, before: float, anchor: float | None) -> None:
    standings = [
        Standing(2, account(before, day)),
        None if anchor is None else Standing(1, account(anchor, day)),
    ]
    keep(api, "guardrail", day, decide_guardrail(*standings).naming({CHAMPION: 3}))


def keep(api, kind, day, decision) -> None:
    at = NOON + (day - 20) * DAY
    api.parts.monitoring.record_decision(
        kind, at.date(), decision.verdict, decision.reason, decision.evidence, at
    )


def shown(api) -> str:
    return " ".join(api.client.get("/dashboard/model").text.split())


def test_a_challengers_account_is_drawn_over_its_days_against_its_bound(operator):
    for day in (1, 2, 3):
        tried(operator, day, 0.004)
    page = shown(operator)
    assert "No live comparison was made yet" not in page
    assert "Version 3 against version 2" in page
    assert "+0.0040 over 3 days, evidence" in page
    assert "of 20</span>" in page
    assert "Log-loss less the other&#39;s, nats: mean up to each day" in page
    assert "live requests: </span>913</td>" in page


def test_the_account_goes_on_while_the_version_serves_and_the_anchor_has_its_own(operator):
    tried(operator, 3, 0.0)
    watched(operator, 4, 0.001, None)
    watched(operator, 5, 0.04, 0.0)
    page = shown(operator)
    assert page.count("Version 3 against version 2") == 1
    assert "+0.0400 over 5 days" in page
    assert "convicted</span>" in page
    assert "What serves against what served weeks before, now version 1" in page


def test_before_the_first_labelled_day_an_account_says_so(operator):
    tried(operator, 0, 0.0)
    assert "no labelled day yet" in shown(operator)


def test_an_account_of_earlier_code_has_no_bound_and_is_still_drawn(operator):
    decision = decide_shadow(SOUND, account(0.0, 3), 3, ShadowPolicy()).naming({CHALLENGER: 3, CHAMPION: 2})
    del decision.evidence["bound"]
    keep(operator, "shadow", 3, decision)
    page = shown(operator)
    assert "Version 3 against version 2" in page
    assert "evidence 1</span>" in page
