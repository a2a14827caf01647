import threading

import pytest

from adapters.clock_store import ClockStore
from adapters.deployments import ANY, Deployment, Deployments
from adapters.postgres import Database
from domain.errors import Conflict, NotFound, NotReady, StaleVersion
from tests.builders import NOON


class Registry:
    """An alias somewhere else, that can fail before or after it moved, or be unreadable."""

    def __init__(self, version: int | None = None):
        self.version = version
        self.moves: list[int] = []
        self.fail: str | None = None

    def read(self) -> int | None:
        if self.fail == "unreadable":
            raise NotReady("registry away")
        return self.version

    def move(self, version: int) -> None:
        if self.fail == "before":
            raise NotReady("refused")
        self.version = version
        self.moves.append(version)
        if self.fail in ("after", "crash"):
            raise NotReady("answer lost")


class Crash(BaseException):
    """A process that ends between two statements."""


@pytest.fixture
def ledger(postgres: Database) -> Deployments:
    ClockStore(postgres).set_simulated(NOON)
    return Deployments(postgres)


@pytest.fixture
def registry() -> Registry:
    return Registry()


def change(
    ledger: Deployments, registry: Registry, to: int, expected: object = ANY, **more: object
) -> Deployment:
    values = {"action": "promote", "who": "test", "reason": "better", "contract_hash": "c"} | more
    return ledger.change(
        to_version=to, expected_version=expected, move_alias=registry.move, read_alias=registry.read, **values
    )


def test_a_promotion_on_evidence_without_a_value_is_on_record(
    ledger: Deployments, registry: Registry
) -> None:
    row = change(ledger, registry, 1, expected=None, evidence={"auc": float("nan")})
    assert (row.status, row.evidence) == ("done", {"auc": None})


def test_a_promotion_moves_the_alias_and_says_why(ledger: Deployments, registry: Registry) -> None:
    assert ledger.champion() is None
    row = change(ledger, registry, 1, expected=None, evidence={"auc": 0.78}, who="gate", reason="first")
    assert (row.action, row.from_version, row.to_version, row.status) == ("promote", None, 1, "done")
    assert (row.who, row.reason, row.evidence, row.at) == ("gate", "first", {"auc": 0.78}, NOON)
    assert row.finished_at is not None
    assert registry.version == ledger.champion() == 1
    assert ledger.history() == [row]


def test_a_stale_expectation_changes_nothing(ledger: Deployments, registry: Registry) -> None:
    change(ledger, registry, 1, expected=None)
    for expected in (None, 7):
        with pytest.raises(StaleVersion) as refusal:
            change(ledger, registry, 2, expected=expected)
        assert (refusal.value.expected, refusal.value.actual) == (expected, 1)
    assert registry.moves == [1]
    assert len(ledger.history()) == 1
    change(ledger, registry, 2, expected=1)
    assert ledger.champion() == 2


def test_the_champion_is_not_promoted_again(ledger: Deployments, registry: Registry) -> None:
    change(ledger, registry, 1)
    with pytest.raises(Conflict, match="version 1 is the champion already"):
        change(ledger, registry, 1)


