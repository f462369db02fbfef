"""Decoding of queries and bodies: OKX's codes, and nothing else whatever is sent."""

import json
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from copydesk.api.errors import Refusal
from copydesk.api.request import Param, Request, build, decode_body, decode_query
from copydesk.model.enums import InstType
from copydesk.model.rejects import Code, Reject


class Sample(Request, frozen=True, kw_only=True):
    unique_code: Annotated[str, Param(required=True, pattern="[0-9A-Za-z]{16}")]
    td_mode: Annotated[str, Param(required=True, values=("cross", "isolated"))]
    inst_type: InstType = InstType.SWAP
    inst_id: Annotated[tuple[str, ...] | None, Param(max_items=3)] = None
    lever: str = ""
    reduce_only: bool = False
    limit: Annotated[int, Param(minimum=1, maximum=100)] = 100
    name: Annotated[str, Param(max_length=8)] = ""


GOOD: dict[str, object] = {"uniqueCode": "0123456789abcDEF", "tdMode": "cross"}
MALFORMED = int(Code.PARAMETER_ERROR)
MISSING = int(Code.PARAMETER_MISSING)


def made(**more: object) -> Sample:
    request = build(Sample, GOOD | more)
    assert isinstance(request, Sample), request
    return request


def refused(**more: object) -> tuple[int, tuple[str, ...]]:
    reject = build(Sample, GOOD | more)
    assert isinstance(reject, Reject), reject
    return int(reject.code), reject.params


def body_of(text: bytes, content_type: bytes = b"application/json") -> Any:
    found = decode_body(text, content_type)
    return int(found.code) if isinstance(found, Refusal) else found


def test_absent_blank_and_null_are_the_same() -> None:
    for absent in ({}, {"lever": "", "instType": ""}, {"lever": None, "instId": None}):
        assert made(**absent) == made()
    assert made(instId=[]) == made()


@pytest.mark.parametrize(
    "sent, lever",
    [
        ("5", "5"),
        (5, "5"),
        (-5, "-5"),
        ("3.0", "3.0"),
        (True, "true"),
        (10**30, str(10**30)),
    ],
)
def test_texts_take_numbers_and_truth_values(sent: object, lever: str) -> None:
    assert made(lever=sent).lever == lever


@pytest.mark.parametrize(
    "printed, lever",
    [
        (b"3.0", "3"),
        (b"3.10", "3.1"),
        (b"0.1", "0.1"),
        (b"1e-8", "0.00000001"),
        (b"1E2", "100"),
        (b"-0.5", "-0.5"),
        (b"0.30000000000000000001", "0.30000000000000000001"),
        (b"1e400", "1e400"),
        (b"1e99999999999999999999", "1e99999999999999999999"),
        (b"123456789012345678901234567890", "123456789012345678901234567890"),
    ],
)
def test_json_numbers_become_plain_decimals_without_a_float(printed: bytes, lever: str) -> None:
    found = body_of(b'{"lever":' + printed + b"}")
    assert made(**found).lever == lever


@pytest.mark.parametrize(
    "name, wrong",
    [
        ("uniqueCode", "0123456789abcde"),
        ("uniqueCode", " 123456789abcDEF"),
        ("uniqueCode", "0123456789abcDEF\n"),
        ("uniqueCode", "0123456789abcDE带"),
        ("uniqueCode", "0123456789abcDE\u0660"),
        ("uniqueCode", ["0123456789abcDEF"]),
        ("tdMode", "Cross"),
        ("tdMode", "cross "),
        ("tdMode", {"cross": 1}),
        ("instType", "swap"),
        ("instType", "FUTURES"),
        ("instId", "A,,B"),
        ("instId", ","),
        ("instId", ["A", "B"]),
        ("instId", "A\x00"),
        ("lever", [5]),
        ("lever", {"a": 1}),
        ("lever", "a\x00b"),
        ("lever", "x" * 257),
        ("lever", 10**40),
        ("reduceOnly", "True"),
        ("reduceOnly", 1),
        ("limit", "0"),
        ("limit", "101"),
        ("limit", "1.5"),
        ("limit", "+5"),
        ("limit", " 5"),
        ("limit", "１"),
        ("limit", "9" * 40),
        ("name", "123456789"),
    ],
)
def test_what_is_malformed_is_named(name: str, wrong: object) -> None:
    assert refused(**{name: wrong}) == (MALFORMED, (name,))


def test_names_are_split_and_bounded() -> None:
    assert made(instId="A,B").inst_id == ("A", "B")
    assert made(instId="A, B").inst_id == ("A", " B")
    assert refused(instId="A,B,C,D") == (int(Code.TOO_MANY_ITEMS), ("instId", "3"))


