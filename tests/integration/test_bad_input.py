"""Bad input in every field of the two endpoints that the project began with, through a real door.

Each is answered with an OKX code in the envelope, never with a 5xx, and changes nothing: the rows
that the people concerned can read are the same before and after, and so is every column of State.
"""

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.node import genesis
from tests.support.server import Trader
from tests.support.still_market import (
    BTC,
    ETH,
    SOL,
    StillMarket,
    copies,
    order,
    read,
    send,
    still_market,
)

from copydesk.api.errors import TEXTS
from copydesk.engine.digest import parts
from copydesk.engine.step import step
from copydesk.journal.disk import RealDisk
from copydesk.journal.log import Journal
from copydesk.model.inputs import Input, SetLeadInstruments, Stamped, StopCopying
from copydesk.model.rejects import Reject
from copydesk.node.verify import verify

STOP, SET = "stop-copy-trading", "set-instruments"
MEGABYTE: Final = 1_000_000

JSON = object()
ABSENT: list[Any] = [None, "", []]
NOT_TEXT: list[Any] = [
    *(True, False, 0, 1, -1, 3.5, 1e300, 2**63, -(2**70), 10**30),
    *({}, {"a": 1}, {"$gt": ""}, [BTC], ["SWAP"], [[]], [None], {"a": {"b": {"c": [{}]}}}),
]
ODD_TEXT = [
    *(" ", "\t", "\n", "\r\n", "\x00", "\x7f", "\u202e", "\ufeff", "null", "undefined", "NaN"),
    *("ＳＷＡＰ", "带单", "🦜", "İ", "%00", "' OR 1=1 --", "<script>", "../../etc", "{{7*7}}"),
    *("x" * 257, "9" * 400, "٢" * 16, "S\u0301WAP"),
]


def around(text: str) -> list[str]:
    """A good value with something beside it."""
    return [f" {text}", f"{text} ", f"\t{text}", f"{text}\n", f"{text}\x00", f"\u200b{text}"]


class Scene(NamedTuple):
    """A lead trader with a position and an order, and who copies him, with an order of his own."""

    market: StillMarket
    lead: Trader
    copier: Trader

    def fields(self, name: str) -> dict[str, Any]:
        """What would be accepted."""
        if name == SET:
            return {"instType": "SWAP", "instId": f"{BTC},{ETH}"}
        code = self.lead.unique_code
        return {"instType": "SWAP", "uniqueCode": code, "subPosCloseType": "market_close"}

    def caller(self, name: str) -> Trader:
        return self.lead if name == SET else self.copier

    def rows(self) -> list[Any]:
        """All that the two can read about themselves."""
        found: list[Any] = []
        for person, side in ((self.lead, "lead"), (self.copier, "copy")):
            found += [read(person, f"account/{name}") for name in ("positions", "bills", "config")]
            (balance,) = read(person, "account/balance")  # its uTime is that of the question
            found += [
                {name: value for name, value in row.items() if name not in ("uTime", "details")}
                for row in (balance, *balance["details"])
            ]
            found += [read(person, f"trade/{name}") for name in ("orders-pending", "fills")]
            found += [
                read(person, f"copytrading/{name}?subPosType={side}")
                for name in ("current-subpositions", "subpositions-history")
            ]
        code = self.lead.unique_code
        found += [
            read(self.lead, "copytrading/instruments"),
            read(self.copier, f"copytrading/copy-settings?uniqueCode={code}"),
            read(self.copier, "copytrading/current-lead-traders"),
        ]
        return found

    def refused(self, name: str, body: bytes) -> tuple[int, str, str]:
        """Send what must be refused; HTTP status, code and text, which fit together."""
        response = send(self.caller(name), "POST", f"/api/v5/copytrading/{name}", body)
        answer = msgspec.json.decode(response.content, type=dict[str, Any])
        assert response.headers["content-type"] == "application/json"
        assert sorted(answer) == ["code", "data", "msg"]
        assert answer["code"] != "0"
        assert answer["data"] == []
        assert answer["msg"]
        assert response.status_code in (TEXTS[answer["code"]].http, 413)
        assert response.status_code < 500
        return response.status_code, answer["code"], answer["msg"]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with still_market(tmp_path_factory.mktemp("bad"), "--no-rate-limits") as market:
        lead = market.lead(f"{BTC},{ETH}")
        copier = market.copier(lead)
        order(lead, "buy", "2")
        order(lead, "buy", "1", ordType="limit", px="90000")
        order(lead, "buy", "1", SOL)  # may not be led
        order(copier, "buy", "1", ETH, posSide="long")
        order(copier, "buy", "1", ordType="limit", px="90000", posSide="long")
        scene = Scene(market, lead, copier)
        before = scene.rows()
        yield scene
        assert scene.rows() == before
        assert copies(copier) == [(BTC, "1")]
        assert verify(market.server.data, RealDisk(), genesis()).broken == []


