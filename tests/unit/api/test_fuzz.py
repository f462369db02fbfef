"""Nonsense at every door: an OKX code, never a 5xx, and a refusal changes nothing."""

import asyncio
import json
import urllib.parse
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.api.connections import BTC, Bench, quote, say
from tests.unit.api.support import API_KEY, Answer, House, ask, make_house, make_key, sign

from copydesk.api.app import App
from copydesk.api.endpoint import Endpoint
from copydesk.api.endpoints import ENDPOINTS
from copydesk.api.errors import TEXTS
from copydesk.engine.digest import digest
from copydesk.model.enums import InstType
from copydesk.model.ids import unique_code_of
from copydesk.model.inputs import ApplyLeadTrading

LEAD = 3  # account row
USUAL = [
    *("BTC-USDT-SWAP", "ETH-USDT-SWAP", "BTC-USDT", "SWAP", "SPOT", "cross", "isolated", "cash"),
    *("buy", "sell", "net", "long", "short", "market", "limit", "post_only", "ioc", "fok"),
    *("1", "0", "-1", "0.1", "5", "100", "60000", "1000000000000000000000000", "true", "false"),
    *("fixed_amount", "ratio_copy", "copy", "custom", "market_close", "copy_close", "1m", "1D"),
    *(
        "long_short_mode",
        "net_mode",
        "manual_close",
        "975835DE1C9756CE",
        "BTC-USDT-SWAP,X",
        "9" * 18,
    ),
]
ODD: list[Any] = [
    *("", " ", "\x00", "带单", "\u202e", "1e5", "NaN", "Infinity", "0x10", "１", "x" * 300, "\n"),
    *(None, True, False, 0, 5, -1, 3.0, 1e-9, 1e300, 2**63, -(2**70), [], ["a"], {}, {"a": [1]}),
]
PLAUSIBLE = {
    "instId": "BTC-USDT-SWAP",
    "instType": "SWAP",
    "tdMode": "cross",
    "mgnMode": "cross",
    "side": "buy",
    "ordType": "limit",
    "px": "50000",
    "sz": "1",
    "lever": "5",
    "posMode": "net_mode",
    "uniqueCode": unique_code_of(LEAD),
    "copyMgnMode": "copy",
    "copyInstIdType": "copy",
    "copyMode": "fixed_amount",
    "copyAmt": "100",
    "copyTotalAmt": "1000",
    "subPosCloseType": "market_close",
    "subPosId": "1",
}
VALUES = st.sampled_from(USUAL) | st.sampled_from(ODD) | st.text(max_size=20)


def requests_of(endpoint: Endpoint[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Requests that are plausible but for some fields, or not at all."""
    names = [field.encode_name for field in msgspec.structs.fields(endpoint.request)]
    if not names:
        return st.just({})
    plausible = {name: PLAUSIBLE[name] for name in names if name in PLAUSIBLE}
    some = st.dictionaries(st.sampled_from(names), VALUES, max_size=2)
    return some.map(lambda odd: plausible | odd) | st.dictionaries(st.sampled_from(names), VALUES)


SENT = st.sampled_from(ENDPOINTS).flatmap(
    lambda endpoint: st.tuples(st.just(endpoint), requests_of(endpoint))
)


def make_world() -> tuple[House, App]:
    """Make a house with a market, a lead trader and the key of an account of its own."""
    house = make_house()
    account_row, lead = house.open_account(), house.open_account()
    assert lead == LEAD
    quote(house)
    house.do(ApplyLeadTrading(lead, InstType.SWAP, (BTC,)))
    house.keys[API_KEY] = make_key(account_row)
    house.submitted.clear()
    return house, App(house.desk(rate_limits=False), ENDPOINTS)


def send(app: App, endpoint: Endpoint[Any], given_: dict[str, Any]) -> Answer:
    if endpoint.method == "GET":
        pairs = [(k, v if isinstance(v, str) else json.dumps(v)) for k, v in given_.items()]
        query = urllib.parse.urlencode(pairs, errors="replace")
        target = endpoint.path + (f"?{query}" if query else "")
        return asyncio.run(ask(app, "GET", target, sign("GET", target)))
    body = json.dumps([given_] if endpoint.batch else given_).encode()
    headers = {**sign("POST", endpoint.path, body), "Content-Type": "application/json"}
    return asyncio.run(ask(app, "POST", endpoint.path, headers, body))


@settings(max_examples=400, deadline=None)
@given(SENT)
def test_any_parameters_get_a_code_and_a_refusal_changes_nothing(
    sent: tuple[Endpoint[Any], dict[str, Any]],
) -> None:
    endpoint, given_ = sent
    house, app = make_world()
    before = digest(house.state)
    answer = send(app, endpoint, given_)
    assert answer.http < 500, (answer, given_)
    assert answer.code in TEXTS
    assert isinstance(answer.json["data"], list)
    if answer.code != "0" and not house.submitted:
        assert digest(house.state) == before


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(ENDPOINTS), st.binary(max_size=100), st.text(max_size=30))
def test_any_bytes_get_a_code(endpoint: Endpoint[Any], body: bytes, header: str) -> None:
    _, app = make_world()
    headers = {
        **sign("POST", endpoint.path, body),
        "Content-Type": "application/json",
        "Accept-Language": header.encode("ascii", "replace").decode(),
        "expTime": header.encode("ascii", "replace").decode(),
    }
    answer = asyncio.run(ask(app, endpoint.method, endpoint.path, headers, body))
    assert answer.http < 500
    assert answer.code in TEXTS


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(USUAL),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["channel", "instId", "instType", "ccy", "extraParams", "apiKey", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=6,
)
OPS = st.fixed_dictionaries(
    {},
    optional={
        "id": JSON,
        "op": st.sampled_from(["login", "subscribe", "unsubscribe", "order"]) | JSON,
        "args": st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "channel": st.sampled_from(["tickers", "orders", "account", "x"]) | JSON,
                    "instId": JSON,
                    "instType": JSON,
                    "extraParams": JSON,
                },
            ),
            max_size=3,
        )
        | JSON,
    },
)


@settings(max_examples=300, deadline=None)
@given(st.lists(OPS.map(lambda op: json.dumps(op).encode()) | st.binary(max_size=40), max_size=5))
def test_any_message_on_a_web_socket_gets_an_event(messages: list[bytes]) -> None:
    async def work() -> None:
        bench = Bench()
        session, wire = bench.connect("private")
        bench.log_in(session, wire)
        for message in messages:
            say(session, message)
            assert wire.sent, message
            for event in wire.take():
                assert event["event"] in ("error", "subscribe", "unsubscribe", "channel-conn-count")
                assert event.get("code", "0") in TEXTS
        session.end()
        await bench.pushes.close()

    asyncio.run(work())
