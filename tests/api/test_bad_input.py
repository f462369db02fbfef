"""Bad input in every field of both seed endpoints, over a real socket.

Always an OKX code in the envelope, never a 5xx, and nothing has changed: what the account and its
lead trader can see of themselves is the same before and after.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.server import Answer, Trader
from tests.support.still_market import BTC, ETH, StillMarket, copies, order, send

from copydesk.api.errors import TEXTS

API = "/api/v5/"
STOP = API + "copytrading/stop-copy-trading"
SET = API + "copytrading/set-instruments"
SEEN = (
    "account/balance",
    "account/positions",
    "trade/orders-pending",
    "copytrading/config",
    "copytrading/current-subpositions",
    "copytrading/current-subpositions?subPosType=copy",
    "copytrading/instruments?instType=SWAP",
)
TEN_MEGABYTES = 10 * 1024 * 1024


class Victims:
    """A lead trader with two instruments and a position, and a copy trader with an open copy."""

    def __init__(self, market: StillMarket) -> None:
        self.lead = market.lead(f"{BTC},{ETH}")
        self.copier = market.copier(self.lead)
        order(self.lead, "buy", "10")
        assert len(copies(self.copier)) == 1
        self.code = self.lead.unique_code
        self.before = self.state()

    def state(self) -> list[Any]:
        """All that both can see, without the moments at which they look."""
        return [
            _timeless(trader.get(API + target))
            for trader in (self.lead, self.copier)
            for target in SEEN
        ]


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _timeless(v) for k, v in value.items() if k not in ("uTime", "ts")}
    return [_timeless(one) for one in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def victims(market: StillMarket) -> Victims:
    return Victims(market)


@pytest.fixture(autouse=True)
def nothing_changes(victims: Victims) -> Iterator[None]:
    """Hold each test to it, whatever it sends."""
    yield
    assert victims.state() == victims.before


def refused(trader: Trader, target: str, body: bytes) -> Answer:
    """Send a body that must be refused in order; the envelope."""
    response = send(trader, "POST", target, body)
    assert response.status_code < 500, response.text
    assert response.headers["content-type"].startswith("application/json")
    answer = json.loads(response.content)
    assert answer.keys() == {"code", "msg", "data"}
    assert answer["code"] in TEXTS, "an OKX code"
    assert answer["code"] != "0"
    assert answer["data"] == []
    assert isinstance(answer["msg"], str)
    assert answer["msg"]
    return dict(answer)


def with_field(target: str, code: str, field: str, literal: str) -> bytes:
    """A good body but for one field, whose value is this JSON text; None leaves it out."""
    good = {"instType": '"SWAP"', "instId": f'"{BTC},{ETH}"'}
    if target == STOP:
        good = {"instType": '"SWAP"', "uniqueCode": f'"{code}"'}
        good["subPosCloseType"] = '"market_close"'
    good[field] = literal
    return ("{" + ",".join(f'"{name}":{text}' for name, text in good.items()) + "}").encode()


# What is wrong with any text field, as JSON: code 51000, naming the field.
ODD = {
    "blank": '" "',
    "blanks around": '"  SWAP  "',
    "tab": '"\\t"',
    "nul": '"\\u0000"',
    "control": '"SWAP\\u0007"',
    "newline": '"SWAP\\n"',
    "delete": '"SWAP\\u007f"',
    "chinese": '"永续合约"',
    "full width": '"ＳＷＡＰ"',
    "emoji": '"\\ud83d\\ude00"',
    "right to left": '"\\u202eSWAP"',
    "combining": '"S\\u0301WAP"',
    "true": "true",
    "false": "false",
    "zero": "0",
    "number": "5",
    "negative": "-1",
    "decimal": "1.5",
    "exponent": "1e5",
    "huge": "9" * 400,
    "huge exponent": "1e999999999",
    "list": '["SWAP"]',
    "list of lists": "[[]]",
    "object": "{}",
    "nested": '{"a":' * 50 + "1" + "}" * 50,
    "long": '"' + "A" * 5_000 + '"',
    "quote": '"\\""',
    "sql": '"\' OR 1=1 --"',
    "path": '"../../etc/passwd"',
    "format": '"%s%n{0}"',
    "json in text": '"{\\"instType\\":\\"SWAP\\"}"',
}
MISSING = {"empty": '""', "null": "null", "empty list": "[]"}
WRONG_TYPES = {"lower case": '"swap"', "other type": '"FUTURES"', "two": '"SWAP,SPOT"'}
WRONG_CODES = {
    "15": '"213E8C92DC61EFA"',
    "17": '"213E8C92DC61EFAC0"',
    "19": '"213E8C92DC61EFAC012"',
    "dash": '"213E8C92-DC61EFA"',
    "blank inside": '"213E8C92 DC61EFA"',
    "trailing newline": '"213E8C92DC61EFAC\\n"',
    "arabic digits": '"' + "\\u0663" * 16 + '"',
}
WRONG_WAYS = {
    "upper case": '"MARKET_CLOSE"',
    "half": '"market"',
    "two": '"market_close,copy_close"',
    "its number": "0",
    "trailing blank": '"market_close "',
}

STOP_CASES = {
    "instType": ODD | WRONG_TYPES | {"spot": '"SPOT"'},
    "uniqueCode": ODD | WRONG_CODES,
    "subPosCloseType": ODD | WRONG_WAYS,
}


def each(cases: dict[str, dict[str, str]]) -> list[object]:
    return [
        pytest.param(field, literal, id=f"{field}: {name}")
        for field, literals in cases.items()
        for name, literal in literals.items()
    ]


@pytest.mark.parametrize("field, literal", each(STOP_CASES))
def test_stop_names_the_field_that_is_malformed(victims: Victims, field: str, literal: str) -> None:
    answer = refused(victims.copier, STOP, with_field(STOP, victims.code, field, literal))
    assert (answer["code"], field in answer["msg"]) == ("51000", True)


@pytest.mark.parametrize("field", ["uniqueCode", "subPosCloseType"])
@pytest.mark.parametrize("literal", MISSING.values(), ids=MISSING)
def test_stop_names_the_field_that_is_missing(victims: Victims, field: str, literal: str) -> None:
    answer = refused(victims.copier, STOP, with_field(STOP, victims.code, field, literal))
    assert (answer["code"], field in answer["msg"]) == ("50014", True)


@pytest.mark.parametrize("code", ["213E8C92DC61EFAC", "0" * 16, "z" * 18])
def test_stop_does_not_know_a_strange_code(victims: Victims, code: str) -> None:
    body = with_field(STOP, code, "instType", '"SWAP"')
    assert refused(victims.copier, STOP, body)["code"] == "59269"


@pytest.mark.parametrize("field, literal", each({"instType": ODD | WRONG_TYPES}))
def test_set_names_the_type_that_is_malformed(victims: Victims, field: str, literal: str) -> None:
    answer = refused(victims.lead, SET, with_field(SET, "", field, literal))
    assert (answer["code"], field in answer["msg"]) == ("51000", True)


@pytest.mark.parametrize("literal", MISSING.values(), ids=MISSING)
def test_set_names_the_list_that_is_missing(victims: Victims, literal: str) -> None:
    answer = refused(victims.lead, SET, with_field(SET, "", "instId", literal))
    assert (answer["code"], "instId" in answer["msg"]) == ("50014", True)


LISTS = {
    "comma": ('","', "51000"),
    "leading comma": (f'",{BTC}"', "51000"),
    "trailing comma": (f'"{BTC},"', "51000"),
    "two commas": (f'"{BTC},,{ETH}"', "51000"),
    "blank behind comma": (f'"{BTC}, {ETH}"', "51001"),
    "chinese comma": (f'"{BTC}，{ETH}"', "51001"),
    "semicolon": (f'"{BTC};{ETH}"', "51001"),
    "lower case": ('"btc-usdt-swap"', "51001"),
    "family": ('"BTC-USDT"', "51015"),
    "pair among swaps": (f'"{BTC},BTC-USDT"', "51015"),
    "coin margined": ('"BTC-USD-SWAP"', "51166"),
    "expired": ('"BTC-USDT-991231"', "51001"),
    "one unknown among known": (f'"{BTC},NOPE-USDT-SWAP"', "51001"),
    "list of names": (f'["{BTC}","{ETH}"]', "51000"),
    "ten thousand names": ('"' + ",".join([BTC] * 4_200) + '"', "50025"),
    "very many": ('"' + ",".join(["A"] * 30_000) + '"', "50025"),
}


@pytest.mark.parametrize("literal, code", LISTS.values(), ids=LISTS)
def test_set_takes_names_exactly(victims: Victims, literal: str, code: str) -> None:
    assert refused(victims.lead, SET, with_field(SET, "", "instId", literal))["code"] == code


@pytest.mark.parametrize("literal", ODD.values(), ids=ODD)
def test_set_knows_no_instrument_of_an_odd_name(victims: Victims, literal: str) -> None:
    answer = refused(victims.lead, SET, with_field(SET, "", "instId", literal))
    assert answer["code"] in ("51000", "51001")


def test_set_counts_a_name_given_twice_once(victims: Victims) -> None:
    names = f"{BTC},{ETH},{BTC}"
    response = send(victims.lead, "POST", SET, json.dumps({"instId": names}).encode())
    rows = response.json()["data"]
    assert rows == [{"instId": BTC, "enabled": True}, {"instId": ETH, "enabled": True}]


# The body as a whole ------------------------------------------------------------------------

BODIES = {
    "nothing": (b"", "50000"),
    "blanks": (b" \n ", "50000"),
    "no json": (b"instType=SWAP", "50002"),
    "half": (b'{"instType": "SWAP"', "50002"),
    "two": (b"{}{}", "50002"),
    "text": (b'"SWAP"', "50002"),
    "number": (b"1", "50002"),
    "null": (b"null", "50002"),
    "single quotes": (b"{'instType': 'SWAP'}", "50002"),
    "trailing comma": (b'{"instType": "SWAP",}', "50002"),
    "nan": (b'{"instType": NaN}', "50002"),
    "latin-1": (b'{"instType": "\xe9"}', "50002"),
    "lone surrogate": (b'{"instType": "\\ud800"}', "50002"),
    "byte order mark": (b'\xef\xbb\xbf{"instType": "SWAP"}', "50002"),
    "utf-16": ('{"instType": "SWAP"}'.encode("utf-16"), "50002"),
    "bare control": (b'{"instType": "\x07"}', "50002"),
    "deep": (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "50002"),
    "deep list": (b"[" * 30_000 + b"]" * 30_000, "50002"),
    "zeros": (b"\0" * 1_000, "50002"),
    "empty object": (b"{}", "50014"),
    "strange keys only": (b'{"instid": "BTC-USDT-SWAP", "": 1}', "50014"),
}


@pytest.mark.parametrize("target", [STOP, SET], ids=["stop", "set"])
@pytest.mark.parametrize("body, code", BODIES.values(), ids=BODIES)
def test_a_body_that_is_none(victims: Victims, target: str, body: bytes, code: str) -> None:
    trader = victims.copier if target == STOP else victims.lead
    assert refused(trader, target, body)["code"] == code


@pytest.mark.parametrize("target", [STOP, SET], ids=["stop", "set"])
@pytest.mark.parametrize("body", [b"[]", b"[{}]", b"[[]]"])
def test_a_list_where_an_object_is_wanted(victims: Victims, target: str, body: bytes) -> None:
    assert refused(victims.lead, target, body)["code"] in ("50002", "50014", "51000")


@pytest.mark.parametrize("target", [STOP, SET], ids=["stop", "set"])
@pytest.mark.parametrize("inside", [True, False], ids=["in a field", "behind a field"])
def test_ten_megabytes(victims: Victims, target: str, inside: bool, market: StillMarket) -> None:
    text = "A" * TEN_MEGABYTES
    field = "uniqueCode" if target == STOP else "instId"
    body = {field: text} if inside else {field: "x", "more": text}
    response = send(victims.lead, "POST", target, json.dumps(body).encode())
    assert response.status_code == 413
    assert response.json()["code"] == "50002"


@pytest.mark.parametrize("target", [STOP, SET], ids=["stop", "set"])
@pytest.mark.parametrize("kind", ["text/plain", "", "application/x-www-form-urlencoded"])
def test_another_content_type(victims: Victims, target: str, kind: str) -> None:
    body = b'{"instType": "SWAP"}'
    headers = victims.lead.headers("POST", target, body) | {"Content-Type": kind}
    client = victims.lead.server.client
    answer = client.post(target, content=body, headers=headers).json()
    assert answer["code"] == "50006"


def test_the_same_key_twice_is_the_last_one_and_no_accident(victims: Victims) -> None:
    twice = f'{{"instId":"{BTC},{ETH}","instId":"NOPE"}}'.encode()
    assert refused(victims.lead, SET, twice)["code"] == "51001"
