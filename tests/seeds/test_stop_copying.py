"""POST / Stop copying (seeds/000): each sentence of the document, English, then Chinese."""

from tests.support.still_market import BTC, StillMarket, accepted, order, read

STOP = "stop-copy-trading"


def test_it_stops_copying(market: StillMarket) -> None:
    """You need to use this endpoint to stop copy trading"""
    lead = market.lead()
    copier = market.copier(lead)
    accepted(copier, STOP, uniqueCode=lead.unique_code)
    order(lead, "buy", "1")
    assert read(lead, f"account/positions?instId={BTC}")[0]["pos"] == "1"
    assert read(copier, "copytrading/current-subpositions?subPosType=copy") == []
