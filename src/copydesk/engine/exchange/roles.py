"""Whether an account leads an instrument: all that the exchange knows about copying.

What lives here: one pure question.
What it may touch: `engine.state`.
Always true: reads only; `engine.copying` asks the same question here.
Start reading: `leads_instrument`.
"""

from copydesk.engine.state import State


def leads_instrument(state: State, account_row: int, inst_row: int) -> bool:
    """Whether fills of this account in this instrument are lead trades now (rules 2, 3.1)."""
    inst_type = state.instruments[inst_row].inst_type
    lead_row = state.index.lead_by_account.get((account_row, inst_type))
    if lead_row is None:
        return False
    switch_row = state.index.switch_by_pair.get((lead_row, inst_row))
    return switch_row is not None and bool(state.lead_switches.enabled[switch_row])
