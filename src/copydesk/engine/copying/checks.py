"""Invariants of copy trading, in words when broken.

What lives here: `check_copying`.
What it may touch: `engine.state`.
Always true: reads only; called by tests after steps, by `verify`, and at start-up after a crash.
Start reading: `check_copying`.
"""

import numpy as np

from copydesk.engine.state import State
from copydesk.engine.table import I64, Bool
from copydesk.model.enums import CopyState, NoCopyReason, RelationState


def check_copying(state: State) -> list[str]:
    """Broken invariants, [] if none."""
    broken: list[str] = []
    _copies(state, broken)
    _blocks(state, broken)
    _relations(state, broken)
    _linked_lots(state, broken)
    _counts(state, broken)
    return broken


def _say(broken: list[str], wrong: Bool | I64, words: str) -> None:
    rows = np.flatnonzero(wrong)
    if len(rows):
        broken.append(f"{words}: rows {rows[:5].tolist()} ({len(rows)})")


def _copies(state: State, broken: list[str]) -> None:
    copies = state.copies
    live = {name: copies.live(name) for name in copies.columns}
    none = live["state"] == CopyState.NOT_MADE
    made = ~none
    _say(broken, none & (live["reason"] == NoCopyReason.NONE), "copy row without copy or reason")
    _say(broken, none & (live["size_lots"] != 0), "copy row not made, yet with size")
    _say(broken, made & (live["size_lots"] <= 0), "copy without size")
    _say(broken, live["closed_lots"] > live["size_lots"], "copy closed beyond its size")
    _say(broken, live["own_lots"] > live["closed_lots"], "own closes beyond what is closed")
    _say(broken, live["target_lots"] < live["size_lots"], "copy larger than asked for")
    opened = live["state"] == CopyState.OPEN
    whole = live["closed_lots"] == live["size_lots"]
    _say(broken, opened & whole, "copy open with nothing left")
    _say(broken, (live["state"] == CopyState.CLOSED) & ~whole, "copy closed with lots left")
    _say(broken, ~opened & (live["used_e8"] != 0), "margin used by a copy that is not open")
    _say(broken, ~opened & (live["owed_lots"] != 0), "close owed by a copy that is not open")
    _say(broken, live["owed_lots"] > live["size_lots"] - live["closed_lots"], "owes more than open")
    sign = _directions(state)
    cost = np.where(whole, live["cost_e8"], 0)
    gross = np.where(whole & made, live["closed_value_e8"] - cost, live["pnl_e8"] * sign)
    _say(broken, gross * sign != live["pnl_e8"], "pnl of a closed copy differs from its values")


def _directions(state: State) -> I64:
    sign = np.ones(state.copies.count, dtype=np.int64)
    lead = state.lead_positions
    for row in range(lead.count):
        start = int(lead.block_start[row])
        sign[start : start + int(lead.block_count[row])] = int(lead.direction[row])
    return sign


def _blocks(state: State, broken: list[str]) -> None:
    """Blocks tile the copies table, one row per account each, and count their open copies."""
    lead, copies = state.lead_positions, state.copies
    end = 0
    for row in range(lead.count):
        start, count = int(lead.block_start[row]), int(lead.block_count[row])
        if start != end:
            broken.append(f"block {row} starts at {start}, not {end}")
        end = start + count
        owners = copies.account_row[start:end]
        if count > 1 and not (np.diff(owners) > 0).all():
            broken.append(f"block {row}: an account twice or out of order")
        relation_rows = copies.relation_row[start:end]
        if not (state.relations.lead_row[relation_rows] == lead.lead_row[row]).all():
            broken.append(f"block {row}: copy without its cause (relation of another lead)")
        opened = copies.state[start:end] == CopyState.OPEN
        if int(np.count_nonzero(opened)) != lead.open_copies[row]:
            broken.append(f"block {row}: open copies miscounted")
        if lead.closed_lots[row] > lead.size_lots[row]:
            broken.append(f"lead position {row} closed beyond its size")
        gone = lead.size_lots[row] == lead.closed_lots[row]
        stuck = opened & (copies.owed_lots[start:end] == 0)
        if gone and stuck.any():
            broken.append(f"block {row}: copies open and not owed although the lead has closed")
    if end != copies.count:
        broken.append(f"copies table has {copies.count} rows, blocks hold {end}")


def _sum_by(keys: I64, values: I64, length: int) -> I64:
    total = np.zeros(length, dtype=np.int64)
    np.add.at(total, keys, values)
    return total


def _relations(state: State, broken: list[str]) -> None:
    relations, copies = state.relations, state.copies
    rows = copies.live("relation_row")
    opened = (copies.live("state") == CopyState.OPEN).astype(np.int64)
    count = relations.count
    open_count = _sum_by(rows, opened, count)
    _say(broken, open_count != relations.live("open_copies"), "relation miscounts open copies")
    used = _sum_by(rows, copies.live("used_e8"), count)
    _say(broken, used != relations.live("used_e8"), "relation margin is not the sum of its copies")
    pnl = _sum_by(rows, copies.live("pnl_e8"), count)
    _say(
        broken, pnl != relations.live("realised_e8"), "relation result is not the sum of its copies"
    )
    paid = _sum_by(rows, copies.live("open_fee_e8") + copies.live("close_fee_e8"), count)
    _say(broken, paid != relations.live("fees_e8"), "relation fees are not the sum of its copies")
    ended = relations.live("state") == RelationState.ENDED
    _say(broken, ended & (open_count > 0), "relation ended with lots still linked")
    closing = relations.live("state") == RelationState.CLOSING
    _say(broken, closing & (open_count == 0), "relation closing with nothing open")


def _linked_lots(state: State, broken: list[str]) -> None:
    """Linked lots of a position are the open lots of its copies and lead positions, and never
    more than it holds."""
    positions, copies, lead = state.positions, state.copies, state.lead_positions
    linked = np.zeros(positions.count, dtype=np.int64)
    opened = np.flatnonzero(copies.live("state") == CopyState.OPEN)
    books = copies.book[opened]
    for book in np.unique(books).tolist():
        mine = opened[books == book]
        rows = state.index.position_rows[book][copies.account_row[mine]]
        np.add.at(linked, rows, copies.size_lots[mine] - copies.closed_lots[mine])
    for row in range(lead.count):
        left = int(lead.size_lots[row] - lead.closed_lots[row])
        if left:
            rows = state.index.position_rows[int(lead.book[row])]
            linked[rows[lead.account_row[row]]] += left
    _say(broken, linked != positions.live("linked_lots"), "linked lots are not the sum of the lots")
    held = np.abs(positions.live("qty_lots"))
    _say(broken, positions.live("linked_lots") > held, "more lots linked than held")


def _counts(state: State, broken: list[str]) -> None:
    relations = state.relations
    active = relations.live("state") == RelationState.ACTIVE
    per_lead = np.bincount(relations.live("lead_row")[active], minlength=state.lead_traders.count)
    _say(broken, per_lead != state.lead_traders.live("copier_count"), "lead miscounts copiers")
    per_account = np.bincount(relations.live("account_row")[active], minlength=state.accounts.count)
    _say(broken, per_account != state.accounts.live("active_relations"), "account miscounts leads")
    limited = active & (relations.live("sl_total_amt_e8") > 0)
    if int(np.count_nonzero(limited)) != state.scalars.sl_total_relations:
        broken.append("relations with slTotalAmt miscounted")
