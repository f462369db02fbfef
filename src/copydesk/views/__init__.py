"""Views: pure functions from State to rows for a reader.

What lives here: row structs in the house's own words (integers, enums, instruments) and the
functions that read them.
What it may touch: `engine` for reading, `model`. No clock: what depends on now gets `now_ms`.
Always true: a view changes nothing; a reader's own copies are found by binary search, never by a
scan of all copies.
Start reading: `copies.py` (how a copy trader's rows are found), then `sub_positions.py`, `why.py`.
"""
