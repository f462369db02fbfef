"""The wire: OKX's field names, and the texts in which values travel.

What lives here: request types and row types with OKX's names (rename="camel"), one module per
family of endpoints; `text.py` turns integers into decimal text.
What it may touch: `views` for what is printed, `model`, msgspec. No State.
Always true: only here (and in venue adapters) stands an OKX field name; rows have exactly the
documented fields in the documented order; what does not apply is "".
Start reading: `rows.py`, then `copytrading.py`.
"""