def body_of(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, ensure_ascii=False).encode()


class Case(NamedTuple):
    """A field, a bad value of it, and the code that says so."""

    name: str
    field: str
    value: Any
    code: str


def cases() -> list[Case]:
    """Every field of both endpoints with everything that can be wrong in it."""
    found = [Case(STOP, "instType", one, "51000") for one in [*NOT_TEXT, *ODD_TEXT]]
    found += [Case(SET, "instType", one, "51000") for one in [*NOT_TEXT, *ODD_TEXT]]
    spellings = ["SPOT", "FUTURES", "swap", "Swap", "SWAP,SWAP", "SWAP,SPOT", *around("SWAP")]
    found += [Case(STOP, "instType", one, "51000") for one in spellings]
    found += [Case(SET, "instType", one, "51000") for one in spellings if one != "SPOT"]
    found.append(Case(SET, "instType", "SPOT", "59260"))
    found += [Case(STOP, "uniqueCode", one, "50014") for one in ABSENT]
    found += [Case(STOP, "uniqueCode", one, "51000") for one in [*NOT_TEXT, *ODD_TEXT]]
    code = "25CD5A80241D6FE6"
    wrong = [code[:15], f"{code}0", f"{code}000", f"{code[:15]}-", *around(code), f"{code},{code}"]
    found += [Case(STOP, "uniqueCode", one, "51000") for one in wrong]
    found += [Case(STOP, "uniqueCode", one, "59269") for one in (code, code.lower(), f"{code}00")]
    found += [Case(STOP, "uniqueCode", one, "59269") for one in (2138092006100000, 10**17)]
    found += [Case(STOP, "subPosCloseType", one, "50014") for one in ABSENT]
    found += [Case(STOP, "subPosCloseType", one, "51000") for one in [*NOT_TEXT, *ODD_TEXT]]
    wrong = ["close", "Copy_close", "market_close,copy_close", *around("market_close")]
    found += [Case(STOP, "subPosCloseType", one, "51000") for one in wrong]
    return found + instrument_cases()


def instrument_cases() -> list[Case]:
    found = [Case(SET, "instId", one, "50014") for one in ABSENT]
    unknown = [True, False, 0, 1, -1, "3.5", 2**63, 10**30, "btc-usdt-swap", "BTC-USDT-SWAP;"]
    unknown += [f" {BTC}", f"{BTC} ", f"{BTC}, {ETH}", f"{BTC}，{ETH}", f"{BTC},BTC", "🦜", "带单"]
    unknown += [" ", "\u202e", "ＳＷＡＰ", f"\u200b{BTC}", "' OR 1=1 --", "x" * 256, "٢" * 16]
    found += [Case(SET, "instId", one, "51001") for one in unknown]
    malformed = [{}, {"a": 1}, [BTC], [[]], [None], "\t", "\n", "\x00", "\x7f", f"{BTC}\x00"]
    malformed += ["x" * 257, f"{BTC}\n", f"{BTC},", f",{BTC}", f"{BTC},,{ETH}", ",", ",,,"]
    found += [Case(SET, "instId", one, "51000") for one in malformed]
    found += [
        Case(SET, "instId", ",".join([BTC] * 4_097), "50025"),
        Case(SET, "instId", "X," * 9_999 + "X", "50025"),
        Case(SET, "instId", "BTC-USDT", "51015"),
        Case(SET, "instId", f"{BTC},BTC-USDT", "51015"),
        Case(SET, "instId", "BTC-USD-SWAP", "51166"),
        Case(SET, "instId", f"{BTC},{ETH},{SOL}", "51163"),
        Case(SET, "instId", f"{SOL},{SOL}", "51163"),
    ]
    return found


