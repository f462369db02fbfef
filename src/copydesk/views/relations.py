"""Copy relations: settings, the lead traders that an account copies, and what may be led.

What lives here: `SettingsView`, `LeadTraderView`, `LeadInstrument` and the functions that read
them.
What it may touch: `engine.state`, `engine.copying.leads`, `model`, `views`.
Always true: profits are gross, as in history rows (rules 6.14); "today" begins at 00:00 UTC+8.
Start reading: `settings_of`, `current_lead_traders`.
"""

import msgspec

from copydesk.engine.copying.leads import leadable
from copydesk.engine.state import State
from copydesk.model.enums import (
    CopyInstIdType,
    CopyMgnMode,
    CopyMode,
    CopyState,
    InstType,
    LeadMode,
    RelationState,
    SubPosCloseType,
)
from copydesk.views.accounts import led_rows
from copydesk.views.copies import CopyRef, made_copies_of
from copydesk.views.sub_positions import unique_code

_DAY_MS = 86_400_000
_UTC_8_MS = 8 * 3_600_000


class LeadInstrument(msgspec.Struct, frozen=True, gc=False):
    """An instrument and whether it is switched on."""

    inst_id: str
    enabled: bool


class SettingsView(msgspec.Struct, frozen=True, gc=False):
    """The settings of a copy trader for one lead trader; of the newest relation, also an ended one.

    `known` is False where the account never copied this lead trader: then the rest says nothing.
    """

    known: bool
    copying: bool
    instruments: tuple[LeadInstrument, ...]
    copy_mgn_mode: CopyMgnMode = CopyMgnMode.COPY
    copy_mode: CopyMode = CopyMode.FIXED_AMOUNT
    copy_inst_id_type: CopyInstIdType = CopyInstIdType.COPY
    close_type: SubPosCloseType = SubPosCloseType.COPY_CLOSE
    copy_amt_e8: int = 0
    copy_ratio_ppm: int = 0
    copy_total_amt_e8: int = 0
    tp_ratio_ppm: int = 0
    sl_ratio_ppm: int = 0
    sl_total_amt_e8: int = 0
    tag: str = ""


class LeadTraderView(msgspec.Struct, frozen=True, gc=False):
    """A lead trader that an account copies now, with what his copies made; 1e-8 of USDT."""

    unique_code: str
    name: str
    lead_mode: LeadMode
    profit_sharing_ppm: int
    margin_e8: int
    copy_total_amt_e8: int
    total_pnl_e8: int
    today_pnl_e8: int
    upl_e8: int
    began_ms: int


def lead_instruments(
    state: State, account_row: int, inst_type: InstType
) -> list[LeadInstrument] | None:
    """List what the platform lets be led, led ones first; None if the account does not lead."""
    lead_row = state.index.lead_by_account.get((account_row, int(inst_type)))
    if lead_row is None:
        return None
    led = set(led_rows(state, lead_row))
    found = [
        LeadInstrument(inst.inst_id, inst.row in led)
        for inst in state.instruments
        if inst.inst_type is inst_type and leadable(state, inst.row)
    ]
    return sorted(found, key=lambda one: not one.enabled)


def settings_of(state: State, account_row: int, lead_account_row: int) -> SettingsView | None:
    """Read the settings for a lead trader; None if that account does not lead and never did."""
    lead_row = _lead_row(state, account_row, lead_account_row)
    if lead_row is None:
        return None
    row = state.index.relation_by_pair.get((lead_row, account_row))
    led = led_rows(state, lead_row)
    if row is None:
        return SettingsView(False, False, _switched(state, led, frozenset()))
    relations = state.relations
    copying = relations.state[row] == RelationState.ACTIVE
    inst_set = int(relations.inst_set[row])
    copied = frozenset(led if inst_set == 0 else _members(state, inst_set))
    return SettingsView(
        known=True,
        copying=bool(copying),
        instruments=_switched(state, led, copied if copying else frozenset()),
        copy_mgn_mode=CopyMgnMode(int(relations.copy_mgn_mode[row])),
        copy_mode=CopyMode(int(relations.copy_mode[row])),
        copy_inst_id_type=CopyInstIdType.CUSTOM if inst_set else CopyInstIdType.COPY,
        close_type=SubPosCloseType(int(relations.close_type[row])),
        copy_amt_e8=int(relations.copy_amt_e8[row]),
        copy_ratio_ppm=int(relations.copy_ratio_ppm[row]),
        copy_total_amt_e8=int(relations.copy_total_amt_e8[row]),
        tp_ratio_ppm=int(relations.tp_ratio_ppm[row]),
        sl_ratio_ppm=int(relations.sl_ratio_ppm[row]),
        sl_total_amt_e8=int(relations.sl_total_amt_e8[row]),
        tag=bytes(relations.tag[row]).decode(),
    )


