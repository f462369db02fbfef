"""`step`: the one function that changes State. The dispatch table below is its table of contents.

What lives here: which handler takes which input, and the order of effects inside a step.
What it may touch: everything in the engine.
Always true: same State and Input give the same State and Output, byte for byte; a rejected
command changes
nothing but seq and time.
Start reading: `HANDLERS`, then `step`.

Order inside a step: the command itself, then the copies of every single-order fill it made (and of
the fills those copies made in resting orders), then, on a tick, triggers and loss limits, each
followed by its own fills.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from copydesk.engine.context import Context
from copydesk.engine.copying import (
    fan_out,
    fills,
    leads,
    loss_limits,
    relations,
    stop,
    sub_positions,
    triggers,
)
from copydesk.engine.exchange import accounts, closing, leverage, orders, quoting, ticks
from copydesk.engine.state import State
from copydesk.model import inputs
from copydesk.model.inputs import Stamped
from copydesk.model.outputs import Output, Reply
from copydesk.model.rejects import Reject

Handler = Callable[[State, Any, Context], Reply]

HANDLERS: dict[type, Handler] = {
    inputs.CreateAccount: accounts.create_account,
    inputs.Deposit: accounts.deposit,
    inputs.SetLiquidity: quoting.set_liquidity,
    inputs.PlaceOrder: orders.place_order,
    inputs.CancelOrder: orders.cancel_order,
    inputs.ClosePosition: closing.close_position,
    inputs.SetLeverage: leverage.set_leverage,
    inputs.SetPositionMode: leverage.set_position_mode,
    inputs.ApplyLeadTrading: leads.apply_lead_trading,
    inputs.StopLeadTrading: leads.stop_lead_trading,
    inputs.SetLeadInstruments: leads.set_lead_instruments,
    inputs.FirstCopySettings: relations.first_copy_settings,
    inputs.AmendCopySettings: relations.amend_copy_settings,
    inputs.StopCopying: stop.stop_copying,
    inputs.CloseSubPosition: sub_positions.close_sub_position,
    inputs.SetSubPositionStops: sub_positions.set_sub_position_stops,
    inputs.MarketTick: ticks.tick,
}


def step(state: State, stamped: Stamped) -> Output:
    """Apply one input. Inputs come in seq order without gaps, and time never falls."""
    scalars = state.scalars
    assert stamped.seq == scalars.seq + 1, "inputs are applied in order, each once"
    assert stamped.ts_ns >= scalars.ts_ns, "time never falls"
    scalars.seq, scalars.ts_ns = stamped.seq, stamped.ts_ns
    ctx = Context(stamped.seq, stamped.ts_ns, [])
    body = stamped.body
    reply = HANDLERS[type(body)](state, body, ctx)
    fills.drain(state, ctx)
    if isinstance(body, inputs.MarketTick) and not isinstance(reply, Reject):
        triggers.on_tick(state, ctx, np.frombuffer(body.inst_rows, dtype=np.int64))
        fills.drain(state, ctx)
        loss_limits.on_tick(state, ctx)
        fills.drain(state, ctx)
        fan_out.make_room(state)
    return Output(stamped.seq, stamped.ts_ns, reply, ctx.facts)
