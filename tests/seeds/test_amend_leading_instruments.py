"""POST / Amend leading instruments (seeds/004): each sentence of it, English first, then Chinese.

The docstring of a test is its sentence. What a sentence demands stands in the test, or in the
function that it shares with the same sentence in the other language.
"""

import msgspec
import pytest
from tests.support.server import Trader, decoded
from tests.support.still_market import (
    BTC,
    ETH,
    SOL,
    Pace,
    StillMarket,
    accepted,
    asked,
    copies,
    held,
    order,
    pace_of,
    read,
    refused,
    send,
)

SET, APPLY = "set-instruments", "apply-lead-trading"
TARGET = "/api/v5/copytrading/set-instruments"
EXAMPLE = b"""{
    "instId": "BTC-USDT-SWAP,ETH-USDT-SWAP"
}
"""
EXAMPLE_ANSWER = {
    "code": "0",
    "data": [
        {"enabled": True, "instId": "BTC-USDT-SWAP"},
        {"enabled": True, "instId": "ETH-USDT-SWAP"},
    ],
    "msg": "",
}
MALFORMED = {
    "en": "Parameter {} is malformed or out of range.",
    "zh": "参数 {} 格式或取值有误。",
}
MISSING = {"en": "Required parameter {} is missing.", "zh": "缺少必填参数 {}。"}
NO_LEAD = {"en": "You are not a futures lead. Apply first.", "zh": "您还不是合约带单员，请先申请。"}
NO_SPOT = {
    "en": "You are not a spot lead. Apply first.",
    "zh": "您还不是现货带单员，请先申请。",
}
UNKNOWN = {
    "en": "Unknown instrument (instId, instIdCode or spread ID).",
    "zh": "产品不存在（instId、instIdCode 或价差 ID 有误）。",
}
MISFIT = {"en": "instId does not fit instType.", "zh": "instId 与 instType 不匹配。"}
HAS_POSITION = {"en": "Close your {} position first.", "zh": "请先平掉 {} 的仓位。"}
HAS_ORDERS = {"en": "Cancel your open {} orders first.", "zh": "请先撤销 {} 的挂单。"}


def led(trader: Trader, inst_type: str = "SWAP") -> list[str]:
    """What a lead trader leads."""
    rows = read(trader, f"copytrading/instruments?instType={inst_type}")
    return sorted(row["instId"] for row in rows if row["enabled"] is True)


def amend(trader: Trader, inst_id: str, **more: str) -> None:
    """Set the list; the answer names each instrument of it, in its order."""
    rows = accepted(trader, SET, instId=inst_id, **more)
    assert rows == [{"enabled": True, "instId": one} for one in inst_id.split(",")]


def refuses(trader: Trader, language: str = "en", **fields: object) -> tuple[str, str]:
    """Ask what must be refused and must leave the list as it is."""
    before = led(trader)
    answer = refused(trader, SET, language, **fields)
    assert led(trader) == before
    return answer


def cancel(trader: Trader, inst_id: str, ord_id: str) -> None:
    fields = {"instId": inst_id, "ordId": ord_id}
    assert trader.post("/api/v5/trade/cancel-order", fields)["code"] == "0"


@pytest.fixture
def lead(market: StillMarket) -> Trader:
    """Leads BTC, holds nothing."""
    return market.lead(BTC)


@pytest.fixture(scope="module")
def pace(limited_market: StillMarket) -> Pace:
    return pace_of(limited_market, SET, 5, 2, instId=BTC)


# What both languages say ----------------------------------------------------------------------


def is_amended_by_lead_traders(market: StillMarket, lead: Trader, language: str) -> None:
    amend(lead, f"{BTC},{ETH}")
    assert led(lead) == [BTC, ETH]
    for nobody in (market.account(), market.copier(lead)):
        assert refused(nobody, SET, language, instId=ETH) == ("59262", NO_LEAD[language])
    assert led(lead) == [BTC, ETH]


