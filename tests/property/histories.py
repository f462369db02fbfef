"""Generated histories: a few lead traders, copy traders and strangers, told in small numbers.

What lives here: the alphabet of a history, how hypothesis makes one, how a world lives through it.
What it may touch: `World` (or `Pair`), `model`.
Always true: a history is plain data; printed, it is the bug report.
Start reading: `live`.
"""

from typing import NamedTuple

from hypothesis import strategies as st
from tests.support.world import (
    BTC,
    MIN,
    OPENING,
    World,
    order,
    ratio,
    settings,
    small_table,
)

from copydesk.engine.genesis import new_state
from copydesk.engine.state import State
from copydesk.model import inputs
from copydesk.model.amounts import E8
from copydesk.model.enums import (
    CopyMgnMode,
    InstType,
    MgnMode,
    OrdType,
    PosMode,
    PosSide,
    Side,
    SubPosCloseType,
    SubPosType,
    TdMode,
    TriggerPxType,
)
from copydesk.model.inputs import CopySettings

TRADED = (BTC, MIN)
FUNDING = {BTC: (15_000, 200_000), MIN: (20_000, -300_000)}  # every 15 and 20 seconds, in 1e-9
WAYS = (*SubPosCloseType, None)


class Act(NamedTuple):
    """What happens, who does it, to what, and how much: small numbers, read modulo."""

    what: str
    who: int = 0
    which: int = 0
    much: int = 0
    more: int = 0


class Cast(NamedTuple):
    leads: list[int]
    copiers: list[int]
    strangers: list[int]


WEIGHTS = {
    "lead order": 14,
    "tick": 9,
    "first": 3,
    "stranger rests": 4,
    "copier order": 3,
    "stop": 3,
    "liquidity": 2,
    "amend": 2,
    "led": 2,
    "close sub-position": 1,
    "stops of sub-position": 1,
    "close position": 1,
    "cancel": 1,
    "leverage": 1,
    "mode": 1,
    "money": 1,
    "quit": 1,
    "apply": 1,
}
# Copy traders who rest orders in the way of everybody's copies: for the engine alone, because the
# oracle knows no holds.
WILD = WEIGHTS | {"copier rests": 5, "stranger rests": 2}


def acts(weights: dict[str, int]) -> st.SearchStrategy[Act]:
    return st.builds(
        Act,
        what=st.sampled_from([what for what, weight in weights.items() for _ in range(weight)]),
        who=st.integers(0, 3),
        which=st.integers(0, 11),
        much=st.integers(0, 99),
        more=st.integers(0, 99),
    )


HISTORIES = st.lists(acts(WEIGHTS), max_size=40)
LONG_HISTORIES = st.lists(acts(WEIGHTS), min_size=20, max_size=120)
WILD_HISTORIES = st.lists(acts(WILD), max_size=40)
LONG_WILD_HISTORIES = st.lists(acts(WILD), min_size=20, max_size=120)


def beginning() -> State:
    """The State before the first input: the small table, with funding that is felt."""
    return new_state(small_table(), FUNDING)


def people(world: World) -> Cast:
    """Two lead traders (one in long/short mode), four copy traders (two of them), two strangers.

    Everybody copies the first lead trader already, two the second one too.
    """
    world.open_market()
    leads = [world.account(50_000, "lead") for _ in range(2)]
    copiers = [world.account(deposit, "copier") for deposit in (10_000, 3_000, 300, 10_000)]
    strangers = [world.account(10_000_000, "stranger") for _ in range(2)]
    for row in (leads[1], copiers[1], copiers[3]):
        world.ok(inputs.SetPositionMode(row, PosMode.LONG_SHORT))
    for lead in leads:
        world.ok(inputs.ApplyLeadTrading(lead, InstType.SWAP, TRADED))
    limits: dict[str, object] = {"tp_ratio_ppm": 300_000, "sl_total_amt_e8": 50 * E8}
    ways = (settings(**limits), ratio(333_333), ratio(1_000_000, **limits), settings())
    for copier, way in zip(copiers, ways, strict=True):
        world.ok(inputs.FirstCopySettings(copier, leads[0], way))
    for copier in (copiers[1], copiers[3]):
        world.ok(inputs.FirstCopySettings(copier, leads[1], ratio(2_500_000)))
    return Cast(leads, copiers, strangers)


