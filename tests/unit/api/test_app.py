"""The REST door end to end without a network: order of the checks, envelopes, bounds, probes."""

import asyncio
import json
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
import structlog
from tests.unit.api.support import (
    API_KEY,
    NOW_NS,
    House,
    app_of,
    ask,
    get,
    make_house,
    make_key,
    post,
    sign,
)

from copydesk.api.app import App
from copydesk.api.desk import Permission
from copydesk.api.endpoint import (
    Answer,
    Answers,
    Call,
    Endpoint,
    Limit,
    OrderRow,
    Scope,
)
from copydesk.api.errors import DoorCode, Refusal
from copydesk.api.request import Param, Request
from copydesk.model.limits import MAX_BODY_BYTES
from copydesk.model.rejects import Code, Reject

PATH = "/api/v5/test/echo"
ORDER = "/api/v5/test/order"
BATCH = "/api/v5/test/batch"


class Echo(Request, frozen=True, kw_only=True):
    name: Annotated[str, Param(required=True)]
    limit: Annotated[int, Param(minimum=1, maximum=9)] = 9


class Order(Request, frozen=True, kw_only=True):
    inst_id: Annotated[str, Param(required=True)]
    cl_ord_id: str = ""
    tag: str = ""
    ord_id: int = 0


async def echo(call: Call[Echo]) -> Answer:
    name = call.request.name
    if name == "refuse":
        return Reject(Code.NOT_COPYING)
    if name == "down":
        return Refusal(DoorCode.NOT_IN_DEMO)
    if name == "crash":
        raise ValueError("a bug with a secret in it")
    if name == "hang":
        await asyncio.Event().wait()
    return ({"name": name, "row": call.account_row, "locale": call.locale, "ip": call.ip},)


async def order(call: Call[Order]) -> Answer:
    if call.request.inst_id == "POOR":
        return Reject(Code.INSUFFICIENT_BALANCE, (), "1000")
    return (OrderRow(ord_id="7", cl_ord_id=call.request.cl_ord_id, ts=str(call.exp_ts_ns)),)


def table(**more: Any) -> list[Endpoint[Any]]:
    wide = Limit(1_000)
    return [
        Endpoint(
            method="GET",
            path=PATH,
            permission=Permission.READ,
            limit=wide,
            request=Echo,
            handler=echo,
        ),
        Endpoint(
            method="POST",
            path=PATH,
            permission=Permission.TRADE,
            limit=more.get("limit", wide),
            request=Echo,
            handler=echo,
        ),
        Endpoint(
            method="POST",
            path=ORDER,
            permission=Permission.TRADE,
            limit=wide,
            request=Order,
            handler=order,
            answers=Answers.ORDER_ROWS,
            takes_exp_time=True,
        ),
        Endpoint(
            method="POST",
            path=BATCH,
            permission=Permission.TRADE,
            limit=wide,
            single_limit=wide,
            request=Order,
            handler=order,
            answers=Answers.ORDER_ROWS,
            batch=3,
        ),
        Endpoint(
            method="GET",
            path="/api/v5/test/public",
            permission=Permission.NONE,
            limit=Limit(2, scope=Scope.IP),
            request=Echo,
            handler=echo,
        ),
        Endpoint(
            method="GET",
            path="/api/v5/test/optional",
            permission=Permission.NONE,
            limit=wide,
            request=Echo,
            handler=echo,
            optional_auth=True,
        ),
    ]


@pytest.fixture
def house() -> House:
    return make_house()


@pytest.fixture
def app(house: House) -> App:
    return app_of(house, *table())


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as captured:
        yield captured


# Golden envelopes --------------------------------------------------------------------------------


def test_success(app: App) -> None:
    answer = post(app, PATH, {"name": "a"})
    assert answer.http == 200
    assert answer.headers == {
        "content-type": "application/json",
        "content-length": str(len(answer.body)),
    }
    assert answer.body == (
        b'{"code":"0","msg":"","data":[{"name":"a","row":2,"locale":"en","ip":"203.0.113.7"}]}'
    )


def test_business_error(app: App) -> None:
    answer = post(app, PATH, {"name": "refuse"}, {"Accept-Language": "zh-CN"})
    assert answer.http == 200
    assert answer.json == {"code": "59267", "msg": answer.json["msg"], "data": []}
    english = post(app, PATH, {"name": "refuse"}).json["msg"]
    assert english != answer.json["msg"]
    assert english.isascii()
    assert post(app, PATH, {"name": "down"}).code == "50038"


def test_parameter_error(app: App) -> None:
    answer = post(app, PATH, {"name": "a", "limit": "10"})
    assert (answer.http, answer.body) == (
        400,
        b'{"code":"51000","msg":"Parameter limit is malformed or out of range.","data":[]}',
    )


def test_gateway_error(app: App) -> None:
    answer = get(app, PATH)
    assert (answer.http, answer.body) == (
        401,
        b'{"code":"50103","msg":"Header OK-ACCESS-KEY is missing.","data":[]}',
    )