def is_first_set_when_applying(market: StillMarket, language: str) -> None:
    """Who applies without a list is no lead trader; who applies with one leads it at once."""
    person = market.account()
    words = MISSING[language].format("instId")
    for given in ({}, {"instId": ""}, {"instId": None}):
        assert refused(person, APPLY, language, **given) == ("50014", words)
        assert refused(person, SET, language, instId=BTC) == ("59262", NO_LEAD[language])
    assert accepted(person, APPLY, instId=f"{ETH},{SOL}") == [{"result": True}]
    assert led(person) == [ETH, SOL]
    order(person, "buy", "1", ETH)
    order(person, "buy", "0.1", BTC)
    rows = read(person, "copytrading/current-subpositions")
    assert [row["instId"] for row in rows] == [ETH]


def wants_no_position(lead: Trader, language: str) -> None:
    """Of whatever margin mode and side, in each newly led instrument, wherever it is in the list;
    named in the refusal; gone, the same request goes through."""
    words = HAS_POSITION[language].format(ETH)
    for td_mode, side in (("cross", "buy"), ("isolated", "sell")):
        order(lead, side, "0.1", ETH, tdMode=td_mode)
        for names in (ETH, f"{ETH},{BTC},{SOL}", f"{SOL},{BTC},{ETH}", f"{BTC},{ETH},{SOL}"):
            assert refuses(lead, language, instId=names) == ("51163", words)
        assert led(lead) == [BTC]
        close = {"instId": ETH, "mgnMode": td_mode}
        assert lead.post("/api/v5/trade/close-position", close)["code"] == "0"
    amend(lead, f"{SOL},{BTC},{ETH}")
    assert led(lead) == [BTC, ETH, SOL]


def wants_no_pending_order(lead: Trader, language: str) -> None:
    words = HAS_ORDERS[language].format(ETH)
    for kind, side, px in (("limit", "buy", "2400"), ("post_only", "sell", "2600")):
        ord_id = order(lead, side, "0.1", ETH, ordType=kind, px=px)
        for names in (ETH, f"{ETH},{BTC},{SOL}", f"{SOL},{BTC},{ETH}", f"{BTC},{ETH},{SOL}"):
            assert refuses(lead, language, instId=names) == ("51162", words)
        assert led(lead) == [BTC]
        cancel(lead, ETH, ord_id)
    amend(lead, f"{SOL},{BTC},{ETH}")
    assert led(lead) == [BTC, ETH, SOL]


def looks_at_newly_led_ones_only(lead: Trader, language: str) -> None:
    """What is led already, or not in the request, may hold what it likes; what was switched off is
    new when it comes back."""
    order(lead, "buy", "1", BTC)
    order(lead, "buy", "1", BTC, ordType="limit", px="90000")
    order(lead, "buy", "1", SOL)
    amend(lead, f"{ETH},{BTC}")
    amend(lead, BTC)
    amend(lead, ETH)
    code, words = refuses(lead, language, instId=f"{ETH},{BTC}")
    assert code in ("51162", "51163")
    assert BTC in words
    assert led(lead) == [ETH]


def limits_the_rate(pace: Pace) -> None:
    assert pace.codes == ("59262",) * 5 + ("50011",)
    assert pace.waited_ns >= 2_000_000_000


def limits_by_user(market: StillMarket, language: str, words: str) -> None:
    """All keys of a user count together; another user of the same address is not touched."""
    one, other = market.account(), market.account()
    second_key = market.another_key(one)
    for key in (one, second_key, one, second_key, one):
        assert asked(key, SET, instId=BTC)["code"] == "59262"
    for key in (one, second_key):
        assert refused(key, SET, language, instId=BTC) == ("50011", words)
    assert asked(other, SET, instId=BTC)["code"] == "59262"
    assert asked(one, "stop-copy-trading", uniqueCode="0" * 16)["code"] == "59269"


def needs_permission(market: StillMarket, lead: Trader, language: str, words: str) -> None:
    reader = market.another_key(lead, read_only=True)
    assert refuses(reader, language, instId=ETH) == ("50120", words)
    assert led(reader) == [BTC]
    amend(market.another_key(lead), ETH)
    assert led(reader) == [ETH]


