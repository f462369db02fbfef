"""Signatures: the worked vectors, their negatives, and the order of the checks."""

import dataclasses
from ipaddress import ip_network
from typing import Any

import msgspec
import pytest
from tests.unit.api.support import (
    API_KEY,
    NOW_NS,
    PASSPHRASE,
    SECRET,
    STAMP,
    VECTORS,
    House,
    make_house,
    make_key,
    sign,
)

from copydesk.api.auth import Login, Signed, check_login, check_signed, read_timestamp
from copydesk.api.desk import ApiKey, Permission
from copydesk.api.errors import DoorCode, Refusal

REST = [vector for vector in VECTORS["vectors"] if vector["kind"] == "rest"]
LOGINS = [vector for vector in VECTORS["vectors"] if vector["kind"] == "ws_login"]
NEGATIVES = {vector["id"]: vector for vector in VECTORS["negative"]}
DAY_NS = 86_400 * 1_000_000_000


def signed_of(
    method: str, target: str, body: bytes, headers: dict[str, str], **more: Any
) -> Signed:
    path, _, query = target.partition("?")
    return Signed(
        method=method,
        path=path.encode(),
        full_path=more.pop("full_path", path).encode(),
        query=query.encode(),
        headers={k.lower().encode(): v.encode() for k, v in headers.items()},
        ip=more.pop("ip", "203.0.113.7"),
        body=body,
    )


def check(house: House, signed: Signed, **settings: Any) -> ApiKey | Refusal:
    return check_signed(house.desk(**settings), signed, house.now_ns)


def code_of(answer: ApiKey | Refusal) -> int:
    return int(answer.code) if isinstance(answer, Refusal) else 0


@pytest.mark.parametrize("vector", REST, ids=[vector["id"] for vector in REST])
def test_worked_vectors_are_accepted(vector: dict[str, str]) -> None:
    headers = {**sign("GET", "/"), "OK-ACCESS-SIGN": vector["signature"]}
    signed = signed_of(vector["method"], vector["path"], vector["body"].encode(), headers)
    assert isinstance(check(make_house(), signed), ApiKey)


@pytest.mark.parametrize(
    "name, method, target, body",
    [
        ("lower_case_method", "GET", "/api/v5/account/config", b""),
        ("hex_instead_of_base64", "GET", "/api/v5/account/config", b""),
        ("full_url_signed", "GET", "/api/v5/account/config", b""),
    ],
)
def test_wrong_signatures_are_refused(name: str, method: str, target: str, body: bytes) -> None:
    headers = {**sign(method, target), "OK-ACCESS-SIGN": NEGATIVES[name]["signature"]}
    assert code_of(check(make_house(), signed_of(method, target, body, headers))) == 50113


def test_a_reprinted_body_is_refused() -> None:
    spaced = next(vector for vector in REST if vector["id"] == "post_spaced_body")
    headers = {**sign("POST", "/"), "OK-ACCESS-SIGN": NEGATIVES["body_reserialised"]["signature"]}
    signed = signed_of("POST", spaced["path"], spaced["body"].encode(), headers)
    assert code_of(check(make_house(), signed)) == 50113


@pytest.mark.parametrize(
    "arrived, was_signed",
    [
        ("/api/v5/account/balance?ccy=BTC%2CETH", "/api/v5/account/balance?ccy=BTC,ETH"),
        ("/api/v5/account/balance?ccy=%E5%B8%A6", "/api/v5/account/balance?ccy=带"),
        ("/api/v5/account/balance", "/api/v5/account/balance?"),
    ],
)
def test_second_choices_of_the_query(arrived: str, was_signed: str) -> None:
    signed = signed_of("GET", arrived, b"", sign("GET", was_signed))
    assert isinstance(check(make_house(), signed), ApiKey)


def test_order_of_query_parameters_counts() -> None:
    headers = sign("GET", "/api/v5/account/balance?a=1&b=2")
    signed = signed_of("GET", "/api/v5/account/balance?b=2&a=1", b"", headers)
    assert code_of(check(make_house(), signed)) == 50113


@pytest.mark.parametrize("was_signed", ["/api/v5/account/config", "/desk/api/v5/account/config"])
def test_a_prefix_may_be_signed_or_not(was_signed: str) -> None:
    signed = signed_of(
        "GET",
        "/api/v5/account/config",
        b"",
        sign("GET", was_signed),
        full_path="/desk/api/v5/account/config",
    )
    assert isinstance(check(make_house(), signed), ApiKey)


