"""/api/v5/market: tickers, books, candles.

What lives here: the handlers of the family.
What it may touch: `wire`, `views`, `model`, `handlers.names`.
Always true: an unknown instrument is 51001.
Start reading: `ticker`.
"""

from copydesk.api.endpoint import Answer, Call
from copydesk.api.handlers import names
from copydesk.api.wire import market as wire
from copydesk.model.enums import InstType
from copydesk.model.rejects import Reject
from copydesk.views.candles import candles_of
from copydesk.views.markets import book_of, ticker_of, tickers_of


async def ticker(call: Call[wire.GetTicker]) -> Answer:
    """Read one ticker."""
    inst = names.instrument(call.desk, call.request.inst_id)
    if isinstance(inst, Reject):
        return inst
    row = inst.row
    return (wire.ticker_row(await call.desk.read(lambda state: ticker_of(state, row))),)


async def tickers(call: Call[wire.GetTickers]) -> Answer:
    """Read the tickers of a product line: of the instruments that have had a price."""
    inst_type = InstType.from_wire(call.request.inst_type)
    if inst_type is None:
        return ()
    family = call.request.inst_family or call.request.uly
    found = await call.desk.read(lambda state: tickers_of(state, inst_type, family))
    return [wire.ticker_row(view) for view in found]


async def books(call: Call[wire.GetBooks]) -> Answer:
    """Read a book."""
    inst = names.instrument(call.desk, call.request.inst_id)
    if isinstance(inst, Reject):
        return inst
    row, depth = inst.row, call.request.sz
    return (wire.book_row(await call.desk.read(lambda state: book_of(state, row, depth))),)


async def candles(call: Call[wire.GetCandles]) -> Answer:
    """Read candles, newest first."""
    request = call.request
    inst = names.instrument(call.desk, request.inst_id)
    if isinstance(inst, Reject):
        return inst
    row, page = inst.row, names.page(request)
    found = await call.desk.read(lambda state: candles_of(state, row, request.bar, page))
    return [wire.candle_row(inst, view) for view in found]
