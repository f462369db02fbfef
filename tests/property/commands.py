"""What the oracle makes of commands: who may, what is refused, with which code (rules 1, 2, 8, 9).

What lives here: the judgement of each command of copy trading, and the effect of the others.
What it may touch: `oracle`, `ledger`, `model`; nothing of the engine.
Always true: a command that is refused changed nothing; orders are judged by the exchange alone.
Start reading: `step`.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.property.ledger import Account, Flow, numbers
from tests.property.oracle import NEVER, Copy, Lead, LeadPosition, Oracle, Relation

from copydesk.model import inputs
from copydesk.model.enums import (
    CopyState,
    EndCause,
    FillCause,
    InstType,
    MgnMode,
    PosMode,
    PosSide,
    RelationState,
    RoleType,
    SubPosCloseType,
    SubPosType,
)
from copydesk.model.inputs import CopySettings
from copydesk.model.rejects import Code


@dataclass
class Told:
    """What is taken from the engine about a step: the exchange's part of it."""

    accepted: bool
    flow: list[Flow]
    paid: list[tuple[int, int]] = field(default_factory=list)  # funding, what the house made good


def step(desk: Oracle, body: inputs.Input, told: Told) -> Code | None:
    """Follow one input. Gives the code with which copy trading must have refused it; else None."""
    desk.flow = deque(told.flow)
    if isinstance(body, inputs.MarketTick):
        move(desk, body)
    for account, amount in told.paid:
        desk.accounts[account].cash += amount
    judge = JUDGES.get(type(body))
    code = judge(desk, body) if judge else None
    effect = EFFECTS.get(type(body))
    if effect and told.accepted:
        effect(desk, body)
    desk.follow(body)
    return code


def move(desk: Oracle, tick: inputs.MarketTick) -> None:
    rows, lasts, marks = map(numbers, (tick.inst_rows, tick.last_ticks, tick.mark_ticks))
    for row, last, mark in zip(rows, lasts, marks, strict=True):
        desk.last[row] = last or desk.last[row]
        desk.mark[row] = mark or desk.mark[row] or desk.last[row]


def create_account(desk: Oracle, c: inputs.CreateAccount) -> None:
    desk.accounts[len(desk.accounts) + 2] = Account(c.deposit_e8)  # two are the house's own


def deposit(desk: Oracle, c: inputs.Deposit) -> None:
    desk.accounts[c.account_row].cash += c.amount_e8


def set_position_mode(desk: Oracle, c: inputs.SetPositionMode) -> None:
    desk.accounts[c.account_row].hedged = c.pos_mode is PosMode.LONG_SHORT


def set_leverage(desk: Oracle, c: inputs.SetLeverage) -> None:
    """Cross has one leverage for all sides; open positions follow."""
    account = desk.accounts[c.account_row]
    for side in PosSide if c.mgn_mode is MgnMode.CROSS else (c.pos_side,):
        book = (c.inst_row, c.mgn_mode, side)
        account.levers[book] = c.lever
        account.position(book).lever = c.lever


def refuse_led(desk: Oracle, account: int, rows: tuple[int, ...], led: set[int]) -> Code | None:
    """What is newly led must be flat and without orders; the rest is not looked at (2.3)."""
    if not rows:
        return Code.PARAMETER_MISSING
    for row in rows:
        if desk.instruments[row].inst_type is not InstType.SWAP:
            return Code.INST_TYPE_MISMATCH
        if not desk.instruments[row].tradable or desk.instruments[row].settle_ccy != "USDT":
            return Code.INSTRUMENT_NOT_LEADABLE
    return refuse_busy(desk, account, [row for row in rows if row not in led])


def refuse_busy(desk: Oracle, account: int, rows: list[int]) -> Code | None:
    held = {book[0] for book, p in desk.accounts[account].positions.items() if p.lots}
    for row in rows:
        if (account, row) in desk.pending:
            return Code.LEAD_HAS_PENDING_ORDERS
        if row in held:
            return Code.LEAD_HAS_POSITION
    return None


