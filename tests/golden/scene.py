"""The scene of the golden REST pairs: everybody has everything, so that no list is empty.

What lives here: `Scene`, the cases by file name, and the making of a case's answer.
What it may touch: `tests.support.floor`.
Always true: the same scene for every case; "$name" in a request stands for a value of the scene.
Start reading: `Scene`, `CASES`.

`python -m tests.golden.scene` writes the files anew: a change of a file is a change of the wire.
"""

from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from tests.support.floor import Floor

from copydesk.model.enums import MgnMode, PosSide, SubPosCloseType
from copydesk.model.inputs import SetLeverage

REST = Path(__file__).parent / "rest"
SWAP, ETH = "BTC-USDT-SWAP", "ETH-USDT-SWAP"

_PEOPLE = {"lead": 10_000, "copier": 10_000, "poor": 50, "spot": 10_000, "idle": 1_000}


class Scene:
    """A lead trader, a copier whose copy was made, one whose copy was not, and others."""

    def __init__(self) -> None:
        floor = self.floor = Floor()
        self.callers = {"public": -1}
        for name, usdt in _PEOPLE.items():
            self.callers[name] = floor.open_account(name, usdt)
        floor.tick(BTC_USDT_SWAP="100000", ETH_USDT_SWAP="2500", BTC_USDT="100000")
        lead, copier = self.callers["lead"], self.callers["copier"]
        floor.done(SetLeverage(copier, floor.row(SWAP), MgnMode.CROSS, PosSide.NET, 20))
        floor.post("copytrading/apply-lead-trading", lead, instId=SWAP)
        floor.post("copytrading/apply-lead-trading", self.callers["idle"], instId=ETH)
        for name in ("copier", "poor"):
            self.copy(name)
        self.trade(lead, "buy", "1")
        floor.tick(after_ms=60_000, BTC_USDT_SWAP="100500")
        self.trade(lead, "buy", "2")
        self.trade(lead, "sell", "1.5")
        floor.post(
            "trade/order",
            lead,
            instId=SWAP,
            tdMode="cross",
            side="buy",
            ordType="limit",
            px="90000",
            sz="0.5",
            clOrdId="resting1",
        )
        floor.post(
            "trade/order",
            self.callers["spot"],
            instId="BTC-USDT",
            tdMode="cash",
            side="buy",
            ordType="market",
            sz="500",
        )

    def copy(self, name: str) -> None:
        """Let somebody copy the lead trader."""
        self.floor.post(
            "copytrading/first-copy-settings",
            self.callers[name],
            uniqueCode=self.floor.code(self.callers["lead"]),
            copyMgnMode="cross",
            copyInstIdType="copy",
            copyMode="ratio_copy",
            copyRatio="0.5",
            copyTotalAmt="5000",
            tpRatio="0.5",
            slTotalAmt="400",
            subPosCloseType=SubPosCloseType.COPY_CLOSE.wire,
        )

    def trade(self, account_row: int, side: str, sz: str) -> None:
        """Trade the swap at market."""
        self.floor.post(
            "trade/order",
            account_row,
            instId=SWAP,
            tdMode="cross",
            side=side,
            ordType="market",
            sz=sz,
        )

    def value(self, name: str) -> str:
        """Look up a placeholder."""
        floor, lead = self.floor, self.callers["lead"]
        if name == "lead_code":
            return floor.code(lead)
        if name == "pending":
            return str(floor.get("trade/orders-pending", lead)[0]["ordId"])
        assert name == "sub_pos_id", name
        return str(floor.get("copytrading/current-subpositions", lead)[0]["subPosId"])

    def answer(self, case: "Case") -> dict[str, Any]:
        """Ask the endpoint of a case."""
        given = {
            key: self.value(text[1:]) if isinstance(text, str) and text.startswith("$") else text
            for key, text in case.request.items()
        }
        return self.floor.ask(case.method, case.path, self.callers[case.caller], given)


class Case(NamedTuple):
    """Who asks what."""

    method: str
    path: str
    caller: str
    request: dict[str, object]

    @property
    def file(self) -> Path:
        """The file of the pair."""
        name = self.path.removeprefix("/api/v5/").replace("/", "_")
        return REST / f"{self.method.lower()}_{name}.json"


def _case(line: str, **request: object) -> Case:
    method, path, caller = line.split()
    return Case(method, f"/api/v5/{path}", caller, request)