def test_missing_ones_come_before_malformed_ones_each_in_the_order_declared() -> None:
    def answer(given: dict[str, object]) -> tuple[int, tuple[str, ...]]:
        reject = build(Sample, given)
        assert isinstance(reject, Reject)
        return int(reject.code), reject.params

    assert answer({"limit": "x"}) == (MISSING, ("uniqueCode",))
    assert answer({"uniqueCode": "?", "limit": "x"}) == (MISSING, ("tdMode",))
    assert answer({"uniqueCode": "?", "tdMode": "cross", "limit": "x"}) == (
        MALFORMED,
        ("uniqueCode",),
    )


def test_unknown_keys_are_ignored() -> None:
    assert made(argss=1, **{"": 2}) == made()


@pytest.mark.parametrize(
    "text, content_type, code",
    [
        (b"{}", b"text/plain", 50006),
        (b"{}", b"", 50006),
        (b"", b"text/plain", 50006),
        (b"", b"application/json", 50000),
        (b" \r\n", b"application/json", 50000),
        (b"null", b"application/json", 50002),
        (b'"text"', b"application/json", 50002),
        (b"7", b"application/json", 50002),
        (b"{", b"application/json", 50002),
        (b"{}{}", b"application/json", 50002),
        (b"{'a':1}", b"application/json", 50002),
        (b'{"a":\xff}', b"application/json", 50002),
        (b'{"a":"\xff"}', b"application/json", 50002),
        (b'{"a":"\\ud800"}', b"application/json", 50002),
        (b'{"a":NaN}', b"application/json", 50002),
        (b"[" * 60_000, b"application/json", 50002),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, b"application/json", 50002),
    ],
)
def test_bodies_that_cannot_be_read(text: bytes, content_type: bytes, code: int) -> None:
    assert body_of(text, content_type) == code


@pytest.mark.parametrize(
    "content_type", [b"application/json", b"application/json; charset=utf-8", b"Application/JSON"]
)
def test_content_types_that_are_json(content_type: bytes) -> None:
    assert body_of(b"{}", content_type) == {}


@pytest.mark.parametrize(
    "query, expected",
    [
        (b"", {}),
        (b"a=1&b=", {"a": "1", "b": ""}),
        (b"instId=A%2CB", {"instId": "A,B"}),
        (b"instId=A,B", {"instId": "A,B"}),
        (b"name=%E5%B8%A6", {"name": "带"}),
        (b"a", {"a": ""}),
    ],
)
def test_queries(query: bytes, expected: dict[str, object]) -> None:
    assert decode_query(query) == expected


@pytest.mark.parametrize(
    "query", [b"a=1&a=2", b"a=%ff", b"&".join(b"k%d=1" % n for n in range(65))]
)
def test_queries_that_are_refused(query: bytes) -> None:
    found = decode_query(query)
    assert isinstance(found, Reject)
    assert found.code is Code.PARAMETER_ERROR


def test_a_field_that_is_both_required_and_has_a_default_is_a_bug() -> None:
    class Wrong(Request, frozen=True, kw_only=True):
        name: Annotated[str, Param(required=True)] = ""

    with pytest.raises(AssertionError, match="exclude each other"):
        build(Wrong, {})


# Fuzz --------------------------------------------------------------------------------------------

WIRE_NAMES = [field.encode_name for field in msgspec.structs.fields(Sample)]
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(["", "cross", "SWAP", "SPOT", "true", "5", "0123456789abcDEF", "A,B"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(WIRE_NAMES) | st.text(), JSON_VALUES, max_size=10))
def test_any_object_becomes_a_request_or_a_refusal_that_names_a_parameter(
    sent: dict[str, object],
) -> None:
    found = body_of(json.dumps(sent).encode())
    if isinstance(found, int):  # json.dumps prints lone surrogates, which are refused
        assert found == 50002
        return
    request = build(Sample, found)
    if isinstance(request, Reject):
        assert request.code in (
            Code.PARAMETER_MISSING,
            Code.PARAMETER_ERROR,
            Code.TOO_MANY_ITEMS,
        )
        assert request.params[0] in WIRE_NAMES
    else:
        assert request.td_mode in ("cross", "isolated")
        assert 1 <= request.limit <= 100
        assert msgspec.json.decode(msgspec.json.encode(request), type=Sample) == request


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(sent: bytes) -> None:
    assert body_of(sent) in (50000, 50002) or isinstance(body_of(sent), dict | list)
    assert isinstance(decode_query(sent), dict | Reject)
