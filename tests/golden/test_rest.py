"""Every endpoint has a golden pair, and answers exactly the documented fields in their order.

`documented_rows.json` holds the field lists of the documentation as they stood when the wire was
built; what is ours alone is checked against its golden pair only.
"""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.golden.scene import CASES, REST, Case, Scene, shape

from copydesk.api.endpoints import ENDPOINTS

DOCUMENTED: dict[str, Any] = msgspec.json.decode(
    (Path(__file__).parent / "documented_rows.json").read_bytes()
)
OURS = {"GET /api/v5/copytrading/copy-reasons"}
ALWAYS_EMPTY = {"GET /api/v5/asset/currencies", "GET /api/v5/system/status"}


def name(case: Case) -> str:
    return f"{case.method} {case.path}"


@pytest.mark.parametrize("case", CASES, ids=name)
def test_the_answer_has_the_shape_of_its_golden_pair(case: Case) -> None:
    pair = msgspec.json.decode(case.file.read_bytes())
    assert (pair["method"], pair["path"]) == (case.method, case.path)
    assert pair["request"] == case.request
    answer = Scene().answer(case)
    assert answer["code"] == "0"
    assert answer["msg"] == ""
    (wanted,) = pair["rows"] or [None]
    assert bool(answer["data"]) == (wanted is not None)
    for row in answer["data"]:
        assert_shape(row, wanted)
    for row in pair["example"]["data"]:
        assert_shape(row, wanted)


def assert_shape(row: object, wanted: object) -> None:
    """Same fields in the same order, same types; an empty list fits any list."""
    if isinstance(row, dict) and isinstance(wanted, dict):
        assert list(row) == list(wanted)
        for field, part in row.items():
            assert_shape(part, wanted[field])
    elif isinstance(row, list) and isinstance(wanted, list):
        for part in row:
            if wanted:
                assert_shape(part, wanted[0])
    else:
        assert shape(row) == wanted


@pytest.mark.parametrize("case", CASES, ids=name)
def test_the_golden_pair_has_exactly_the_documented_fields(case: Case) -> None:
    if name(case) in OURS:
        return
    documented = DOCUMENTED[name(case)]
    (row,) = msgspec.json.decode(case.file.read_bytes())["rows"] or [None]
    if name(case) in ALWAYS_EMPTY:
        assert row is None
    else:
        assert_documented(row, documented)


def assert_documented(row: Any, documented: Any) -> None:
    if isinstance(documented, dict):
        assert list(row) == list(documented)
        for field, part in documented.items():
            assert_documented(row[field], part)
    elif isinstance(documented, list):
        assert isinstance(row, list)
        if row and isinstance(documented[0], dict):
            assert_documented(row[0], documented[0])
    else:
        assert row == documented


def test_every_endpoint_has_a_golden_pair() -> None:
    table = {f"{endpoint.method} {endpoint.path}" for endpoint in ENDPOINTS}
    assert {name(case) for case in CASES} == table
    assert {case.file for case in CASES} == set(REST.glob("*.json"))


def test_every_documented_row_belongs_to_an_endpoint() -> None:
    assert set(DOCUMENTED) | OURS == {name(case) for case in CASES}


def test_a_request_of_python_okx_with_blanks_is_taken() -> None:
    """The client sends every optional key as "" or null; absent is what they mean."""
    scene = Scene()
    given: dict[str, object] = {
        "instId": "BTC-USDT-SWAP",
        "tdMode": "cross",
        "side": "buy",
        "ordType": "market",
        "sz": "1",
        **dict.fromkeys(
            ("ccy", "clOrdId", "tag", "posSide", "px", "reduceOnly", "tgtCcy", "stpMode"), ""
        ),
        "attachAlgoOrds": None,
    }
    assert scene.floor.post("trade/order", scene.callers["lead"], **given)[0]["sCode"] == "0"
