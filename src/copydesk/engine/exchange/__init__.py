"""What any exchange does: books and matching, accounts, margin, positions, liquidation, funding.

What lives here: everything that would be here without copy trading.
What it may touch: `engine.state`, `engine.table`, `model`. Never `engine.copying`.
Always true: fills of single orders are left in `state.fill_events`; `copying` takes them up in the
same step.
Start reading: `orders.py`, then `matching.py`, then `positions.py`.
"""