def chosen(act: Act) -> CopySettings:
    """Settings of many kinds from one number."""
    close_type = SubPosCloseType(act.more % 3)
    mode = CopyMgnMode(act.much % 3)
    common: dict[str, object] = {
        "copy_mgn_mode": mode,
        "sub_pos_close_type": close_type,
        "tp_ratio_ppm": (0, 50_000, 300_000)[act.more % 7 % 3],
        "sl_ratio_ppm": (0, 40_000, 200_000)[act.more % 5 % 3],
        "sl_total_amt_e8": (0, 0, 5 * E8, 50 * E8)[act.more % 4],
        "copy_total_amt_e8": (30_000 * E8, 150 * E8)[act.much % 5 == 4],
        "inst_rows": (None, None, (BTC,), (MIN,), (BTC, MIN))[act.much % 11 % 5],
    }
    if act.much % 2:
        return ratio((10_000, 333_333, 1_000_000, 2_500_000)[act.more % 4], **common)
    return settings(copy_amt_e8=(20 * E8, 100 * E8, 150 * E8)[act.more % 3], **common)


def live(world: World, cast: Cast, act: Act) -> None:
    """Let one act happen; refusals are part of life."""
    deeds = {
        "lead order": _order,
        "copier order": _order,
        "copier rests": _order,
        "stranger rests": _order,
        "tick": _tick,
        "liquidity": _liquidity,
        "close sub-position": _close_sub_position,
        "stops of sub-position": _stops,
        "close position": _close_position,
        "cancel": _cancel,
        "leverage": _leverage,
    }
    deed = deeds.get(act.what)
    if deed is not None:
        deed(world, cast, act)
    else:
        world.do(command(cast, act))


def command(cast: Cast, act: Act) -> inputs.Input:
    """Acts that are one command each."""
    copier = cast.copiers[act.who]
    lead = cast.leads[act.which % 2 if act.who % 2 else 0]
    led = (TRADED, TRADED, (BTC,), (MIN,), ())[act.much % 5]
    everyone = [*cast.leads, *cast.copiers]
    commands: dict[str, inputs.Input] = {
        "first": inputs.FirstCopySettings(copier, lead, chosen(act)),
        "amend": inputs.AmendCopySettings(copier, lead, chosen(act)),
        "stop": inputs.StopCopying(copier, lead, WAYS[act.more % 4]),
        "led": inputs.SetLeadInstruments(lead, InstType.SWAP, led),
        "apply": inputs.ApplyLeadTrading(everyone[act.much % 6], InstType.SWAP, led),
        "quit": inputs.StopLeadTrading(lead, InstType.SWAP),
        "mode": inputs.SetPositionMode(everyone[act.much % 6], PosMode(act.more % 2)),
        "money": inputs.Deposit(copier, 0, (act.much - 50) * 10 * E8 or E8),
    }
    return commands[act.what]


def _px(world: World, inst: int, much: int) -> int:
    """A price within 1 % of the last one."""
    last = int(world.state.markets.last_ticks[inst])
    return last * (1_000 + (much % 21) - 10) // 1_000


def _order(world: World, cast: Cast, act: Act) -> None:
    inst, side = TRADED[act.which % 2], Side.BUY if act.which % 3 else Side.SELL
    lots, px, kind = (act.much + 1) * 7, 0, OrdType.MARKET
    if act.what == "lead order":
        account = cast.leads[act.who % 2]
        if act.more % 3 == 0:
            px, kind = _px(world, inst, act.more), OrdType(1 + act.more % 4)
    elif act.what == "copier order":
        account = cast.copiers[act.who]
    elif act.what == "copier rests":
        account = cast.copiers[act.who]
        px, kind = _px(world, inst, act.more), OrdType.LIMIT
    else:
        account = cast.strangers[act.who % 2]
        px, kind = _px(world, inst, act.more), OrdType.LIMIT
        lots = (act.much + 1) * 20
    td_mode = TdMode.ISOLATED if act.more % 5 == 4 else TdMode.CROSS
    hedged = world.state.accounts.pos_mode[account] == PosMode.LONG_SHORT
    pos_side = PosSide.NET
    if hedged:  # mostly to open
        opens = act.which // 6 == 0 or act.much % 3 == 0
        pos_side = PosSide.LONG if (side is Side.BUY) == opens else PosSide.SHORT
    more = {"inst": inst, "ord_type": kind, "td_mode": td_mode, "pos_side": pos_side}
    if act.what == "copier rests" and not hedged:
        more["reduce_only"] = act.much % 2 == 0
    world.do(order(account, side, lots, px, **more))


