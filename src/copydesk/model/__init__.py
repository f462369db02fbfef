"""The shared words of the house: ids, amounts, enums, instruments, inputs, outputs, rejects,
limits.

What lives here: values and pure functions over them; every other room speaks in these.
What it may touch: nothing but the standard library, msgspec and NumPy types; no clock, no I/O, no
dice.
Always true: immutable, integers only, one spelling of every OKX word (`enums`).
Start reading: `inputs.py`, then `outputs.py`.
"""
