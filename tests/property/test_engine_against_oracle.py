"""The engine against the oracle under generated histories: nothing may differ after any step."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from tests.property.histories import HISTORIES, LONG_HISTORIES, Act, live, people
from tests.property.pair import Pair

PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
BIG = (HealthCheck.too_slow, HealthCheck.data_too_large)


def together(history: list[Act]) -> Pair:
    """Let engine and oracle live through a history; every step is compared."""
    pair = Pair()
    cast = people(pair)
    for act in history:
        live(pair, cast, act)
    return pair


@settings(max_examples=150, deadline=None, phases=PHASES, suppress_health_check=BIG)
@given(HISTORIES)
def test_engine_and_oracle_agree(history: list[Act]) -> None:
    together(history)


@pytest.mark.long
@settings(max_examples=600, deadline=None, phases=PHASES, suppress_health_check=BIG)
@given(LONG_HISTORIES)
def test_engine_and_oracle_agree_for_long(history: list[Act]) -> None:
    together(history)