def current_lead_traders(state: State, account_row: int, now_ms: int) -> list[LeadTraderView]:
    """List the lead traders that an account copies now, the newest relation first."""
    relations = state.relations
    mine = state.index.relations_by_account.get(account_row, [])
    active = [row for row in mine if relations.state[row] == RelationState.ACTIVE]
    today_ms = (now_ms + _UTC_8_MS) // _DAY_MS * _DAY_MS - _UTC_8_MS
    today, upl = _results(state, account_row, today_ms)
    return [
        _lead_trader(state, row, today.get(row, 0), upl.get(row, 0)) for row in reversed(active)
    ]


def copy_upl_e8(state: State, ref: CopyRef) -> int:
    """Compute the unrealised profit of what is open of a copy, at mark; rounded down."""
    copies = state.copies
    row = ref.copy_row
    size = int(copies.size_lots[row])
    open_lots = size - int(copies.closed_lots[row])
    inst_row = int(state.lead_positions.inst_row[ref.lead_position_row])
    mark = int(state.markets.mark_ticks[inst_row])
    value = state.instruments[inst_row].value_e8(mark, open_lots)
    gain = value * size - int(copies.cost_e8[row]) * open_lots
    return int(state.lead_positions.direction[ref.lead_position_row]) * gain // size


def never_led_nor_copied(state: State, account_row: int) -> bool:
    """Tell whether an account never had a role in copy trading (59285)."""
    return not ever_led(state, account_row, None) and not state.index.relations_by_account.get(
        account_row
    )


def ever_led(state: State, account_row: int, inst_type: InstType | None) -> bool:
    """Tell whether an account leads or led in a product line (None: in any)."""
    mine = state.lead_traders.live("account_row") == account_row
    if inst_type is not None:
        mine = mine & (state.lead_traders.live("inst_type") == inst_type)
    return bool(mine.any())


def _results(
    state: State, account_row: int, today_ms: int
) -> tuple[dict[int, int], dict[int, int]]:
    """Sum realised profit of today and unrealised profit of an account's copies by relation."""
    today: dict[int, int] = {}
    upl: dict[int, int] = {}
    copies, found = state.copies, made_copies_of(state, account_row)
    rows = found.copy_rows
    recent = (copies.closed_lots[rows] > 0) & (copies.closed_ns[rows] >= today_ms * 1_000_000)
    for row in rows[recent].tolist():
        relation_row = int(copies.relation_row[row])
        today[relation_row] = today.get(relation_row, 0) + int(copies.pnl_e8[row])
    for ref in found.where(copies.state[rows] == CopyState.OPEN).refs():
        relation_row = int(copies.relation_row[ref.copy_row])
        upl[relation_row] = upl.get(relation_row, 0) + copy_upl_e8(state, ref)
    return today, upl


def _lead_trader(state: State, row: int, today_pnl_e8: int, upl: int) -> LeadTraderView:
    relations, leads = state.relations, state.lead_traders
    lead_row = int(relations.lead_row[row])
    lead_account = int(leads.account_row[lead_row])
    return LeadTraderView(
        unique_code=unique_code(state, lead_account),
        name=bytes(state.accounts.name[lead_account]).decode(),
        lead_mode=LeadMode(int(leads.lead_mode[lead_row])),
        profit_sharing_ppm=int(leads.profit_sharing_ppm[lead_row]),
        margin_e8=int(relations.used_e8[row]),
        copy_total_amt_e8=int(relations.copy_total_amt_e8[row]),
        total_pnl_e8=int(relations.realised_e8[row]),
        today_pnl_e8=today_pnl_e8,
        upl_e8=upl,
        began_ms=int(relations.began_ns[row]) // 1_000_000,
    )


def _lead_row(state: State, account_row: int, lead_account_row: int) -> int | None:
    """Find the lead row in question: the present one, else the one that the account copied last."""
    lead_row = state.index.lead_by_account.get((lead_account_row, int(InstType.SWAP)))
    if lead_row is not None:
        return lead_row
    for row in reversed(state.index.relations_by_account.get(account_row, [])):
        lead_row = int(state.relations.lead_row[row])
        if state.lead_traders.account_row[lead_row] == lead_account_row:
            return lead_row
    return None


def _members(state: State, inst_set: int) -> list[int]:
    table = state.inst_sets
    rows: list[int] = table.live("inst_row")[table.live("inst_set") == inst_set].tolist()
    return rows


def _switched(state: State, led: list[int], copied: frozenset[int]) -> tuple[LeadInstrument, ...]:
    return tuple(LeadInstrument(state.instruments[row].inst_id, row in copied) for row in led)
