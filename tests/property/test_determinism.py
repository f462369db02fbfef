"""Same inputs, same bytes: run twice, replayed from a journal, or stopped and loaded in between."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.property.histories import (
    LONG_WILD_HISTORIES,
    WILD_HISTORIES,
    Act,
    Cast,
    beginning,
    live,
    people,
)
from tests.property.test_engine_against_oracle import BIG, PHASES
from tests.support.world import BTC, World, small_table

from copydesk.engine import snapshot
from copydesk.engine.digest import digest, parts
from copydesk.engine.step import step
from copydesk.model import inputs
from copydesk.model.enums import MgnMode, PosSide
from copydesk.model.inputs import Stamped

PLACES = st.lists(st.integers(0, 40), max_size=3)


class Lived:
    """A world that lived through a history, with the digest after every input."""

    def __init__(self, history: list[Act], stops: list[int]) -> None:
        self.world = World(beginning())
        self.cast: Cast = people(self.world)
        self.digests: list[str] = []
        for at, act in enumerate(history):
            if at in stops:
                self.stop_and_load()
            live(self.world, self.cast, act)
            self.digests.append(digest(self.world.state))

    def stop_and_load(self) -> None:
        """Go on with a State that was dumped and loaded; nothing of the old one remains."""
        before = parts(self.world.state)
        arrays = {name: values.copy() for name, values in snapshot.dump(self.world.state).items()}
        self.world.state = snapshot.load(small_table(), arrays)
        assert parts(self.world.state) == before


def check_same(history: list[Act], stops: list[int]) -> None:
    straight = Lived(history, [])
    assert Lived(history, []).digests == straight.digests
    assert Lived(history, stops).digests == straight.digests
    written = msgspec.msgpack.encode(straight.world.journal)
    replayed = beginning()
    for stamped in msgspec.msgpack.decode(written, type=list[Stamped]):
        step(replayed, stamped)
    assert parts(replayed) == parts(straight.world.state)


@settings(max_examples=60, deadline=None, phases=PHASES, suppress_health_check=BIG)
@given(WILD_HISTORIES, PLACES)
def test_the_same_inputs_give_the_same_bytes(history: list[Act], stops: list[int]) -> None:
    check_same(history, stops)


@pytest.mark.long
@settings(max_examples=300, deadline=None, phases=PHASES, suppress_health_check=BIG)
@given(LONG_WILD_HISTORIES, st.lists(st.integers(0, 119), max_size=6))
def test_the_same_inputs_give_the_same_bytes_for_long(history: list[Act], stops: list[int]) -> None:
    check_same(history, stops)


def test_leverage_set_after_loading_digests_alike_however_many_accounts_come() -> None:
    straight, loaded = World(checked=False), World(checked=False)
    for world in (straight, loaded):
        for _ in range(60):
            world.account()
    loaded.state = snapshot.load(small_table(), snapshot.dump(loaded.state))
    for world in (straight, loaded):
        leverage = inputs.SetLeverage(5, BTC, MgnMode.CROSS, PosSide.NET, 7)
        world.ok(leverage)
        for _ in range(1_200):
            world.account()
    assert parts(loaded.state) == parts(straight.state)


@pytest.mark.long
@settings(max_examples=600, deadline=None, phases=PHASES, suppress_health_check=BIG)
@given(LONG_WILD_HISTORIES)
def test_invariants_hold_whoever_rests_orders_in_the_way(history: list[Act]) -> None:
    world = World(beginning())  # checks them after each step
    cast = people(world)
    for act in history:
        live(world, cast, act)