def test_of_twenty_racing_changes_one_wins_each_round(ledger: Deployments, registry: Registry) -> None:
    change(ledger, registry, 1, expected=None)
    results: list[str] = []

    def race(version: int) -> None:
        try:
            change(ledger, registry, version, expected=1)
            results.append("moved")
        except StaleVersion:
            results.append("stale")

    threads = [threading.Thread(target=race, args=(version,)) for version in range(2, 22)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["moved"] + ["stale"] * 19
    assert ledger.champion() == registry.version == registry.moves[-1]


def test_racing_changes_without_expectation_follow_one_order(ledger: Deployments, registry: Registry) -> None:
    threads = [threading.Thread(target=change, args=(ledger, registry, version)) for version in range(1, 21)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = ledger.history()[::-1]
    assert [row.to_version for row in rows] == registry.moves
    assert [row.from_version for row in rows] == [None, *registry.moves[:-1]]
    assert all(row.status == "done" for row in rows)


def test_a_refused_move_is_void(ledger: Deployments, registry: Registry) -> None:
    registry.fail = "before"
    with pytest.raises(NotReady, match="refused"):
        change(ledger, registry, 1)
    assert [row.status for row in ledger.history()] == ["void"]
    assert ledger.champion() is None


def test_a_move_whose_answer_was_lost_is_done(ledger: Deployments, registry: Registry) -> None:
    registry.fail = "after"
    with pytest.raises(NotReady):
        change(ledger, registry, 1)
    assert [row.status for row in ledger.history()] == ["done"]


@pytest.mark.parametrize(("moved", "status", "champion"), [(True, "done", 2), (False, "void", 1)])
def test_a_crash_between_ledger_and_alias_is_settled_by_the_alias(
    ledger: Deployments, registry: Registry, moved: bool, status: str, champion: int
) -> None:
    change(ledger, registry, 1)

    def crash(version: int) -> None:
        if moved:
            registry.move(version)
        raise Crash

    with pytest.raises(Crash):
        ledger.change(
            action="promote",
            to_version=2,
            expected_version=1,
            who="x",
            reason="y",
            move_alias=crash,
            read_alias=registry.read,
        )
    assert [row.status for row in ledger.history()] == ["planned", "done"]
    assert ledger.reconcile(registry.read) == champion
    assert [row.status for row in ledger.history()] == [status, "done"]
    assert ledger.champion() == champion
    change(ledger, registry, 3, expected=champion)


def test_a_plan_stays_while_the_alias_cannot_be_read(ledger: Deployments, registry: Registry) -> None:
    change(ledger, registry, 1)

    def lost(version: int) -> None:
        registry.move(version)
        registry.fail = "unreadable"
        raise NotReady("answer lost")

    with pytest.raises(NotReady, match="answer lost"):
        ledger.change(
            action="promote",
            to_version=2,
            expected_version=1,
            who="x",
            reason="y",
            move_alias=lost,
            read_alias=registry.read,
        )
    assert ledger.history()[0].status == "planned"
    registry.fail = None
    change(ledger, registry, 3, expected=2)
    assert [(row.to_version, row.status) for row in ledger.history()] == [
        (3, "done"),
        (2, "done"),
        (1, "done"),
    ]


def test_an_alias_moved_by_hand_is_recorded_as_outside(ledger: Deployments, registry: Registry) -> None:
    change(ledger, registry, 1)
    registry.version = 5
    with pytest.raises(StaleVersion):
        change(ledger, registry, 2, expected=1)
    row = ledger.history()[0]
    assert (row.action, row.from_version, row.to_version, row.status) == ("outside", 1, 5, "done")
    assert ledger.reconcile(registry.read) == 5, "known already"
    assert len(ledger.history()) == 2


def test_rollback_goes_to_the_champion_before(ledger: Deployments, registry: Registry) -> None:
    for version in (1, 2, 3):
        change(ledger, registry, version)
    assert ledger.previous_champion("c") == 2


def test_rollback_skips_versions_with_another_feature_contract(
    ledger: Deployments, registry: Registry
) -> None:
    change(ledger, registry, 1)
    change(ledger, registry, 2, contract_hash="another")
    change(ledger, registry, 3)
    assert ledger.previous_champion("c") == 1
    assert ledger.previous_champion("another") == 2
    with pytest.raises(NotFound):
        ledger.previous_champion("unheard of")


def test_a_second_rollback_does_not_return_to_what_was_left(ledger: Deployments, registry: Registry) -> None:
    for version in (1, 2, 3):
        change(ledger, registry, version)
    change(ledger, registry, 2, action="rollback")
    assert ledger.previous_champion("c") == 1
    change(ledger, registry, 1, action="rollback")
    with pytest.raises(NotFound):
        ledger.previous_champion("c")
    change(ledger, registry, 3)
    assert ledger.previous_champion("c") == 1


def test_a_version_moved_by_hand_keeps_the_contract_an_earlier_row_says(
    ledger: Deployments, registry: Registry
) -> None:
    change(ledger, registry, 1)
    change(ledger, registry, 2)
    registry.version = 1
    ledger.reconcile(registry.read)
    assert ledger.history()[0].contract_hash == "c"


def test_a_change_is_reported(ledger: Deployments, registry: Registry, postgres: Database) -> None:
    listener = postgres.listen("deployments")
    listener.wait(1)
    change(ledger, registry, 4)
    assert [n.payload for n in listener.wait(5)] == ["4"]
    listener.close()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM deployments",
        "UPDATE deployments SET reason = 'other'",
        "UPDATE deployments SET status = 'void'",
    ],
)
def test_the_ledger_is_not_rewritten(
    ledger: Deployments, registry: Registry, postgres: Database, statement: str
) -> None:
    change(ledger, registry, 1)
    with pytest.raises(Exception, match="is a ledger"), postgres.transaction() as cursor:
        cursor.execute(statement)