@pytest.mark.parametrize("signed_body", [b"", b"{}"])
def test_a_body_on_a_get_may_be_signed_or_not(signed_body: bytes) -> None:
    headers = sign("GET", "/api/v5/account/config", signed_body)
    signed = signed_of("GET", "/api/v5/account/config", b"{}", headers)
    assert isinstance(check(make_house(), signed), ApiKey)


def test_a_body_of_a_post_must_be_signed() -> None:
    headers = sign("POST", "/api/v5/trade/order")
    signed = signed_of("POST", "/api/v5/trade/order", b"{}", headers)
    assert code_of(check(make_house(), signed)) == 50113


def test_the_first_failing_check_answers_in_the_fixed_order() -> None:
    """Break everything, then mend one thing after the other: each mend shows the next code."""
    house = make_house()
    good = sign("GET", "/api/v5/account/config")
    key = dataclasses.replace(
        make_key(), frozen=True, demo=True, networks=(ip_network("198.51.100.0/24"),)
    )
    house.keys.clear()
    headers: dict[str, str] = {}
    seen: list[int] = []
    ip = "203.0.113.7"

    def look() -> None:
        signed = signed_of("GET", "/api/v5/account/config", b"", headers, ip=ip)
        seen.append(code_of(check(house, signed, check_environment=True)))

    look()
    headers["OK-ACCESS-KEY"] = "not-a-key"
    look()
    headers["OK-ACCESS-SIGN"] = "AAAA"
    look()
    headers["OK-ACCESS-TIMESTAMP"] = "yesterday"
    look()
    headers["OK-ACCESS-PASSPHRASE"] = "Wrong-Pass.123"
    look()
    headers["OK-ACCESS-TIMESTAMP"] = "2020-12-08T09:08:27.714Z"
    look()
    headers["OK-ACCESS-TIMESTAMP"] = STAMP
    look()
    headers["OK-ACCESS-KEY"] = API_KEY
    look()
    house.keys[API_KEY] = key
    look()
    key.frozen = False
    look()
    headers["x-simulated-trading"] = "1"
    look()
    headers["OK-ACCESS-SIGN"] = good["OK-ACCESS-SIGN"]
    look()
    headers["OK-ACCESS-PASSPHRASE"] = PASSPHRASE
    look()
    ip = "198.51.100.9"
    look()
    assert seen == [
        *(50103, 50106, 50107, 50104),
        *(50112, 50102),
        *(50111, 50119, 50100),
        *(50101, 50113, 50105, 50110),
        0,
    ]


@pytest.mark.parametrize(
    "text, expected",
    [
        (STAMP, NOW_NS),
        ("2020-12-08T09:08:57Z", NOW_NS - 715_000_000),
        ("2020-12-08T09:08:57.715001Z", NOW_NS + 1_000),
        ("1607418537.715", NOW_NS),
        ("1607418537", NOW_NS - 715_000_000),
        ("2020-12-08 09:08:57Z", None),
        ("2020-12-08T09:08:57.715+00:00", None),
        ("2020-02-31T09:08:57.715Z", None),
        ("", None),
        ("-1607418537", None),
        ("1607418537.", None),
        ("１607418537", None),
    ],
)
def test_timestamps(text: str, expected: int | None) -> None:
    assert read_timestamp(text) == expected


@pytest.mark.parametrize(
    "off_ms, code", [(30_000, 0), (-30_000, 0), (30_001, 50102), (-30_001, 50102)]
)
def test_the_window_is_thirty_seconds_to_both_sides(off_ms: int, code: int) -> None:
    house = make_house()
    house.now_ns = NOW_NS + off_ms * 1_000_000
    signed = signed_of("GET", "/api/v5/a", b"", sign("GET", "/api/v5/a"))
    assert code_of(check(house, signed)) == code


@pytest.mark.parametrize(
    "networks, ip, allowed",
    [
        ((), "203.0.113.7", True),
        (("203.0.113.7",), "203.0.113.7", True),
        (("203.0.113.0/24",), "203.0.113.7", True),
        (("203.0.113.0/24",), "203.0.114.7", False),
        (("203.0.113.0/24",), "::ffff:203.0.113.7", True),
        (("2001:db8::/32",), "2001:db8::1", True),
        (("2001:db8::/32",), "203.0.113.7", False),
        (("203.0.113.7",), "", False),
    ],
)
def test_ip_lists(networks: tuple[str, ...], ip: str, allowed: bool) -> None:
    key = dataclasses.replace(make_key(), networks=tuple(map(ip_network, networks)))
    assert key.allows_ip(ip) is allowed


