"""POST / Stop copying (seeds/000): each sentence of the document, English first, then Chinese.

The docstring of a test is its sentence. What a sentence demands stands in the test, or in the
function that it shares with the same sentence in the other language.
"""

from typing import NamedTuple

import msgspec
import pytest
from tests.support.server import Trader, decoded
from tests.support.still_market import (
    BID,
    BTC,
    ETH,
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

STOP = "stop-copy-trading"
TARGET = "/api/v5/copytrading/stop-copy-trading"
EXAMPLE = b"""{
    "instType": "SWAP",
    "uniqueCode": "25CD5A80241D6FE6",
    "subPosCloseType": "manual_close"
}
"""
EXAMPLE_CODE = b"25CD5A80241D6FE6"
EXAMPLE_ANSWER = {"code": "0", "data": [{"result": True}], "msg": ""}
UNKNOWN = "213E8C92DC61EFAC"
CLOSE_TYPES = ("market_close", "copy_close", "manual_close")
MALFORMED = {
    "en": "Parameter {} is malformed or out of range.",
    "zh-CN": "参数 {} 格式或取值有误。",
}
MISSING = {"en": "Required parameter {} is missing.", "zh-CN": "缺少必填参数 {}。"}


class Scene(NamedTuple):
    """A lead trader who bought 2 contracts, and a copy trader who holds his copy of 1."""

    lead: Trader
    copier: Trader
    code: str

    def stop(self, **fields: str) -> None:
        rows = accepted(self.copier, STOP, uniqueCode=self.code, **fields)
        assert rows == [{"result": True}]

    def is_copying(self) -> bool:
        target = f"copytrading/copy-settings?instType=SWAP&uniqueCode={self.code}"
        return bool(read(self.copier, target)[0]["copyState"] == "1")

    def refused(self, language: str, **fields: object) -> tuple[str, str]:
        """Ask what must be refused and must change nothing."""
        before = self.is_copying(), copies(self.copier), held(self.copier)
        answer = refused(self.copier, STOP, language, **fields)
        assert (self.is_copying(), copies(self.copier), held(self.copier)) == before
        return answer


@pytest.fixture
def idle(market: StillMarket) -> Scene:
    """Somebody copies, but nothing was traded yet."""
    lead = market.lead(f"{BTC},{ETH}")
    return Scene(lead, market.copier(lead), lead.unique_code)


@pytest.fixture
def scene(idle: Scene) -> Scene:
    order(idle.lead, "buy", "2")
    assert copies(idle.copier) == [(BTC, "1")]
    return idle


@pytest.fixture(scope="module")
def pace(limited_market: StillMarket) -> Pace:
    return pace_of(limited_market, STOP, 5, 2, uniqueCode=UNKNOWN)


# What both languages say ----------------------------------------------------------------------


def stops_for_good(scene: Scene) -> None:
    """Nothing but this ends it, and after it no order of the lead trader is copied."""
    order(scene.lead, "sell", "2")
    assert copies(scene.copier) == []
    order(scene.lead, "buy", "2")
    assert copies(scene.copier) == [(BTC, "1")]
    scene.stop(subPosCloseType="market_close")
    order(scene.lead, "buy", "2")
    assert held(scene.lead) == {"net": "4"}
    assert (copies(scene.copier), held(scene.copier)) == ([], {})


def limits_the_rate(pace: Pace) -> None:
    assert pace.codes == ("59269",) * 5 + ("50011",)
    assert pace.waited_ns >= 2_000_000_000


def limits_by_user(market: StillMarket, language: str, words: str) -> None:
    """All keys of a user count together; another user of the same address is not touched."""
    one, other = market.account(), market.account()
    second_key = market.another_key(one)
    for key in (one, second_key, one, second_key, one):
        assert asked(key, STOP, uniqueCode=UNKNOWN)["code"] == "59269"
    for key in (one, second_key):
        assert refused(key, STOP, language, uniqueCode=UNKNOWN) == ("50011", words)
    assert asked(other, STOP, uniqueCode=UNKNOWN)["code"] == "59269"
    assert asked(one, "set-instruments", instId=BTC)["code"] == "59262"


def needs_permission(market: StillMarket, scene: Scene, language: str, words: str) -> None:
    """A key that may only read is refused, and the copies stay."""
    reader = market.another_key(scene.copier, read_only=True)
    fields = {"uniqueCode": scene.code, "subPosCloseType": "market_close"}
    assert refused(reader, STOP, language, **fields) == ("50120", words)
    assert copies(reader) == [(BTC, "1")]
    trader = market.another_key(scene.copier)
    assert accepted(trader, STOP, **fields) == [{"result": True}]
    assert copies(reader) == []


def is_served_by_post(idle: Scene) -> None:
    body = msgspec.json.encode({"uniqueCode": idle.code})
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        response = send(idle.copier, method, TARGET, body)
        assert (response.status_code, decoded(response)["code"]) == (405, "50115")
    for target in (f"{TARGET}/", TARGET.upper(), TARGET.replace("v5", "v4"), f"{TARGET}s"):
        assert send(idle.copier, "POST", target, body).status_code == 404
    assert idle.is_copying()
    response = send(idle.copier, "POST", TARGET, body)
    assert (response.status_code, decoded(response)["code"]) == (200, "0")
    assert not idle.is_copying()


def takes_the_example(scene: Scene) -> None:
    """The very bytes are understood, but nobody here has that code; with a code of ours they
    do what they say."""
    assert decoded(send(scene.copier, "POST", TARGET, EXAMPLE))["code"] == "59269"
    ours = EXAMPLE.replace(EXAMPLE_CODE, scene.code.encode())
    assert decoded(send(scene.copier, "POST", TARGET, ours)) == EXAMPLE_ANSWER
    assert (copies(scene.copier), held(scene.copier)) == ([], {"long": "1"})


def takes_swap_only(idle: Scene, language: str) -> None:
    for inst_type in ("SPOT", "FUTURES", "MARGIN", "OPTION", "swap", "Swap", "SWAP ", "永续合约"):
        given = {"instType": inst_type, "uniqueCode": idle.code}
        words = MALFORMED[language].format("instType")
        assert idle.refused(language, **given) == ("51000", words)
    idle.stop(instType="SWAP")
    assert not idle.is_copying()


def needs_the_code(idle: Scene, language: str) -> None:
    """It must be there, and it says which of the lead traders is meant."""
    words = MISSING[language].format("uniqueCode")
    for given in ({}, {"uniqueCode": ""}, {"uniqueCode": None}):
        assert idle.refused(language, **given) == ("50014", words)
    idle.stop()
    assert not idle.is_copying()


def takes_codes_of_16(idle: Scene, language: str, unknown: str) -> None:
    """16 letters and digits of either case (18 since 2026-05-15), all digits too."""
    words = MALFORMED[language].format("uniqueCode")
    for code in (UNKNOWN[:15], f"{UNKNOWN}0", f"{UNKNOWN}000", "213E8C92DC61EFA-", "跟单" * 8):
        assert idle.refused(language, uniqueCode=code) == ("51000", words)
    for code in (f" {UNKNOWN[:15]}", f"{UNKNOWN[:15]}\n", "２１３Ｅ８Ｃ９２ＤＣ６１ＥＦＡＣ"):
        assert idle.refused(language, uniqueCode=code) == ("51000", words)
    for known in (UNKNOWN, "2138092006100000", "abcdefghijKLMNOP", f"{UNKNOWN}Zz"):
        assert idle.refused(language, uniqueCode=known) == ("59269", unknown)


def tells_cases_apart(idle: Scene) -> None:
    other_case = idle.code.lower()
    assert other_case != idle.code
    assert idle.refused("en", uniqueCode=other_case)[0] == "59269"
    idle.stop()


def needs_the_close_type_while_copies_are_open(scene: Scene, language: str) -> None:
    words = MISSING[language].format("subPosCloseType")
    for given in ({}, {"subPosCloseType": ""}, {"subPosCloseType": None}):
        assert scene.refused(language, uniqueCode=scene.code, **given) == ("50014", words)
    words = MALFORMED[language].format("subPosCloseType")
    for wrong in ("close", "MARKET_CLOSE", "market_close ", "market-close", 1, ["copy_close"]):
        answer = scene.refused(language, uniqueCode=scene.code, subPosCloseType=wrong)
        assert answer == ("51000", words)
    scene.stop(subPosCloseType="copy_close")


def closes_at_market(market: StillMarket, scene: Scene) -> None:
    """All copies of this lead trader are flat when the answer is there, at the market's price; what
    else the copy trader holds, copies of another lead trader and his own, is left alone."""
    lead, copier, _ = scene
    other = market.lead()
    market.follow(copier, other)
    order(other, "buy", "6")
    order(lead, "buy", "1", ETH)
    order(lead, "buy", "0.5")
    order(copier, "buy", "0.1", posSide="long")
    assert copies(copier, lead) == [(BTC, "1"), (ETH, "0.5"), (BTC, "0.25")]
    assert held(copier) == {"long": "4.35"}
    scene.stop(subPosCloseType="market_close")
    assert copies(copier, lead) == []
    assert closed(copier, lead, BTC) == [("1", BID, "2"), ("0.25", BID, "2")]
    assert [size for size, _, _ in closed(copier, lead, ETH)] == ["0.5"]
    assert copies(copier, other) == [(BTC, "3")]
    assert (held(copier), held(copier, ETH)) == ({"long": "3.1"}, {})
    assert held(lead) == {"net": "2.5"}
    order(other, "sell", "3")
    assert copies(copier, other) == [(BTC, "1.5")]
    assert scene.refused("en", uniqueCode=scene.code)[0] == "59267"


def follows_to_the_end(market: StillMarket, scene: Scene) -> None:
    """No new copies; open ones take part in each close of the lead trader and end with his."""
    lead, copier, code = scene
    scene.stop(subPosCloseType="copy_close")
    assert not scene.is_copying()
    assert copies(copier) == [(BTC, "1")]
    order(lead, "buy", "2")
    assert held(copier) == {"long": "1"}
    order(lead, "sell", "1")
    assert (copies(copier), held(copier)) == ([(BTC, "0.5")], {"long": "0.5"})
    assert closed(copier, lead, BTC) == [("0.5", BID, "1")]
    for how in CLOSE_TYPES:
        assert scene.refused("en", uniqueCode=code, subPosCloseType=how)[0] == "59278"
    order(lead, "sell", "1")
    assert (copies(copier), held(copier)) == ([], {})
    assert closed(copier, lead, BTC) == [("1", BID, "2")]
    assert held(lead) == {"net": "2"}
    assert scene.refused("en", uniqueCode=code)[0] == "59267"
    market.follow(copier, lead)
    assert scene.is_copying()


def leaves_it_to_the_copier(market: StillMarket, scene: Scene) -> None:
    """What was a copy is the copy trader's own: no close of the lead trader reaches it, and it ends
    when he closes it himself."""
    lead, copier, code = scene
    scene.stop(subPosCloseType="manual_close")
    assert not scene.is_copying()
    assert (copies(copier), held(copier)) == ([], {"long": "1"})
    order(lead, "sell", "1")
    order(lead, "sell", "1")
    assert (held(lead), held(copier)) == ({}, {"long": "1"})
    assert closed(copier, lead, BTC) == []
    assert scene.refused("en", uniqueCode=code)[0] == "59267"
    market.follow(copier, lead)
    order(lead, "buy", "1")
    assert held(copier) == {"long": "1.5"}
    order(copier, "sell", "1", posSide="long")
    assert (copies(copier), held(copier)) == ([(BTC, "0.5")], {"long": "0.5"})
    order(lead, "sell", "1")
    assert held(copier) == {}


def closed(copier: Trader, lead: Trader, inst_id: str) -> list[tuple[str, str, str]]:
    """Copies that are closed ("2") or partly closed ("1"), as (size, price, type), oldest first."""
    query = f"subPosType=copy&instId={inst_id}&uniqueCode={lead.unique_code}"
    rows = read(copier, f"copytrading/subpositions-history?{query}")
    return [(row["closeSubPos"], row["closeAvgPx"], row["type"]) for row in reversed(rows)]


def answers_like_the_example(idle: Scene) -> None:
    body = msgspec.json.encode({"uniqueCode": idle.code})
    response = send(idle.copier, "POST", TARGET, body)
    assert response.headers["content-type"] == "application/json"
    assert decoded(response) == EXAMPLE_ANSWER
    assert response.content.replace(b" ", b"").count(b'"result":true') == 1


def answers_true_when_it_was_set(scene: Scene) -> None:
    """`true` is a boolean and means that it is so; what was not set has no result at all."""
    assert asked(scene.copier, STOP, uniqueCode=scene.code)["data"] == []
    assert scene.is_copying()
    given = {"uniqueCode": scene.code, "subPosCloseType": "copy_close"}
    (row,) = accepted(scene.copier, STOP, **given)
    assert list(row) == ["result"]
    assert row["result"] is True
    assert not scene.is_copying()
    assert asked(scene.copier, STOP, **given)["data"] == []


# English --------------------------------------------------------------------------------------


def test_title(scene: Scene) -> None:
    """POST / Stop copying"""
    assert scene.is_copying()
    scene.stop(subPosCloseType="copy_close")
    assert not scene.is_copying()


def test_purpose(scene: Scene) -> None:
    """You need to use this endpoint to stop copy trading"""
    stops_for_good(scene)


def test_rate_limit(pace: Pace) -> None:
    """Rate limit: 5 requests per 2 seconds"""
    limits_the_rate(pace)


def test_rate_limit_rule(limited_market: StillMarket) -> None:
    """Rate limit rule: User ID"""
    words = "Too many requests for this endpoint. Slow down and retry."
    limits_by_user(limited_market, "en", words)


def test_permission(market: StillMarket, scene: Scene) -> None:
    """Permission: Trade"""
    words = "The API key lacks the permission for this action."
    needs_permission(market, scene, "en", words)


def test_http_request(idle: Scene) -> None:
    """`POST /api/v5/copytrading/stop-copy-trading`"""
    is_served_by_post(idle)


def test_request_example(scene: Scene) -> None:
    """POST /api/v5/copytrading/stop-copy-trading
    body
    {
        "instType": "SWAP",
        "uniqueCode": "25CD5A80241D6FE6",
        "subPosCloseType": "manual_close"
    }
    """
    takes_the_example(scene)


def test_inst_type(idle: Scene) -> None:
    """instType | String | No | Instrument type
    `SWAP`"""
    takes_swap_only(idle, "en")


def test_unique_code(idle: Scene) -> None:
    """uniqueCode | String | Yes | Lead trader unique code"""
    needs_the_code(idle, "en")


def test_unique_code_says_who(market: StillMarket, scene: Scene) -> None:
    """Lead trader unique code"""
    general = market.account()
    for nobody in (general.unique_code, scene.copier.unique_code):
        assert scene.refused("en", uniqueCode=nobody) == ("59269", "No such futures lead.")
    other = market.lead()
    words = "You are not copying this lead, so there is nothing to stop."
    assert scene.refused("en", uniqueCode=other.unique_code) == ("59267", words)
    market.follow(scene.copier, other)
    accepted(scene.copier, STOP, uniqueCode=other.unique_code)
    assert scene.is_copying()
    assert copies(scene.copier) == [(BTC, "1")]


def test_unique_code_format(idle: Scene) -> None:
    """A combination of case-sensitive alphanumerics, all numbers and the length is 16 characters,
    e.g. 213E8C92DC61EFAC"""
    takes_codes_of_16(idle, "en", "No such futures lead.")
    tells_cases_apart(idle)


def test_close_type_is_required_while_copies_are_open(scene: Scene) -> None:
    """subPosCloseType | String | Yes | Action type for open positions, it is required if you have
    related copy position"""
    needs_the_close_type_while_copies_are_open(scene, "en")


def test_close_type_is_about_related_positions(market: StillMarket, scene: Scene) -> None:
    """it is required if you have related copy position"""
    other = market.lead()
    market.follow(scene.copier, other)
    order(scene.copier, "buy", "0.1", ETH, posSide="long")
    assert accepted(scene.copier, STOP, uniqueCode=other.unique_code) == [{"result": True}]
    assert copies(scene.copier) == [(BTC, "1")]
    assert held(scene.copier, ETH) == {"long": "0.1"}


def test_market_close(market: StillMarket, scene: Scene) -> None:
    """`market_close`: immediately close at market price"""
    closes_at_market(market, scene)


def test_copy_close(market: StillMarket, scene: Scene) -> None:
    """`copy_close`：close when trader closes"""
    follows_to_the_end(market, scene)


def test_manual_close(market: StillMarket, scene: Scene) -> None:
    """`manual_close`: close manually"""
    leaves_it_to_the_copier(market, scene)


def test_response_example(idle: Scene) -> None:
    """{
        "code": "0",
        "data": [
            {
                "result": true
            }
        ],
        "msg": ""
    }
    """
    answers_like_the_example(idle)


def test_result(scene: Scene) -> None:
    """result | Boolean | The result of setting
    `true`"""
    answers_true_when_it_was_set(scene)


# 中文 -----------------------------------------------------------------------------------------


def test_zh_title(scene: Scene) -> None:
    """POST / 停止跟单"""
    assert scene.is_copying()
    given = {"uniqueCode": scene.code, "subPosCloseType": "copy_close"}
    assert asked(scene.copier, STOP, "zh-CN", **given) == EXAMPLE_ANSWER
    assert not scene.is_copying()
    words = "上一次停止跟单尚未处理完，请稍后再试。"
    assert scene.refused("zh-CN", **given) == ("59278", words)


def test_zh_purpose(scene: Scene) -> None:
    """该接口用来停止跟单"""
    stops_for_good(scene)
    words = "您未跟随该带单员，无需停止。"
    assert scene.refused("zh-CN", uniqueCode=scene.code) == ("59267", words)


def test_zh_rate_limit(pace: Pace) -> None:
    """限速：5次/2s"""
    limits_the_rate(pace)


def test_zh_rate_limit_rule(limited_market: StillMarket) -> None:
    """限速规则：User ID"""
    limits_by_user(limited_market, "zh-CN", "该接口请求过于频繁，请降低频率后重试。")


def test_zh_permission(market: StillMarket, scene: Scene) -> None:
    """权限：交易"""
    needs_permission(market, scene, "zh-CN", "API Key 没有执行此操作的权限。")


def test_zh_http_request(idle: Scene) -> None:
    """HTTP请求 `POST /api/v5/copytrading/stop-copy-trading`"""
    is_served_by_post(idle)


def test_zh_request_example(scene: Scene) -> None:
    """请求示例 POST /api/v5/copytrading/stop-copy-trading
    body
    {
        "instType": "SWAP",
        "uniqueCode": "25CD5A80241D6FE6",
        "subPosCloseType": "manual_close"
    }
    """
    takes_the_example(scene)


def test_zh_inst_type(idle: Scene) -> None:
    """instType | String | 否 | 产品类型"""
    takes_swap_only(idle, "zh-CN")


@pytest.mark.parametrize("left_out", [{}, {"instType": ""}, {"instType": None}])
def test_zh_inst_type_default(scene: Scene, left_out: dict[str, str]) -> None:
    """`SWAP`：永续合约，默认值"""
    scene.stop(subPosCloseType="market_close", **left_out)
    assert not scene.is_copying()
    assert (copies(scene.copier), held(scene.copier)) == ([], {})  # of a perpetual swap


def test_zh_unique_code(idle: Scene) -> None:
    """uniqueCode | String | 是 | 带单交易员唯一标识码。"""
    needs_the_code(idle, "zh-CN")


def test_zh_unique_code_is_unique(market: StillMarket, idle: Scene) -> None:
    """带单交易员唯一标识码。"""
    people = [market.account() for _ in range(20)]
    assert len({one.unique_code for one in (*people, idle.lead, idle.copier)}) == 22
    (row,) = read(idle.lead, "copytrading/config")
    assert row["uniqueCode"] == idle.code
    for nobody in people[:2]:
        answer = idle.refused("zh-CN", uniqueCode=nobody.unique_code)
        assert answer == ("59269", "该合约带单员不存在。")


def test_zh_unique_code_format(idle: Scene) -> None:
    """数字加字母组合 长度为16位，如：213E8C92DC61EFAC"""
    assert len(idle.code) == 16
    assert idle.code.isalnum()
    takes_codes_of_16(idle, "zh-CN", "该合约带单员不存在。")
    tells_cases_apart(idle)


@pytest.mark.parametrize("left_out", [{}, {"subPosCloseType": ""}, {"subPosCloseType": None}])
def test_zh_close_type_may_be_left_out(
    market: StillMarket, idle: Scene, left_out: dict[str, str]
) -> None:
    """subPosCloseType | String | 可选 | 剩余仓位处理方式，"""
    other = market.lead()
    market.follow(idle.copier, other)
    order(other, "buy", "2")  # his copies are another matter
    order(idle.lead, "buy", "2")
    order(idle.lead, "sell", "2")  # had copies, has none
    order(idle.copier, "buy", "0.1", posSide="long")
    idle.stop(**left_out)
    assert not idle.is_copying()
    assert held(idle.copier) == {"long": "1.1"}
    assert copies(idle.copier, other) == [(BTC, "1")]


def test_zh_close_type_is_required_with_copies(scene: Scene) -> None:
    """有相关的跟单条目时必填"""
    needs_the_close_type_while_copies_are_open(scene, "zh-CN")


def test_zh_market_close(market: StillMarket, scene: Scene) -> None:
    """`market_close`: 立即市价全平"""
    closes_at_market(market, scene)


def test_zh_copy_close(market: StillMarket, scene: Scene) -> None:
    """`copy_close`：跟随交易员平仓"""
    follows_to_the_end(market, scene)


def test_zh_manual_close(market: StillMarket, scene: Scene) -> None:
    """`manual_close`: 手动处理"""
    leaves_it_to_the_copier(market, scene)


def test_zh_response_example(idle: Scene) -> None:
    """返回结果 {
        "code": "0",
        "data": [
            {
                "result": true
            }
        ],
        "msg": ""
    }
    """
    answers_like_the_example(idle)


def test_zh_result(scene: Scene) -> None:
    """result | Boolean | 设置结果
    `true`：设置成功"""
    answers_true_when_it_was_set(scene)
