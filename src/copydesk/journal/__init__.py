"""Bytes on disk: the log of inputs in the order of `seq`, and snapshots between them.

What lives here: `log.py` (append, read, digests), `snapshots.py`, `lock.py` (one writer), `disk.py`
(the seam).
What it may touch: `model`, the disk. It knows frames and arrays, not copy trading.
Always true: what `Journal.append` returned from is on disk; a cut anywhere leaves whole batches
only.
Start reading: `log.py`.
"""