def is_served_by_post(lead: Trader) -> None:
    body = msgspec.json.encode({"instId": ETH})
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        response = send(lead, method, TARGET, body)
        assert (response.status_code, decoded(response)["code"]) == (405, "50115")
    for target in (f"{TARGET}/", TARGET.upper(), TARGET.replace("v5", "v4"), TARGET[:-1]):
        assert send(lead, "POST", target, body).status_code == 404
    assert led(lead) == [BTC]
    response = send(lead, "POST", TARGET, body)
    assert (response.status_code, decoded(response)["code"]) == (200, "0")
    assert led(lead) == [ETH]


def takes_the_example(lead: Trader) -> None:
    """The very bytes."""
    amend(lead, SOL)
    assert decoded(send(lead, "POST", TARGET, EXAMPLE))["code"] == "0"
    assert led(lead) == ["BTC-USDT-SWAP", "ETH-USDT-SWAP"]


def takes_spot_or_swap(lead: Trader, language: str) -> None:
    """Each is a list and a role of its own."""
    words = MALFORMED[language].format("instType")
    for wrong in ("FUTURES", "MARGIN", "OPTION", "ANY", "swap", "Spot", " SWAP", "永续合约"):
        assert refuses(lead, language, instType=wrong, instId=ETH) == ("51000", words)
    spot = {"instType": "SPOT", "instId": "BTC-USDT"}
    assert refuses(lead, language, **spot) == ("59260", NO_SPOT[language])
    accepted(lead, APPLY, instType="SPOT", instId="ETH-USDT")
    assert accepted(lead, SET, **spot) == [{"enabled": True, "instId": "BTC-USDT"}]
    spot["instId"] = ETH
    assert refuses(lead, language, **spot) == ("51015", MISFIT[language])
    amend(lead, ETH, instType="SWAP")
    assert (led(lead), led(lead, "SPOT")) == ([ETH], ["BTC-USDT"])


def takes_swap_by_default(market: StillMarket, lead: Trader, language: str) -> None:
    left_out: tuple[dict[str, str | None], ...] = ({}, {"instType": ""}, {"instType": None})
    for wanted, given in zip((ETH, SOL, BTC), left_out, strict=True):
        assert accepted(lead, SET, instId=wanted, **given) == [{"enabled": True, "instId": wanted}]
        assert led(lead) == [wanted]
        answer = refuses(lead, language, instId="BTC-USDT", **given)
        assert answer == ("51015", MISFIT[language])
        answer = refused(market.account(), SET, language, instId=BTC, **given)
        assert answer == ("59262", NO_LEAD[language])


def needs_an_instrument(lead: Trader, language: str) -> None:
    words = MISSING[language].format("instId")
    for given in ({}, {"instId": ""}, {"instId": None}):
        assert refuses(lead, language, **given) == ("50014", words)
    for name in ("BTC-USDT-SWOP", "btc-usdt-swap", "BTC", "BTC-USDT-SWAP ", "比特币"):
        assert refuses(lead, language, instId=name) == ("51001", UNKNOWN[language])
        assert refuses(lead, language, instId=f"{ETH},{name}") == ("51001", UNKNOWN[language])
    code, words = refuses(lead, language, instId=f"{ETH},BTC-USD-SWAP")
    assert code == "51166"
    amend(lead, ETH)


def takes_commas(lead: Trader, language: str) -> None:
    for separator in ("，", "、", ";", "|", " ", ", "):
        names = separator.join((BTC, ETH))
        assert refuses(lead, language, instId=names) == ("51001", UNKNOWN[language])
    words = MALFORMED[language].format("instId")
    for wrong in (",", f"{BTC},", f",{BTC}", f"{BTC},,{ETH}", [BTC, ETH], {"0": BTC}):
        assert refuses(lead, language, instId=wrong) == ("51000", words)
    many = (SOL, ETH, BTC, "XRP-USDT-SWAP", "DOGE-USDT-SWAP")
    amend(lead, ",".join(many))
    assert led(lead) == sorted(many)


