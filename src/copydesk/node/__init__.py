"""A running system: one engine thread, one event loop, one data directory.

What lives here: `boot.py` (everything joined), `sequencer.py` (the loop), `recovery.py` (the
start).
What it may touch: every room but `sim` and `cli`.
Always true: log, then effects, then reply.
Start reading: `boot.py`, then `sequencer.py`.
"""
