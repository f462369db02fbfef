"""THE endpoint table: every path of the REST door, who may call it, how often, and what happens.

What lives here: `ENDPOINTS`; a row joins a request type of `wire/` with a handler of `handlers/`.
What it may touch: everything of `api`. Only `node` and tests read it.
Always true: (method, path) is unique; a path that is not here answers 404.
Start reading: `ENDPOINTS`.
"""

from typing import Any, Final, Literal, TypeVar

import msgspec

from copydesk.api.desk import Permission
from copydesk.api.endpoint import Answers, Endpoint, Handler, Limit, Scope
from copydesk.api.handlers import account as on_account
from copydesk.api.handlers import copytrading as on_copytrading
from copydesk.api.handlers import market as on_market
from copydesk.api.handlers import public as on_public
from copydesk.api.handlers import trade as on_trade
from copydesk.api.wire import account, copytrading, market, public, trade

R = TypeVar("R", bound=msgspec.Struct)

_USER_5 = Limit(5)
_USER_10 = Limit(10)
_USER_20 = Limit(20)
_USER_60 = Limit(60)
_PLACE = Limit(60, scope=Scope.USER_INSTRUMENT, lead_count=4, account_count=1_000, bucket="place")
_PLACE_BATCH = Limit(
    300, scope=Scope.USER_INSTRUMENT, lead_count=4, account_count=1_000, bucket="place-batch"
)
_CANCEL = Limit(60, scope=Scope.USER_INSTRUMENT, bucket="cancel")
_CANCEL_BATCH = Limit(300, scope=Scope.USER_INSTRUMENT, bucket="cancel-batch")


def _read(path: str, request: type[R], handler: Handler[R], limit: Limit) -> Endpoint[R]:
    return Endpoint(
        method="GET",
        path=path,
        permission=Permission.READ,
        limit=limit,
        request=request,
        handler=handler,
    )


def _write(path: str, request: type[R], handler: Handler[R], limit: Limit) -> Endpoint[R]:
    return Endpoint(
        method="POST",
        path=path,
        permission=Permission.TRADE,
        limit=limit,
        request=request,
        handler=handler,
    )


def _public(
    path: str,
    request: type[R],
    handler: Handler[R],
    count: int,
    scope: Literal[Scope.IP, Scope.IP_INSTRUMENT] = Scope.IP,
) -> Endpoint[R]:
    return Endpoint(
        method="GET",
        path=path,
        permission=Permission.NONE,
        limit=Limit(count, scope=scope),
        request=request,
        handler=handler,
    )


def _order(
    path: str,
    request: type[R],
    handler: Handler[R],
    limit: Limit,
    single_limit: Limit | None = None,
) -> Endpoint[R]:
    """Make the row of an order operation; with `single_limit` that of its batch form."""
    return Endpoint(
        method="POST",
        path=path,
        permission=Permission.TRADE,
        limit=limit,
        request=request,
        handler=handler,
        answers=Answers.ORDER_ROWS,
        batch=0 if single_limit is None else 20,
        single_limit=single_limit,
        takes_exp_time=limit.bucket.startswith("place"),
    )


_TRADE: Final[tuple[Endpoint[Any], ...]] = (
    _order("/api/v5/trade/order", trade.PlaceOrder, on_trade.place_order, _PLACE),
    _order(
        "/api/v5/trade/batch-orders",
        trade.PlaceOrder,
        on_trade.place_order,
        _PLACE_BATCH,
        single_limit=_PLACE,
    ),
    _order("/api/v5/trade/cancel-order", trade.CancelOrder, on_trade.cancel_order, _CANCEL),
    _order(
        "/api/v5/trade/cancel-batch-orders",
        trade.CancelOrder,
        on_trade.cancel_order,
        _CANCEL_BATCH,
        single_limit=_CANCEL,
    ),
    _write(
        "/api/v5/trade/close-position",
        trade.ClosePosition,
        on_trade.close_position,
        Limit(20, scope=Scope.USER_INSTRUMENT),
    ),
    _read(
        "/api/v5/trade/order",
        trade.GetOrder,
        on_trade.get_order,
        Limit(60, scope=Scope.USER_INSTRUMENT),
    ),
    _read(
        "/api/v5/trade/orders-pending", trade.GetOrdersPending, on_trade.orders_pending, _USER_60
    ),
    _read(
        "/api/v5/trade/orders-history",
        trade.GetOrdersHistory,
        on_trade.orders_history,
        Limit(40),
    ),
    _read("/api/v5/trade/fills", trade.GetFills, on_trade.fills, _USER_60),
    _read("/api/v5/trade/fills-history", trade.GetFills, on_trade.fills, _USER_10),
)