@pytest.mark.parametrize(
    "changes, lives",
    [
        ({}, False),
        ({"networks": (ip_network("203.0.113.7"),)}, True),
        ({"permission": Permission.READ}, True),
        ({"demo": True}, True),
    ],
)
def test_unbound_trading_keys_die_after_fourteen_idle_days(
    changes: dict[str, Any], lives: bool
) -> None:
    key = dataclasses.replace(make_key(), **changes)
    assert not key.expired(NOW_NS + 14 * DAY_NS)
    assert key.expired(NOW_NS + 14 * DAY_NS + 1) is not lives


def test_a_use_keeps_a_key_alive_and_is_told() -> None:
    used: list[str] = []
    house = make_house()
    house.keys[API_KEY] = key = dataclasses.replace(
        make_key(), last_used_ns=NOW_NS - DAY_NS, on_use=lambda it: used.append(it.api_key)
    )
    check(house, signed_of("GET", "/api/v5/a", b"", sign("GET", "/api/v5/a")))
    assert key.last_used_ns == NOW_NS
    assert used == [API_KEY]


def test_a_passphrase_is_hashed_slowly_once() -> None:
    asked: list[str] = []

    def slow(text: str) -> bool:
        asked.append(text)
        return text == PASSPHRASE

    key = dataclasses.replace(make_key(), check_slow=slow)
    answers = [key.check_passphrase(text) for text in (PASSPHRASE, "x", PASSPHRASE, PASSPHRASE)]
    assert answers == [True, False, True, True]
    assert asked == [PASSPHRASE, "x"]


def test_secrets_are_not_printed_with_a_key() -> None:
    shown = repr(make_key())
    assert SECRET.decode() not in shown
    assert PASSPHRASE not in shown


# WebSocket login ---------------------------------------------------------------------------------


def login_of(vector: dict[str, str], **changes: str) -> Login:
    login = Login(
        api_key=API_KEY,
        passphrase=PASSPHRASE,
        timestamp=vector["timestamp"],
        sign=vector["signature"],
        ip="203.0.113.7",
    )
    return msgspec.structs.replace(login, **changes)


def house_at_login() -> House:
    house = make_house()
    house.now_ns = 1_704_876_950 * 1_000_000_000
    house.keys[API_KEY].last_used_ns = house.now_ns
    return house


@pytest.mark.parametrize("vector", LOGINS, ids=[vector["id"] for vector in LOGINS])
def test_worked_logins_are_accepted(vector: dict[str, str]) -> None:
    house = house_at_login()
    assert isinstance(check_login(house.desk(), login_of(vector), house.now_ns), ApiKey)


@pytest.mark.parametrize(
    "changes, code",
    [
        ({"api_key": ""}, DoorCode.WS_PARAMETER_MISSING),
        ({"passphrase": ""}, DoorCode.WS_PARAMETER_MISSING),
        ({"timestamp": ""}, DoorCode.WS_PARAMETER_MISSING),
        ({"sign": ""}, DoorCode.WS_PARAMETER_MISSING),
        ({"timestamp": "2024-01-10T08:55:47.000Z"}, DoorCode.WS_TIMESTAMP_UNREADABLE),
        ({"timestamp": "1704876900"}, DoorCode.WS_TIMESTAMP_EXPIRED),
        ({"api_key": "nonsense"}, DoorCode.WS_KEY_MALFORMED),
        ({"api_key": API_KEY.replace("8", "9")}, DoorCode.WS_KEY_UNKNOWN),
        ({"sign": "AAAA"}, DoorCode.WS_SIGN_WRONG),
        ({"sign": "签名"}, DoorCode.WS_SIGN_WRONG),
        ({"passphrase": "Other-Pass.1"}, DoorCode.WS_PASSPHRASE_WRONG),
    ],
)
def test_wrong_logins_are_refused(changes: dict[str, str], code: DoorCode) -> None:
    house = house_at_login()
    answer = check_login(house.desk(), login_of(LOGINS[0], **changes), house.now_ns)
    assert code_of(answer) == code


def test_logins_look_at_ip_and_environment_and_freezing() -> None:
    house = house_at_login()
    login = login_of(LOGINS[0])
    house.keys[API_KEY].networks = (ip_network("198.51.100.0/24"),)
    assert code_of(check_login(house.desk(), login, house.now_ns)) == 50110
    house.keys[API_KEY].demo = True
    desk = house.desk(check_environment=True)
    assert code_of(check_login(desk, login, house.now_ns)) == 50101
    house.keys[API_KEY].frozen = True
    assert code_of(check_login(desk, login, house.now_ns)) == 50100
