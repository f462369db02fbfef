"""The contracts of OKX's published examples: BTC of 0.001, ETH of 0.01 coins (rules 15)."""

from copydesk.model.instruments import Instrument, InstrumentTable

_SWAP = {
    "instType": "SWAP",
    "instId": "BTC-USDT-SWAP",
    "instFamily": "BTC-USDT",
    "uly": "BTC-USDT",
    "baseCcy": "",
    "quoteCcy": "",
    "settleCcy": "USDT",
    "ctVal": "0.001",
    "ctMult": "1",
    "ctValCcy": "BTC",
    "ctType": "linear",
    "tickSz": "0.1",
    "lotSz": "1",
    "minSz": "1",
    "maxMktSz": "100000",
    "maxLmtSz": "100000",
    "lever": "100",
    "instIdCode": "1",
    "state": "live",
}
_ETH = {
    **_SWAP,
    "instId": "ETH-USDT-SWAP",
    "instFamily": "ETH-USDT",
    "uly": "ETH-USDT",
    "ctVal": "0.01",
    "ctValCcy": "ETH",
    "tickSz": "0.01",
}
_SPOT = {
    **_SWAP,
    "instType": "SPOT",
    "instId": "BTC-USDT",
    "instFamily": "",
    "uly": "",
    "baseCcy": "BTC",
    "quoteCcy": "USDT",
    "settleCcy": "",
    "ctVal": "",
    "ctMult": "",
    "ctValCcy": "",
    "ctType": "",
    "lotSz": "0.00000001",
    "minSz": "0.00001",
    "lever": "10",
}

TABLE = InstrumentTable.from_rows([_SWAP, _ETH, _SPOT])
BTC, ETH, BTC_SPOT = TABLE.instruments


def value_e8(inst: Instrument, px: str, lots: int) -> int:
    """Value of a size at a price given as text."""
    ticks = inst.tick.count(px)
    assert ticks is not None, px
    return inst.value_e8(ticks, lots)


def ticks(inst: Instrument, px: str) -> int:
    """Ticks of a price given as text."""
    found = inst.tick.count(px)
    assert found is not None, px
    return found
