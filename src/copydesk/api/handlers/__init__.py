"""Handlers: what an endpoint means. Wire to command, reply to row; view to wire.

What lives here: one module per family of endpoints, and `names.py`, `settings.py`, `sizes.py` with
the readings that several of them share.
What it may touch: `wire`, `views`, `model`, `api.endpoint`. State only inside `desk.read`.
Always true: a handler is under 20 lines; names become rows and texts integers here, never later.
Start reading: `copytrading.py`.
"""