def overwrites(market: StillMarket, lead: Trader) -> None:
    """What the list leaves out is off: the lead trader's orders there are his own, and are not
    copied. Copies that are open stay with him to their end."""
    follower = market.copier(lead)
    chooser = market.copier(lead, copyInstIdType="custom", instId=BTC)
    order(lead, "buy", "2", BTC)
    amend(lead, ETH)
    assert led(lead) == [ETH]
    order(lead, "buy", "2", BTC)
    order(lead, "buy", "1", ETH)
    assert (held(lead, BTC), held(lead, ETH)) == ({"net": "4"}, {"net": "1"})
    assert copies(follower) == [(BTC, "1"), (ETH, "0.5")]
    assert copies(chooser) == [(BTC, "1")]
    assert held(chooser, ETH) == {}
    order(lead, "sell", "1", BTC)
    assert copies(follower) == [(BTC, "0.5"), (ETH, "0.5")]
    order(lead, "sell", "3", BTC)
    assert (copies(follower), copies(chooser)) == ([(ETH, "0.5")], [])
    amend(lead, f"{ETH},{BTC}")  # it comes back to who follows the list, not to who chose
    order(lead, "buy", "1", BTC)
    assert (held(follower), held(chooser)) == ({"long": "0.5"}, {})


def overwrites_on_success_only(lead: Trader) -> None:
    """A request with one fault sets nothing, and takes nothing away."""
    amend(lead, f"{BTC},{ETH}")
    order(lead, "buy", "1", "BTC-USDT", ordType="limit", px="90000", tdMode="cash")
    order(lead, "buy", "1", SOL)
    for wrong in ("X-USDT-SWAP", "BTC-USD-SWAP", "BTC-USDT", SOL):
        refuses(lead, instId=f"DOGE-USDT-SWAP,{wrong}")
        refuses(lead, instId=f"{wrong},DOGE-USDT-SWAP,{BTC}")
    assert led(lead) == [BTC, ETH]


def answers_like_the_example(lead: Trader) -> None:
    response = send(lead, "POST", TARGET, EXAMPLE)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert decoded(response) == EXAMPLE_ANSWER


def names_each_instrument(lead: Trader) -> None:
    names = (SOL, BTC, ETH)
    rows = accepted(lead, SET, instId=",".join(names))
    assert [row["instId"] for row in rows] == list(names)
    rows = accepted(lead, SET, instId=f"{ETH},{ETH},{BTC}")
    assert [row["instId"] for row in rows] == [ETH, BTC]
    assert all(sorted(row) == ["enabled", "instId"] for row in rows)


def tells_what_was_set(lead: Trader) -> None:
    """A boolean that is true exactly where the list of lead instruments says so afterwards."""
    target = "copytrading/instruments?instType=SWAP"
    names = [row["instId"] for row in read(lead, target)]
    assert len(names) > 100
    for wanted in ((BTC, ETH, SOL), tuple(names[40:60]), (ETH,)):
        rows = accepted(lead, SET, instId=",".join(wanted))
        now = {row["instId"]: row["enabled"] for row in read(lead, target)}
        assert [(row["instId"], row["enabled"]) for row in rows] == [(n, True) for n in wanted]
        assert all(type(row["enabled"]) is bool for row in rows)
        assert [name for name in names if now[name]] == [name for name in names if name in wanted]


def tells_what_was_not_set(lead: Trader) -> None:
    """Nothing is said to be set that is not: no row is true, and the list says false."""
    order(lead, "buy", "1", ETH)
    answer = asked(lead, SET, instId=f"{BTC},{ETH},{SOL}")
    assert answer["code"] == "51163"
    assert not any(row["enabled"] for row in answer["data"])
    rows = read(lead, "copytrading/instruments?instType=SWAP")
    now = {row["instId"]: row["enabled"] for row in rows}
    assert (now[BTC], now[ETH], now[SOL]) == (True, False, False)


# English --------------------------------------------------------------------------------------


def test_title(lead: Trader) -> None:
    """POST / Amend leading instruments"""
    assert led(lead) == [BTC]
    amend(lead, SOL)
    assert led(lead) == [SOL]


