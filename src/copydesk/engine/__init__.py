"""The deterministic machine: State in columns, and the one function that changes it.

What lives here: `step.py` (dispatch), `state.py` (every column), the rooms `exchange` and
`copying`, invariants, digest.
What it may touch: `model` and NumPy. No clock, no dice, no I/O, no logging, no float.
Always true: same State and Input give the same bytes on every machine.
Start reading: `step.py`, then `state.py`.
"""