_ACCOUNT: Final[tuple[Endpoint[Any], ...]] = (
    _read("/api/v5/account/balance", account.GetBalance, on_account.balance, _USER_10),
    _read("/api/v5/account/positions", account.GetPositions, on_account.positions, _USER_10),
    _read("/api/v5/account/config", account.GetConfig, on_account.config, _USER_5),
    _read("/api/v5/account/bills", account.GetBills, on_account.bills, Limit(5, seconds=1)),
    _read(
        "/api/v5/account/leverage-info",
        account.GetLeverage,
        on_account.leverage_info,
        _USER_20,
    ),
    _write("/api/v5/account/set-leverage", account.SetLeverage, on_account.set_leverage, _USER_20),
    _write(
        "/api/v5/account/set-position-mode",
        account.SetPositionMode,
        on_account.set_position_mode,
        _USER_5,
    ),
    _read("/api/v5/asset/currencies", account.GetCurrencies, on_account.currencies, _USER_10),
)

_PUBLIC: Final[tuple[Endpoint[Any], ...]] = (
    _public("/api/v5/public/instruments", public.GetInstruments, on_public.instruments, 20),
    _public("/api/v5/public/time", public.GetTime, on_public.time, 10),
    _public(
        "/api/v5/public/mark-price",
        public.GetMarkPrice,
        on_public.mark_price,
        10,
        Scope.IP_INSTRUMENT,
    ),
    _public(
        "/api/v5/public/funding-rate",
        public.GetFundingRate,
        on_public.funding_rate,
        10,
        Scope.IP_INSTRUMENT,
    ),
    Endpoint(
        method="GET",
        path="/api/v5/system/status",
        permission=Permission.NONE,
        limit=Limit(1, seconds=5, scope=Scope.IP),
        request=public.GetStatus,
        handler=on_public.status,
    ),
    _public("/api/v5/market/ticker", market.GetTicker, on_market.ticker, 20),
    _public("/api/v5/market/tickers", market.GetTickers, on_market.tickers, 20),
    _public("/api/v5/market/books", market.GetBooks, on_market.books, 40),
    _public("/api/v5/market/candles", market.GetCandles, on_market.candles, 40),
)

_COPYTRADING: Final[tuple[Endpoint[Any], ...]] = (
    _write(
        "/api/v5/copytrading/apply-lead-trading",
        copytrading.ApplyLeadTrading,
        on_copytrading.apply_lead_trading,
        _USER_5,
    ),
    _write(
        "/api/v5/copytrading/stop-lead-trading",
        copytrading.StopLeadTrading,
        on_copytrading.stop_lead_trading,
        _USER_5,
    ),
    _read(
        "/api/v5/copytrading/instruments",
        copytrading.GetLeadInstruments,
        on_copytrading.lead_instruments,
        _USER_5,
    ),
    _write(
        "/api/v5/copytrading/set-instruments",
        copytrading.SetLeadInstruments,
        on_copytrading.set_instruments,
        _USER_5,
    ),
    _write(
        "/api/v5/copytrading/first-copy-settings",
        copytrading.CopySettings,
        on_copytrading.first_copy_settings,
        _USER_5,
    ),
    _write(
        "/api/v5/copytrading/amend-copy-settings",
        copytrading.CopySettings,
        on_copytrading.amend_copy_settings,
        _USER_5,
    ),
    _write(
        "/api/v5/copytrading/stop-copy-trading",
        copytrading.StopCopyTrading,
        on_copytrading.stop_copy_trading,
        _USER_5,
    ),
    _read(
        "/api/v5/copytrading/copy-settings",
        copytrading.GetCopySettings,
        on_copytrading.copy_settings,
        _USER_5,
    ),
    _read(
        "/api/v5/copytrading/current-lead-traders",
        copytrading.GetCurrentLeadTraders,
        on_copytrading.current_lead_traders,
        _USER_5,
    ),
    _read("/api/v5/copytrading/config", copytrading.GetConfig, on_copytrading.config, _USER_5),
    _read(
        "/api/v5/copytrading/current-subpositions",
        copytrading.GetSubPositions,
        on_copytrading.current_subpositions,
        _USER_20,
    ),
    _read(
        "/api/v5/copytrading/subpositions-history",
        copytrading.GetSubPositionsHistory,
        on_copytrading.subpositions_history,
        _USER_20,
    ),
    _write(
        "/api/v5/copytrading/close-subposition",
        copytrading.CloseSubPosition,
        on_copytrading.close_subposition,
        _USER_20,
    ),
    _write(
        "/api/v5/copytrading/algo-order",
        copytrading.SetSubPositionStops,
        on_copytrading.algo_order,
        _USER_20,
    ),
    _read(  # our own: why copies were not made (not on OKX)
        "/api/v5/copytrading/copy-reasons",
        copytrading.GetCopyReasons,
        on_copytrading.copy_reasons,
        _USER_20,
    ),
    Endpoint(
        method="GET",
        path="/api/v5/copytrading/public-config",
        permission=Permission.NONE,
        limit=Limit(5, scope=Scope.IP),
        request=copytrading.GetPublicConfig,
        handler=on_copytrading.public_config,
        optional_auth=True,
    ),
)

ENDPOINTS: Final[tuple[Endpoint[Any], ...]] = _TRADE + _ACCOUNT + _PUBLIC + _COPYTRADING