def apply_lead_trading(desk: Oracle, c: inputs.ApplyLeadTrading) -> Code | None:
    role = desk.accounts[c.account_row].role
    if role is not RoleType.GENERAL:
        lead = role is RoleType.LEAD
        return Code.LEAD_MAY_NOT_COPY if lead else Code.RELATIONS_IN_THE_WAY
    refused = refuse_led(desk, c.account_row, c.inst_rows, set())
    if refused is None:
        desk.leads[c.account_row] = Lead(c.account_row, set(c.inst_rows))
        desk.accounts[c.account_row].role = RoleType.LEAD
    return refused


def set_lead_instruments(desk: Oracle, c: inputs.SetLeadInstruments) -> Code | None:
    lead = desk.leads.get(c.account_row)
    if lead is None:
        return Code.NOT_A_CONTRACT_LEAD
    refused = refuse_led(desk, c.account_row, c.inst_rows, lead.led)
    if refused is None:
        gone = lead.led - set(c.inst_rows)
        lead.led = set(c.inst_rows)
        for relation in lead.relations.values():
            if relation.chosen is not None and relation.state is RelationState.ACTIVE:
                relation.chosen -= gone
    return refused


def stop_lead_trading(desk: Oracle, c: inputs.StopLeadTrading) -> Code | None:
    lead = desk.leads.get(c.account_row)
    if lead is None:
        return Code.NOT_A_CONTRACT_LEAD
    refused = refuse_busy(desk, c.account_row, sorted(lead.led))
    if refused is not None:
        return refused
    if any(p.left for p in desk.positions if p.lead is lead):
        return Code.LEAD_HAS_POSITION
    for _, relation in sorted(lead.relations.items()):
        if relation.state is RelationState.ACTIVE:
            way = relation.settings.sub_pos_close_type
            if way is SubPosCloseType.COPY_CLOSE:  # nobody is left to follow (OPEN-21)
                way = SubPosCloseType.MARKET_CLOSE
            desk.end(relation, EndCause.LEAD_LEFT, way)
    del desk.leads[c.account_row]
    desk.accounts[c.account_row].role = RoleType.GENERAL
    return None


def refuse_chosen(lead: Lead, settings: CopySettings) -> Code | None:
    if settings.inst_rows is None:
        return None
    if not settings.inst_rows:
        return Code.PARAMETER_MISSING
    return None if set(settings.inst_rows) <= lead.led else Code.INSTRUMENT_NOT_LED


def first_copy_settings(desk: Oracle, c: inputs.FirstCopySettings) -> Code | None:
    account, lead = desk.accounts[c.account_row], desk.leads.get(c.lead_account_row)
    if account.role is RoleType.LEAD:
        return Code.LEAD_MAY_NOT_COPY
    if c.account_row == c.lead_account_row:
        return Code.COPYING_ONESELF
    if lead is None:
        return Code.LEAD_UNKNOWN
    before = lead.relations.get(c.account_row)
    if before is not None and before.state is not RelationState.ENDED:
        active = before.state is RelationState.ACTIVE
        return Code.ALREADY_COPYING if active else Code.STOP_IN_PROGRESS
    mine = [r for r in desk.relations if r.account == c.account_row]
    count = sum(r.state is RelationState.ACTIVE for r in mine)
    if count >= (10 if account.hedged else 1):
        return Code.TOO_MANY_ITEMS if account.hedged else Code.NET_MODE_NEEDS_ONE_LEAD
    refused = refuse_chosen(lead, c.settings)
    if refused is None:
        relation = Relation(lead, c.account_row, c.settings)
        relation.choose()
        lead.relations[c.account_row] = relation
        desk.relations.append(relation)
        account.role = RoleType.COPY
    return refused


def amend_copy_settings(desk: Oracle, c: inputs.AmendCopySettings) -> Code | None:
    lead = desk.leads.get(c.lead_account_row)
    if lead is None:
        return Code.LEAD_UNKNOWN
    relation = lead.relations.get(c.account_row)
    if relation is None or relation.state is not RelationState.ACTIVE:
        return Code.NOT_COPYING_AMEND
    refused = refuse_chosen(lead, c.settings)
    if refused is None:
        relation.settings = c.settings
        relation.choose()
    return refused


