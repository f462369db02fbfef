"""The door: OKX v5 over HTTP and WebSocket.

What lives here: endpoints (the table), signature, limits, error texts, the wire (names) and
handlers (meaning).
What it may touch: `views`, `engine` for reading, `model`; never `node`: a node hands itself in as
a `Desk`.
Always true: a malformed request ends here with OKX's code and never becomes an Input.
Start reading: `endpoints.py`, then `app.py`.
"""