def _tick(world: World, cast: Cast, act: Act) -> None:
    """Mostly small moves, sometimes jumps; never further than a third from the opening."""
    inst = TRADED[act.which % 2]
    last = int(world.state.markets.last_ticks[inst])
    step = (3, 30, 150)[act.more % 3]
    px = last * (1_000 + (act.much - 50) * step // 50) // 1_000
    px = min(max(px, OPENING[inst] * 2 // 3), OPENING[inst] * 3 // 2)
    prices, marks = {inst: px}, {inst: px + act.more % 7 - 3}
    if act.who == 3:  # the other one ticks too, first
        other = TRADED[1 - act.which % 2]
        prices = {other: int(world.state.markets.last_ticks[other]) * 999 // 1_000, **prices}
    world.tick(prices, prices | marks)


def _liquidity(world: World, cast: Cast, act: Act) -> None:
    value = (0, 100, 2_000, 100_000, 100_000)[act.much % 5]
    levels = (0, 1, 2, 10, 10)[act.much % 5]
    terms = inputs.SetLiquidity(TRADED[act.which % 2], 50 + act.more % 5 * 300, value * E8, levels)
    world.do(terms)


def _sub_position(world: World, act: Act) -> tuple[int, int, SubPosType]:
    """Account, id and kind of some sub-position that exists (or of none)."""
    lead, copies = world.state.lead_positions, world.state.copies
    if not lead.count:
        return int(world.state.accounts.count) - 1, 12345, SubPosType.LEAD
    row = lead.count - 1 - act.which % min(lead.count, 4)
    first, count = int(lead.block_start[row]), int(lead.block_count[row])
    if act.more % 2 == 0 or not count:
        return int(lead.account_row[row]), int(lead.sub_pos_id[row]), SubPosType.LEAD
    offset = act.much % count
    account = int(copies.account_row[first + offset])
    return account, int(lead.sub_pos_id[row]) + 1 + offset, SubPosType.COPY


def _close_sub_position(world: World, cast: Cast, act: Act) -> None:
    account, sub_pos_id, kind = _sub_position(world, act)
    world.do(inputs.CloseSubPosition(account, InstType.SWAP, sub_pos_id, kind))


def _stops(world: World, cast: Cast, act: Act) -> None:
    account, sub_pos_id, kind = _sub_position(world, act)
    lead = world.state.lead_positions
    inst = int(lead.inst_row[lead.count - 1]) if lead.count else BTC
    last = int(world.state.markets.last_ticks[inst])
    away = last * (1 + act.much) // 1_000
    choices = (None, 0, last + away, last - away)
    tp, sl = choices[act.who], choices[act.much % 4]
    last_px = TriggerPxType.LAST
    world.do(
        inputs.SetSubPositionStops(
            account, InstType.SWAP, sub_pos_id, kind, tp, sl, last_px, last_px
        )
    )


def _close_position(world: World, cast: Cast, act: Act) -> None:
    account = [*cast.leads, *cast.copiers][act.much % 6]
    hedged = world.state.accounts.pos_mode[account] == PosMode.LONG_SHORT
    pos_side = PosSide(1 + act.more % 2) if hedged else PosSide.NET
    inst, mode = TRADED[act.which % 2], MgnMode(act.who % 2)
    world.do(inputs.ClosePosition(account, inst, mode, pos_side, auto_cancel=True))


def _cancel(world: World, cast: Cast, act: Act) -> None:
    pending = sorted(row for rows in world.state.index.orders_by_account.values() for row in rows)
    if pending:
        orders, row = world.state.orders, pending[act.which % len(pending)]
        who, inst = int(orders.account_row[row]), int(orders.inst_row[row])
        world.do(inputs.CancelOrder(who, inst, int(orders.ord_id[row])))


def _leverage(world: World, cast: Cast, act: Act) -> None:
    account = [*cast.leads, *cast.copiers][act.much % 6]
    hedged = world.state.accounts.pos_mode[account] == PosMode.LONG_SHORT
    mode = MgnMode(act.who % 2)
    isolated_side = PosSide(1 + act.more % 2) if hedged else PosSide.NET
    side = isolated_side if mode is MgnMode.ISOLATED else PosSide.NET
    lever = (1, 2, 5, 10, 20, 50)[act.more % 6]
    world.do(inputs.SetLeverage(account, TRADED[act.which % 2], mode, side, lever))
