"""JSON: decode one order, encode one reply, encode a page of 100 rows; the same values for all."""

import json
import time
from collections.abc import Callable
from typing import Any

import msgspec
import orjson
import pydantic
from pydantic.alias_generators import to_camel

from bench.candidates.request import BODY, Envelope, Order, Placed
from bench.tables import digits, markdown

REPEATS = 9
_FIELDS = 32


class PydanticOrder(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(alias_generator=to_camel)

    inst_id: str
    td_mode: str
    side: str
    ord_type: str
    sz: str
    px: str = ""
    pos_side: str = ""
    cl_ord_id: str = ""
    tag: str = ""


class PydanticPlaced(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(alias_generator=to_camel, populate_by_name=True)

    ord_id: str
    cl_ord_id: str
    tag: str
    s_code: str
    s_msg: str
    ts: str


class PydanticEnvelope(pydantic.BaseModel):
    code: str
    msg: str
    data: list[PydanticPlaced]


_PLACED = {
    "ord_id": "312269865356374016",
    "cl_ord_id": "b15c0de000000001",
    "tag": "bench",
    "s_code": "0",
    "s_msg": "",
    "ts": "1763716137715",
}
_ROW_NAMES = [f"field{number}" for number in range(_FIELDS)]
_ROW = {name: f"{number * 1234567.25}" for number, name in enumerate(_ROW_NAMES)}
_StructRow = msgspec.defstruct("_StructRow", [(name, str) for name in _ROW_NAMES])
_ModelRow: Any = pydantic.create_model("_ModelRow", **dict.fromkeys(_ROW_NAMES, (str, ...)))


def camel_reply() -> dict[str, Any]:
    """Build the reply as a dict, spelled as on the wire."""
    return {"code": "0", "msg": "", "data": [{to_camel(k): v for k, v in _PLACED.items()}]}


def jobs() -> dict[str, dict[str, Callable[[], Any]]]:
    """Name each job, and for each library the call that does it."""
    decoder, encoder = msgspec.json.Decoder(Order), msgspec.json.Encoder()
    struct_page = [_StructRow(**_ROW) for _ in range(100)]
    model_page = [_ModelRow(**_ROW) for _ in range(100)]
    dict_page = [dict(_ROW) for _ in range(100)]
    pages = pydantic.TypeAdapter(list[_ModelRow])

    def stdlib(value: Any) -> bytes:
        return json.dumps(value, separators=(",", ":")).encode()

    def struct_reply() -> bytes:
        return encoder.encode(Envelope("0", "", [Placed(**_PLACED)]))

    def model_reply() -> bytes:
        rows = [PydanticPlaced(**_PLACED)]
        made = PydanticEnvelope(code="0", msg="", data=rows)
        return made.model_dump_json(by_alias=True).encode()

    def dict_reply(encode: Callable[[Any], bytes]) -> bytes:
        row = {
            "ordId": _PLACED["ord_id"],
            "clOrdId": _PLACED["cl_ord_id"],
            "tag": _PLACED["tag"],
            "sCode": "0",
            "sMsg": "",
            "ts": _PLACED["ts"],
        }
        return encode({"code": "0", "msg": "", "data": [row]})

    return {
        "decode an order (checked)": {
            "msgspec": lambda: decoder.decode(BODY),
            "pydantic": lambda: PydanticOrder.model_validate_json(BODY),
            "orjson (dict, unchecked)": lambda: orjson.loads(BODY),
            "json (dict, unchecked)": lambda: json.loads(BODY),
        },
        "build and encode a reply": {
            "msgspec": struct_reply,
            "pydantic": model_reply,
            "orjson (dict, unchecked)": lambda: dict_reply(orjson.dumps),
            "json (dict, unchecked)": lambda: dict_reply(stdlib),
        },
        "encode 100 rows x 32 fields": {
            "msgspec": lambda: encoder.encode(struct_page),
            "pydantic": lambda: pages.dump_json(model_page),
            "orjson (dict, unchecked)": lambda: orjson.dumps(dict_page),
            "json (dict, unchecked)": lambda: stdlib(dict_page),
        },
    }


def run() -> tuple[str, dict[str, dict[str, list[float]]]]:
    """Time every job with every library, in turn; microseconds."""
    found = jobs()
    for calls in found.values():
        answers = [call() for call in calls.values()]
        encoded = [json.loads(a) for a in answers if isinstance(a, bytes)]
        assert all(one == encoded[0] for one in encoded)
    times: dict[str, dict[str, list[float]]] = {job: {} for job in found}
    for _ in range(REPEATS):
        for job, calls in found.items():
            for library, call in calls.items():
                times[job].setdefault(library, []).append(_microseconds(call))
    return _table(times), times


def _microseconds(call: Callable[[], Any]) -> float:
    """Time one call as the mean of about 20 ms of calls."""
    begin = time.perf_counter_ns()
    call()
    calls = max(10, 20_000_000 // (time.perf_counter_ns() - begin + 1))
    begin = time.perf_counter_ns()
    for _ in range(calls):
        call()
    return (time.perf_counter_ns() - begin) / calls / 1000


def _table(times: dict[str, dict[str, list[float]]]) -> str:
    libraries = list(next(iter(times.values())))
    rows = []
    for job, found in times.items():
        cells = []
        for library in libraries:
            ordered = sorted(found[library])
            low, middle, high = ordered[0], ordered[len(ordered) // 2], ordered[-1]
            cells.append(f"{digits(low)} / **{digits(middle)}** / {digits(high)}")
        rows.append([job, *cells])
    note = f"Microseconds, min / **median** / max of {REPEATS} rounds in turn."
    return f"{note}\n\n{markdown(['job', *libraries], rows)}"
