"""What this exchange is for: lead instruments, relations, sizing, fan-out, closes, stop copying,
guards.

What lives here: the copy-trading rules (reference rules 1 to 9) on columns.
What it may touch: `engine.exchange`, `engine.state`, `model`.
Always true: every (lead position, relation) pair ends as a copy or as a NoCopyReason; closes are
never blocked.
Start reading: `fills.py` (what a fill of a single order leads to), then `fan_out.py`.
"""
