import numpy as np
import pytest

from adapters.feature_store import FeatureStore
from adapters.postgres import Database
from domain.clock import minute_floor
from domain.features.state import StateBlock, StateTable
from tests.builders import NOON

TICK = minute_floor(NOON)


def block(tick: int = TICK, seed: int = 1) -> StateBlock:
    values = np.random.default_rng(seed).normal(size=(1, 3, 2))
    values[0, 0] = [np.nan, -0.0]
    names = ("EWR", 'q"uote', "back\\slash, comma {brace} ü")
    tables = {
        "origin": StateTable("origin", names, ("late", "count"), values),
        "route": StateTable("route", (), ("late",), np.empty((1, 0, 1))),
    }
    return StateBlock(tick, tables)


@pytest.fixture
def store(postgres: Database) -> FeatureStore:
    return FeatureStore(postgres, "contract")


def saved(store: FeatureStore, *ticks: int) -> None:
    for tick in ticks:
        store.seal(tick)
        store.save(block(tick))


def test_a_state_is_read_back_bit_for_bit(store: FeatureStore) -> None:
    saved(store, TICK)
    back = store.load(TICK)
    assert back.first_tick == TICK
    assert set(back.tables) == {"origin", "route"}
    for kind, table in block().tables.items():
        there = back.tables[kind]
        assert (there.entities, there.columns) == (table.entities, table.columns)
        assert there.values.shape == table.values.shape
        assert there.values.tobytes() == table.values.tobytes()


def test_the_newest_state_is_found(store: FeatureStore) -> None:
    assert store.newest_tick() is None
    saved(store, TICK, TICK + 10, TICK + 5)
    assert store.newest_tick() == TICK + 10
    assert store.ticks(TICK + 9, limit=5) == [TICK + 5, TICK]


def test_a_sealed_tick_without_a_state_is_not_there(store: FeatureStore) -> None:
    store.seal(TICK)
    assert not store.has(TICK)
    assert store.load(TICK) is None
    saved(store, TICK)
    assert store.has(TICK)


def test_a_state_of_another_contract_is_invisible(store: FeatureStore, postgres: Database) -> None:
    saved(store, TICK)
    other = FeatureStore(postgres, "another contract")
    assert not other.has(TICK)
    assert other.load(TICK) is None
    assert other.newest_tick() is None
    saved(other, TICK)
    assert other.has(TICK), "code with another contract computes the tick again"


def test_states_of_two_contracts_stand_side_by_side(store: FeatureStore, postgres: Database) -> None:
    """While an API with other features comes up, each release's refresher computes its own."""
    other = FeatureStore(postgres, "another contract")
    for tick in (TICK, TICK + 5):
        store.seal(tick)
        store.save(block(tick, seed=1))
        assert other.seal(tick) == store.seal(tick)
        other.save(block(tick, seed=2))
        store.save(block(tick, seed=3))
    for one, seed in ((store, 3), (other, 2)):
        assert one.ticks(TICK + 5, limit=5) == [TICK + 5, TICK]
        values = one.load(TICK + 5).tables["origin"].values
        assert values.tobytes() == block(seed=seed).tables["origin"].values.tobytes()
    store.prune(TICK + 5)
    assert not other.has(TICK)


def test_saving_tells_the_channel_once_the_state_is_there(store: FeatureStore, postgres: Database) -> None:
    listener = postgres.listen("state")
    listener.wait(1)
    saved(store, TICK)
    assert [n.payload for n in listener.wait(5)] == [str(TICK)]
    store.notify(TICK)
    assert [n.payload for n in listener.wait(5)] == [str(TICK)]
    listener.close()


def test_pruning_forgets_old_states_only(store: FeatureStore) -> None:
    saved(store, TICK, TICK + 5)
    store.prune(TICK + 5)
    assert not store.has(TICK)
    assert store.has(TICK + 5)


def test_a_seal_is_repeatable(store: FeatureStore) -> None:
    assert store.seal(TICK) == store.seal(TICK)


def test_only_single_ticks_are_stored(store: FeatureStore) -> None:
    wide = StateBlock(TICK, {"origin": StateTable("origin", ("EWR",), ("late",), np.zeros((2, 1, 1)))})
    with pytest.raises(ValueError, match="expected one tick, got 2"):
        store.save(wide)
