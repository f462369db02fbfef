"""The error table: whole, in both languages, and the choice between them."""

import re

import pytest

from copydesk.api.errors import TEXTS, DoorCode, Locale, Refusal, locale_of, render
from copydesk.model.rejects import Code, Reject

HAN = re.compile(r"[\u4e00-\u9fff]")
PLACEHOLDER = re.compile(r"\{(\w+)\}")


@pytest.mark.parametrize("code", [*Code, *DoorCode], ids=str)
def test_every_code_has_a_text_in_both_languages(code: Code | DoorCode) -> None:
    refused = Reject(code) if isinstance(code, Code) else Refusal(code)
    english, chinese = render(refused, "en"), render(refused, "zh")
    assert english.code == chinese.code == str(int(code))
    assert english.http == chinese.http
    assert english.msg
    assert not HAN.search(english.msg)
    assert HAN.search(chinese.msg)


def test_the_table_is_whole() -> None:
    assert len(TEXTS) > 500
    for code, (http, en, zh, params) in TEXTS.items():
        assert 200 <= http <= 503, code
        assert set(PLACEHOLDER.findall(en)) <= set(params), code
        assert set(PLACEHOLDER.findall(zh)) <= set(params), code
        assert set(params) <= set(PLACEHOLDER.findall(en + zh)), code


def test_params_fill_the_placeholders_in_order() -> None:
    reject = Reject(Code.TOO_MANY_ITEMS, ("orders", "20"))
    assert render(reject, "en").msg == "orders may hold at most 20 items."
    assert render(reject, "zh").msg == "orders 最多只能包含 20 项。"
    assert render(Reject(Code.PARAMETER_ERROR, ("{param0}",)), "en").msg.startswith(
        "Parameter {param0} is"
    )


def test_a_variant_has_its_own_text_but_the_plain_code() -> None:
    plain, variant = Reject(Code.TIER_EXCEEDED), Reject(Code.TIER_EXCEEDED, (), "1101")
    assert render(variant, "en").code == "51004"
    assert render(variant, "en").msg != render(plain, "en").msg


def test_an_unknown_variant_falls_back_to_the_plain_text() -> None:
    plain, variant = Reject(Code.PARAMETER_ERROR, ("a",)), Reject(Code.PARAMETER_ERROR, ("a",), "9")
    assert render(variant, "en") == render(plain, "en")


@pytest.mark.parametrize(
    "code, http",
    [
        (DoorCode.SIGN_WRONG, 401),
        (DoorCode.KEY_UNKNOWN, 200),
        (DoorCode.PERMISSION_MISSING, 200),
        (DoorCode.TOO_MANY_REQUESTS, 429),
        (DoorCode.METHOD_NOT_ALLOWED, 405),
        (DoorCode.SERVICE_DOWN, 503),
        (DoorCode.INTERNAL, 500),
        (DoorCode.JSON_INVALID, 400),
        (DoorCode.NOT_FOUND, 404),
    ],
)
def test_http_statuses(code: DoorCode, http: int) -> None:
    assert render(Refusal(code), "en").http == http


@pytest.mark.parametrize(
    "header, locale",
    [
        ("", "en"),
        ("zh-CN", "zh"),
        ("zh", "zh"),
        ("zh-Hans", "zh"),
        ("ZH-cn,zh;q=0.9,en;q=0.8", "zh"),
        ("en-US,en;q=0.9,zh-CN;q=0.8", "en"),
        ("en;q=0.5, zh;q=0.9", "zh"),
        ("fr-FR, de;q=0.9", "en"),
        ("fr-FR, zh;q=0.1", "zh"),
        ("*", "en"),
        ("zh;q=0", "en"),
        ("zh;q=nan", "en"),
        (";;;,,,q=", "en"),
        ("zhx", "en"),
    ],
)
def test_accept_language(header: str, locale: Locale) -> None:
    assert locale_of(header) == locale