def told(case: Case) -> str:
    return f"{case.name}-{case.field}-{str(case.value)[:24]!a}-{case.code}"


@pytest.mark.parametrize("case", cases(), ids=told)
def test_a_bad_value_is_refused_by_its_code(scene: Scene, case: Case) -> None:
    fields = scene.fields(case.name) | {case.field: case.value}
    http, code, text = scene.refused(case.name, body_of(fields))
    assert (http, code) == (TEXTS[case.code].http, case.code)
    if code in ("50014", "51000", "50025"):
        assert case.field in text


@pytest.mark.parametrize("name, field", [(STOP, "uniqueCode"), (SET, "instId")])
def test_a_field_that_is_needed_is_missed(scene: Scene, name: str, field: str) -> None:
    fields = scene.fields(name)
    del fields[field]
    http, code, text = scene.refused(name, body_of(fields))
    assert (http, code) == (400, "50014")
    assert field in text


def test_the_close_type_is_missed_while_a_copy_is_open(scene: Scene) -> None:
    fields = scene.fields(STOP)
    del fields["subPosCloseType"]
    assert scene.refused(STOP, body_of(fields))[1] == "50014"


@pytest.mark.parametrize("name", [STOP, SET])
@pytest.mark.parametrize(
    "body, code",
    [
        (b"", "50000"),
        (b" \r\n\t ", "50000"),
        (b"null", "50002"),
        (b"true", "50002"),
        (b"17", "50002"),
        (b'"text"', "50002"),
        (b"[]", "50002"),
        (b"[{}]", "50002"),
        (b"{", "50002"),
        (b"}", "50002"),
        (b"{'instId':'BTC-USDT-SWAP'}", "50002"),
        (b"instId=BTC-USDT-SWAP&uniqueCode=25CD5A80241D6FE6", "50002"),
        (b'{"instId":NaN,"uniqueCode":NaN}', "50002"),
        (b'{"instId":Infinity}', "50002"),
        (b'{"instId":"BTC-USDT-SWAP",}', "50002"),
        (b'{"instId":"BTC-USDT-SWAP"}{}', "50002"),
        (b'{"instId":"BTC\x01"}', "50002"),
        (b'{"instId":"\xff\xfe"}', "50002"),
        (b'{"instId":"\\ud800","uniqueCode":"\\ud800"}', "50002"),
        (b'\xef\xbb\xbf{"instId":"BTC-USDT-SWAP"}', "50002"),
        ('{"instId":"BTC-USDT-SWAP"}'.encode("utf-16"), "50002"),
        (b"<xml/>", "50002"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "50002"),
        (b"[" * 30_000, "50002"),
        (b"{}", "50014"),
        (b'{"":"","instid":"BTC-USDT-SWAP","UNIQUECODE":"25CD5A80241D6FE6"}', "50014"),
        (b'{"instId":"BTC-USDT-SWAP","instId":"","uniqueCode":"2","uniqueCode":null}', "50014"),
    ],
    ids=lambda value: str(value[:32])[2:-1] if isinstance(value, bytes) else str(value),
)
def test_a_body_that_is_no_request(scene: Scene, name: str, body: bytes, code: str) -> None:
    assert scene.refused(name, body)[:2] == (400, code)