def test_order_success(app: App, house: House) -> None:
    answer = post(app, ORDER, {"instId": "A", "clOrdId": "c1"})
    assert answer.http == 200
    stamp = str(NOW_NS // 1_000)
    assert json.dumps(answer.json) == json.dumps(
        {
            "code": "0",
            "msg": "",
            "data": [
                {
                    "ordId": "7",
                    "clOrdId": "c1",
                    "tag": "",
                    "ts": "0",
                    "sCode": "0",
                    "sMsg": "",
                    "subCode": "",
                }
            ],
            "inTime": stamp,
            "outTime": stamp,
        }
    )


def test_order_failure_is_a_row_with_a_bare_code(app: App) -> None:
    answer = post(app, ORDER, {"instId": "POOR", "clOrdId": "c1", "tag": "t"})
    (row,) = answer.json["data"]
    assert (answer.http, answer.code) == (200, "1")
    assert answer.json["msg"]
    assert row["sMsg"]
    assert row | {"sMsg": ""} == {
        "ordId": "",
        "clOrdId": "c1",
        "tag": "t",
        "ts": str(NOW_NS // 1_000_000),
        "sCode": "51008",
        "sMsg": "",
        "subCode": "1000",
    }


def test_an_order_that_names_no_instrument_is_no_row(app: App) -> None:
    answer = post(app, ORDER, {"instId": ""})
    assert (answer.http, answer.code, answer.json["data"]) == (400, "50014", [])


@pytest.mark.parametrize(
    "instruments, code, rows",
    [
        (["A", "B"], "0", ["0", "0"]),
        (["A", "POOR"], "2", ["0", "51008"]),
        (["POOR", "POOR"], "1", ["51008", "51008"]),
        (["A", ""], "2", ["0", "50014"]),
    ],
)
def test_batches(app: App, instruments: list[str], code: str, rows: list[str]) -> None:
    answer = post(app, BATCH, [{"instId": name} for name in instruments])
    assert (answer.http, answer.code) == (200, code)
    assert [row["sCode"] for row in answer.json["data"]] == rows


@pytest.mark.parametrize(
    "payload, code",
    [
        ([], "50014"),
        ([{"instId": "A"}] * 4, "50025"),
        ({"instId": "A"}, "50002"),
        ([{"instId": "A"}, 7], "50002"),
    ],
)
def test_batches_that_are_none(app: App, payload: object, code: str) -> None:
    assert post(app, BATCH, payload).code == code


# Routing, probes ---------------------------------------------------------------------------------


def test_unknown_paths(app: App) -> None:
    for path in ("/api/v5/test/nothing", "/api/v5/", "/", "/api/v4/test/echo", PATH + "/"):
        answer = get(app, path)
        assert (answer.http, answer.code, answer.json["data"]) == (404, "404", [])


def test_wrong_methods(app: App) -> None:
    answer = asyncio.run(ask(app, "DELETE", PATH))
    assert (answer.http, answer.code) == (405, "50115")
    assert answer.headers["allow"] == "GET, POST"
    assert asyncio.run(ask(app, "GET", ORDER)).headers["allow"] == "POST"


@pytest.mark.parametrize("prefix", ["/", "/desk", "//"])
def test_what_stands_before_the_path_is_a_mount_point(app: App, prefix: str) -> None:
    target = PATH + "?name=a"
    answer = get(app, prefix + target, sign("GET", target))
    assert answer.code == "0"


def test_service_down_comes_first(app: App, house: House) -> None:
    house.is_ready = False
    for path in (PATH, "/api/v5/test/nothing"):
        answer = get(app, path)
        assert (answer.http, answer.code) == (503, "50001")


def test_probes(app: App, house: House) -> None:
    assert get(app, "/healthz").json == {"status": "ok"}
    assert get(app, "/readyz").http == 200
    house.is_ready = False
    assert get(app, "/healthz").http == 200
    assert get(app, "/readyz").http == 503


def test_metrics_count_answers_by_path_and_code_and_unknown_paths_as_one(app: App) -> None:
    post(app, PATH, {"name": "a"})
    post(app, PATH, {"name": "refuse"})
    for n in range(3):
        get(app, f"/api/v5/invented/{n}")
    text = get(app, "/metrics").body.decode()
    assert f'copydesk_api_answers_total{{code="0",path="{PATH}"}} 1.0' in text
    assert f'copydesk_api_answers_total{{code="59267",path="{PATH}"}} 1.0' in text
    assert 'copydesk_api_answers_total{code="404",path="unknown"} 3.0' in text
    assert "copydesk_api_seconds_count 5.0" in text


# The order of the checks -------------------------------------------------------------------------


def test_checks_behind_the_signature_come_in_the_fixed_order(house: House) -> None:
    """Rate, permission, content type, body, JSON, expTime, parameters."""
    app = app_of(house, *table())
    house.keys[API_KEY] = make_key(permission=Permission.READ)
    wrong = {"Content-Type": "text/plain", "expTime": "soon"}
    assert post(app, ORDER, b"", wrong).code == "50120"
    house.keys[API_KEY] = make_key()
    assert post(app, ORDER, b"", wrong).code == "50006"
    wrong["Content-Type"] = "application/json"
    assert post(app, ORDER, b"", wrong).code == "50000"
    assert post(app, ORDER, b"{", wrong).code == "50002"
    assert post(app, ORDER, b"{}", wrong).json["msg"].startswith("Parameter expTime")
    wrong["expTime"] = str(NOW_NS // 1_000_000 - 1)
    assert post(app, ORDER, b"{}", wrong).code == "50036"
    wrong["expTime"] = str(NOW_NS // 1_000_000)
    assert post(app, ORDER, b"{}", wrong).code == "50014"


def test_the_rate_comes_before_permission_and_body(house: House) -> None:
    app = app_of(house, *table(limit=Limit(1)))
    house.keys[API_KEY] = make_key(permission=Permission.READ)
    assert post(app, PATH, b"nonsense").code == "50120"
    answer = post(app, PATH, b"nonsense")
    assert (answer.http, answer.code) == (429, "50011")


def test_rates_per_instrument_see_the_body(house: House) -> None:
    limit = Limit(1, scope=Scope.USER_INSTRUMENT)
    app = app_of(house, *table(limit=limit))
    sent = [("BTC-USDT-SWAP", "0"), ("ETH-USDT-SWAP", "0"), ("BTC-USDT-SWAP", "50011")]
    for inst_id, code in sent:
        assert post(app, PATH, {"name": "a", "instId": inst_id}).code == code


def test_read_keys_read(house: House) -> None:
    house.keys[API_KEY] = make_key(permission=Permission.READ)
    target = PATH + "?name=a"
    assert get(app_of(house, *table()), target, sign("GET", target)).code == "0"


def test_public_endpoints_ignore_keys_unless_auth_is_optional(app: App) -> None:
    nonsense = {"OK-ACCESS-KEY": "nonsense"}
    assert get(app, "/api/v5/test/public?name=a", nonsense).code == "0"
    assert get(app, "/api/v5/test/optional?name=a").json["data"][0]["row"] == -1
    assert get(app, "/api/v5/test/optional?name=a", nonsense).code == "50106"
    target = "/api/v5/test/optional?name=a"
    assert get(app, target, sign("GET", target)).json["data"][0]["row"] == 2


def test_public_rates_are_per_address(app: App) -> None:
    codes = [get(app, "/api/v5/test/public?name=a").code for _ in range(3)]
    assert codes == ["0", "0", "50011"]


# Bounds and faults -------------------------------------------------------------------------------


def test_bodies_arrive_in_parts(app: App) -> None:
    body = b'{"name":"a"}'
    headers = {**sign("POST", PATH, body), "Content-Type": "application/json"}
    answer = asyncio.run(ask(app, "POST", PATH, headers, [body[:3], b"", body[3:]]))
    assert answer.code == "0"


@pytest.mark.parametrize("part", [MAX_BODY_BYTES + 1, 1_000])
def test_long_bodies_end_early(app: App, part: int) -> None:
    answer = asyncio.run(ask(app, "POST", PATH, {}, [b" " * part] * 200))
    assert (answer.http, answer.code) == (413, "50002")


def test_the_longest_body_is_read(app: App) -> None:
    payload = b'{"name":"a","x":"'
    payload += b"x" * (MAX_BODY_BYTES - len(payload) - 2) + b'"}'
    assert len(payload) == MAX_BODY_BYTES
    assert post(app, PATH, payload).code == "0"


def test_a_bug_in_a_handler_is_logged_and_not_shown(app: App, logs: list[Any]) -> None:
    answer = post(app, PATH, {"name": "crash"})
    assert (answer.http, answer.code) == (500, "50026")
    assert b"secret" not in answer.body
    assert [(entry["log_level"], entry["path"]) for entry in logs] == [("error", PATH)]


def test_time_is_limited(house: House) -> None:
    app = app_of(house, *table(), request_seconds=0.01)
    answer = post(app, PATH, {"name": "hang"})
    assert (answer.http, answer.code) == (400, "50004")


def talk(app: App, scope: dict[str, Any], *messages: dict[str, Any]) -> list[Any]:
    """Let the door read these messages; what it sends."""
    waiting = list(messages)
    sent: list[Any] = []

    async def receive() -> Any:
        return waiting.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent


@pytest.mark.parametrize("parts", [0, 1])
def test_who_hangs_up_gets_no_answer(app: App, parts: int) -> None:
    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": PATH,
        "raw_path": PATH.encode(),
        "query_string": b"",
        "client": None,
        "headers": [],
    }
    part = {"type": "http.request", "body": b"{", "more_body": True}
    assert talk(app, scope, *[part] * parts, {"type": "http.disconnect"}) == []


def test_the_lifespan_of_the_server_is_acknowledged(app: App) -> None:
    begin, end = {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}
    assert [message["type"] for message in talk(app, {"type": "lifespan"}, begin, end)] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


def test_a_table_with_two_rows_for_one_path_is_a_bug(house: House) -> None:
    row = table()[0]
    with pytest.raises(AssertionError, match="twice in the table"):
        app_of(house, row, row)