def test_purpose(market: StillMarket, lead: Trader) -> None:
    """The leading trader can amend current leading instruments,"""
    is_amended_by_lead_traders(market, lead, "en")


def test_initial_instruments(market: StillMarket) -> None:
    """need to set initial leading instruments while applying to become a leading trader."""
    is_first_set_when_applying(market, "en")


def test_new_ones_have_no_position(lead: Trader) -> None:
    """All non-leading instruments can't have position or pending orders for the current request
    when setting non-leading instruments as leading instruments."""
    wants_no_position(lead, "en")


def test_new_ones_have_no_pending_orders(lead: Trader) -> None:
    """All non-leading instruments can't have position or pending orders for the current request
    when setting non-leading instruments as leading instruments."""
    wants_no_pending_order(lead, "en")


def test_only_new_ones_are_checked(lead: Trader) -> None:
    """All non-leading instruments can't have position or pending orders for the current request
    when setting non-leading instruments as leading instruments."""
    looks_at_newly_led_ones_only(lead, "en")


def test_rate_limit(pace: Pace) -> None:
    """Rate limit: 5 requests per 2 seconds"""
    limits_the_rate(pace)


def test_rate_limit_rule(limited_market: StillMarket) -> None:
    """Rate limit rule: User ID"""
    words = "Too many requests for this endpoint. Slow down and retry."
    limits_by_user(limited_market, "en", words)


def test_permission(market: StillMarket, lead: Trader) -> None:
    """Permission: Trade"""
    needs_permission(market, lead, "en", "The API key lacks the permission for this action.")


def test_http_request(lead: Trader) -> None:
    """`POST /api/v5/copytrading/set-instruments`"""
    is_served_by_post(lead)


def test_request_example(lead: Trader) -> None:
    """POST /api/v5/copytrading/set-instruments
    body
    {
        "instId": "BTC-USDT-SWAP,ETH-USDT-SWAP"
    }
    """
    takes_the_example(lead)


def test_inst_type(lead: Trader) -> None:
    """instType | String | No | Instrument type
    `SPOT`"""
    takes_spot_or_swap(lead, "en")


def test_inst_type_default(market: StillMarket, lead: Trader) -> None:
    """`SWAP`, the default value"""
    takes_swap_by_default(market, lead, "en")


def test_inst_id(lead: Trader) -> None:
    """instId | String | Yes | Instrument ID, e.g. BTC-USDT-SWAP."""
    needs_an_instrument(lead, "en")


def test_commas(lead: Trader) -> None:
    """If there are multiple instruments, separate them with commas."""
    takes_commas(lead, "en")


def test_overwriting(market: StillMarket, lead: Trader) -> None:
    """The value of `instId` must include all instruments that you are going to have the lead
    trading with because the previous settings will be overwritten"""
    overwrites(market, lead)


def test_overwriting_on_success(lead: Trader) -> None:
    """the previous settings will be overwritten after the current request is set successfully"""
    overwrites_on_success_only(lead)


def test_response_example(lead: Trader) -> None:
    """{
        "code": "0",
        "data": [
            {
                "enabled": true,
                "instId": "BTC-USDT-SWAP"
            },
            {
                "enabled": true,
                "instId": "ETH-USDT-SWAP"
            }
        ],
        "msg": ""
    }
    """
    answers_like_the_example(lead)


def test_response_inst_id(lead: Trader) -> None:
    """instId | String | Instrument ID, e.g. BTC-USDT-SWAP"""
    names_each_instrument(lead)


def test_response_enabled(lead: Trader) -> None:
    """enabled | Boolean | Whether you set it successfully"""
    tells_what_was_set(lead)


def test_response_enabled_values(lead: Trader) -> None:
    """`true` or `false`"""
    tells_what_was_not_set(lead)


# 中文 -----------------------------------------------------------------------------------------


def test_zh_title(lead: Trader) -> None:
    """POST / 交易员修改带单产品"""
    amend(lead, SOL)
    assert led(lead) == [SOL]


