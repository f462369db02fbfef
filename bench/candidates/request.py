"""The one request of the web comparison: a signed OKX order, checked, decoded, answered.

Always true: every server does exactly this work: HMAC over the bytes as received, constant-time
comparison, typed decode, envelope encoded. What differs is only how the bytes get in and out.
"""

import base64
import hashlib
import hmac

import msgspec

PATH = "/api/v5/trade/order"
TIMESTAMP = "2026-11-21T09:08:57.715Z"
SECRET = b"22582BD0CFF14C41EDBF1AB98506286D"
KEY = "37c541a1-0000-4000-8000-10fe7a038418"
PASSPHRASE = "correct horse"
BODY = (
    b'{"instId":"BTC-USDT-SWAP","tdMode":"cross","clOrdId":"b15c0de000000001","side":"buy",'
    b'"ordType":"limit","px":"75000.1","sz":"1.25","posSide":"net","tag":"bench"}'
)
_KEYED = hmac.new(SECRET, digestmod=hashlib.sha256)


class Order(msgspec.Struct, rename="camel"):
    inst_id: str
    td_mode: str
    side: str
    ord_type: str
    sz: str
    px: str = ""
    pos_side: str = ""
    cl_ord_id: str = ""
    tag: str = ""


class Placed(msgspec.Struct, rename="camel"):
    ord_id: str
    cl_ord_id: str
    tag: str
    s_code: str
    s_msg: str
    ts: str


class Envelope(msgspec.Struct):
    code: str
    msg: str
    data: list[Placed]


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Order)


def sign(timestamp: str, method: str, path: str, body: bytes) -> bytes:
    """Sign as OKX does."""
    keyed = _KEYED.copy()
    keyed.update(f"{timestamp}{method}{path}".encode() + body)
    return base64.b64encode(keyed.digest())


def headers() -> dict[str, str]:
    """Give the headers of the one request."""
    return {
        "Content-Type": "application/json",
        "OK-ACCESS-KEY": KEY,
        "OK-ACCESS-SIGN": sign(TIMESTAMP, "POST", PATH, BODY).decode(),
        "OK-ACCESS-TIMESTAMP": TIMESTAMP,
        "OK-ACCESS-PASSPHRASE": PASSPHRASE,
    }


def handle(signature: bytes, timestamp: str, path: str, body: bytes) -> bytes:
    """Check, decode and answer one order."""
    if not hmac.compare_digest(signature, sign(timestamp, "POST", path, body)):
        return b'{"code":"50113","msg":"Invalid Sign","data":[]}'
    order = _DECODER.decode(body)
    placed = Placed("312269865356374016", order.cl_ord_id, order.tag, "0", "", "1763716137715")
    return _ENCODER.encode(Envelope("0", "", [placed]))
