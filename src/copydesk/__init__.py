"""Copydesk: a copy-trading exchange that speaks the OKX v5 API.

What lives here: the rooms of the house, one package each, and nothing in this file but the version.
What it may touch: nothing; importing `copydesk` imports no room.
What is always true: imports point one way, and import-linter holds it (`pyproject.toml`).
Where to start reading: `node/boot.py` joins everything; `engine/step.py` is what it is all for.
"""

__version__ = "0.1.0"
