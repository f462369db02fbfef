"""Why, for the operator: the pairs of a copy trader in rows of text."""

import pytest
from tests.support.world import BTC, World, ratio

from copydesk.model.ids import uid_of
from copydesk.node.why import UnknownName, Why, why


def test_every_pair_is_told_with_its_reason() -> None:
    world = World()
    world.open_market()
    lead = world.lead(BTC)
    rich = world.copier(lead, ratio(1_000_000))
    tiny = world.copier(lead, ratio(10_000))
    world.buy(lead, 10)
    code = bytes(world.state.accounts.unique_code[lead]).decode()
    (copied,) = why(world.state, Why(account=str(uid_of(rich)), whole=True))
    assert (copied["result"], copied["reason"], copied["lead"]) == ("copied", "", code)
    assert why(world.state, Why(account=str(uid_of(rich)))) == []
    (missed,) = why(world.state, Why(account=str(uid_of(tiny)), lead=code))
    assert (missed["result"], missed["reason"]) == ("not copied", "below_min_size")
    assert missed["inst_id"] == "BTC-USDT-SWAP"
    assert missed["side"] == "long"
    assert "below the smallest order" in missed["text"]


@pytest.mark.parametrize(
    "request_",
    [Why(account="x"), Why(account="40000000000000001"), Why(account="40000000000999999")],
)
def test_an_unknown_account_is_told(request_: Why) -> None:
    with pytest.raises(UnknownName, match="no account"):
        why(World().state, request_)