def stop_copying(desk: Oracle, c: inputs.StopCopying) -> Code | None:
    lead = desk.leads.get(c.lead_account_row)
    if lead is None:
        return Code.LEAD_UNKNOWN
    relation = lead.relations.get(c.account_row)
    if relation is None or relation.state is RelationState.ENDED:
        return Code.NOT_COPYING
    if relation.state is RelationState.CLOSING:
        return Code.STOP_IN_PROGRESS
    if c.sub_pos_close_type is None and relation.open():
        return Code.PARAMETER_MISSING
    way = c.sub_pos_close_type
    way = relation.settings.sub_pos_close_type if way is None else way
    desk.end(relation, EndCause.STOPPED, way)
    return None


def close_sub_position(desk: Oracle, c: inputs.CloseSubPosition) -> Code | None:
    found = find(desk, c)
    if isinstance(found, Code):
        return found
    if isinstance(found, LeadPosition):
        desk.take_passes(reduces=found.row)
    elif found.owed:
        return Code.SUB_POSITION_CLOSING
    else:
        desk.close(found.position, [(found, found.left)], FillCause.SUB_POSITION)
    return None


def find(
    desk: Oracle, c: inputs.CloseSubPosition | inputs.SetSubPositionStops
) -> LeadPosition | Copy | Code:
    found = desk.ids.get(c.sub_pos_id)
    if c.sub_pos_type is SubPosType.COPY:
        if not any(r.account == c.account_row for r in desk.relations):
            return Code.NOT_A_COPIER
        if isinstance(found, Copy) and found.relation.account == c.account_row:
            return found if found.state is CopyState.OPEN else Code.SUB_POSITION_UNKNOWN
    elif desk.accounts[c.account_row].role is not RoleType.LEAD:
        return Code.NOT_A_CONTRACT_LEAD
    elif isinstance(found, LeadPosition) and found.lead.account == c.account_row:
        return found if found.left else Code.SUB_POSITION_UNKNOWN
    return Code.SUB_POSITION_UNKNOWN


def set_sub_position_stops(desk: Oracle, c: inputs.SetSubPositionStops) -> Code | None:
    found = find(desk, c)
    if c.tp_ticks is None and c.sl_ticks is None:
        roles = (Code.NOT_A_COPIER, Code.NOT_A_CONTRACT_LEAD)
        return found if found in roles else Code.EITHER_PARAMETER_NEEDED
    if isinstance(found, Code):
        return found
    position = found if isinstance(found, LeadPosition) else found.position
    long, last = position.direction > 0, desk.last[position.book[0]]
    tp, sl = c.tp_ticks, c.sl_ticks
    if tp and (tp - last) * position.direction < 0:
        return Code.TP_BELOW_LAST if long else Code.TP_ABOVE_LAST
    if sl and (sl - last) * position.direction > 0:
        return Code.SL_ABOVE_LAST if long else Code.SL_BELOW_LAST
    if isinstance(found, LeadPosition):
        found.tp = found.tp if tp is None else tp
        found.sl = found.sl if sl is None else sl
        return None
    above, below = (tp, sl) if long else (sl, tp)
    found.above = found.above if above is None else above or NEVER
    found.below = found.below if below is None else below
    return None


EFFECTS: dict[type, Callable[[Oracle, Any], None]] = {
    inputs.CreateAccount: create_account,
    inputs.Deposit: deposit,
    inputs.SetPositionMode: set_position_mode,
    inputs.SetLeverage: set_leverage,
}
JUDGES: dict[type, Callable[[Oracle, Any], Code | None]] = {
    inputs.ApplyLeadTrading: apply_lead_trading,
    inputs.SetLeadInstruments: set_lead_instruments,
    inputs.StopLeadTrading: stop_lead_trading,
    inputs.FirstCopySettings: first_copy_settings,
    inputs.AmendCopySettings: amend_copy_settings,
    inputs.StopCopying: stop_copying,
    inputs.CloseSubPosition: close_sub_position,
    inputs.SetSubPositionStops: set_sub_position_stops,
}