@pytest.mark.parametrize("name, field", [(STOP, "uniqueCode"), (SET, "instId"), (SET, "noise")])
def test_ten_megabytes_in_one_field(scene: Scene, name: str, field: str) -> None:
    """HTTP 413: OKX publishes no code for it; the door documents this one."""
    body = body_of(scene.fields(name) | {field: "X" * 10 * MEGABYTE})
    assert scene.refused(name, body)[:2] == (413, "50002")


@pytest.mark.parametrize("name", [STOP, SET])
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "json", ""])
def test_a_body_of_another_kind(scene: Scene, name: str, kind: str) -> None:
    caller, target = scene.caller(name), f"/api/v5/copytrading/{name}"
    body = body_of(scene.fields(name))
    headers = caller.headers("POST", target, body) | {"Content-Type": kind}
    response = caller.server.client.post(target, content=body, headers=headers)
    assert (response.status_code, response.json()["code"]) == (400, "50006")


# Anything at all ----------------------------------------------------------------------------

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
WORDS = st.sampled_from(["SWAP", "SPOT", "market_close", "copy_close", BTC, ETH, "", " ", ","])
LEFT_OUT: Final = "left out"


def spoil(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Make requests of which at least one field is never good, and any other may be bad too."""
    fields = {SET: ("instId", "instType"), STOP: ("uniqueCode", "instType", "subPosCloseType")}
    some = st.dictionaries(st.sampled_from(fields[name]), JUNK | WORDS, max_size=2)
    bad = JUNK | st.lists(WORDS, min_size=1).map(" ".join) | st.just(LEFT_OUT)
    needed = fields[name][0]
    good = {None, BTC, ETH} if name == SET else {None}
    worst = bad.filter(lambda value: not isinstance(value, str) or value not in good)
    return st.tuples(some, worst).map(lambda pair: pair[0] | {needed: pair[1]})


@pytest.mark.parametrize("name", [STOP, SET])
@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data())
def test_any_junk_is_refused(scene: Scene, name: str, data: st.DataObject) -> None:
    fields = scene.fields(name) | data.draw(spoil(name))
    fields = {field: value for field, value in fields.items() if value != LEFT_OUT}
    codes = ("50014", "50025", "51000", "51001", "51015", "59260", "59269", "50002")
    assert scene.refused(name, json.dumps(fields).encode())[1] in codes


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    name=st.sampled_from([STOP, SET]),
    body=st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8")),
)
def test_any_bytes_are_refused(scene: Scene, name: str, body: bytes) -> None:
    assert scene.refused(name, body)[:2] in ((400, "50000"), (400, "50002"), (400, "50014"))


# Every column ---------------------------------------------------------------------------------


def columns_of(scalars_too: dict[str, int]) -> dict[str, int]:
    return {name: value for name, value in scalars_too.items() if name != "scalars"}


def test_what_the_engine_refused_left_every_column_as_it_was(scene: Scene) -> None:
    """Replay the journal: most bad input ends at the door; what came further changed nothing."""
    for fields in (
        scene.fields(SET) | {"instId": f"{ETH},{SOL}"},
        scene.fields(SET) | {"instId": "BTC-USD-SWAP"},
        scene.fields(SET) | {"instId": "BTC-USDT"},
        scene.fields(SET) | {"instType": "SPOT"},
    ):
        scene.refused(SET, body_of(fields))
    stop = scene.fields(STOP)
    del stop["subPosCloseType"]
    scene.refused(STOP, body_of(stop))
    journal = Journal.open_read_only(scene.market.server.data, RealDisk(), genesis().header())
    state, decode = genesis().state(), msgspec.msgpack.Decoder(Input).decode
    refused = 0
    for frame in journal.read():
        body = decode(frame.body)
        before = columns_of(parts(state))
        reply = step(state, Stamped(frame.seq, frame.ts_ns, body)).reply
        if isinstance(body, StopCopying | SetLeadInstruments):
            assert isinstance(reply, Reject)
            assert columns_of(parts(state)) == before
            refused += 1
    journal.close()
    assert refused >= 5
