"""The indexes of State, rebuilt from its tables after a snapshot was loaded.

What lives here: `rebuild`, the proof that nothing in `Index` is a fact of its own.
What it may touch: `engine.exchange`, `engine.copying`, `engine.state`.
Always true: a rebuilt State steps exactly as the State that was dumped would have.
Start reading: `rebuild`.
"""

import numpy as np

from copydesk.engine.copying import triggers
from copydesk.engine.exchange import history, positions
from copydesk.engine.state import Index, State
from copydesk.model.enums import LeadState, RelationState


def rebuild(state: State) -> None:
    """Replace `state.index` by what the tables say."""
    state.index = Index(
        ccy_rows={ccy: row for row, ccy in enumerate(state.table.currencies)},
        inst_rows={instrument.inst_id: instrument.row for instrument in state.instruments},
    )
    _accounts(state)
    _positions(state)
    history.reindex_orders(state)
    _leads(state)
    _relations(state)
    _lead_positions(state)


def _accounts(state: State) -> None:
    codes, uids = state.accounts.live("unique_code"), state.accounts.live("uid")
    state.index.account_by_code = {bytes(code): row for row, code in enumerate(codes.tolist())}
    state.index.account_by_uid = {uid: row for row, uid in enumerate(uids.tolist())}


def _positions(state: State) -> None:
    if not state.positions.count:
        return
    books = state.positions.live("book")
    owners = state.positions.live("account_row")
    real = np.arange(1, state.positions.count, dtype=np.int32)  # row 0 is the dummy
    for book in np.unique(books[real]).tolist():
        mine = real[books[real] == book]
        positions.book_rows(state, book)[owners[mine]] = mine


def _leads(state: State) -> None:
    leads, switches, index = state.lead_traders, state.lead_switches, state.index
    for row in np.flatnonzero(leads.live("state") == LeadState.ACTIVE).tolist():
        index.lead_by_account[int(leads.account_row[row]), int(leads.inst_type[row])] = row
    pairs = zip(switches.live("lead_row").tolist(), switches.live("inst_row").tolist(), strict=True)
    index.switch_by_pair = {pair: row for row, pair in enumerate(pairs)}
    members: dict[int, list[int]] = {}
    for number, inst_row in zip(
        state.inst_sets.live("inst_set").tolist(),
        state.inst_sets.live("inst_row").tolist(),
        strict=True,
    ):
        members.setdefault(number, []).append(inst_row)
    for number in range(1, state.scalars.inst_set_count):
        index.inst_set_rows[tuple(members.get(number, ()))] = number


def _relations(state: State) -> None:
    relations, index = state.relations, state.index
    leads, owners = relations.live("lead_row"), relations.live("account_row")
    for row, pair in enumerate(zip(leads.tolist(), owners.tolist(), strict=True)):
        index.relation_by_pair[pair] = row  # later rows are newer
        index.relations_by_account.setdefault(pair[1], []).append(row)
    active = np.flatnonzero(relations.live("state") == RelationState.ACTIVE).astype(np.int32)
    for lead_row in np.unique(leads[active]).tolist():
        mine = active[leads[active] == lead_row]
        index.active_relations[lead_row] = mine[np.argsort(owners[mine], kind="stable")]


def _lead_positions(state: State) -> None:
    lead, index = state.lead_positions, state.index
    for row in range(lead.count):
        lead_row, inst_row = int(lead.lead_row[row]), int(lead.inst_row[row])
        index.lead_position_by_id[int(lead.sub_pos_id[row])] = row
        index.lead_position_by_order[int(lead.ord_id[row])] = row  # later rows are newer
        index.blocks_by_lead.setdefault(lead_row, []).append(row)
        if lead.size_lots[row] > lead.closed_lots[row]:
            key = (int(lead.account_row[row]), int(lead.book[row]))
            index.open_lead_positions.setdefault(key, []).append(row)
        if lead.open_copies[row]:
            index.live_blocks.setdefault(inst_row, set()).add(row)
        if lead.pending_close[row]:
            index.owing.setdefault(inst_row, set()).add(row)
    for inst_row in sorted(
        {*index.live_blocks, *(book // 6 for _, book in index.open_lead_positions)}
    ):
        triggers.rebuild_band(state, inst_row)