def test_zh_purpose(market: StillMarket, lead: Trader) -> None:
    """交易员修改带单产品的设置。"""
    is_amended_by_lead_traders(market, lead, "zh")


def test_zh_initial_instruments(market: StillMarket) -> None:
    """初始带单产品在申请带单交易员时进行设置。"""
    is_first_set_when_applying(market, "zh")


def test_zh_new_ones_have_no_position(lead: Trader) -> None:
    """非带单产品修改为带单产品时，该次请求中所有的非带单产品不能有持仓或者挂单。"""
    wants_no_position(lead, "zh")


def test_zh_new_ones_have_no_pending_orders(lead: Trader) -> None:
    """非带单产品修改为带单产品时，该次请求中所有的非带单产品不能有持仓或者挂单。"""
    wants_no_pending_order(lead, "zh")


def test_zh_only_new_ones_are_checked(lead: Trader) -> None:
    """非带单产品修改为带单产品时，该次请求中所有的非带单产品不能有持仓或者挂单。"""
    looks_at_newly_led_ones_only(lead, "zh")


def test_zh_rate_limit(pace: Pace) -> None:
    """限速：5次/2s"""
    limits_the_rate(pace)


def test_zh_rate_limit_rule(limited_market: StillMarket) -> None:
    """限速规则：User ID"""
    limits_by_user(limited_market, "zh", "该接口请求过于频繁，请降低频率后重试。")


def test_zh_permission(market: StillMarket, lead: Trader) -> None:
    """权限：交易"""
    needs_permission(market, lead, "zh", "API Key 没有执行此操作的权限。")


def test_zh_http_request(lead: Trader) -> None:
    """HTTP请求 `POST /api/v5/copytrading/set-instruments`"""
    is_served_by_post(lead)


def test_zh_request_example(lead: Trader) -> None:
    """请求示例 POST /api/v5/copytrading/set-instruments
    body
    {
        "instId": "BTC-USDT-SWAP,ETH-USDT-SWAP"
    }
    """
    takes_the_example(lead)


def test_zh_inst_type(lead: Trader) -> None:
    """instType | String | 否 | 产品类型
    SPOT：币币"""
    takes_spot_or_swap(lead, "zh")


def test_zh_inst_type_default(market: StillMarket, lead: Trader) -> None:
    """SWAP：永续合约，默认值"""
    takes_swap_by_default(market, lead, "zh")


def test_zh_inst_id(lead: Trader) -> None:
    """instId | String | 是 | 产品ID，如 BTC-USDT-SWAP，"""
    needs_an_instrument(lead, "zh")


def test_zh_half_width_commas(lead: Trader) -> None:
    """多个产品用半角逗号隔开"""
    takes_commas(lead, "zh")


def test_zh_overwriting(market: StillMarket, lead: Trader) -> None:
    """如果进行多个产品带单，`instId`传值需要包括所有将要带单的产品，"""
    overwrites(market, lead)


def test_zh_overwriting_on_success(lead: Trader) -> None:
    """因为当前请求设置成功后，之前的设置会被覆盖掉"""
    overwrites_on_success_only(lead)
    amend(lead, ETH)
    assert led(lead) == [ETH]


def test_zh_response_example(lead: Trader) -> None:
    """返回结果 {
        "code": "0",
        "data": [
            {
                "enabled": true,
                "instId": "BTC-USDT-SWAP"
            },
            {
                "enabled": true,
                "instId": "ETH-USDT-SWAP"
            }
        ],
        "msg": ""
    }
    """
    answers_like_the_example(lead)


def test_zh_response_inst_id(lead: Trader) -> None:
    """instId | String | 产品id， 如 BTC-USDT-SWAP"""
    names_each_instrument(lead)


def test_zh_enabled_true(lead: Trader) -> None:
    """enabled | Boolean | `true` 或 `false` `true` 代表设置成功"""
    tells_what_was_set(lead)


def test_zh_enabled_false(lead: Trader) -> None:
    """`false` 代表设置失败"""
    tells_what_was_not_set(lead)