_ORDER: dict[str, object] = {
    "instId": SWAP,
    "tdMode": "cross",
    "side": "buy",
    "ordType": "market",
    "sz": "0.1",
    "ccy": "",
    "clOrdId": "golden1",
    "px": "",
    "attachAlgoOrds": None,
}
_SETTINGS: dict[str, object] = {
    "instType": "SWAP",
    "uniqueCode": "$lead_code",
    "copyMgnMode": "cross",
    "copyInstIdType": "copy",
    "copyMode": "ratio_copy",
    "copyRatio": "1",
    "copyTotalAmt": "500",
    "subPosCloseType": "copy_close",
}

CASES = (
    _case("POST trade/order lead", **_ORDER),
    _case("POST trade/batch-orders lead", **_ORDER),
    _case("POST trade/cancel-order lead", instId=SWAP, ordId="$pending"),
    _case("POST trade/cancel-batch-orders lead", instId=SWAP, clOrdId="resting1"),
    _case("POST trade/close-position lead", instId=SWAP, mgnMode="cross"),
    _case("GET trade/order lead", instId=SWAP, ordId="$pending"),
    _case("GET trade/orders-pending lead"),
    _case("GET trade/orders-history copier", instType="SWAP"),
    _case("GET trade/fills copier", instType="SWAP"),
    _case("GET trade/fills-history spot", instType="SPOT"),
    _case("GET account/balance copier"),
    _case("GET account/positions copier", instId=SWAP),
    _case("GET account/config lead"),
    _case("GET account/bills copier"),
    _case("GET account/leverage-info copier", instId=SWAP, mgnMode="cross"),
    _case("POST account/set-leverage spot", instId=SWAP, lever=5, mgnMode="cross"),
    _case("POST account/set-position-mode poor", posMode="net_mode"),
    _case("GET asset/currencies copier"),
    _case("GET public/instruments public", instType="SWAP", instId=SWAP),
    _case("GET public/time public"),
    _case("GET public/mark-price public", instId=SWAP),
    _case("GET public/funding-rate public", instId=SWAP),
    _case("GET system/status public"),
    _case("GET market/ticker public", instId=SWAP),
    _case("GET market/tickers public", instType="SWAP"),
    _case("GET market/books public", instId=SWAP, sz="2"),
    _case("GET market/candles public", instId=SWAP, bar="1m"),
    _case("POST copytrading/apply-lead-trading spot", instId=f"{SWAP},{ETH}"),
    _case("POST copytrading/stop-lead-trading idle"),
    _case("GET copytrading/instruments lead"),
    _case("POST copytrading/set-instruments lead", instId=f"{SWAP},{ETH}"),
    _case("POST copytrading/first-copy-settings spot", **_SETTINGS),
    _case("POST copytrading/amend-copy-settings copier", **_SETTINGS),
    _case(
        "POST copytrading/stop-copy-trading copier",
        instType="SWAP",
        uniqueCode="$lead_code",
        subPosCloseType="manual_close",
    ),
    _case("GET copytrading/copy-settings copier", uniqueCode="$lead_code"),
    _case("GET copytrading/current-lead-traders copier"),
    _case("GET copytrading/config lead"),
    _case("GET copytrading/current-subpositions lead", instId=SWAP),
    _case("GET copytrading/subpositions-history copier", subPosType="copy"),
    _case("POST copytrading/close-subposition lead", subPosId="$sub_pos_id", tag="bye"),
    _case("POST copytrading/algo-order lead", subPosId="$sub_pos_id", tpTriggerPx="120000"),
    _case("GET copytrading/copy-reasons poor"),
    _case("GET copytrading/public-config public"),
)


def shape(value: object) -> object:
    """Give the JSON types of an answer's row, fields in their order."""
    if isinstance(value, dict):
        return {name: shape(part) for name, part in value.items()}
    if isinstance(value, list):
        return [shape(part) for part in value[:1]]
    return {bool: "boolean", int: "integer", str: "string", type(None): "null"}[type(value)]


def _write() -> None:
    REST.mkdir(exist_ok=True)
    for case in CASES:
        answer = Scene().answer(case)
        assert answer["code"] == "0", (case, answer)
        pair = {
            "method": case.method,
            "path": case.path,
            "caller": case.caller,
            "request": case.request,
            "rows": [shape(row) for row in answer["data"][:1]],
            "example": {**answer, "data": answer["data"][:2]},
        }
        case.file.write_bytes(msgspec.json.format(msgspec.json.encode(pair), indent=1) + b"\n")


if __name__ == "__main__":
    _write()
